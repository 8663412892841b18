//! Networks that the searches evaluated.

use panarch_graph::{Accuracy, ContentHash, Estimate, Latency, Macs};
use serde::{Deserialize, Serialize};

/// An index in [`crate::RunReport::provenances`]; made by [`crate::RunReport::provenance`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProvenanceIndex(pub u32);

/// A latency with its interval and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceLatency {
    /// Seconds an image.
    #[serde(rename = "latency_s")]
    pub latency: Estimate<Latency>,
    /// Where it comes from.
    pub provenance: ProvenanceIndex,
}

/// A network with its accuracy and its latency on every device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluatedNetwork {
    /// The genotype's text.
    pub genotype: String,
    /// The network's content hash.
    pub hash: ContentHash,
    /// Accuracy on the search's own images, 0 to 1.
    pub accuracy: Estimate<Accuracy>,
    /// One entry a device.
    pub latency: Vec<DeviceLatency>,
    /// Multiply-accumulates of an image.
    pub macs: Macs,
    /// Trainable parameters.
    pub parameters: u64,
    /// The searches that proposed it.
    pub found_by: Vec<String>,
    /// Whether no other network here is at least as good in accuracy and on every device, and better in one.
    pub non_dominated: bool,
}
