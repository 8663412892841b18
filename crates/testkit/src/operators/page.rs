//! The suite's answers as a page.

use std::fmt::Write;

use super::costs::cost_kinds;
use super::suite::{Answer, Row};

/// The page `docs/reference/operators.md`.
///
/// # Errors
/// Every answer that is neither right nor a refusal by name.
pub fn page(rows: &[Row]) -> Result<String, Vec<String>> {
    let wrong: Vec<String> = rows
        .iter()
        .flat_map(|row| row.columns.iter().map(move |column| (row, column)))
        .filter_map(|(row, column)| match &column.answer {
            Answer::Wrong(what) => Some(format!("{}, {}, {}: {what}", row.operator, row.setting, column.name)),
            Answer::Yes | Answer::Refused(_) => None,
        })
        .collect();
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let mut page = String::from(
        "# Operators\n\n*This page is made by running the suite of operators: `cargo xtask docs`.* A test fails where it is \
         not current.\n\nEach operator is tried in several settings: the engine against a reference in f64, its gradients \
         against finite differences, the ONNX file read back and run in rten (and in ONNX Runtime where it is found) \
         against the reference, the int8 TFLite file by its structure, and every kind of cost model, which must take time \
         for it. `yes` is right in every setting; `refused` names the operator and says why, below; `in part` is both.\n\n",
    );
    let names: Vec<&str> = rows.first().map_or_else(Vec::new, |row| {
        row.columns.iter().map(|column| column.name.as_str()).collect()
    });
    let _ = writeln!(page, "| operator | settings | {} |", names.join(" | "));
    let _ = writeln!(page, "|---|---|{}", "---|".repeat(names.len()));
    for group in rows.chunk_by(|a, b| a.operator == b.operator) {
        let cells = (0..names.len()).map(|index| {
            let refused = group.iter().filter(|row| refusal(row, index).is_some()).count();
            match refused {
                0 => "yes",
                all if all == group.len() => "refused",
                _ => "in part",
            }
        });
        let cells: Vec<&str> = cells.collect();
        let _ = writeln!(
            page,
            "| {} | {} | {} |",
            group[0].operator,
            group.len(),
            cells.join(" | ")
        );
    }
    page.push_str("\nThe cost models answer with the figures of these devices:\n\n");
    for kind in cost_kinds() {
        let device = kind.device.map_or_else(
            || "a table that knows the network's blocks".to_owned(),
            |device| format!("`{device}`"),
        );
        let _ = writeln!(page, "- {}: {device}", kind.name);
    }
    page.push_str("\n## What is refused\n");
    let mut none = true;
    for (index, name) in names.iter().enumerate() {
        let refused: Vec<(&Row, &str)> = rows
            .iter()
            .filter_map(|row| Some((row, refusal(row, index)?)))
            .collect();
        if refused.is_empty() {
            continue;
        }
        none = false;
        let _ = writeln!(page, "\n### {name}\n");
        for (row, words) in refused {
            let _ = writeln!(page, "- {}, {}: {words}", row.operator, row.setting);
        }
    }
    if none {
        page.push_str("\nNothing.\n");
    }
    Ok(page)
}

fn refusal(row: &Row, column: usize) -> Option<&str> {
    match &row.columns.get(column)?.answer {
        Answer::Refused(words) => Some(words),
        Answer::Yes | Answer::Wrong(_) => None,
    }
}
