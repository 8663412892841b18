//! Per-layer cost on one device.

use panarch_graph::Latency;

use crate::figure::{TimeUnit, millions};
use crate::run_report::DeviceLayers;
use crate::table::{Cell, Column, Table};

/// Every layer with its time, the time of arithmetic and of movement alone, and which one rules.
pub fn layers_table(layers: &DeviceLayers) -> Table {
    let times = layers.layers.iter().map(|layer| layer.latency);
    let longest = times.fold(Latency::ZERO, Latency::max);
    let unit = TimeUnit::for_longest(longest);
    let decimals = unit.decimals(longest);
    let mut table = Table::new(
        format!("Layers on {}", layers.device),
        vec![
            Column::text("layer"),
            Column::text("block"),
            Column::text("operator"),
            Column::text("out (C×H×W)").with_key("output_chw"),
            Column::quantity("MACs", "M").with_key("macs"),
            Column::quantity("time", unit.name).with_key("latency_s"),
            Column::quantity("compute", unit.name).with_key("compute_s"),
            Column::quantity("movement", unit.name).with_key("movement_s"),
            Column::text("bound"),
        ],
    );
    for layer in &layers.layers {
        table.push(vec![
            Cell::text(&layer.name),
            Cell::text(&layer.block),
            Cell::text(&layer.operator),
            Cell::text(layer.output.to_string()),
            millions(layer.macs.0),
            unit.cell(layer.latency, decimals),
            unit.cell(layer.compute, decimals),
            unit.cell(layer.movement, decimals),
            Cell::text(layer.bound.name()),
        ]);
    }
    table.note(format!(
        "Fixed time that no network can avoid, in no layer: {}.",
        layers.fixed
    ));
    table
}
