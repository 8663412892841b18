//! Hardware-aware neural architecture search for vision models: give it images and devices, and it finds one network
//! that is good on all of them, exports it, and says how it knows.
//!
//! This crate is the library facade. [`run`] does the whole way of a run file; the binary `panarch` only parses
//! arguments and prints. The parts are crates of their own:
//! `panarch-space` (search spaces), `panarch-graph` (networks), `panarch-cost` (devices), `panarch-train` (supernets),
//! `panarch-search` (strategies), `panarch-study` (what was found out), `panarch-format` (files) and `panarch-report`.
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod classify;
pub mod device_source;
pub mod device_table;
mod error;
pub mod event;
pub mod lookup;
pub mod matrix_efficiency;
mod memory;
pub mod products;
pub mod reproduce;
pub mod run;
pub mod run_file;
pub mod scalesim;
pub mod support;
pub mod tflite;
pub mod threads;
pub mod trace;

pub use error::Error;
pub use run_file::RunFile;
