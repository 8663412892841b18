//! The chosen network against the winner of each device, and block by block.

use crate::RunReport;
use crate::run_report::{BlockFacts, Finalist, Role};
use crate::table::{Cell, Column, Table};

/// For each device: accuracy and r of the network found for it alone and of the chosen one, and
/// what the chosen one costs or gains there. `None` without a chosen network.
pub fn comparison_table(report: &RunReport) -> Option<Table> {
    let chosen = report.chosen()?;
    let mut table = Table::new(
        "The chosen network against the winner for each device alone",
        vec![
            Column::text("device"),
            Column::number("r, winner alone"),
            Column::number("r, chosen"),
            Column::quantity("chosen slower by", "%"),
            Column::quantity("test accuracy, winner alone", "%"),
            Column::quantity("test accuracy, chosen", "%"),
            Column::quantity("chosen better by", "points"),
        ],
    );
    for (index, device) in report.devices.iter().enumerate() {
        let role = Role::Device {
            name: device.name.clone(),
        };
        let Some(winner) = report.finalist(&role) else {
            continue;
        };
        let r = |finalist: &Finalist| report.ratios(finalist).get(index).copied().unwrap_or(f64::NAN);
        let (alone, joint) = (r(winner), r(chosen));
        let (accuracy_alone, accuracy) = (
            winner.test_accuracy.value.percent(),
            chosen.test_accuracy.value.percent(),
        );
        table.push(vec![
            Cell::text(&device.name),
            Cell::decimal(alone, 3),
            Cell::decimal(joint, 3),
            signed((joint / alone - 1.0) * 100.0, 1),
            Cell::decimal(accuracy_alone, 2),
            Cell::decimal(accuracy, 2),
            signed(accuracy - accuracy_alone, 2),
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
}

/// A number that always shows its sign.
pub(crate) fn signed(value: f64, decimals: usize) -> Cell {
    let text = format!("{value:+.decimals$}").replace('-', "−");
    let zero = text.chars().all(|c| !c.is_ascii_digit() || c == '0');
    Cell::number(value, if zero { text.replace(['+', '−'], "±") } else { text })
}

/// The blocks of one finalist.
pub fn blocks_table(finalist: &Finalist) -> Table {
    let mut table = Table::new(
        format!("Blocks, {}", finalist.label()),
        vec![
            Column::text("block"),
            Column::text("operator"),
            Column::number("kernel"),
            Column::number("expansion"),
            Column::number("stride"),
            Column::text("in (C×H×W)").with_key("input_chw"),
            Column::text("out (C×H×W)").with_key("output_chw"),
            Column::text("residual"),
            Column::number("repeats"),
            Column::quantity("MACs", "M").with_key("macs"),
            Column::number("parameters"),
        ],
    );
    for block in &finalist.blocks {
        table.push(block_row(block));
    }
    table
}

fn block_row(block: &BlockFacts) -> Vec<Cell> {
    vec![
        Cell::text(&block.name),
        Cell::text(&block.operator),
        block.kernel.map_or_else(Cell::missing, |kernel| {
            Cell::count(kernel.into()).shown_as(format!("{kernel}×{kernel}"))
        }),
        block
            .expansion
            .map_or_else(Cell::missing, |expansion| Cell::number(expansion, rounded(expansion))),
        Cell::count(block.stride.into()),
        Cell::text(block.input.to_string()),
        Cell::text(block.output.to_string()),
        Cell::flag(block.residual),
        Cell::count(block.repeats.into()),
        crate::figure::millions(block.macs.0),
        Cell::count(block.parameters),
    ]
}

/// Two places at most, none for a whole number.
pub(crate) fn rounded(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_shown() {
        for (value, text) in [(1.25, "+1.2"), (-0.31, "−0.3"), (0.01, "±0.0"), (-0.01, "±0.0")] {
            assert_eq!(signed(value, 1).text, text);
        }
        assert_eq!(rounded(4.0), "4");
        assert_eq!(rounded(2.667), "2.67");
    }
}
