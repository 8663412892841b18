//! Hardware-aware neural architecture search for vision models: give it images and devices, and it finds one network
//! that is good on all of them, exports it, and says how it knows.
//!
//! This crate is the library facade. [`run`] does the whole way of a run file; the binary `panarch` only parses
//! arguments and prints. The parts are crates of their own:
//! `panarch-space` (search spaces), `panarch-graph` (networks), `panarch-cost` (devices), `panarch-data` (images),
//! `panarch-train` (supernets), `panarch-search` (strategies), `panarch-study` (what was found out), `panarch-format`
//! (files) and `panarch-report`.
#![forbid(unsafe_code)]

pub use panarch_reproduce as reproduce;
pub use panarch_run::{
    Error, RunFile, checkpoint, classify, device_source, device_table, event, lookup, matrix_efficiency, products, run,
    run_file, scalesim, support, tflite, threads, trace,
};
