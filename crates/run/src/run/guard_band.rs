//! The guard band: how far below a limit an estimate must lie, so that the true value keeps it.

use panarch_graph::{Energy, Estimate, Latency};
use panarch_predict::normal_quantile;

/// The room that is left between what is estimated and what is asked.
///
/// With n limits on quantities that have intervals, each is to hold with the probability 1 − (1 − c) / n, so that all of them
/// hold together with the probability c whatever their errors have to do with each other (Bonferroni). An interval of the
/// level L around a value v that ends at h stands for an error of the logarithm with the standard deviation
/// ln(h / v) / z((1 + L) / 2). Where a source states no interval its value counts as exact.
#[derive(Debug, Clone, Copy)]
pub struct GuardBand {
    /// Standard deviations that are left; none without a confidence.
    deviations: Option<f64>,
}

/// Values count as they are.
pub const NO_BAND: GuardBand = GuardBand { deviations: None };

impl GuardBand {
    /// The band for so many limits to hold together with a confidence of at least one half.
    #[must_use]
    pub fn new(confidence: Option<f64>, limits: usize) -> Self {
        let each = |confidence: f64| 1.0 - (1.0 - confidence) / limits.max(1) as f64;
        Self {
            deviations: confidence.map(|confidence| normal_quantile(each(confidence))),
        }
    }

    /// The latency that has to keep a limit.
    #[must_use]
    pub fn latency(self, estimate: Estimate<Latency>) -> Latency {
        Latency::from_seconds(self.upper(estimate.map(Latency::seconds)))
    }

    /// The energy that has to keep a limit.
    #[must_use]
    pub fn energy(self, estimate: Estimate<Energy>) -> Energy {
        Energy::from_joules(self.upper(estimate.map(Energy::joules)))
    }

    /// The value of any unit that has to keep a limit.
    #[must_use]
    pub fn upper(self, estimate: Estimate<f64>) -> f64 {
        beyond(estimate, self.power(estimate.level))
    }

    /// The power of h / v that the band takes of intervals of this level; none where values count as they are.
    #[must_use]
    pub fn power(self, level: f64) -> Option<f64> {
        let deviations = self.deviations.filter(|_| level > 0.0 && level < 1.0)?;
        Some(deviations / normal_quantile(0.5 + 0.5 * level))
    }
}

/// v · (h / v) to this power.
#[must_use]
pub fn beyond(estimate: Estimate<f64>, power: Option<f64>) -> f64 {
    let Estimate { value, high, .. } = estimate;
    let spread = high / value;
    match power {
        Some(power) if spread.is_finite() && spread > 1.0 => value * spread.powf(power),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_interval_is_its_own_level() {
        let estimate = Estimate {
            value: Latency::from_millis(2.0),
            low: Latency::from_millis(1.0),
            high: Latency::from_millis(4.0),
            level: 0.9,
        };
        let upper = |confidence, limits| GuardBand::new(confidence, limits).latency(estimate).millis();
        assert_eq!(upper(None, 3), 2.0);
        // A two-sided interval of 90 % ends where a one-sided one of 95 % does.
        assert!((upper(Some(0.95), 1) - 4.0).abs() < 1e-4, "{}", upper(Some(0.95), 1));
        // Four limits that hold together with 80 % hold with 95 % each.
        assert!((upper(Some(0.8), 4) - 4.0).abs() < 1e-4, "{}", upper(Some(0.8), 4));
        assert!(
            (upper(Some(0.5), 1) - 2.0).abs() < 1e-4,
            "half of them are above the median"
        );
        let exact = Estimate::exact(Latency::from_millis(2.0));
        assert_eq!(GuardBand::new(Some(0.99), 1).latency(exact).millis(), 2.0);
    }
}
