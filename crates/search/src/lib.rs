//! Search strategies as ask and tell on a read-only history.
//!
//! A [`Strategy`] proposes; whoever runs the search evaluates and tells. Strategies do no I/O, read no clock and keep no
//! generator: the randomness of a proposal follows from the seed and the trial's number.
//!
//! ```
//! use panarch_search::{RandomSearch, Situation, Strategy, Unconstrained};
//! use panarch_space::Space;
//! use panarch_study::{History, Observation};
//!
//! let space = Space::preset("multi-hardware-small")?;
//! let mut strategy = RandomSearch::new(1);
//! let mut history = History::new();
//! for number in 0..20 {
//!     let situation =
//!         Situation { space: &space, constraint: &Unconstrained, history: &history, pending: &[], number };
//!     let genotype = strategy.ask(&situation)?;
//!     let reward = f64::from(genotype.choice(0)); // here a network would be evaluated
//!     let observation = Observation::rewarded(number, genotype, reward);
//!     strategy.tell(&observation);
//!     history.push(observation)?;
//! }
//! assert_eq!(history.distinct(), 20);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod ageing_evolution;
mod constraint;
mod error;
mod proposal;
mod random_search;
mod strategy;

pub use ageing_evolution::{AgeingEvolution, Evolution};
pub use constraint::{Constraint, Unconstrained, Verdict};
pub use error::SearchError;
pub use random_search::RandomSearch;
pub use strategy::{Situation, Strategy};
