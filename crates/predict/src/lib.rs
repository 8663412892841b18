//! Learned cost models over genotypes, with intervals.
//!
//! A [`LatencyTable`] has one entry a block, and is a device as a [`TableCostSource`]; a [`LinearLatency`] is a published
//! linear model as one.
//!
//! A [`Predictor`] foresees a quantity of a space's members from their genotypes.
//! An [`Additive`] table is a constant and a term for each choice of each decision of a space. A few dozen end-to-end
//! measurements, chosen by [`design_of_experiments`], fit one; [`AdditiveLatency`] makes it a device's latency.
//! A [`GaussianProcess`] learns any function of choices and numbers from some hundred rows, with its uncertainty.
#![forbid(unsafe_code)]

mod additive;
mod block;
mod block_cache;
mod cholesky;
mod covariance;
mod design;
mod error;
mod features;
mod gaussian_process;
mod grouped_ridge;
mod health;
mod joint_band;
mod json;
mod latency;
mod latency_table;
mod linear_latency;
mod mlp;
mod model;
mod predictor;
mod ridge;
mod rows;
mod student_t;
mod trained;
mod transfer;
mod transform;
mod trees;
mod trial;

pub use additive::{Additive, HeldOut, Measurement, PairTerms, Term};
pub use block::{Block, blocks};
pub use block_cache::BlockCache;
pub use design::design_of_experiments;
pub use error::PredictError;
pub use gaussian_process::{Dimension, GaussianProcess, Kernel, Mark, Normal, Posterior};
pub use health::{HealthCard, spearman};
pub use joint_band::JointBand;
pub use latency::{AdditiveLatency, COVARIATES};
pub use latency_table::{BlockLatency, Dialect, LatencyTable, TableCheck, TableCostSource, TableEntry, TableHeader};
pub use linear_latency::{LinearLatency, LinearTerms};
pub use model::Model;
pub use predictor::Predictor;
pub use rows::{Member, Rows, Sample, TableRow};
pub use student_t::normal_quantile;
pub use trained::{Choice, LEVEL, TrainedPredictor, TrainedQuantity};
pub use transfer::{Transfer, TransferScore};
pub use transform::Transform;
