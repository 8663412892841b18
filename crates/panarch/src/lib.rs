//! Hardware-aware neural architecture search for vision models: give it images and devices, and it finds one network
//! that is good on all of them, exports it, and says how it knows.
//!
//! This crate is the library facade; the binary `panarch` only parses arguments and prints. The subjects are modules:
//!
//! - [`space`]: search spaces, genotypes, counts, the zoo of named networks
//! - [`graph`]: networks, their counts and hashes, quantities with provenance
//! - [`cost`], [`predict`], [`measure`]: devices and what answers for them; [`device_source`] opens any of them
//! - [`data`], [`nn`], [`train`]: pictures, the training engine, supernets and fine-tuning
//! - [`search`], [`study`]: strategies, objectives, and what was found out
//! - [`format`](mod@format), [`report`]: ONNX, TFLite, checkpoints; tables and pages
//! - [`run`]: the whole way of a [`RunFile`]
//!
//! # A space and a device of your own
//!
//! ```ignore
#![doc = include_str!("../examples/space_and_device.rs")]
//! ```
//!
//! # A cost source of your own
//!
//! ```ignore
#![doc = include_str!("../examples/cost_source.rs")]
//! ```
//!
//! # A strategy of your own, on a table whose best entry is known
//!
//! ```ignore
#![doc = include_str!("../examples/strategy.rs")]
//! ```
//!
//! # Train, search and export
//!
//! ```ignore
#![doc = include_str!("../examples/train_search_export.rs")]
//! ```
#![forbid(unsafe_code)]

pub use panarch_cost as cost;
pub use panarch_data as data;
pub use panarch_format as format;
pub use panarch_graph as graph;
pub use panarch_measure as measure;
pub use panarch_nn as nn;
pub use panarch_predict as predict;
pub use panarch_report as report;
pub use panarch_reproduce as reproduce;
pub use panarch_run::{
    Error, ImageSize, ParseImageSizeError, RunFile, certificate, checkpoint, classify, device_source, device_table,
    event, exporters, lookup, matrix_efficiency, network_training, predictor, products, run, run_file, scalesim,
    support, table_search, threads, trace,
};
pub use panarch_search as search;
pub use panarch_space as space;
pub use panarch_study as study;
pub use panarch_train as train;
