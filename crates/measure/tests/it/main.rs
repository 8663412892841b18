//! Integration tests of runtimes, the host device, devices behind commands and export checks.

mod command_device;
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
mod vela;
