//! A toy space, a fake device with seeded noise, a machine in simulated time, a slow engine in f64, and the conformance suites of
//! engines, storages and strategies.
//!
//! For tests only: `engine_conformance`, [`storage_conformance`] and [`strategy_conformance`] panic where an implementation
//! breaks a promise of its trait, so that whoever writes another one calls them from a test.
#![forbid(unsafe_code)]

mod certificate;
#[cfg(feature = "engines")]
mod engine_suite;
mod fake_device;
#[cfg(feature = "engines")]
mod naive_engine;
pub mod operators;
mod reference;
pub mod samples;
mod search_suite;
mod simulated_machine;
mod squares;
mod storage_suite;
mod strategy_suite;
mod toy;

pub use certificate::certificate_holds;
#[cfg(feature = "engines")]
pub use engine_suite::engine_conformance;
pub use fake_device::{FakeDevice, gaussian};
#[cfg(feature = "engines")]
pub use naive_engine::NaiveEngine;
pub use reference::{LACKED, REFERENCE_DATA, reference, reference_text};
pub use simulated_machine::{Load, SimulatedMachine};
pub use squares::squares;
pub use storage_suite::storage_conformance;
pub use strategy_suite::{registry_conformance, strategy_conformance};
pub use toy::{TINY_SPACE, TOY_SPACE, tiny_space, toy_space};
