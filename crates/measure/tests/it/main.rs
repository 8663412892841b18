//! Integration tests of runtimes, the host device and export checks.

mod differential;
mod engine;
mod export_check;
mod foreign_models;
mod foreign_patterns;
mod host_device;
mod onnx_file;
#[path = "../../../format/tests/it/parity.rs"]
mod parity;
#[path = "../../../format/tests/it/random_network.rs"]
mod random_network;
