//! Integration tests of the engine: parity with PyTorch, comparison with a slow executor, finite differences,
//! determinism.
#![allow(clippy::unwrap_used, missing_docs)]

mod allocation;
mod bf16;
mod engine;
mod expansion;
mod fixture;
mod not_a_number;
mod observer;
mod parity;
mod random;
mod training;
