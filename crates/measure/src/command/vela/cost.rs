//! From Vela's report to a cost.

use panarch_cost::{Attribution, Bound, Cost, LayerCost, Operator};
use panarch_graph::{Bytes, Estimate, Latency, Layer, Macs, Network, Provenance, Shape, fused_layers};

use super::{Report, Row};

/// What a cost says besides what is in the report.
pub(in crate::command) struct Context<'a> {
    /// The network that the file holds, where it is known.
    pub network: Option<&'a Network>,
    /// Device, tool, version and the like; the report adds to its note.
    pub provenance: Provenance,
    /// How the interval lies around a latency.
    pub interval: &'a dyn Fn(Latency) -> Estimate<Latency>,
}

/// The cost that a report states. Vela leaves out what the host spends on driver and interrupt, so `fixed` is zero.
pub(in crate::command) fn cost(report: &Report, context: Context<'_>) -> Cost {
    let latency = |cycles: f64| Latency::from_seconds(cycles / report.clock_hz);
    let mut provenance = context.provenance;
    let note = provenance
        .note
        .take()
        .map(|note| format!("; {note}"))
        .unwrap_or_default();
    provenance.note = Some(describe(report) + &note);
    let possible = report.total.total * multipliers(&report.accelerator).unwrap_or(f64::INFINITY);
    Cost {
        latency: (context.interval)(latency(report.total.total)),
        fixed: Latency::ZERO,
        energy: None,
        energy_parts: None,
        fixed_energy: None,
        peak_memory: Bytes(report.sram_bytes),
        traffic: Bytes(report.off_chip_traffic),
        memory: Vec::new(),
        utilisation: (report.macs as f64 / possible).clamp(0.0, 1.0),
        per_layer: layers(report, context.network),
        provenance,
    }
}

fn describe(report: &Report) -> String {
    let total = &report.total;
    let parts: Vec<String> = total
        .parts()
        .iter()
        .skip(1)
        .map(|(part, cycles)| format!("{part} {cycles}"))
        .collect();
    format!(
        "core {}, {}, system configuration {}, memory mode {}, {} MHz; {} cycles of which {}; peak memory is SRAM, \
         besides {} bytes of DRAM; traffic is DRAM and off-chip flash; driver and interrupt are left out",
        report.core,
        report.accelerator,
        report.system,
        report.memory_mode,
        report.clock_hz / 1e6,
        total.total,
        parts.join(", "),
        report.dram_bytes,
    )
}

/// The multipliers of `Ethos_U55_256`.
fn multipliers(accelerator: &str) -> Option<f64> {
    let number: u32 = accelerator.rsplit(['_', '-']).next()?.parse().ok()?;
    (number > 0).then_some(f64::from(number))
}

/// One entry for each layer of ours that a row names, with all rows of that layer together, and one for each other row.
/// Of those nothing is known but the name: no block, and a shape of zeros.
fn layers(report: &Report, network: Option<&Network>) -> Vec<LayerCost> {
    let layers = network.map(fused_layers).unwrap_or_default();
    let mut places: Vec<Option<usize>> = vec![None; layers.len()];
    let mut costs: Vec<LayerCost> = Vec::new();
    for row in &report.rows {
        let own = network.and_then(|network| layer_of(row, network, &layers));
        let known = own.and_then(|index| places.get(index).copied().flatten());
        if let Some(cost) = known.and_then(|place| costs.get_mut(place)) {
            add(cost, row, report.clock_hz);
            continue;
        }
        if let Some(place) = own.and_then(|index| places.get_mut(index)) {
            *place = Some(costs.len());
        }
        let mut cost = match (own.and_then(|index| layers.get(index)), network) {
            (Some(layer), Some(network)) => empty_layer(layer, network),
            _ => LayerCost {
                name: row.name.clone(),
                block: String::new(),
                operator: row.operator.clone(),
                output: Shape::new(0, 0, 0),
                ..nothing()
            },
        };
        add(&mut cost, row, report.clock_hz);
        costs.push(cost);
    }
    costs
}

/// The layer that one of a row's names is a node of: the node's own value, or one on the way to it, which our writer calls
/// `NODE:part` and the compiler `NODE_intermediate`, or `NODE_act` where it runs a grouped convolution group by group.
fn layer_of(row: &Row, network: &Network, layers: &[Layer]) -> Option<usize> {
    row.name.split(';').find_map(|name| {
        let plain = name.strip_suffix("_intermediate").or_else(|| name.strip_suffix("_act"));
        let name = plain.filter(|_| network.find(name).is_none()).unwrap_or(name);
        let before = name.split(':').next().unwrap_or(name);
        let id = network.find(name).or_else(|| network.find(before))?;
        layers.iter().position(|layer| layer.nodes.contains(&id))
    })
}

fn empty_layer(layer: &Layer, network: &Network) -> LayerCost {
    LayerCost {
        name: layer.name.clone(),
        block: layer.block.clone(),
        device: None,
        operator: Operator::of(network, layer.anchor)
            .map_or("", Operator::name)
            .to_owned(),
        output: network.shape(layer.output),
        ..nothing()
    }
}

fn nothing() -> LayerCost {
    LayerCost {
        name: String::new(),
        block: String::new(),
        device: None,
        operator: String::new(),
        output: Shape::new(0, 0, 0),
        macs: Macs(0),
        latency: Latency::ZERO,
        compute: Latency::ZERO,
        movement: Latency::ZERO,
        attribution: Attribution::default(),
        energy: None,
        energy_parts: None,
        memory: Vec::new(),
        bound: Bound::Compute,
    }
}

fn add(cost: &mut LayerCost, row: &Row, clock_hz: f64) {
    let latency = |cycles: f64| Latency::from_seconds(cycles / clock_hz);
    cost.macs = Macs(cost.macs.0.saturating_add(row.macs));
    cost.latency += latency(row.cycles.total);
    cost.compute += latency(row.cycles.npu);
    cost.movement += latency(row.cycles.memory());
    let npu = row.cycles.npu.min(row.cycles.total);
    let waiting = latency(row.cycles.total - npu);
    cost.attribution.compute += latency(npu);
    // Flash holds nothing but weights.
    if row.cycles.on_chip_flash.max(row.cycles.off_chip_flash) >= row.cycles.memory() {
        cost.attribution.weights += waiting;
    } else {
        cost.attribution.activations += waiting;
    }
    cost.bound = if cost.movement > cost.compute {
        Bound::Movement
    } else {
        Bound::Compute
    };
}
