//! SCALE-Sim's files: topologies (CSV) and configurations (INI), read and written.
//!
//! What SCALE-Sim 3.0.0 computes of them without memory stalls is the arithmetic of [`crate::systolic`], to the cycle.
//!
//! ```
//! use panarch_cost::scalesim::{Configuration, Topology};
//!
//! let topology = Topology::read("one.csv", "Layer,M,N,K,\nfirst,4,4,4,\n")?;
//! let text = "[architecture_presets]\nArrayHeight: 4\nArrayWidth: 4\nDataflow: os\n";
//! let configuration = Configuration::read("one.cfg", text)?;
//! for layer in topology.value.layers()? {
//!     let mapping = configuration.value.array()?.map(layer.gemm)?;
//!     assert_eq!((layer.name.as_str(), mapping.cycles().0), ("first", 9));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod configuration;
mod export;
mod ini;
pub(crate) mod problems;
mod topology;

pub use configuration::{Configuration, InterfaceBandwidth};
pub use export::{configuration_of, topology_of};
pub use topology::{ConvolutionRow, GemmRow, Topology, TopologyLayer};

/// Longest file that is read, in bytes.
pub const MAX_BYTES: usize = 16 << 20;

/// A result and what a person should know about it: what was ignored, taken for granted, or could not be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted<T> {
    /// The result.
    pub value: T,
    /// Sentences, one each.
    pub notes: Vec<String>,
}
