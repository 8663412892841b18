//! The run itself, and what the verbs of the command line do, as a library.
//!
//! [`run`] does the whole way of a [`RunFile`]: train, search, finalists, export, report. The other modules answer one
//! question each, such as what a device excludes of a space ([`support`]) or what is in a checkpoint ([`checkpoint`]).
#![forbid(unsafe_code)]

pub mod certificate;
pub mod checkpoint;
pub mod classify;
pub mod cost_predictors;
pub mod device_source;
pub mod device_table;
pub mod engine;
mod error;
pub mod event;
pub mod exporters;
mod image_size;
pub mod lookup;
pub mod matrix_efficiency;
mod memory;
pub mod network_training;
pub mod predictor;
pub mod products;
pub mod run;
pub mod run_file;
pub mod scalesim;
pub mod support;
pub mod table_search;
pub mod threads;
pub mod trace;

pub use error::Error;
pub use image_size::{ImageSize, ParseImageSizeError};
pub use run_file::RunFile;
