//! Every network that was evaluated.

use crate::RunReport;
use crate::figure::{TimeUnit, millions, with_half_width};
use crate::table::{Cell, Column, Table};

/// Every evaluated network, most accurate first: genotype, hash, accuracy with interval, latency
/// on each device, multiply-accumulates, parameters, the searches that proposed it.
pub fn networks_table(report: &RunReport) -> Table {
    let mut columns = vec![
        Column::text("genotype"),
        Column::text("network").with_key("network_hash"),
        Column::quantity("accuracy", "%"),
        Column::raw("accuracy_low_percent"),
        Column::raw("accuracy_high_percent"),
    ];
    let mut units = Vec::new();
    for (index, device) in report.devices.iter().enumerate() {
        let longest = report
            .networks
            .iter()
            .filter_map(|network| network.latency.get(index))
            .map(|on| on.latency.value);
        let unit = TimeUnit::for_all(longest.clone());
        units.push((
            unit,
            unit.decimals(longest.fold(panarch_graph::Latency::ZERO, |a, b| a.max(b))),
        ));
        let key = format!("latency_{}_s", device.name);
        columns.push(Column::quantity(device.name.clone(), unit.name).with_key(key));
    }
    columns.extend([
        Column::quantity("MACs", "M").with_key("macs"),
        Column::quantity("parameters", "k").with_key("parameters"),
        Column::text("non-dominated"),
        Column::text("found by"),
    ]);
    let basis = &report.search_accuracy;
    let title = format!(
        "Evaluated networks; accuracy on {} {} images, weights {}",
        crate::table::grouped(basis.images),
        basis.split,
        basis.weights
    );
    let mut table = Table::new(title, columns);
    let mut order: Vec<_> = report.networks.iter().collect();
    order.sort_by(|a, b| {
        let (a_share, b_share) = (a.accuracy.value.share(), b.accuracy.value.share());
        b_share.total_cmp(&a_share).then_with(|| a.genotype.cmp(&b.genotype))
    });
    for network in order {
        let mut cells = vec![
            Cell::text(&network.genotype),
            Cell::text(network.hash.short()),
            with_half_width(&network.accuracy),
            Cell::decimal(network.accuracy.low.percent(), 2),
            Cell::decimal(network.accuracy.high.percent(), 2),
        ];
        for (on, (unit, decimals)) in network.latency.iter().zip(&units) {
            cells.push(unit.cell(on.latency.value, *decimals));
        }
        cells.extend([
            millions(network.macs.0),
            Cell::count(network.parameters).shown_as(format!("{:.1}", network.parameters as f64 / 1e3)),
            Cell::flag(network.non_dominated),
            Cell::text(network.found_by.join(", ")),
        ]);
        table.push(cells);
    }
    table
}
