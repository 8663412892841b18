//! Weights and networks that were published for PyTorch: Once-for-All, CompOFA and ProxylessNAS.
//!
//! Their parameters have other names ([`published_names`]), come with a matrix for each change of a kernel's size
//! ([`Supernet::with_kernel_matrices`](crate::Supernet::with_kernel_matrices)), and single networks are described by a JSON file ([`published_network`]).

mod config;
mod import;
mod names;

pub use config::published_network;
pub use import::{ImportedTensors, import_network, import_supernet, is_supernet_of};
pub(crate) use names::simplified;
pub use names::{published_name, published_names};
