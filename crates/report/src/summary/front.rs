//! The front of accuracy against one device's latency.

use crate::RunReport;
use crate::figure::{TimeUnit, with_half_width};
use crate::table::{Cell, Column, Table};

/// Indices in [`RunReport::networks`] of the networks that no other one beats in accuracy and in
/// latency on this device, fastest first. Of networks with equal figures the first is kept.
pub fn front(report: &RunReport, device: usize) -> Vec<usize> {
    let latency = |index: usize| {
        report.networks[index]
            .latency
            .get(device)
            .map(|on| on.latency.value.seconds())
    };
    let accuracy = |index: usize| report.networks[index].accuracy.value.share();
    let mut order: Vec<(usize, f64)> = (0..report.networks.len())
        .filter_map(|index| latency(index).map(|seconds| (index, seconds)))
        .collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1).then(accuracy(b.0).total_cmp(&accuracy(a.0))));
    let mut best = f64::NEG_INFINITY;
    order.retain(|(index, _)| {
        let better = accuracy(*index) > best;
        best = best.max(accuracy(*index));
        better
    });
    order.into_iter().map(|(index, _)| index).collect()
}

/// The front on one device, fastest first.
pub fn front_table(report: &RunReport, device: usize) -> Table {
    let members = front(report, device);
    let name = report.devices.get(device).map_or("", |device| device.name.as_str());
    let target = report.devices.get(device).map(|device| device.target);
    let times = members
        .iter()
        .map(|index| report.networks[*index].latency[device].latency.high);
    let unit = TimeUnit::for_all(times.clone());
    let decimals = unit.decimals(times.fold(panarch_graph::Latency::ZERO, |a, b| a.max(b)));
    let mut table = Table::new(
        format!("Front on {name}"),
        vec![
            Column::text("genotype"),
            Column::text("network").with_key("network_hash"),
            Column::quantity("accuracy", "%"),
            Column::raw("accuracy_low_percent"),
            Column::raw("accuracy_high_percent"),
            Column::quantity("latency", unit.name).with_key("latency_s"),
            Column::quantity("from", unit.name).with_key("latency_low_s"),
            Column::quantity("to", unit.name).with_key("latency_high_s"),
            Column::number("r"),
            Column::text("provenance"),
        ],
    );
    for index in members {
        let network = &report.networks[index];
        let on = &network.latency[device];
        let provenance = report.provenances.get(on.provenance.0 as usize);
        table.push(vec![
            Cell::text(&network.genotype),
            Cell::text(network.hash.short()),
            with_half_width(&network.accuracy),
            Cell::decimal(network.accuracy.low.percent(), 2),
            Cell::decimal(network.accuracy.high.percent(), 2),
            unit.cell(on.latency.value, decimals),
            unit.cell(on.latency.low, decimals),
            unit.cell(on.latency.high, decimals),
            target.map_or_else(Cell::missing, |target| Cell::decimal(on.latency.value / target, 3)),
            Cell::text(provenance.map_or_else(String::new, |provenance| provenance.kind.to_string())),
        ]);
    }
    table
}
