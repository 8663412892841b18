//! One suite of operators, run over the engine, the file formats, a runtime and every kind of cost model.
//!
//! The list of [`cases`] goes over [`panarch_cost::Operator::ALL`], which names every operator and its settings; the
//! [`mod@reference`] is each operator written out for clarity, in f64. Whoever adds an operator adds it there:
//!
//! 1. a variant of `Op`, then of `panarch_cost::Operator`: the compiler says where each has to be answered for;
//! 2. its cases in `operators/cases.rs`, and its forward and backward pass in `operators/reference.rs`, neither of which
//!    compiles without;
//! 3. `cargo nextest run -p panarch-testkit`, which shows who computes it rightly, who refuses it by name, and who is wrong;
//! 4. `cargo xtask docs`, which writes the table of `docs/reference/operators.md` anew.

mod cases;
#[cfg(feature = "operators")]
mod costs;
#[cfg(feature = "operators")]
mod gradients;
#[cfg(feature = "operators")]
mod page;
pub mod reference;
#[cfg(feature = "operators")]
mod suite;

pub use cases::{Case, SUBJECT, cases, several_outputs};
#[cfg(feature = "operators")]
pub use costs::{CostKind, cost_kinds};
#[cfg(feature = "operators")]
pub use page::page;
#[cfg(feature = "operators")]
pub use suite::{Answer, Column, Row, rows};
