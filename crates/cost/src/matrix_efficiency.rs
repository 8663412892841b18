//! Matrix efficiency (MEM): how well a network, or a space of networks, uses a matrix unit.
//!
//! The idea is ISyNet's (Letunovskiy et al. 2022, arXiv 2109.01932): a search space is worth as much to a machine as its
//! networks do matrix work for what they do besides, vector work and moving data. Its printed formula is not public; this is
//! our definition, in two forms:
//!
//! - [`raw`] counts in the network alone: [`MatrixWork::efficiency`] = W / (V + D), in MACs an element.
//! - [`on_device`] reads a [`crate::Cost`]: [`MatrixTime::share`] is the part of the modelled time in which the matrix unit
//!   multiplies, and [`MatrixTime::useful_share`] the part left without the padding of its lanes.
//!
//! [`Exchange`] links the two, and [`LatencyFit`] finds it from latencies. Both forms come by layer in a [`Breakdown`], which
//! adds them up by operator, stage and network; [`Spread`] is for networks sampled from a space.

mod breakdown;
mod exchange;
mod latency_fit;
mod least_squares;
mod matrix_time;
mod matrix_work;
mod raw;
mod spread;

pub use breakdown::{Breakdown, Part, stage_of};
pub use exchange::Exchange;
pub use latency_fit::{Closeness, LatencyFit, Term};
pub use matrix_time::{MatrixTime, TimeBreakdown, on_device};
pub use matrix_work::MatrixWork;
pub use raw::{DepthwiseUnit, raw};
pub use spread::Spread;
