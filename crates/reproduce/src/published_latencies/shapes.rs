//! The shape of an array about which nothing is published, chosen by the latencies that its rates are fitted to.

use panarch_cost::Model;
use panarch_graph::Latency;

use super::fit::{Fit, estimates};
use super::sample::Sample;
use super::score::Score;
use crate::profile_text::{with, with_padding};
use panarch_run::Error;

/// The profile whose array is an assumption.
pub(super) const DEVICE: &str = "edgetpu-pixel6";

/// Reduction lanes, output lanes and positions of an array.
struct Shape {
    lanes: [u32; 3],
    granules: &'static str,
    weight_load_cycles: u32,
}

const fn shape(lanes: [u32; 3], granules: &'static str, weight_load_cycles: u32) -> Shape {
    Shape {
        lanes,
        granules,
        weight_load_cycles,
    }
}

const WIDE: &str = "channels = [64, 4], taps = [1, 16]";
const NARROW: &str = "channels = [4], taps = [1]";

/// 4,096 multipliers, or twice as many.
const SHAPES: [Shape; 8] = [
    shape([64, 64, 1], WIDE, 64),
    shape([64, 64, 2], WIDE, 64),
    shape([32, 32, 4], "channels = [32, 4], taps = [1, 8]", 32),
    shape([16, 16, 16], "channels = [16, 4], taps = [1, 4]", 16),
    shape([4, 128, 8], NARROW, 1),
    shape([4, 64, 16], NARROW, 1),
    shape([4, 64, 32], NARROW, 1),
    shape([4, 32, 32], NARROW, 1),
];

impl Shape {
    fn name(&self) -> String {
        self.lanes.map(|count| count.to_string()).join("×")
    }

    /// The profile with this array. Depthwise convolutions use its output lanes, of which narrow ones are joined to 64.
    fn put_into(&self, text: &str) -> Option<String> {
        let [reduction, output, positions] = self.lanes;
        let mut text = with_padding(text, self.granules)?;
        for (path, to) in [
            ("array.reduction_lanes", reduction),
            ("array.output_lanes", output),
            ("array.pixel_lanes_wide", positions),
            ("array.weight_load_cycles", self.weight_load_cycles),
            ("depthwise.channel_lanes", output.max(64)),
        ] {
            text = with(&text, path, &to.to_string())?;
        }
        Some(text)
    }
}

/// Rows of shape, τ and mean error in sample and left out; the last is of the shape that fits the others best, chosen anew
/// without each network.
pub(super) fn rows(sample: &Sample) -> Result<Vec<Vec<String>>, Error> {
    let mut rows = Vec::new();
    let mut fits: Vec<(String, Fit)> = Vec::new();
    for shape in &SHAPES {
        let text = shape.put_into(&sample.text).ok_or_else(|| {
            let name = sample.name();
            Error::Input(format!("the array of `{name}` is not described by lanes"))
        })?;
        let fit = Fit::new(sample, &text, &sample.figures)?;
        rows.push(row(
            shape.name(),
            sample,
            &fit.within(sample, Model::Analytic)?,
            &fit.left_out(sample, Model::Analytic)?,
        ));
        fits.push((shape.name(), fit));
    }
    let whole = fits.iter().min_by(|a, b| a.1.whole.error.total_cmp(&b.1.whole.error));
    let (Some((name, whole)), true) = (whole, !sample.networks.is_empty()) else {
        return Ok(rows);
    };
    let mut left_out: Vec<Latency> = Vec::new();
    for (index, network) in sample.networks.iter().enumerate() {
        let without = fits.iter().filter_map(|(_, fit)| fit.without.get(index));
        if let Some(best) = without.min_by(|a, b| a.error.total_cmp(&b.error)) {
            left_out.extend(estimates(&best.text, std::slice::from_ref(network), Model::Analytic)?);
        }
    }
    let within = whole.within(sample, Model::Analytic)?;
    rows.push(row(
        format!("chosen each time (of all: {name})"),
        sample,
        &within,
        &left_out,
    ));
    Ok(rows)
}

fn row(name: String, sample: &Sample, within: &[Latency], left_out: &[Latency]) -> Vec<String> {
    let mut row = vec![name];
    row.extend(Score::of(sample, within).cells());
    let score = Score::of(sample, left_out);
    row.extend(score.cells());
    row.extend(score.worst_cells());
    row
}
