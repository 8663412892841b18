//! The CPU training engine: forward and backward passes of a [`panarch_graph::Network`] in f32.
//!
//! - [`Store`] holds named tensors in PyTorch's layout; [`Views`] says which part of each one network uses, so that a
//!   supernet is a store plus names and a sub-network costs nothing extra to execute.
//! - [`Executor`] runs one network on batches: training forward pass, backward pass, evaluation, and the statistics of
//!   batch normalisation.
//! - [`softmax_cross_entropy`], [`Sgd`] and [`CosineSchedule`] make a training step of it.
//!
//! Activations are NHWC inside and at the border. Nothing here knows of search spaces, files or datasets; there is no
//! I/O, clock or own randomness.

mod error;
mod executor;
mod gradients;
mod kernels;
mod loss;
mod plan;
mod schedule;
mod sgd;
mod simd;
mod statistics;
mod store;
mod views;
mod workspace;

pub use error::NnError;
pub use executor::Executor;
pub use gradients::Gradients;
pub use loss::{Teacher, count_correct, softmax_cross_entropy};
pub use schedule::CosineSchedule;
pub use sgd::{Sgd, SgdOptions};
pub use statistics::BnStatistics;
pub use store::{Store, StoredTensor, TensorId, TensorKind};
pub use views::{View, Views};
pub use workspace::Workspace;
