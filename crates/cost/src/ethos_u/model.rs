use panarch_graph::{Bytes, ContentHash, Estimate, Latency, Network, Provenance, ProvenanceKind, fused_layers};
use rayon::prelude::*;

use super::lowering::{lower, refused};
use super::machine::Machine;
use super::schedule::{Times, times};
use crate::profile::EthosU;
use crate::refusals::Refusals;
use crate::{Attribution, Bound, Cost, CostError, CostSource, DeviceProfile, LayerCost, Operator};

/// Identifies what this model says of a profile; raised whenever that changes. It began as the analytic one.
const REVISION: &str = "panarch analytic model of a profile v3";
/// The number of networks from which starting threads pays off.
const PARALLEL: usize = 8;

/// What the vendor's compiler estimates for an Ethos-U, computed without it.
///
/// The interval around the sum is the profile's [`crate::profile::ModelError`].
#[derive(Debug, Clone)]
pub struct EthosUModel {
    profile: DeviceProfile,
    described: EthosU,
    machine: Machine,
}

impl EthosUModel {
    /// The model of a profile with a table `[ethos_u]`.
    ///
    /// # Errors
    /// When the profile has none.
    pub fn new(profile: DeviceProfile) -> Result<Self, CostError> {
        let described = profile.ethos_u().cloned().ok_or_else(|| CostError::NoEthosU {
            device: profile.name().to_owned(),
        })?;
        Ok(Self {
            machine: Machine::new(&described),
            described,
            profile,
        })
    }

    /// The profile that the model computes with.
    #[must_use]
    pub const fn profile(&self) -> &DeviceProfile {
        &self.profile
    }

    /// Checks whether the device can run a network.
    ///
    /// # Errors
    /// The layers that it cannot run.
    pub fn check_support(&self, network: &Network) -> Result<(), CostError> {
        let layers = fused_layers(network);
        self.described.support.check(self.profile.name(), network, &layers)?;
        let refused = layers.iter().map(|layer| {
            let mut operators = layer.nodes.iter().map(|id| &network.node(*id).op);
            let refused = operators.find_map(|op| Some((op.name(), refused(op)?.to_owned())));
            (layer, refused)
        });
        match Refusals::among(refused) {
            None => Ok(()),
            Some(refused) => Err(CostError::Unsupported {
                device: self.profile.name().to_owned(),
                refused,
            }),
        }
    }

    /// The cost of one network.
    ///
    /// # Errors
    /// The layers that the device cannot run, and a layer of which no block fits its buffers.
    pub fn cost(&self, network: &Network) -> Result<Cost, CostError> {
        self.check_support(network)?;
        let layers = fused_layers(network);
        let plan = lower(network, &layers, self.machine.is_u85());
        if let Some(layer) = plan.too_many_windows {
            return Err(CostError::Failed {
                device: self.profile.name().to_owned(),
                reason: format!(
                    "the windows of layer `{}` are more than 3 positions apart, and there are too many to run them one by one; take a smaller image",
                    layers.get(layer).map_or("?", |layer| &layer.name)
                ),
            });
        }
        let times = times(&self.machine, &plan).map_err(|none| {
            let layer = plan.jobs.get(none.job).and_then(|job| layers.get(job.layer));
            CostError::Failed {
                device: self.profile.name().to_owned(),
                reason: format!(
                    "no block of layer `{}` fits the accelerator's buffers",
                    layer.map_or("?", |layer| &layer.name)
                ),
            }
        })?;
        let mut of_layers = vec![Times::default(); layers.len()];
        let mut totals = vec![0; layers.len()];
        for (job, times) in plan.jobs.iter().zip(&times) {
            if let (Some(sum), Some(total)) = (of_layers.get_mut(job.layer), totals.get_mut(job.layer)) {
                sum.add(times);
                *total += times.total();
            }
        }
        let clock = self.described.frequency_hz.value;
        let seconds = |cycles: i64| Latency::from_seconds(cycles as f64 / clock);
        let mut total = Latency::default();
        let mut macs = 0;
        let mut per_layer = Vec::with_capacity(layers.len());
        for ((layer, times), cycles) in layers.into_iter().zip(&of_layers).zip(totals) {
            let of_layer = network.node_macs(layer.anchor);
            macs += of_layer.0;
            total += seconds(cycles);
            let operator = Operator::of(network, layer.anchor).map_or("input", Operator::name);
            per_layer.push(LayerCost {
                operator: operator.to_owned(),
                output: network.shape(layer.output),
                macs: of_layer,
                latency: seconds(cycles),
                compute: seconds(times.work),
                movement: seconds(times.sram.max(times.off_chip)),
                attribution: attribution(times, cycles, &seconds),
                bound: if cycles > times.busy {
                    Bound::Movement
                } else {
                    Bound::Compute
                },
                name: layer.name,
                block: layer.block,
                device: None,
                energy: None,
                energy_parts: None,
                memory: Vec::new(),
            });
        }
        let ratio = 1.0 + self.described.error.relative.value;
        let traffic: i64 = times.iter().map(|it| it.traffic).sum();
        let possible = total.seconds() * clock * f64::from(self.described.macs.value);
        Ok(Cost {
            latency: Estimate {
                value: total,
                low: total * ratio.recip(),
                high: total * ratio,
                level: self.described.error.level.value,
            },
            fixed: Latency::default(),
            energy: None,
            energy_parts: None,
            fixed_energy: None,
            memory: Vec::new(),
            peak_memory: Bytes(network.peak_activation_elements()),
            traffic: Bytes(traffic.max(0).unsigned_abs()),
            utilisation: if possible > 0.0 { macs as f64 / possible } else { 0.0 },
            per_layer,
            provenance: Provenance {
                kind: ProvenanceKind::Predicted,
                device: self.profile.name().to_owned(),
                tool: "model of the vendor's compiler".to_owned(),
                version: format!("{}+{}", env!("CARGO_PKG_VERSION"), self.profile.hash().short()),
                precision: self.profile.precision(),
                batch: self.profile.batch(),
                repeats: None,
                note: None,
            },
        })
    }
}

/// Work first; what is over is waiting, for weights and activations as their bytes are.
fn attribution(times: &Times, cycles: i64, seconds: &impl Fn(i64) -> Latency) -> Attribution {
    let compute = times.work.min(cycles);
    let waits = cycles - compute;
    let of_bytes = times.weights + times.activations;
    let weights = if of_bytes > 0 {
        (waits as f64 * times.weights as f64 / of_bytes as f64).round() as i64
    } else {
        waits
    };
    Attribution {
        compute: seconds(compute),
        weights: seconds(weights),
        activations: seconds(waits - weights),
        ..Attribution::default()
    }
}

impl CostSource for EthosUModel {
    fn device(&self) -> &str {
        self.profile.name()
    }

    fn protocol(&self) -> Result<ContentHash, CostError> {
        Ok(self.profile.protocol(REVISION, ""))
    }

    fn check_support(&self, network: &Network) -> Result<(), CostError> {
        Self::check_support(self, network)
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        if networks.len() < PARALLEL {
            networks.iter().map(|network| self.cost(network)).collect()
        } else {
            networks.par_iter().map(|network| self.cost(network)).collect()
        }
    }
}
