//! A network's blocks from input to output, as boxes as wide as their channels.

use crate::run_report::{BlockFacts, Finalist, merge_repeats};

use super::blocks::{class, describe, words};
use super::svg::{Anchor, N, Room, Svg};

const STEP: f64 = 50.0;
const BOX: f64 = 30.0;
const MIDDLE: f64 = 230.0;
const NARROW: f64 = 172.0;
const WIDE: f64 = 250.0;

/// The diagram of one network; an empty string without blocks.
pub(crate) fn diagram(finalist: &Finalist) -> String {
    let blocks = merge_repeats(&finalist.blocks);
    let Some(first) = blocks.first() else {
        return String::new();
    };
    let widest = blocks
        .iter()
        .map(|block| block.output.channels)
        .max()
        .unwrap_or(1)
        .max(1);
    let mut svg = Svg::new(
        460.0,
        46.0 + STEP * blocks.len() as f64,
        &format!("Blocks of the network found for {}", finalist.label()),
        &format!(
            "{} rows from input to output; boxes are as wide as their output has channels.",
            blocks.len()
        ),
    );
    svg.text(
        (MIDDLE, 16.0),
        Anchor::Middle,
        "label",
        &format!("image {}", first.input),
    );
    svg.text((454.0, 16.0), Anchor::End, "axis", "out C×H×W");
    let mut y = 44.0;
    for block in &blocks {
        // Square root, so that narrow early blocks keep a visible width.
        let share = f64::sqrt(f64::from(block.output.channels) / f64::from(widest));
        let width = NARROW + (WIDE - NARROW) * share;
        arrow(&mut svg, y);
        svg.rounded(
            (MIDDLE - width / 2.0, y),
            (width, BOX),
            &format!("block {}", class(block)),
            &describe(block),
        );
        labels(&mut svg, block, y, width);
        if block.residual {
            residual(&mut svg, y, width);
        }
        y += STEP;
    }
    svg.finish()
}

fn labels(svg: &mut Svg, block: &BlockFacts, y: f64, width: f64) {
    let room = Room::of(width - 6.0, 11.0);
    let mut inside = short_words(block);
    if block.repeats > 1 {
        inside = format!("{}× {inside}", block.repeats);
    }
    svg.fitted((MIDDLE, y + 19.0), Anchor::Middle, "inside", &inside, room);
    let name = Room::of(88.0, 11.0);
    svg.fitted((4.0, y + 19.0), Anchor::Start, "small", &block.name, name);
    svg.text((454.0, y + 13.0), Anchor::End, "small", &block.output.to_string());
    svg.text((454.0, y + 27.0), Anchor::End, "faint", &block.macs.to_string());
}

/// The words that fit a box: long operator names shortened as in the field's papers.
fn short_words(block: &BlockFacts) -> String {
    words(block)
        .replace("fused inverted bottleneck", "Fused-IB")
        .replace("inverted bottleneck", "IB")
        .replace("depthwise convolution", "depthwise")
        .replace("convolution", "conv")
        .replace(", expansion ", " · e")
        .replace(", stride ", " · stride ")
}

fn arrow(svg: &mut Svg, y: f64) {
    svg.line((MIDDLE, y - STEP + BOX), (MIDDLE, y - 4.0), "arrow");
    svg.path(
        &format!(
            "M{} {}L{} {}L{} {}Z",
            N(MIDDLE - 3.5),
            N(y - 6.0),
            N(MIDDLE + 3.5),
            N(y - 6.0),
            N(MIDDLE),
            N(y)
        ),
        "arrowhead",
    );
}

/// The way around a block, with the sum behind it.
fn residual(svg: &mut Svg, y: f64, width: f64) {
    let (top, bottom, out) = (y - 8.0, y + BOX + 6.0, MIDDLE + width / 2.0 + 9.0);
    let data = format!(
        "M{m} {t}L{near} {t}Q{o} {t} {o} {}L{o} {}Q{o} {b} {near} {b}L{m} {b}",
        N(top + 8.0),
        N(bottom - 8.0),
        m = N(MIDDLE),
        near = N(out - 8.0),
        o = N(out),
        t = N(top),
        b = N(bottom),
    );
    svg.path(&data, "residual");
    svg.circle((MIDDLE, bottom), 4.0, "sum", "the block's input is added to its output");
    svg.line((MIDDLE - 2.5, bottom), (MIDDLE + 2.5, bottom), "residual");
    svg.line((MIDDLE, bottom - 2.5), (MIDDLE, bottom + 2.5), "residual");
}
