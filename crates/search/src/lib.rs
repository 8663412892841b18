//! Search strategies as ask and tell on a read-only history, their registry, and the loop that runs them.
//!
//! A [`Strategy`] proposes, an [`Evaluator`] evaluates, and [`search`] goes from one to the other until the budget is used
//! up. Neither the strategies nor the loop do I/O, read a clock or keep a generator: the randomness of a proposal follows
//! from the seed and the trial's number. [`STRATEGIES`] declares every strategy with its settings.
//!
//! ```
//! use panarch_search::{Begun, Evaluator, Plan, Proposal, Report, SearchError, Unconstrained, registry, search};
//! use panarch_space::{Space, Subspace};
//! use panarch_study::Observation;
//!
//! struct FirstChoice;
//!
//! impl Evaluator for FirstChoice {
//!     type Error = SearchError;
//!
//!     fn evaluate(&mut self, proposals: &[Proposal], report: &mut Report<'_>) -> Result<(), SearchError> {
//!         for Proposal { number, genotype } in proposals.iter().cloned() {
//!             let reward = f64::from(genotype.choice(0)); // here a network would be evaluated
//!             report.finished(Observation::rewarded(number, genotype, reward))?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let subspace = Subspace::whole(&Space::preset("multi-hardware-small")?);
//! let plan = Plan { subspace: &subspace, pool: None, constraint: &Unconstrained, sums: None, budget: 20, batch: 1 };
//! let declaration = registry::Declaration::named("evolution").expect("it is registered");
//! let mut strategy = (declaration.new)(1, &declaration.settings(20, |_| None))?;
//! let (history, _) = search(&plan, strategy.as_mut(), Begun::default(), &mut FirstChoice)?;
//! assert_eq!(history.len(), 20);
//! assert!(!history.front().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod ageing_evolution;
mod constraint;
mod driver;
mod error;
pub mod exact;
mod exact_search;
mod exhaustive;
mod local_search;
mod nsga2;
mod ofa_evolution;
mod pool;
mod predictor;
mod proposal;
mod random_search;
pub mod registry;
mod situation;
mod strategy;
mod sums;

pub use ageing_evolution::{AgeingEvolution, Evolution};
pub use constraint::{Constraint, Unconstrained, Verdict};
pub use driver::{Begun, End, Evaluator, Plan, Proposal, Report, search};
pub use error::SearchError;
pub use exact_search::{ExactSearch, Proof, prove};
pub use exhaustive::Exhaustive;
pub use local_search::LocalSearch;
pub use nsga2::{Nsga2, Nsga2Settings};
pub use ofa_evolution::{Evolved, OfaEvolution, OfaEvolutionSettings};
pub use pool::Pool;
pub use predictor::{PredictorSearch, PredictorSettings};
pub use proposal::propose;
pub use random_search::RandomSearch;
pub use registry::{Declaration, STRATEGIES};
pub use situation::Situation;
pub use strategy::Strategy;
pub use sums::{SummedCost, Sums};
