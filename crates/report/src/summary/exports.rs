//! Exported files and how they were verified.

use crate::RunReport;
use crate::table::{Cell, Column, Emphasis, Table};

/// Every exported file with each runtime that ran it against the training engine.
pub fn exports_table(report: &RunReport) -> Table {
    let mut table = Table::new(
        "Exported files, run against the training engine",
        vec![
            Column::text("network"),
            Column::text("network hash"),
            Column::text("file"),
            Column::quantity("size", "KiB").with_key("bytes"),
            Column::text("BLAKE3 of the file").with_key("file_blake3"),
            Column::text("run in"),
            Column::number("images"),
            Column::number("largest difference").with_key("worst_difference_share"),
            Column::number("allowed").with_key("tolerance_share"),
            Column::text("result"),
        ],
    );
    for finalist in &report.finalists {
        let Some(export) = &finalist.export else {
            continue;
        };
        let file = || {
            vec![
                Cell::text(finalist.label()),
                Cell::text(finalist.hash.short()),
                Cell::text(&export.file),
                Cell::count(export.bytes.0).shown_as(format!("{:.1}", export.bytes.0 as f64 / 1024.0)),
                Cell::text(export.file_hash.to_string()).shown_as(export.file_hash.short()),
            ]
        };
        for check in &export.checks {
            let mut cells = file();
            cells.extend([
                Cell::text(&check.runtime),
                Cell::count(check.images.into()),
                check
                    .worst_difference
                    .map_or_else(Cell::missing, |share| Cell::number(share, format!("{share:.1e}"))),
                Cell::number(check.tolerance, format!("{:.0e}", check.tolerance)),
                Cell::text(if check.passed { "passed" } else { "FAILED" }),
            ]);
            table.push_row(cells, if check.passed { Emphasis::Plain } else { Emphasis::Bad });
        }
        if export.checks.is_empty() {
            let mut cells = file();
            cells.extend([Cell::missing(), Cell::missing(), Cell::missing(), Cell::missing()]);
            cells.push(Cell::text("not run"));
            table.push_row(cells, Emphasis::Bad);
        }
    }
    table
}
