//! Predicted against measured latency.

use crate::figure::TimeUnit;
use crate::run_report::PredictionCheck;
use crate::table::{Cell, Column, Table};

/// Every network with its predicted and measured latency, both with intervals.
pub fn predictions_table(check: &PredictionCheck) -> Table {
    let times = check
        .pairs
        .iter()
        .flat_map(|pair| [pair.predicted.high, pair.measured.high]);
    let unit = TimeUnit::for_all(times);
    let quantity = |name: &str, key: &str| Column::quantity(name, unit.name).with_key(key);
    let mut table = Table::new(
        format!("Predicted and measured latency on {}, {}", check.device, check.networks),
        vec![
            Column::text("genotype"),
            quantity("predicted", "predicted_s"),
            quantity("from", "predicted_low_s"),
            quantity("to", "predicted_high_s"),
            quantity("measured", "measured_s"),
            quantity("from", "measured_low_s"),
            quantity("to", "measured_high_s"),
            Column::quantity("error", "%"),
        ],
    );
    for pair in &check.pairs {
        let (predicted, measured) = (&pair.predicted, &pair.measured);
        let error = (predicted.value / measured.value - 1.0) * 100.0;
        table.push(vec![
            Cell::text(&pair.genotype),
            unit.cell(predicted.value, 3),
            unit.cell(predicted.low, 3),
            unit.cell(predicted.high, 3),
            unit.cell(measured.value, 3),
            unit.cell(measured.low, 3),
            unit.cell(measured.high, 3),
            super::comparison::signed(error, 1),
        ]);
    }
    table
}
