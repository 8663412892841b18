use std::collections::HashMap;

use std::borrow::Cow;

use panarch_graph::{
    Bytes, ContentHash, Energy, Estimate, Latency, Layer, Macs, Network, Precision, Provenance, ProvenanceKind,
    fused_layers,
};
use rayon::prelude::*;

use super::accesses::StoreTraffic;
use super::idle_lanes::IdleLanes;
use super::machine::Machine;
use super::nest::{LoopNest, Operand};
use super::objective::Objective;
use super::packing::best_packed_mapping;
use super::search::{Mapping, best_mapping};
use crate::plan::Part;
use crate::profile::{Hierarchy, Transfer};
use crate::{
    Attribution, Bound, Cost, CostError, CostSource, DeviceKind, DeviceProfile, EnergyParts, LayerCost, LevelTraffic,
    Operator, Refusals, energy,
};

/// Identifies what this model says of a profile; raised whenever that changes.
pub(crate) const REVISION: &str = "panarch mapper of a profile v2";

/// A performance model that maps every layer as well as it can.
///
/// Convolutions and linear layers take the cycles of their best mapping. What does no multiply-accumulates is passed over
/// by ZigZag; here it takes the time that its inputs and outputs need on their way from and to the main memory, as every
/// other layer pays for its own. An activation or batch normalisation right behind a layer is free, and so is a change of
/// shape. Biases are not counted. Energy is of multiply-accumulates and accesses; its interval is the latency's, as a
/// stand-in.
#[derive(Debug, Clone)]
pub struct MappedModel {
    profile: DeviceProfile,
    hierarchy: Hierarchy,
    machine: Machine,
    objective: Objective,
    packing: bool,
}

/// What the layers of a network cost before they are added up.
type Mapped = HashMap<LoopNest, Option<(LoopNest, Mapping)>>;

/// Cycles and movement of one layer.
#[derive(Default)]
struct Work {
    total: u64,
    compute: u64,
    movement: u64,
    macs_picojoules: f64,
    stores: Vec<StoreTraffic>,
    /// Share of the multipliers that do something while the loops run.
    lanes: Option<f64>,
}

impl MappedModel {
    /// The model of a memory hierarchy; mappings are chosen for what its profile says.
    ///
    /// # Errors
    /// When the profile is of another kind.
    pub fn new(profile: DeviceProfile) -> Result<Self, CostError> {
        match profile.kind() {
            DeviceKind::Hierarchy(hierarchy) => Ok(Self {
                machine: Machine::new(hierarchy, 8 * profile.precision().bytes()),
                hierarchy: (**hierarchy).clone(),
                objective: hierarchy.objective,
                packing: true,
                profile,
            }),
            _ => Err(CostError::NoHierarchy {
                device: profile.name().to_owned(),
            }),
        }
    }

    /// The same model with mappings chosen for something else.
    #[must_use]
    pub fn with_objective(self, objective: Objective) -> Self {
        Self { objective, ..self }
    }

    /// The same model with one group of a grouped layer at a time, as ZigZag maps them.
    #[must_use]
    pub fn without_packing(self) -> Self {
        Self { packing: false, ..self }
    }

    fn map(&self, nest: &LoopNest) -> Option<(LoopNest, Mapping)> {
        if self.packing {
            best_packed_mapping(&self.machine, nest, self.objective)
        } else {
            best_mapping(&self.machine, nest, self.objective).map(|mapping| (*nest, mapping))
        }
    }

    /// The machine in plain numbers.
    #[must_use]
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The best mapping of each convolution and linear layer, by its name, in the order of execution.
    ///
    /// # Errors
    /// The first layer that the device cannot run.
    pub fn mappings(&self, network: &Network) -> Result<Vec<(String, LoopNest, Mapping)>, CostError> {
        let layers = self.supported_layers(network)?;
        let mut mapped = Mapped::new();
        self.map_new(network, &layers, &mut mapped);
        let mut found = Vec::new();
        for layer in &layers {
            if let Some((nest, mapping)) = self.mapping_of(network, layer, &mapped)? {
                found.push((layer.name.clone(), *nest, mapping.clone()));
            }
        }
        Ok(found)
    }

    /// The cost of one network, on the thread that asks.
    ///
    /// # Errors
    /// The layers that the device cannot run.
    pub fn cost(&self, network: &Network) -> Result<Cost, CostError> {
        self.cost_of(network, Part::whole(network))
    }

    /// The cost of the layers of a network that run on this device.
    pub(crate) fn cost_of(&self, network: &Network, part: Part) -> Result<Cost, CostError> {
        self.hierarchy.support.check(self.profile.name(), network, part.own())?;
        let mut mapped = Mapped::new();
        self.map_new(network, part.own(), &mut mapped);
        self.assemble(network, part, &mapped)
    }

