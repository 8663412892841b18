//! What each layer costs on a device, and which bound rules.

use panarch_graph::{Latency, Macs, Shape};
use serde::{Deserialize, Serialize};

use super::ProvenanceIndex;

/// What a layer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Arithmetic.
    Compute,
    /// Weights and activations on their way.
    Movement,
    /// Starting the layer.
    Overhead,
}

impl Bound {
    /// Every bound.
    pub const ALL: [Bound; 3] = [Bound::Compute, Bound::Movement, Bound::Overhead];

    /// The bound in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Bound::Compute => "compute",
            Bound::Movement => "movement",
            Bound::Overhead => "overhead",
        }
    }
}

/// One layer's cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerTime {
    /// The layer's name.
    pub name: String,
    /// The block it belongs to.
    pub block: String,
    /// The operator in words.
    pub operator: String,
    /// Its output.
    pub output: Shape,
    /// Multiply-accumulates of an image.
    pub macs: Macs,
    /// Time of the layer.
    #[serde(rename = "latency_s")]
    pub latency: Latency,
    /// Time that arithmetic alone would take.
    #[serde(rename = "compute_s")]
    pub compute: Latency,
    /// Time that data movement alone would take.
    #[serde(rename = "movement_s")]
    pub movement: Latency,
    /// What rules.
    pub bound: Bound,
}

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
    pub layers: Vec<LayerTime>,
}
