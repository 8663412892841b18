//! Learned cost models over genotypes, with intervals.
//!
//! An [`Additive`] table is a constant and a term for each choice of each decision of a space. A few dozen end-to-end
//! measurements, chosen by [`design_of_experiments`], fit one; [`AdditiveLatency`] makes it a device's latency.
#![forbid(unsafe_code)]

mod additive;
mod block_latency;
mod cholesky;
mod design;
mod error;
mod json;
mod latency;
mod ridge;
mod student;

pub use additive::{Additive, HeldOut, Measurement, Term};
pub use block_latency::BlockLatency;
pub use design::design_of_experiments;
pub use error::PredictError;
pub use latency::AdditiveLatency;
