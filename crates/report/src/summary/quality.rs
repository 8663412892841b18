//! What the figures of measured devices are worth.

use crate::run_report::DeviceFacts;
use crate::table::{Cell, Column, Table};

/// Anchor, spread, left-out error and Kendall's τ of every measured device, with the verdict; `None` without any.
pub fn quality_table(devices: &[DeviceFacts]) -> Option<Table> {
    let mut table = Table::new(
        "Measured devices",
        vec![
            Column::text("device"),
            Column::text("anchor"),
            Column::number("anchor's latency").with_key("anchor_s"),
            Column::number("readings"),
            Column::quantity("spread", "%").with_key("spread"),
            Column::quantity("drift", "%").with_key("drift"),
            Column::quantity("left-out error", "%").with_key("left_out_error"),
            Column::number("Kendall τ").with_key("kendall_tau"),
            Column::number("further rounds"),
            Column::text("what it is worth").with_key("verdict"),
        ],
    );
    for device in devices {
        let Some(quality) = &device.quality else { continue };
        let percent = |share: f64| Cell::number(share, format!("{:.1}", share * 100.0));
        table.push(vec![
            Cell::text(&device.name),
            Cell::text(&quality.anchor),
            Cell::number(
                quality.anchor_latency.value.seconds(),
                quality.anchor_latency.value.to_string(),
            ),
            Cell::count(quality.readings.into()),
            percent(quality.spread),
            percent(quality.drift),
            quality.left_out_error.map_or_else(Cell::missing, percent),
            quality
                .kendall_tau
                .map_or_else(Cell::missing, |tau| Cell::decimal(tau, 2)),
            Cell::count(quality.further_rounds.into()),
            Cell::text(quality.verdict()),
        ]);
        table.note(format!(
            "limits on {}: spread {:.0} %, left-out error {:.0} %, Kendall τ {:.2}; every measurement is a ratio to the anchor, times the anchor's latency.",
            device.name,
            quality.spread_limit * 100.0,
            quality.error_limit * 100.0,
            quality.kendall_limit,
        ));
    }
    (!table.rows.is_empty()).then_some(table)
}