    /// Maps the shapes that have not been mapped yet.
    fn map_new<'a>(&self, network: &Network, layers: impl IntoIterator<Item = &'a Layer>, mapped: &mut Mapped) {
        for layer in layers {
            if let Some(nest) = LoopNest::of(network, layer, self.profile.batch()) {
                mapped.entry(nest).or_insert_with(|| self.map(&nest));
            }
        }
    }

    fn assemble(&self, network: &Network, part: Part, mapped: &Mapped) -> Result<Cost, CostError> {
        let images = f64::from(self.profile.batch());
        let seconds = |cycles: u64| Latency::from_seconds(cycles as f64 / images / self.hierarchy.clock_hz.value);
        let mut total = Latency::from_seconds(0.0);
        let mut idle = IdleLanes::default();
        let mut per_layer = Vec::with_capacity(part.layers.len());
        for (layer, here) in part.layers.into_iter().zip(part.here) {
            let work = if here {
                self.work(network, &layer, mapped)?
            } else {
                Work::default()
            };
            total += seconds(work.total);
            idle.see(&layer.name, work.lanes, work.total);
            let memory = self.levels(&work, images);
            let energy_parts = EnergyParts {
                macs: Energy::from_joules(work.macs_picojoules * 1e-12 / images),
                memory: Energy::from_joules(memory.iter().filter_map(|level| level.energy).map(Energy::joules).sum()),
                ..EnergyParts::default()
            };
            let operator = Operator::of(network, layer.anchor).unwrap_or(Operator::Flatten);
            per_layer.push(LayerCost {
                operator: operator.name().to_owned(),
                output: network.shape(layer.output),
                macs: if here { network.node_macs(layer.anchor) } else { Macs(0) },
                latency: seconds(work.total),
                compute: seconds(work.compute),
                movement: seconds(work.movement),
                // A mapping's ports do not say for which operand they keep the multipliers waiting.
                attribution: Attribution {
                    compute: seconds(work.compute.min(work.total)),
                    activations: seconds(work.total.saturating_sub(work.compute)),
                    ..Attribution::default()
                },
                energy: Some(energy_parts.total()),
                energy_parts: Some(energy_parts),
                memory,
                bound: if work.movement > work.compute {
                    Bound::Movement
                } else {
                    Bound::Compute
                },
                device: None,
                name: layer.name,
                block: layer.block,
            });
        }
        let macs: Macs = per_layer.iter().map(|layer| layer.macs).sum();
        let possible = total.seconds() * self.hierarchy.clock_hz.value * self.machine.multipliers() as f64;
        let ratio = 1.0 + self.hierarchy.error.relative.value;
        let level = self.hierarchy.error.level.value;
        let memory = LevelTraffic::sum(per_layer.iter().flat_map(|layer: &LayerCost| &layer.memory));
        // The last memory is the main memory; a layer that only changes a shape touches none.
        let traffic = per_layer.iter().filter_map(|layer: &LayerCost| layer.memory.last());
        let traffic = traffic.map(LevelTraffic::moved).sum();
        let energy_parts = EnergyParts::sum(per_layer.iter().filter_map(|layer| layer.energy_parts));
        let precision = self.profile.precision();
        Ok(Cost {
            latency: Estimate {
                value: total,
                low: total * ratio.recip(),
                high: total * ratio,
                level,
            },
            fixed: Latency::from_seconds(0.0),
            energy: Some(energy::estimate(energy_parts.total().joules(), &self.hierarchy.error)),
            energy_parts: Some(energy_parts),
            fixed_energy: None,
            peak_memory: Bytes(network.peak_activation_elements().saturating_mul(precision.bytes())),
            traffic,
            memory,
            utilisation: if possible > 0.0 { macs.0 as f64 / possible } else { 0.0 },
            per_layer,
            provenance: self.provenance(precision, idle.note(self.machine.multipliers())),
        })
    }

    fn work(&self, network: &Network, layer: &Layer, mapped: &Mapped) -> Result<Work, CostError> {
        if let Some((_, mapping)) = self.mapping_of(network, layer, mapped)? {
            let macs = network
                .node_macs(layer.anchor)
                .0
                .saturating_mul(u64::from(self.profile.batch()));
            let possible = mapping.cycles.loops as f64 * self.machine.multipliers() as f64;
            return Ok(Work {
                total: mapping.cycles.total(),
                compute: mapping.cycles.loops,
                movement: mapping.cycles.busiest_port,
                macs_picojoules: macs as f64 * self.machine.mac_pj,
                stores: mapping.stores.clone(),
                lanes: (possible > 0.0).then(|| macs as f64 / possible),
            });
        }
        let node = network.node(layer.anchor);
        if node.op.only_reshapes() {
            return Ok(Work::default());
        }
        let values = |elements: u64| elements.saturating_mul(u64::from(self.profile.batch()));
        let inputs = node.inputs.iter().map(|input| network.shape(*input).elements()).sum();
        Ok(self.passed_through(values(inputs), values(network.shape(layer.output).elements())))
    }

    /// Inputs read from the main memory and outputs written to it; arithmetic hides behind that.
    fn passed_through(&self, inputs: u64, outputs: u64) -> Work {
        let ways = [
            (Operand::Input, Transfer::ToLower, inputs),
            (Operand::Output, Transfer::FromLower, outputs),
        ];
        let mut cycles: HashMap<usize, u64> = HashMap::new();
        let mut work = Work {
            stores: vec![StoreTraffic::default(); self.machine.stores.len()],
            ..Work::default()
        };
        for (operand, transfer, elements) in ways {
            let o = operand.index();
            let top = self.machine.levels(o).saturating_sub(1);
            let Some(at) = self.machine.port_of[o][top][transfer as usize] else {
                continue;
            };
            let at_store = self.machine.path[o][top];
            let (port, store) = (&self.machine.ports[at], &self.machine.stores[at_store]);
            let bits = elements.saturating_mul(self.machine.bits[o]);
            let taken = cycles.entry(at).or_default();
            *taken = taken.saturating_add(bits.div_ceil(port.width));
            let accesses = bits as f64 / port.width as f64;
            let traffic = &mut work.stores[at_store];
            if transfer == Transfer::ToLower {
                traffic.read_bits += bits as f64;
                traffic.picojoules += accesses * store.read_pj;
            } else {
                traffic.written_bits += bits as f64;
                traffic.picojoules += accesses * store.write_pj;
            }
        }
        work.movement = cycles.values().copied().max().unwrap_or(0);
        work.total = work.movement;
        work
    }

    /// Every memory in words and whole bytes, for one image.
    fn levels(&self, work: &Work, images: f64) -> Vec<LevelTraffic> {
        let bytes = |bits: f64| Bytes((bits / 8.0 / images).round() as u64);
        let memories = self.hierarchy.memories.iter().zip(&work.stores);
        memories
            .map(|(memory, traffic)| LevelTraffic {
                level: Cow::Owned(memory.name.clone()),
                read: bytes(traffic.read_bits),
                written: bytes(traffic.written_bits),
                energy: Some(Energy::from_joules(traffic.picojoules * 1e-12 / images)),
            })
            .collect()
    }

    /// The mapping of a layer that has one; `None` for those without multiply-accumulates.
    fn mapping_of<'a>(
        &self,
        network: &Network,
        layer: &Layer,
        mapped: &'a Mapped,
    ) -> Result<Option<&'a (LoopNest, Mapping)>, CostError> {
        let refuse = |reason: &str| self.refuse(network, layer, reason);
        if !network.node(layer.anchor).op.has_kernel() {
            return Ok(None);
        }
        let Some(nest) = LoopNest::of(network, layer, self.profile.batch()) else {
            let macs = network.node_macs(layer.anchor);
            let most = panarch_graph::Macs(LoopNest::MOST_MACS);
            return Err(refuse(&format!("it has {macs}, {most} at the most can be mapped")));
        };
        match mapped.get(&nest) {
            Some(Some(mapping)) => Ok(Some(mapping)),
            _ => Err(refuse(
                "no mapping fits: the smallest tiles are larger than the memories",
            )),
        }
    }

    fn refuse(&self, network: &Network, layer: &Layer, reason: &str) -> CostError {
        let operator = Operator::of(network, layer.anchor).unwrap_or(Operator::Flatten);
        CostError::Unsupported {
            device: self.profile.name().to_owned(),
            refused: Refusals::of(&layer.name, operator.name(), reason),
        }
    }

    fn supported_layers(&self, network: &Network) -> Result<Vec<Layer>, CostError> {
        let layers = fused_layers(network);
        self.hierarchy.support.check(self.profile.name(), network, &layers)?;
        Ok(layers)
    }

    fn provenance(&self, precision: Precision, note: Option<String>) -> Provenance {
        Provenance {
            kind: ProvenanceKind::Predicted,
            device: self.profile.name().to_owned(),
            tool: "loop-nest mapper".to_owned(),
            version: format!("{}+{}", env!("CARGO_PKG_VERSION"), self.profile.hash().short()),
            precision,
            batch: self.profile.batch(),
            repeats: None,
            note,
        }
    }
}

impl CostSource for MappedModel {
    fn device(&self) -> &str {
        self.profile.name()
    }

    fn protocol(&self) -> Result<ContentHash, CostError> {
        Ok(self.profile.protocol(REVISION, ""))
    }

    /// Shapes that networks share are mapped once, all of them side by side on the threads that there are.
    fn check_support(&self, network: &Network) -> Result<(), CostError> {
        self.supported_layers(network).map(|_| ())
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        let layered: Vec<_> = networks.iter().map(|network| self.supported_layers(network)).collect();
        let mut mapped = Mapped::new();
        for (network, layers) in networks.iter().zip(&layered) {
            for layer in layers.iter().flatten() {
                if let Some(nest) = LoopNest::of(network, layer, self.profile.batch()) {
                    mapped.entry(nest).or_insert(None);
                }
            }
        }
        mapped.par_iter_mut().for_each(|(nest, mapping)| {
            *mapping = self.map(nest);
        });
        networks
            .iter()
            .zip(layered)
            .map(|(network, layers)| {
                let layers = layers?;
                let here = vec![true; layers.len()];
                self.assemble(network, Part { layers, here }, &mapped)
            })
            .collect()
    }
}
