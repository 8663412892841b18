//! Fixed shares and rank correlations between devices.

use crate::run_report::{DeviceAgreement, DeviceFacts};
use crate::table::{Cell, Column, Table};

/// One row a device: class, median fixed share, Kendall's τ against every device; the verdict below.
pub fn agreement_table(devices: &[DeviceFacts], agreement: &DeviceAgreement) -> Table {
    let mut columns = vec![
        Column::text("device"),
        Column::text("class"),
        Column::quantity("fixed share", "%").with_key("fixed_share"),
    ];
    for device in devices {
        let key = format!("kendall_tau_{}", device.name);
        columns.push(Column::number(format!("τ {}", device.name)).with_key(key));
    }
    let title = format!("Devices over {} sampled networks", agreement.sampled);
    let mut table = Table::new(title, columns);
    for (row, device) in devices.iter().enumerate() {
        let mut cells = vec![Cell::text(&device.name), Cell::text(&device.class)];
        cells.push(match device.fixed_share {
            Some(share) => Cell::decimal(share * 100.0, 1).with_value(share),
            None => Cell::missing(),
        });
        for column in 0..devices.len() {
            let tau = agreement.kendall.get(row).and_then(|taus| taus.get(column));
            cells.push(tau.map_or_else(Cell::missing, |tau| Cell::decimal(*tau, 2).with_value(*tau)));
        }
        table.push(cells);
    }
    table.note("Fixed share: median of the part of latency that no network can avoid. τ: Kendall's rank correlation of latency, 1 means the devices agree.");
    table.note(verdict(devices, agreement));
    table
}

/// Whether the choice of devices makes a fair demonstration, in words.
pub(crate) fn verdict(devices: &[DeviceFacts], agreement: &DeviceAgreement) -> String {
    let verdict = agreement.verdict(devices);
    let shares = match verdict.mostly_fixed {
        0 => format!(
            "every fixed share is at most {:.0} %",
            agreement.fixed_share_limit * 100.0
        ),
        1 => format!(
            "one device has a fixed share above {:.0} %",
            agreement.fixed_share_limit * 100.0
        ),
        n => format!(
            "{n} devices have a fixed share above {:.0} %",
            agreement.fixed_share_limit * 100.0
        ),
    };
    let (pairs, have) = match verdict.disagreeing_pairs {
        0 => ("no pair".to_owned(), "has"),
        1 => ("one pair".to_owned(), "has"),
        n => (format!("{n} pairs"), "have"),
    };
    format!(
        "{}: {shares}, and {pairs} of devices {have} τ below {} ({} needed).",
        if verdict.fair { "Fair" } else { "Not a fair comparison" },
        agreement.kendall_limit,
        agreement.pairs_needed
    )
}
