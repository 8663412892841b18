//! What the measurements of a real machine are worth.

use panarch_graph::{Estimate, Latency};
use serde::{Deserialize, Serialize};

/// How well a machine could be measured, and the limits that it was judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasurementQuality {
    /// The anchor, the network that every measurement was taken beside.
    pub anchor: String,
    /// Its latency, which is the scale of all others.
    #[serde(rename = "anchor_s")]
    pub anchor_latency: Estimate<Latency>,
    /// How often it was timed.
    pub readings: u32,
    /// Robust coefficient of variation of these times.
    pub spread: f64,
    /// How much longer the last quarter of them is than the first, relatively.
    pub drift: f64,
    /// Mean relative error of the table for networks that were left out of its fit.
    pub left_out_error: Option<f64>,
    /// Kendall's τ between table and measurements of networks that were left out.
    pub kendall_tau: Option<f64>,
    /// How often the noisiest networks were measured once more.
    pub further_rounds: u32,
    /// The largest spread of a steady machine.
    pub spread_limit: f64,
    /// The largest left-out error of a table that can be trusted.
    pub error_limit: f64,
    /// The smallest τ of a table that can be trusted.
    pub kendall_limit: f64,
}

impl MeasurementQuality {
    /// Whether the table ranks networks as the machine does: left-out error and τ keep their limits.
    #[must_use]
    pub fn ranks(&self) -> bool {
        self.left_out_error.is_none_or(|error| error <= self.error_limit)
            && self.kendall_tau.is_none_or(|tau| tau >= self.kendall_limit)
    }

    /// Whether the machine kept its pace: the anchor's spread keeps its limit.
    #[must_use]
    pub fn steady(&self) -> bool {
        self.spread <= self.spread_limit
    }

    /// An interval that is honest: where the ranking is not to be trusted it reaches further on both sides, by 1.96
    /// standard deviations of left-out error and spread together. The mean error of normal errors is √(2/π) of their
    /// standard deviation.
    #[must_use]
    pub fn widened(&self, latency: Estimate<Latency>) -> Estimate<Latency> {
        if self.ranks() {
            return latency;
        }
        let of_error = self.left_out_error.unwrap_or(0.0) * std::f64::consts::FRAC_PI_2.sqrt();
        let factor = 1.0 + 1.96 * of_error.hypot(self.spread);
        Estimate {
            low: latency.low * factor.recip(),
            high: latency.high * factor,
            ..latency
        }
    }

    /// The figures, without a verdict.
    #[must_use]
    pub fn figures(&self) -> String {
        let mut figures = Vec::new();
        if let Some(error) = self.left_out_error {
            figures.push(format!("left-out error {:.1} %", error * 100.0));
        }
        if let Some(tau) = self.kendall_tau {
            figures.push(format!("Kendall τ {tau:.2}"));
        }
        figures.push(format!("anchor's spread {:.1} %", self.spread * 100.0));
        figures.join(", ")
    }

    /// What figures of this device are worth, in one sentence without its full stop.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        match (self.ranks(), self.steady()) {
            (true, true) => "measured in pairs with a steady anchor",
            (true, false) => {
                "measured while busy: ratios and ranking hold, its times in milliseconds are those of a busy machine"
            }
            (false, true) => "its table does not fit: ranking on this device is not to be trusted",
            (false, false) => "measured while busy: ranking on this device is not to be trusted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quality(error: f64, tau: f64, spread: f64) -> MeasurementQuality {
        MeasurementQuality {
            anchor: "reference".into(),
            anchor_latency: Estimate::exact(Latency::from_millis(1.0)),
            readings: 100,
            spread,
            drift: 0.0,
            left_out_error: Some(error),
            kendall_tau: Some(tau),
            further_rounds: 0,
            spread_limit: 0.1,
            error_limit: 0.1,
            kendall_limit: 0.8,
        }
    }

    #[test]
    fn each_figure_counts() {
        for (error, tau, spread, ranks, steady) in [
            (0.1, 0.8, 0.1, true, true),
            (0.11, 0.8, 0.1, false, true),
            (0.1, 0.79, 0.1, false, true),
            (0.1, 0.8, 0.11, true, false),
        ] {
            let quality = quality(error, tau, spread);
            assert_eq!(
                (quality.ranks(), quality.steady()),
                (ranks, steady),
                "{error} {tau} {spread}"
            );
        }
        assert!(quality(0.35, 0.61, 0.3).verdict().contains("not to be trusted"));
        assert_eq!(
            quality(0.35, 0.61, 0.3).figures(),
            "left-out error 35.0 %, Kendall τ 0.61, anchor's spread 30.0 %"
        );
    }

    #[test]
    fn intervals_widen_where_nothing_is_to_be_trusted() {
        let latency = Estimate {
            value: Latency::from_millis(1.0),
            low: Latency::from_millis(0.9),
            high: Latency::from_millis(1.1),
            level: 0.95,
        };
        assert_eq!(quality(0.05, 0.9, 0.5).widened(latency), latency);
        let wide = quality(0.3 / std::f64::consts::FRAC_PI_2.sqrt(), 0.9, 0.4).widened(latency);
        assert!((wide.high.millis() - 1.1 * 1.98).abs() < 1e-9, "{wide:?}");
        assert!((wide.low.millis() - 0.9 / 1.98).abs() < 1e-9, "{wide:?}");
    }
}
