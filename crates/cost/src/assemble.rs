//! From cycles to a cost.

use panarch_graph::{Bytes, Estimate, Latency, Macs, Network, Provenance, ProvenanceKind};

use crate::layer_time::LayerTime;
use crate::plan::{LayerWork, NetworkPlan};
use crate::profile::Accelerator;
use crate::{Attribution, Bound, Cost, DeviceProfile, LayerCost, energy};

/// Which of the two models made the numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    pub kind: ProvenanceKind,
    pub name: &'static str,
}

/// The cost of a network whose layers take these times.
pub(crate) fn assemble(
    profile: &DeviceProfile,
    machine: &Accelerator,
    network: &Network,
    plan: NetworkPlan,
    times: &[LayerTime],
    tool: Tool,
) -> Cost {
    let per_batch = 1.0 / (machine.clock_hz.value * f64::from(profile.batch()));
    let seconds = |cycles: f64| Latency::from_seconds(cycles * per_batch);
    let fixed = Latency::from_seconds(machine.overhead.inference_s.value);
    let mut total = fixed;
    let mut macs = 0;
    let mut per_layer = Vec::with_capacity(plan.layers.len());
    let layers = plan.layers.into_iter().zip(plan.here);
    let described = layers.zip(plan.operators).zip(plan.work).zip(times);
    for ((((layer, here), operator), work), time) in described {
        let latency = seconds(time.total());
        total += latency;
        let of_layer = if here { network.node_macs(layer.anchor) } else { Macs(0) };
        macs += of_layer.0;
        let (compute, movement) = (work.matrix.max(work.vector), movement(&work));
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
            bound: bound(&work, compute, movement),
            device: None,
            name: layer.name,
            block: layer.block,
        });
    }
    let peak = machine.clock_hz.value * machine.array.macs_per_cycle();
    let ratio = 1.0 + machine.error.relative.value;
    Cost {
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
            .map(|figures| energy::of_inference(figures, &machine.error, Macs(macs), &plan.flow, total)),
        peak_memory: Bytes(plan.flow.peak_bytes),
        traffic: Bytes(plan.flow.traffic_bytes().round() as u64),
        utilisation: share(macs as f64, total.seconds() * peak),
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
    work.weights
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
