//! From cycles to a cost.

use panarch_graph::{Bytes, Estimate, Latency, Macs, Network, Provenance, ProvenanceKind};

use crate::plan::{LayerWork, Scheduled};
use crate::profile::Accelerator;
use crate::{Attribution, Bound, Cost, DeviceProfile, EnergyParts, LayerCost, LevelTraffic, energy};

/// Which of the two models made the numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    pub kind: ProvenanceKind,
    pub name: &'static str,
}

/// The cost of a network that runs in this way.
pub(crate) fn assemble(
    profile: &DeviceProfile,
    machine: &Accelerator,
    network: &Network,
    scheduled: Scheduled,
    tool: Tool,
) -> Cost {
    let Scheduled {
        layers,
        operators,
        here,
        work,
        flow,
        times,
        together,
    } = scheduled;
    let per_batch = 1.0 / (machine.clock_hz.value * f64::from(together));
    let seconds = |cycles: f64| Latency::from_seconds(cycles * per_batch);
    let fixed = Latency::from_seconds(machine.overhead.inference_s.value);
    let mut total = fixed;
    let mut macs_on_array = 0;
    let mut per_layer = Vec::with_capacity(layers.len());
    let layers = layers.into_iter().zip(here);
    let flows = work.into_iter().zip(&flow.layers);
    let described = layers.zip(operators).zip(flows).zip(times);
    for ((((layer, here), operator), (work, moved)), time) in described {
        let latency = seconds(time.total());
        total += latency;
        let of_layer = if here { network.node_macs(layer.anchor) } else { Macs(0) };
        // The vector unit's are no use of the array.
        macs_on_array += if work.matrix > 0.0 { of_layer.0 } else { 0 };
        let (compute, movement) = (work.matrix.max(work.vector), movement(&work));
        let memory = energy::levels(machine, moved);
        let energy_parts = energy::of_layer(machine, of_layer, &memory, latency);
        per_layer.push(LayerCost {
            operator: operator.name().to_owned(),
            output: network.shape(layer.output),
            macs: of_layer,
            latency,
            compute: seconds(compute),
            movement: seconds(movement),
            attribution: Attribution {
                compute: seconds(time.compute),
                fill: seconds(time.fill),
                weights: seconds(time.weights),
                activations: seconds(time.activations),
                vector: seconds(time.vector),
                issue: seconds(time.issue),
            },
            energy: energy_parts.as_ref().map(EnergyParts::total),
            energy_parts,
            memory,
            bound: bound(&work, compute, movement),
            device: None,
            name: layer.name,
            block: layer.block,
        });
    }
    let peak = machine.clock_hz.value * machine.array.macs_per_cycle();
    let ratio = 1.0 + machine.error.relative.value;
    let memory = LevelTraffic::sum(per_layer.iter().flat_map(|layer| &layer.memory));
    let traffic = memory.iter().find(|level| level.level == LevelTraffic::OFF_CHIP);
    let fixed_energy = energy::leakage(machine, fixed);
    let energy_parts = fixed_energy.map(|leakage| {
        let fixed = EnergyParts {
            leakage,
            ..EnergyParts::default()
        };
        EnergyParts::sum(per_layer.iter().filter_map(|layer| layer.energy_parts).chain([fixed]))
    });
    Cost {
        latency: Estimate {
            value: total,
            low: total * ratio.recip(),
            high: total * ratio,
            level: machine.error.level.value,
        },
        fixed,
        energy: energy_parts.map(|parts| energy::estimate(parts.total().joules(), &machine.error)),
        energy_parts,
        fixed_energy,
        peak_memory: Bytes(flow.peak_bytes),
        traffic: traffic.map_or(Bytes(0), LevelTraffic::moved),
        memory,
        utilisation: share(macs_on_array as f64, total.seconds() * peak),
        per_layer,
        provenance: Provenance {
            kind: tool.kind,
            device: profile.name().to_owned(),
            tool: tool.name.to_owned(),
            version: format!("{}+{}", env!("CARGO_PKG_VERSION"), profile.hash().short()),
            precision: profile.precision(),
            batch: profile.batch(),
            repeats: None,
            note: None,
        },
    }
}

/// The busiest of the ways that a layer's bytes take.
fn movement(work: &LayerWork) -> f64 {
    let host = work.host_in + work.host_out;
    (work.weights + work.weights_again)
        .max(work.load + work.store)
        .max(host)
        .max(work.feed + work.drain)
}

fn bound(work: &LayerWork, compute: f64, movement: f64) -> Bound {
    if work.issue > compute.max(movement) {
        Bound::Overhead
    } else if movement > compute {
        Bound::Movement
    } else {
        Bound::Compute
    }
}

/// part / whole, 0 for an empty whole.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
