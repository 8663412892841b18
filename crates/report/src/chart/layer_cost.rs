//! Where the time goes on one device: a bar a block, a segment a layer, hatched by its bound.

use panarch_cost::{Bound, LayerCost};
use panarch_graph::Latency;

use crate::RunReport;
use crate::figure::TimeUnit;
use crate::run_report::DeviceLayers;

use super::axis::{Frame, Scale};
use super::svg::{Anchor, Room, Svg};

const ROW: f64 = 21.0;
const LEFT: f64 = 98.0;

/// The chart of one device.
pub(crate) fn layer_cost(report: &RunReport, layers: &DeviceLayers) -> String {
    let mut blocks: Vec<(&str, Vec<&LayerCost>)> = Vec::new();
    for layer in &layers.layers {
        match blocks.last_mut() {
            Some((name, members)) if *name == layer.block => members.push(layer),
            _ => blocks.push((&layer.block, vec![layer])),
        }
    }
    let sum = |members: &[&LayerCost]| members.iter().map(|layer| layer.latency).sum();
    let totals: Vec<Latency> = blocks.iter().map(|(_, members)| sum(members)).collect();
    let unit = TimeUnit::for_all(totals.iter().copied().chain([layers.fixed]));
    let rows = blocks.len() + 1;
    let frame = Frame {
        left: LEFT,
        top: 22.0,
        right: 412.0,
        bottom: 26.0 + ROW * rows as f64,
        x: Scale::from_zero(totals.iter().chain([&layers.fixed]).map(|time| unit.of(*time)), 5),
        y: Scale::from_zero([1.0], 1),
    };
    let kind = report
        .provenances
        .get(layers.provenance.0 as usize)
        .map(|p| p.kind.to_string());
    let mut svg = Svg::new(
        460.0,
        frame.bottom + 44.0,
        &format!("Time of every block on {}", layers.device),
        "One bar a block, one segment a layer; solid: bound by compute, hatched: by data movement, dotted: by overhead.",
    );
    let title = format!("{}, {}", layers.device, kind.unwrap_or_default());
    svg.fitted((4.0, 14.0), Anchor::Start, "heading", &title, Room::of(400.0, 12.5));
    frame.draw_x(&mut svg, &format!("time ({})", unit.name));
    svg.text((454.0, 14.0), Anchor::End, "axis", unit.name);
    let row_y = |row: usize| frame.top + 4.0 + ROW * row as f64;
    let label = |svg: &mut Svg, row: usize, name: &str, total: Latency| {
        let y = row_y(row) + 12.0;
        svg.fitted((4.0, y), Anchor::Start, "small", name, Room::of(LEFT - 8.0, 11.0));
        svg.text((454.0, y), Anchor::End, "small", &unit.text(total));
    };
    label(&mut svg, 0, "fixed", layers.fixed);
    for (index, ((name, _), total)) in blocks.iter().zip(&totals).enumerate() {
        label(&mut svg, index + 1, name, *total);
    }
    let fixed = frame.x_at(unit.of(layers.fixed)) - LEFT;
    svg.rect(
        (LEFT, row_y(0)),
        (fixed, ROW - 5.0),
        "seg fixed",
        &format!("fixed: {}", layers.fixed),
    );
    for (index, (_, members)) in blocks.iter().enumerate() {
        let mut done = Latency::ZERO;
        for layer in members {
            let from = frame.x_at(unit.of(done));
            done += layer.latency;
            let to = frame.x_at(unit.of(done));
            let class = match layer.bound {
                Bound::Compute => "seg compute",
                Bound::Movement => "seg movement",
                Bound::Overhead => "seg overhead",
            };
            let tooltip = format!(
                "{} ({}): {}, compute {}, movement {}, bound by {}",
                layer.name,
                layer.operator,
                layer.latency,
                layer.compute,
                layer.movement,
                layer.bound.name()
            );
            svg.rect((from, row_y(index + 1)), (to - from, ROW - 5.0), class, &tooltip);
        }
    }
    svg.finish()
}
