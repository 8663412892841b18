//! Integration tests of runtimes, the host device and export checks.

mod differential;
mod engine;
mod export_check;
mod host_device;
#[path = "../../../format/tests/it/parity.rs"]
mod parity;
#[path = "../../../format/tests/it/random_network.rs"]
mod random_network;
