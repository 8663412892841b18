use std::sync::Arc;

use panarch_graph::{Bytes, ContentHash, Energy, Estimate, Latency, Macs, Network, Provenance, Shape, Weights};
use serde::{Deserialize, Serialize};

use crate::{CostError, EnergyParts, LevelTraffic};

/// Answers what networks cost on one device.
///
/// The call is batched, so that a device or a process is asked once; answers come in the order of the networks, and a
/// network that fails spoils no other.
pub trait CostSource: Send + Sync {
    /// The device's name, such as `ethos-u55-128`.
    fn device(&self) -> &str;

    /// Identifies everything but the network that an answer depends on: the profile, the revision of the model, the file or
    /// the tool that answers, how it measures, and on which machine. An answer may be kept for as long as this is the same.
    ///
    /// # Errors
    /// When a tool or a machine cannot be asked which one it is.
    fn protocol(&self) -> Result<ContentHash, CostError>;

    /// The cost of one inference of each network, for one image.
    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>>;

    /// The same of networks with their own weights: what is shipped, and for compilers that compress weights something else
    /// than random ones.
    fn estimate_with_weights(&self, networks: &[(&Network, &Weights)]) -> Vec<Result<Cost, CostError>> {
        let networks: Vec<Network> = networks.iter().map(|(network, _)| (*network).clone()).collect();
        self.estimate(&networks)
    }

    /// Whether an answer takes the device's own time, or a program's, so that much asked at once is much lost when it is cut.
    fn takes_time(&self) -> bool {
        false
    }

    /// Whether the device can run a network; cheaper than its cost where the source knows the operators.
    ///
    /// # Errors
    /// The layers that it cannot run, or why it could not be asked.
    fn check_support(&self, network: &Network) -> Result<(), CostError> {
        self.estimate(std::slice::from_ref(network))
            .into_iter()
            .try_for_each(|answer| answer.map(|_| ()))
    }
}

impl<T: CostSource + ?Sized> CostSource for Arc<T> {
    fn device(&self) -> &str {
        self.as_ref().device()
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        self.as_ref().estimate(networks)
    }

    fn protocol(&self) -> Result<ContentHash, CostError> {
        self.as_ref().protocol()
    }

    fn estimate_with_weights(&self, networks: &[(&Network, &Weights)]) -> Vec<Result<Cost, CostError>> {
        self.as_ref().estimate_with_weights(networks)
    }

    fn takes_time(&self) -> bool {
        self.as_ref().takes_time()
    }

    fn check_support(&self, network: &Network) -> Result<(), CostError> {
        self.as_ref().check_support(network)
    }
}

/// What one inference of a network costs on a device, for one image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Time of one inference, with an interval that is always finite.
    #[serde(rename = "latency_s")]
    pub latency: Estimate<Latency>,
    /// The part of `latency.value` that no network can avoid: calling the device, starting it, answering.
    #[serde(rename = "fixed_s")]
    pub fixed: Latency,
    /// Energy of one inference; absent when nothing is known about it.
    #[serde(rename = "energy_j")]
    pub energy: Option<Estimate<Energy>>,
    /// The parts of `energy.value`; absent when they are not known apart.
    #[serde(rename = "energy_parts_j", default, skip_serializing_if = "Option::is_none")]
    pub energy_parts: Option<EnergyParts>,
    /// The static part of `energy.value` during `fixed`, which is no layer's.
    #[serde(rename = "fixed_energy_j", default, skip_serializing_if = "Option::is_none")]
    pub fixed_energy: Option<Energy>,
    /// Largest amount of activations alive at once, in the device's number format; weights are not counted.
    #[serde(rename = "peak_memory_bytes")]
    pub peak_memory: Bytes,
    /// Bytes that cross the border of the chip: streamed weights, spilled activations, image and result.
    #[serde(rename = "traffic_bytes")]
    pub traffic: Bytes,
    /// What every memory level does: the sums over the layers. Empty when the source does not count levels apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memory: Vec<LevelTraffic>,
    /// Multiply-accumulates that the array did over those that it could have done in `latency.value`, from 0 to 1.
    pub utilisation: f64,
    /// One entry a layer in the order of execution; their latencies and `fixed` add up to `latency.value`. Empty when the
    /// source knows only the whole.
    pub per_layer: Vec<LayerCost>,
    /// How the numbers came about.
    pub provenance: Provenance,
}

impl Cost {
    /// A cost of which only the latency is known: no energy, no layers, and zero for what is counted in bytes.
    #[must_use]
    pub const fn of_latency(latency: Estimate<Latency>, provenance: Provenance) -> Self {
        Self {
            latency,
            fixed: Latency::ZERO,
            energy: None,
            energy_parts: None,
            fixed_energy: None,
            peak_memory: Bytes(0),
            traffic: Bytes(0),
            memory: Vec::new(),
            utilisation: 0.0,
            per_layer: Vec::new(),
            provenance,
        }
    }
}

/// What one layer costs: an operator with the batch normalisation and activation fused behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerCost {
    /// Name of the layer's anchor node.
    pub name: String,
    /// Its block, such as `stage2.block1`.
    pub block: String,
    /// The device that runs it, where a device and its fallback share a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The operator, as in [`crate::Operator::name`].
    pub operator: String,
    /// Shape of what leaves the layer.
    pub output: Shape,
    /// Multiply-accumulates.
    pub macs: Macs,
    /// Time of the layer: at least the larger of `compute` and `movement`, what overlaps with neither, and the issuing.
    #[serde(rename = "latency_s")]
    pub latency: Latency,
    /// Time that the busier of matrix and vector unit is busy.
    #[serde(rename = "compute_s")]
    pub compute: Latency,
    /// Time that the busiest way of weights and activations is busy.
    #[serde(rename = "movement_s")]
    pub movement: Latency,
    /// Where the time goes; the parts add up to `latency`.
    #[serde(rename = "attribution_s")]
    pub attribution: Attribution,
    /// Energy of the layer; those of all layers and [`Cost::fixed_energy`] add up to the network's.
    #[serde(rename = "energy_j", default, skip_serializing_if = "Option::is_none")]
    pub energy: Option<Energy>,
    /// The parts of `energy`.
    #[serde(rename = "energy_parts_j", default, skip_serializing_if = "Option::is_none")]
    pub energy_parts: Option<EnergyParts>,
    /// What every memory level does for the layer; empty when the source does not count levels apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memory: Vec<LevelTraffic>,
    /// Which of the three rules.
    pub bound: Bound,
}

/// The parts of a layer's time, seen from the matrix unit: what it does, or what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribution {
    /// It multiplies, padding of its lanes included.
    pub compute: Latency,
    /// It fills or drains.
    pub fill: Latency,
    /// It waits for weights.
    pub weights: Latency,
    /// It waits for activations to come or to go.
    pub activations: Latency,
    /// It waits for the vector unit; or its lanes scale and activate.
    pub vector: Latency,
    /// The layer is being issued.
    pub issue: Latency,
}

/// What rules the time of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Arithmetic.
    Compute,
    /// Moving weights or activations.
    Movement,
    /// Starting the layer: longer than its arithmetic and its movement.
    Overhead,
}

impl Bound {
    /// The name used in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Movement => "movement",
            Self::Overhead => "overhead",
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
