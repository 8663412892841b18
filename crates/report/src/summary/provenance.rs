//! Where every latency of a report comes from.

use crate::RunReport;
use crate::table::{Cell, Column, Table};

/// One row a provenance, with the number of latencies that have it.
pub fn provenance_table(report: &RunReport) -> Table {
    let mut table = Table::new(
        "Where every latency comes from",
        vec![
            Column::text("device"),
            Column::text("kind"),
            Column::text("tool"),
            Column::text("version"),
            Column::text("precision"),
            Column::number("batch"),
            Column::number("repeats"),
            Column::number("latencies"),
            Column::text("note"),
        ],
    );
    let mut counts = vec![0_u64; report.provenances.len()];
    let networks = report.networks.iter().flat_map(|network| &network.latency);
    let finalists = report.finalists.iter().flat_map(|finalist| &finalist.latency);
    let of_networks = networks.chain(finalists).map(|on| (on.provenance, 1));
    let of_pairs = report.predictions.iter().flat_map(|check| {
        let pairs = check.pairs.len() as u64;
        [(check.predicted, pairs), (check.measured, pairs)]
    });
    let of_layers = report
        .layers
        .iter()
        .map(|layers| (layers.provenance, layers.layers.len() as u64));
    for (index, count) in of_networks.chain(of_pairs).chain(of_layers) {
        if let Some(sum) = counts.get_mut(index.0 as usize) {
            *sum += count;
        }
    }
    for (provenance, count) in report.provenances.iter().zip(counts) {
        table.push(vec![
            Cell::text(&provenance.device),
            Cell::text(provenance.kind.to_string()),
            Cell::text(&provenance.tool),
            Cell::text(&provenance.version),
            Cell::text(provenance.precision.name()),
            Cell::count(provenance.batch.into()),
            provenance
                .repeats
                .map_or_else(Cell::missing, |repeats| Cell::count(repeats.into())),
            Cell::count(count),
            Cell::text(provenance.note.clone().unwrap_or_default()),
        ]);
    }
    table
}
