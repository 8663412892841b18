//! Datasets, the weight-sharing supernet, fine-tuning and checkpoints.

pub mod data;
mod error;

pub use error::TrainError;
