//! Scales with ticks at round numbers, and the frame of a chart.

use super::svg::{Anchor, Svg};

/// Ticks at multiples of 1, 2 or 5 times a power of ten.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    /// Lowest value shown.
    pub low: f64,
    /// Highest value shown.
    pub high: f64,
    step: f64,
}

impl Scale {
    /// A scale over the values with a twentieth of room on both sides and about `ticks` ticks.
    /// Without values, or without finite ones, it runs from 0 to 1.
    pub fn around(values: impl IntoIterator<Item = f64>, ticks: usize) -> Self {
        let (low, high) = extent(values);
        let room = if high > low {
            (high - low) * 0.05
        } else {
            high.abs().max(1e-12) * 0.05
        };
        Scale::new(low - room, high + room, ticks)
    }

    /// A scale from zero to the highest value, with room above.
    pub fn from_zero(values: impl IntoIterator<Item = f64>, ticks: usize) -> Self {
        let (_, high) = extent(values);
        Scale::new(0.0, if high > 0.0 { high * 1.04 } else { 1.0 }, ticks)
    }

    fn new(low: f64, high: f64, ticks: usize) -> Self {
        let rough = (high - low) / ticks.max(1) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let step = match rough / power {
            factor if factor < 1.5 => power,
            factor if factor < 3.5 => 2.0 * power,
            factor if factor < 7.5 => 5.0 * power,
            _ => 10.0 * power,
        };
        Scale { low, high, step }
    }

    /// Tick values within the scale.
    pub fn ticks(&self) -> Vec<f64> {
        let first = (self.low / self.step).ceil();
        let count = ((self.high / self.step).floor() - first).clamp(-1.0, 50.0) as i64;
        (0..=count).map(|index| (first + index as f64) * self.step).collect()
    }

    /// A tick's text with as many decimals as the step needs.
    pub fn label(&self, value: f64) -> String {
        let decimals = (-self.step.log10().floor()).clamp(0.0, 9.0) as usize;
        let text = format!("{value:.decimals$}");
        if text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') {
            text.trim_start_matches('-').to_owned()
        } else {
            text.replace('-', "−")
        }
    }

    /// Share of the way from low to high.
    pub fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

fn extent(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let finite = values
        .into_iter()
        .filter(|value| value.is_finite() && value.abs() < 1e15);
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// The inside of a chart with a horizontal and a vertical scale.
pub(super) struct Frame {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
    pub x: Scale,
    pub y: Scale,
}

impl Frame {
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x_at(x), self.y_at(y))
    }

    /// Values beyond the scale stop at the frame.
    pub fn x_at(&self, x: f64) -> f64 {
        self.left + self.x.share(x).clamp(0.0, 1.0) * (self.right - self.left)
    }

    pub fn y_at(&self, y: f64) -> f64 {
        self.bottom - self.y.share(y).clamp(0.0, 1.0) * (self.bottom - self.top)
    }

    /// Grid, tick labels and axis titles; the vertical title stands above the axis.
    pub fn draw(&self, svg: &mut Svg, x_title: &str, y_title: &str) {
        self.draw_x(svg, x_title);
        for tick in self.y.ticks() {
            let y = self.y_at(tick);
            svg.line((self.left, y), (self.right, y), "grid");
            svg.text((self.left - 6.0, y + 4.0), Anchor::End, "tick", &self.y.label(tick));
        }
        svg.text((4.0, self.top - 10.0), Anchor::Start, "axis", y_title);
        svg.line((self.left, self.top), (self.left, self.bottom), "frame");
    }

    /// Grid and labels of the horizontal axis alone.
    pub fn draw_x(&self, svg: &mut Svg, title: &str) {
        for tick in self.x.ticks() {
            let x = self.x_at(tick);
            svg.line((x, self.top), (x, self.bottom), "grid");
            svg.text((x, self.bottom + 16.0), Anchor::Middle, "tick", &self.x.label(tick));
        }
        let middle = (self.left + self.right) / 2.0;
        svg.text((middle, self.bottom + 35.0), Anchor::Middle, "axis", title);
        svg.line((self.left, self.bottom), (self.right, self.bottom), "frame");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let scale = Scale::around([88.1, 91.7], 5);
        assert_eq!(scale.ticks(), [88.0, 89.0, 90.0, 91.0]);
        assert_eq!(scale.label(88.0), "88");
        let scale = Scale::from_zero([0.37], 4);
        let labels: Vec<String> = scale.ticks().iter().map(|tick| scale.label(*tick)).collect();
        assert_eq!(labels, ["0.0", "0.1", "0.2", "0.3"]);
        let scale = Scale::around([-0.2, 0.2], 4);
        let labels: Vec<String> = scale.ticks().iter().map(|tick| scale.label(*tick)).collect();
        assert_eq!(labels, ["−0.2", "−0.1", "0.0", "0.1", "0.2"]);
    }

    #[test]
    fn degenerate_values_still_make_a_scale() {
        for values in [
            vec![],
            vec![0.0],
            vec![5.0, 5.0],
            vec![f64::NAN],
            vec![f64::INFINITY, 1.0],
            vec![1e-9],
        ] {
            let scale = Scale::around(values.clone(), 5);
            assert!(scale.high > scale.low, "{values:?}");
            assert!(scale.ticks().len() < 60);
            assert!(scale.share(scale.low).abs() < 1e-9);
            assert!(Scale::from_zero(values, 5).ticks().len() < 60);
        }
    }
}
