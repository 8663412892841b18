//! Predicted against measured latency, with intervals and the diagonal.

use crate::figure::{TimeUnit, latency_with_interval};
use crate::run_report::PredictionCheck;

use super::axis::{Frame, Scale};
use super::mark::device_mark;
use super::svg::{Anchor, Svg};

/// The chart; an empty string without pairs.
pub(crate) fn prediction(check: &PredictionCheck) -> String {
    if check.pairs.is_empty() {
        return String::new();
    }
    let ends = |pair: &crate::run_report::PredictionPair| {
        [
            pair.predicted.low,
            pair.predicted.high,
            pair.measured.low,
            pair.measured.high,
        ]
    };
    let unit = TimeUnit::for_all(check.pairs.iter().flat_map(ends));
    let scale = Scale::around(check.pairs.iter().flat_map(ends).map(|time| unit.of(time)), 5);
    let frame = Frame {
        left: 46.0,
        top: 34.0,
        right: 446.0,
        bottom: 344.0,
        x: scale.clone(),
        y: scale,
    };
    let mut svg = Svg::new(
        460.0,
        386.0,
        &format!("Predicted against measured latency on {}", check.device),
        &format!(
            "{} networks ({}); on the diagonal prediction and measurement agree.",
            check.pairs.len(),
            check.networks
        ),
    );
    frame.draw(
        &mut svg,
        &format!("measured ({})", unit.name),
        &format!("predicted ({})", unit.name),
    );
    let (low, high) = (frame.x.low, frame.x.high);
    svg.line(frame.at(low, low), frame.at(high, high), "target");
    svg.text(
        (frame.right - 34.0, frame.top + 14.0),
        Anchor::End,
        "targetlabel",
        "equal",
    );
    for pair in &check.pairs {
        let (x, y) = frame.at(unit.of(pair.measured.value), unit.of(pair.predicted.value));
        svg.line(
            (x, frame.y_at(unit.of(pair.predicted.low))),
            (x, frame.y_at(unit.of(pair.predicted.high))),
            "bar",
        );
        svg.line(
            (frame.x_at(unit.of(pair.measured.low)), y),
            (frame.x_at(unit.of(pair.measured.high)), y),
            "bar",
        );
    }
    for pair in &check.pairs {
        let tooltip = format!(
            "{}: predicted {}, measured {}",
            pair.genotype,
            latency_with_interval(&pair.predicted),
            latency_with_interval(&pair.measured)
        );
        let at = frame.at(unit.of(pair.measured.value), unit.of(pair.predicted.value));
        svg.mark(device_mark(0), at, 4.0, &tooltip);
    }
    svg.finish()
}
