//! The statistics that the pages state.

use panarch_graph::stream;
use rand::RngExt as _;

/// Resamplings of a bootstrap.
const RESAMPLINGS: usize = 2_000;

/// A value with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// The arithmetic mean.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation of a sample.
pub fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)).sqrt()
}

/// The smallest value.
pub fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The largest value.
pub fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// The value of the largest magnitude, with its sign.
pub fn worst(values: &[f64]) -> f64 {
    values
        .iter()
        .copied()
        .fold(0.0, |worst: f64, it| if it.abs() > worst.abs() { it } else { worst })
}

/// The value below which a share of the values lies: the nearest rank.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// Mean and Student's 95 % interval.
pub fn student(values: &[f64]) -> Interval {
    // Two-sided 95 % quantiles for 1, 2, … degrees of freedom.
    const QUANTILES: [f64; 9] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];
    let freedom = values.len() - 1;
    let quantile = QUANTILES
        .get(freedom.wrapping_sub(1))
        .copied()
        .unwrap_or(match freedom {
            0 => f64::INFINITY,
            // Cornish and Fisher's expansion, right to three digits from 10 degrees on.
            n => [2.5558, 2.8225, 2.3723, 1.95996]
                .iter()
                .fold(0.0, |sum, term| sum / n as f64 + term),
        });
    let value = mean(values);
    let half = quantile * deviation(values) / (values.len() as f64).sqrt();
    Interval {
        value,
        low: value - half,
        high: value + half,
    }
}

/// A statistic of pairs with its percentile bootstrap interval, as `panarch reproduce` has it.
pub fn bootstrap(pairs: &[(f64, f64)], seed: u64, statistic: impl Fn(&[(f64, f64)]) -> f64) -> Interval {
    let mut rng = stream(seed, "bootstrap", 0);
    let mut values: Vec<f64> = (0..RESAMPLINGS)
        .map(|_| {
            let drawn = (0..pairs.len()).map(|_| pairs[rng.random_range(0..pairs.len())]);
            statistic(&drawn.collect::<Vec<_>>())
        })
        .filter(|value| value.is_finite())
        .collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[(share * (values.len() - 1) as f64).round() as usize];
    Interval {
        value: statistic(pairs),
        low: at(0.025),
        high: at(0.975),
    }
}

/// Kendall's τ_b.
pub fn kendall(pairs: &[(f64, f64)]) -> f64 {
    let (mut agree, mut first, mut second) = (0.0, 0.0, 0.0);
    for (index, (x, y)) in pairs.iter().enumerate() {
        for (other_x, other_y) in &pairs[..index] {
            let signs = [x - other_x, y - other_y].map(|it| if it == 0.0 { 0.0 } else { it.signum() });
            agree += signs[0] * signs[1];
            first += signs[0].abs();
            second += signs[1].abs();
        }
    }
    agree / (first * second).sqrt()
}

/// Pearson's correlation.
pub fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (x_mean, y_mean) = (mean(&x), mean(&y));
    let product: f64 = pairs.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum();
    product / (deviation(&x) * deviation(&y) * (pairs.len() as f64 - 1.0))
}

/// estimate / truth − 1 in per cent, of pairs of estimate and truth.
pub fn errors(pairs: &[(f64, f64)]) -> Vec<f64> {
    pairs
        .iter()
        .map(|(estimate, truth)| 100.0 * (estimate / truth - 1.0))
        .collect()
}

/// The mean of magnitudes.
pub fn mean_magnitude(values: &[f64]) -> f64 {
    mean(&values.iter().map(|it| it.abs()).collect::<Vec<_>>())
}

/// The line a·x + b with the least sum of squared relative errors through points of x and a y above nothing.
pub fn line(points: &[(f64, f64)]) -> (f64, f64) {
    // With u = x / y and v = 1 / y it is least squares of a·u + b·v = 1.
    let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 { points.iter().map(|(x, y)| of(x / y, 1.0 / y)).sum() };
    let (uu, uv, vv) = (sum(&|u, _| u * u), sum(&|u, v| u * v), sum(&|_, v| v * v));
    let (u, v) = (sum(&|u, _| u), sum(&|_, v| v));
    let determinant = uu * vv - uv * uv;
    ((u * vv - v * uv) / determinant, (v * uu - u * uv) / determinant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-3, "{found}, expected {expected}");
    }

    #[test]
    fn known_values() {
        let values = [1.0, 2.0, 3.0, 10.0];
        near(mean(&values), 4.0);
        // Squares of −3, −2, −1 and 6 over 3.
        near(deviation(&values), (50.0_f64 / 3.0).sqrt());
        assert_eq!(
            [quantile(&values, 0.5), quantile(&values, 0.9), quantile(&values, 0.0)],
            [2.0, 10.0, 1.0]
        );
        // s/√3 = 0.57735, times 4.303.
        near(student(&[1.0, 2.0, 3.0]).high, 4.484);
        // Tables of Student's distribution: 2.228 for 10 degrees of freedom, 2.069 for 23.
        let of = |n: usize| {
            student(
                &(0..=n)
                    .map(|it| f64::from(u32::try_from(it).expect("small")))
                    .collect::<Vec<_>>(),
            )
        };
        for (n, quantile) in [(10, 2.228), (23, 2.069)] {
            let values: Vec<f64> = (0..=n).map(f64::from).collect();
            let half = of(n as usize).high - of(n as usize).value;
            near(half / (deviation(&values) / f64::from(n + 1).sqrt()), quantile);
        }
        assert_eq!(worst(&[1.0, -3.0, 2.0]), -3.0);
    }

    #[test]
    fn pairs() {
        // Of six pairs one is the wrong way round.
        near(kendall(&[(1.0, 1.0), (2.0, 3.0), (3.0, 2.0), (4.0, 4.0)]), 4.0 / 6.0);
        // One tie in the first: 2 / √(2·3).
        near(kendall(&[(1.0, 1.0), (1.0, 2.0), (2.0, 3.0)]), 2.0 / 6.0_f64.sqrt());
        near(correlation(&[(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]), 1.0);
        let (a, b) = line(&[(1.0, 5.0), (2.0, 7.0), (9.0, 21.0)]);
        near(a, 2.0);
        near(b, 3.0);
        near(errors(&[(3.0, 4.0)])[0], -25.0);
    }

    #[test]
    fn a_bootstrap_is_the_same_every_time() {
        let pairs: Vec<(f64, f64)> = (0..24).map(|i| (f64::from(i), f64::from(i * i % 7 + i))).collect();
        let found = bootstrap(&pairs, 1, kendall);
        assert!(found.low < found.value && found.value < found.high, "{found:?}");
        assert_eq!(found, bootstrap(&pairs, 1, kendall));
    }
}
