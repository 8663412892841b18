//! Exact search: the most accurate member that keeps n limits, where accuracy and costs are sums over few decisions each.
//!
//! A [`Problem`] joins a [`Subspace`](panarch_space::Subspace) with a [`Factored`] accuracy and a [`Factored`] cost for each
//! limit, at one or several resolutions. Decisions that switch each other are a *stage*, whose configurations are listed;
//! terms that reach over a border of stages are carried along as a state, as in a dynamic programme over a chain. Limits are
//! priced by multipliers (Lagrangian relaxation), which come from the linear programme over the hull of all members
//! (Dantzig and Wolfe 1960), solved by generating columns. A depth-first walk over stages then looks at what the prices
//! leave.
//!
//! All values are whole multiples of a power of ten ([`Problem::quanta`]), so that sums and bounds are exact: what is proved
//! is proved of the rounded tables, which differ from those given by at most half a multiple a term.

mod bounds;
mod certificate;
mod cover;
mod factored;
mod front;
mod items;
mod least_ratio;
mod optimum;
mod places;
mod problem;
mod quantum;
mod relaxation;
mod stages;
mod verdict;
mod walk;

pub use certificate::Certificate;
pub use factored::{Factor, Factored};
pub use front::FrontPoint;
pub use least_ratio::LeastRatio;
pub use optimum::{Budget, Found, Infeasible, Optimum, Solution};
pub use problem::{CostLimit, Problem, Tables};
pub use verdict::Claim;
