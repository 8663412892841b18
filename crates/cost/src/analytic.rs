mod energy;
mod mapping;
mod movement;

use panarch_graph::{
    Bytes, Estimate, Latency, Layer, Macs, Network, Precision, Provenance, ProvenanceKind, fused_layers,
};
use rayon::prelude::*;

use crate::profile::{Accelerator, DeviceKind};
use crate::{Bound, Cost, CostError, CostSource, DeviceProfile, LayerCost, Operator};

/// From how many networks on threads are worth their start.
const PARALLEL: usize = 32;

/// A closed-form performance model of an accelerator profile.
///
/// Each layer takes the larger of its arithmetic and its movement, and the layer's overhead on top:
///
/// t = t_fixed + Σ_layers (max(t_compute, t_movement) + t_overhead)
///
/// It is the roofline (Williams et al. 2009) with the losses that decide between mobile operators put in: lanes and
/// channels rounded up, weights loaded into the array, the output stage, a depthwise mapping of its own, weights that fit
/// on chip or stream, activations that fit or spill. The interval around the sum is the profile's
/// [`crate::profile::ModelError`]: low = t / (1 + e), high = t · (1 + e). It states how far off the model was where it
/// could be checked, or is assumed to be; it is not derived from the network.
#[derive(Debug, Clone)]
pub struct AnalyticModel {
    profile: DeviceProfile,
    machine: Accelerator,
}

impl AnalyticModel {
    /// The model of an accelerator profile.
    ///
    /// # Errors
    /// When the profile is a measured target or a memory hierarchy.
    pub fn new(profile: DeviceProfile) -> Result<Self, CostError> {
        match profile.kind() {
            DeviceKind::Accelerator(machine) => Ok(Self {
                machine: (**machine).clone(),
                profile,
            }),
            DeviceKind::Hierarchy(_) => Err(CostError::Hierarchy {
                device: profile.name().to_owned(),
            }),
            DeviceKind::Measured(_) => Err(CostError::Measured {
                device: profile.name().to_owned(),
            }),
        }
    }

    /// The profile that the model computes with.
    #[must_use]
    pub const fn profile(&self) -> &DeviceProfile {
        &self.profile
    }

    /// Checks whether the device can run a network.
    ///
    /// # Errors
    /// The first operator that it cannot run.
    pub fn check_support(&self, network: &Network) -> Result<(), CostError> {
        fused_layers(network)
            .iter()
            .try_for_each(|layer| self.check_layer(network, layer))
    }

    /// The cost of one network.
    ///
    /// # Errors
    /// The first operator that the device cannot run.
    pub fn cost(&self, network: &Network) -> Result<Cost, CostError> {
        let machine = &self.machine;
        let layers = fused_layers(network);
        for layer in &layers {
            self.check_layer(network, layer)?;
        }
        let precision = self.profile.precision();
        let flow = movement::flow(machine, precision, self.profile.batch(), network, &layers);
        let fixed = Latency::from_seconds(machine.overhead.inference_s.value);
        let mut total = fixed;
        let mut per_layer = Vec::with_capacity(layers.len());
        for (layer, moved) in layers.into_iter().zip(&flow.layers) {
            let cost = self.layer(network, layer, moved.time(&machine.memory));
            total += cost.latency;
            per_layer.push(cost);
        }
        let macs: Macs = per_layer.iter().map(|layer| layer.macs).sum();
        let peak = machine.clock_hz.value * machine.array.macs_per_cycle();
        let ratio = 1.0 + machine.error.relative.value;
        Ok(Cost {
            latency: Estimate {
                value: total,
                low: total * ratio.recip(),
                high: total * ratio,
                level: machine.error.level.value,
            },
            fixed,
            energy: machine
                .energy
                .as_ref()
                .map(|figures| energy::of_inference(figures, &machine.error, macs, &flow, total)),
            peak_memory: Bytes(flow.peak_bytes),
            traffic: Bytes(flow.traffic_bytes().round() as u64),
            utilisation: share(macs.0 as f64, total.seconds() * peak),
            per_layer,
            provenance: self.provenance(precision),
        })
    }

    fn layer(&self, network: &Network, layer: Layer, movement_s: f64) -> LayerCost {
        let machine = &self.machine;
        let operator = Operator::of(network, layer.anchor).unwrap_or(Operator::Flatten);
        let compute_s = mapping::seconds(machine, self.profile.batch(), network, &layer, operator);
        let busy = compute_s.max(movement_s);
        // A change of shape is a matter of addresses.
        let overhead = match operator {
            Operator::Flatten => 0.0,
            _ => machine.overhead.layer_s.value,
        };
        let bound = if overhead > busy {
            Bound::Overhead
        } else if movement_s > compute_s {
            Bound::Movement
        } else {
            Bound::Compute
        };
        LayerCost {
            operator: operator.name().to_owned(),
            output: network.shape(layer.output),
            macs: network.node_macs(layer.anchor),
            latency: Latency::from_seconds(busy + overhead),
            compute: Latency::from_seconds(compute_s),
            movement: Latency::from_seconds(movement_s),
            bound,
            name: layer.name,
            block: layer.block,
        }
    }

    fn check_layer(&self, network: &Network, layer: &Layer) -> Result<(), CostError> {
        self.machine.support.check(self.profile.name(), network, layer)
    }

    fn provenance(&self, precision: Precision) -> Provenance {
        Provenance {
            kind: ProvenanceKind::Predicted,
            device: self.profile.name().to_owned(),
            tool: "analytic model".to_owned(),
            version: format!("{}+{}", env!("CARGO_PKG_VERSION"), self.profile.hash().short()),
            precision,
            batch: self.profile.batch(),
            repeats: None,
            note: None,
        }
    }
}

impl CostSource for AnalyticModel {
    fn device(&self) -> &str {
        self.profile.name()
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        if networks.len() < PARALLEL {
            networks.iter().map(|network| self.cost(network)).collect()
        } else {
            networks
                .par_iter()
                .with_min_len(PARALLEL / 2)
                .map(|network| self.cost(network))
                .collect()
        }
    }
}

/// part / whole, 0 for an empty whole.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
