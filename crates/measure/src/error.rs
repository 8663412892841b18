use std::path::PathBuf;

use panarch_cost::CostError;
use panarch_format::FormatError;
use panarch_graph::{ContentHash, Precision};

/// What can go wrong while networks are run and measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// A protocol that would measure too little.
    #[error("measuring protocol: {reason}")]
    Protocol {
        /// What is wrong with it.
        reason: String,
    },
    /// No runtime has this name.
    #[error("there is no runtime `{name}`; the runtimes are {}", .known.join(", "))]
    UnknownRuntime {
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// The runtime's library is not on this machine.
    #[error("runtime `{runtime}` was not found; {help}")]
    RuntimeMissing {
        /// The runtime.
        runtime: String,
        /// How to get it.
        help: String,
    },
    /// The runtime's library is there and cannot be used.
    #[error("runtime `{runtime}`: {} cannot be used: {reason}", .library.display())]
    RuntimeBroken {
        /// The runtime.
        runtime: String,
        /// The library.
        library: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A runtime refuses a file.
    #[error("{runtime} cannot load the file: {reason}")]
    Load {
        /// The runtime.
        runtime: String,
        /// Its own words.
        reason: String,
    },
    /// A runtime fails on a file that it loaded.
    #[error("{runtime} cannot run the network: {reason}")]
    Run {
        /// The runtime.
        runtime: String,
        /// Its own words.
        reason: String,
    },
    /// Values do not fill the input of the network, or results do not have the expected number.
    #[error("{what}: expected {expected} values, found {found}")]
    Length {
        /// Which values.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The exported file is of another network.
    #[error("the file holds network {found}, expected {expected}")]
    OtherNetwork {
        /// The network that was exported.
        expected: ContentHash,
        /// What the file says.
        found: ContentHash,
    },
    /// The exported file does not say which network it holds.
    #[error("the file does not record the content hash of its network")]
    UnknownNetwork,
    /// A device profile that is not a measured target.
    #[error("`{device}` is not a measured target; a model answers for it")]
    NotMeasured {
        /// The profile.
        device: String,
    },
    /// A measured target in a number format that the runtimes are not used in.
    #[error("`{device}` is to be measured in {precision}; only f32 is supported")]
    Precision {
        /// The profile.
        device: String,
        /// Its number format.
        precision: Precision,
    },
    /// A measured target with more than one image an inference.
    #[error("`{device}` is to be measured with {batch} images an inference; only 1 is supported")]
    Batch {
        /// The profile.
        device: String,
        /// Its images an inference.
        batch: u32,
    },
    /// The ONNX file cannot be written or read.
    #[error(transparent)]
    Format(#[from] FormatError),
}

impl MeasureError {
    /// The same as a failure of a cost source.
    pub(crate) fn into_cost(self, device: &str) -> CostError {
        CostError::Failed {
            device: device.to_owned(),
            reason: self.to_string(),
        }
    }
}
