//! What each layer costs on a device.

use panarch_cost::LayerCost;
use panarch_graph::Latency;
use serde::{Deserialize, Serialize};

use super::ProvenanceIndex;

/// The layers of one network on one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceLayers {
    /// The device's name.
    pub device: String,
    /// Where the figures come from.
    pub provenance: ProvenanceIndex,
    /// Time that no network can avoid; not part of any layer.
    #[serde(rename = "fixed_s")]
    pub fixed: Latency,
    /// The layers, input to output.
    pub layers: Vec<LayerCost>,
}
