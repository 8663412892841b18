//! The table that a run ends with.

use crate::RunReport;
use crate::figure::{joined, level, millions, with_half_width};
use crate::run_report::{DeviceFacts, Finalist, MeasurementQuality};
use crate::table::{Cell, Column, Emphasis, Table};

/// The finalists: what each was found for, test accuracy with interval, r on each device, average
/// and worst r, multiply-accumulates and parameters. One row a role; the chosen network stands out.
pub fn finalists_table(report: &RunReport) -> Table {
    let mut columns = vec![
        Column::text("network found for").with_key("role"),
        Column::quantity("test accuracy", "%"),
        Column::raw("test_accuracy_low_percent"),
        Column::raw("test_accuracy_high_percent"),
    ];
    for device in &report.devices {
        let key = format!("r_{}", device.name);
        columns.push(Column::number(format!("r {}", device.name)).with_key(key));
    }
    for (device, _) in measured(report) {
        columns.push(Column::raw(format!("ranking_holds_{}", device.name)));
    }
    columns.extend([
        Column::number("average r"),
        Column::number("worst r"),
        Column::quantity("MACs", "M").with_key("macs"),
        Column::quantity("parameters", "k").with_key("parameters"),
    ]);
    let mut table = Table::new(
        "Finalists: test accuracy, and latency over target on every device",
        columns,
    );
    for (role, finalist) in report.roles() {
        let chosen = report.is_chosen(finalist);
        let mut cells = vec![
            Cell::text(role.to_string()),
            with_half_width(&finalist.test_accuracy),
            Cell::decimal(finalist.test_accuracy.low.percent(), 2),
            Cell::decimal(finalist.test_accuracy.high.percent(), 2),
        ];
        let ratios = report.ratios(finalist);
        cells.extend(ratios.iter().map(|ratio| Cell::decimal(*ratio, 3)));
        cells.extend(measured(report).map(|(_, quality)| Cell::flag(quality.ranks())));
        cells.extend([
            Cell::decimal(mean(&ratios), 3),
            Cell::decimal(worst(&ratios), 3),
            millions(finalist.macs.0),
            Cell::count(finalist.parameters).shown_as(format!("{:.1}", finalist.parameters as f64 / 1e3)),
        ]);
        table.push_row(cells, if chosen { Emphasis::Strong } else { Emphasis::Plain });
    }
    notes(report, &mut table);
    table
}

/// The devices that were measured, with what that is worth.
fn measured(report: &RunReport) -> impl Iterator<Item = (&DeviceFacts, &MeasurementQuality)> {
    let devices = report.devices.iter();
    devices.filter_map(|device| Some((device, device.quality.as_ref()?)))
}

fn notes(report: &RunReport, table: &mut Table) {
    if let Some(finalist) = report.finalists.first() {
        let basis = &report.test_accuracy;
        table.note(format!(
            "± is half the {} interval; accuracy on {} images ({}, {}).",
            level(finalist.test_accuracy.level),
            crate::table::grouped(basis.images),
            basis.split,
            basis.weights
        ));
    }
    let mut origins: Vec<&str> = report.devices.iter().map(|d| d.target_origin.as_str()).collect();
    origins.dedup();
    table.note(format!(
        "r = latency / target, smaller is faster; target: {}.",
        origins.join("; ")
    ));
    for worth in report.devices.iter().filter_map(DeviceFacts::worth) {
        table.note(format!("{worth}."));
    }
    for finalist in report.finalists.iter().filter(|finalist| finalist.roles.len() > 1) {
        table.note(format!("{} are one and the same network.", roles_of(finalist)));
    }
    if let Some(chosen) = report.chosen() {
        table.note(format!("Chosen: {}, network {}.", chosen.label(), chosen.hash.short()));
    }
}

fn roles_of(finalist: &Finalist) -> String {
    let roles: Vec<String> = finalist.roles.iter().map(|role| format!("“{role}”")).collect();
    joined(&roles)
}

/// Mean; not-a-number without values.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Largest; not-a-number without values.
pub(crate) fn worst(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::max)
}
