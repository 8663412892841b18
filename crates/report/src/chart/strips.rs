//! The blocks of every finalist side by side, aligned by name.

use crate::RunReport;
use crate::run_report::{Finalist, Role};

use super::blocks::{class, code, describe};
use super::svg::{Anchor, Room, Svg};

const LEFT: f64 = 98.0;
const ROW: f64 = 24.0;

/// One column a finalist, one row a block name; an empty string without blocks.
pub(crate) fn strips(report: &RunReport) -> String {
    let mut columns = report.finalists_by_role();
    columns.retain(|finalist| !finalist.blocks.is_empty());
    let rows = aligned(&columns);
    if rows.is_empty() {
        return String::new();
    }
    let blocks = columns.iter().flat_map(|finalist| &finalist.blocks);
    let widest = blocks.map(|block| block.output.channels).max().unwrap_or(1).max(1);
    let each = 78.0;
    let width = LEFT + each * columns.len() as f64 + 8.0;
    let top = 42.0;
    let mut svg = Svg::new(
        width,
        top + ROW * rows.len() as f64 + 8.0,
        "Blocks of every finalist side by side",
        "One column a finalist, one row a block; k is the kernel, e the expansion; boxes are as wide as their output has channels.",
    );
    for (index, finalist) in columns.iter().enumerate() {
        let left = LEFT + each * index as f64;
        let chosen = report.is_chosen(finalist);
        if chosen {
            svg.rect(
                (left + 1.0, 2.0),
                (each - 2.0, top + ROW * rows.len() as f64),
                "band",
                "",
            );
        }
        let room = Room::of(each - 2.0, 10.0);
        let class_name = if chosen { "tiny strong" } else { "tiny" };
        let middle = left + each / 2.0;
        let first = finalist.roles.first().map(short_role).unwrap_or_default();
        let first = if chosen { format!("★ {first}") } else { first };
        svg.fitted((middle, 17.0), Anchor::Middle, class_name, &first, room);
        let others = finalist.roles.len() - 1;
        if others > 0 {
            svg.text((middle, 32.0), Anchor::Middle, "faint", &format!("and {others} more"));
        }
        for (row, name) in rows.iter().enumerate() {
            let y = top + ROW * row as f64;
            match finalist.blocks.iter().find(|block| block.name == *name) {
                Some(block) => {
                    let share = f64::sqrt(f64::from(block.output.channels) / f64::from(widest));
                    let wide = 42.0 + (each - 48.0) * share;
                    let style = format!("block {}", class(block));
                    svg.rounded((middle - wide / 2.0, y), (wide, ROW - 5.0), &style, &describe(block));
                    let inside = Room::of(wide, 10.0);
                    svg.fitted((middle, y + 13.5), Anchor::Middle, "tiny", &code(block), inside);
                }
                None => svg.line((middle, y), (middle, y + ROW - 5.0), "absent"),
            }
        }
    }
    for (row, name) in rows.iter().enumerate() {
        let room = Room::of(LEFT - 4.0, 10.5);
        svg.fitted((4.0, top + ROW * row as f64 + 13.5), Anchor::Start, "tiny", name, room);
    }
    format!(
        "<div class=\"scroll\" style=\"--wide:{:.0}px\">{}</div>",
        width * 0.85,
        svg.finish()
    )
}

fn short_role(role: &Role) -> String {
    match role {
        Role::Device { name } => name.clone(),
        Role::Reference { .. } => "reference".to_owned(),
        other => other.to_string(),
    }
}

/// All block names, each after the one that precedes it somewhere.
fn aligned(finalists: &[&Finalist]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for finalist in finalists {
        let mut place = 0;
        for block in &finalist.blocks {
            match names.iter().position(|name| *name == block.name) {
                Some(known) => place = known + 1,
                None => {
                    names.insert(place, block.name.clone());
                    place += 1;
                }
            }
        }
    }
    names
}
