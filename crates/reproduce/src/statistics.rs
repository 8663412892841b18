//! Means, intervals and resampling.

use panarch_cost::kendall_tau;
use panarch_graph::stream;
use rand::RngExt as _;

/// Resamplings of a bootstrap.
const RESAMPLINGS: usize = 2_000;

/// A value with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = f.precision().unwrap_or(3);
        write!(
            f,
            "{:.digits$} ({:.digits$} to {:.digits$})",
            self.value, self.low, self.high
        )
    }
}

/// Mean and Student's interval of a few repeats, such as seeds; without end for fewer than two.
pub(super) fn mean(values: &[f64]) -> Interval {
    // Two-sided 95 % quantiles for 1, 2, … degrees of freedom.
    const QUANTILES: [f64; 9] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];
    let count = values.len() as f64;
    let value = values.iter().sum::<f64>() / count.max(1.0);
    let quantile = match values.len() {
        0 | 1 => f64::INFINITY,
        n => QUANTILES.get(n - 2).copied().unwrap_or(2.2),
    };
    let squares: f64 = values.iter().map(|it| (it - value).powi(2)).sum();
    let half = quantile * (squares / (count - 1.0).max(1.0) / count.max(1.0)).sqrt();
    let half = if half.is_nan() { f64::INFINITY } else { half };
    Interval {
        value,
        low: value - half,
        high: value + half,
    }
}

/// A statistic of pairs, or more values of the same thing, with its percentile bootstrap interval: pairs are drawn with
/// replacement, `seed` decides which.
pub(super) fn bootstrap<T: Copy>(pairs: &[T], seed: u64, statistic: impl Fn(&[T]) -> f64) -> Interval {
    let mut rng = stream(seed, "bootstrap", 0);
    let mut values: Vec<f64> = (0..RESAMPLINGS)
        .map(|_| {
            let drawn = (0..pairs.len()).map(|_| pairs[rng.random_range(0..pairs.len())]);
            statistic(&drawn.collect::<Vec<_>>())
        })
        .filter(|value| value.is_finite())
        .collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * values.len().saturating_sub(1) as f64).round() as usize;
        values.get(place).copied().unwrap_or(f64::NAN)
    };
    Interval {
        value: statistic(pairs),
        low: at(0.025),
        high: at(0.975),
    }
}

/// Kendall's τ_b of pairs; not a number where all are equal.
pub(super) fn kendall(pairs: &[(f64, f64)]) -> f64 {
    let (first, second): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    kendall_tau(&first, &second).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_of_few() {
        let found = mean(&[1.0, 2.0, 3.0]);
        // s/√3 = 0.57735, times 4.303
        assert!(
            (found.value - 2.0).abs() < 1e-12 && (found.high - 4.4843).abs() < 1e-3,
            "{found}"
        );
        assert_eq!(mean(&[1.0]).high, f64::INFINITY);
    }

    #[test]
    fn intervals_hold_the_value() {
        let pairs: Vec<(f64, f64)> = (0..24).map(|i| (f64::from(i), f64::from(i * i % 7 + i))).collect();
        let found = bootstrap(&pairs, 1, kendall);
        assert!(found.low < found.value && found.value < found.high, "{found}");
        assert_eq!(found, bootstrap(&pairs, 1, kendall));
    }
}
