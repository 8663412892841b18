//! Medians, their distribution-free intervals, and outliers.

/// The median of values in ascending order; of an even number, the mean of the middle two. NaN of none.
#[must_use]
pub fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match (sorted.get(middle.wrapping_sub(1)), sorted.get(middle)) {
        (Some(below), Some(above)) if sorted.len().is_multiple_of(2) => (below + above) / 2.0,
        (_, Some(value)) => *value,
        _ => f64::NAN,
    }
}

/// The interval between two order statistics that holds the median with at least probability `level`.
///
/// Of n independent values the number below the median is binomial (n, ½), so that [x₍ₗ₎, x₍ₙ₋ₗ₊₁₎] holds it with
/// probability 1 − 2·P(B ≤ l − 1), whatever the distribution (David & Nagaraja 2003, §7.1). The largest such l is taken;
/// with too few values for the level, the whole range. `sorted` is in ascending order and not empty.
#[must_use]
pub fn median_interval(sorted: &[f64], level: f64) -> (f64, f64) {
    let count = sorted.len();
    let mut probability = -(count as f64) * std::f64::consts::LN_2;
    let mut below = 0.0;
    let mut rank = 1;
    // After the step for k, `below` is P(B ≤ k), so that ranks up to k + 1 are safe while 2·below stays in the tail.
    for k in 0..count / 2 {
        below += probability.exp();
        if 1.0 - 2.0 * below < level {
            break;
        }
        rank = k + 1;
        probability += ((count - k) as f64 / (k + 1) as f64).ln();
    }
    match (sorted.get(rank - 1), sorted.get(count.wrapping_sub(rank))) {
        (Some(low), Some(high)) => (*low, *high),
        _ => (f64::NAN, f64::NAN),
    }
}

/// The share of values that lie more than three median absolute deviations from the median, scaled to standard
/// deviations of a normal distribution (× 1.4826). `sorted` is in ascending order.
#[must_use]
pub fn outlier_share(sorted: &[f64]) -> f64 {
    let centre = median(sorted);
    let mut deviations: Vec<f64> = sorted.iter().map(|value| (value - centre).abs()).collect();
    deviations.sort_by(f64::total_cmp);
    let limit = 3.0 * 1.4826 * median(&deviations);
    let far = deviations.iter().filter(|deviation| **deviation > limit).count();
    far as f64 / sorted.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(count: usize) -> Vec<f64> {
        (1..=count).map(|value| value as f64).collect()
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0]), 3.0);
        assert_eq!(median(&[1.0, 2.0]), 1.5);
        assert_eq!(median(&[1.0, 2.0, 9.0]), 2.0);
        assert!(median(&[]).is_nan());
    }

    /// Ranks from the published tables of distribution-free intervals for the median, level 95 %.
    #[test]
    fn interval_ranks_agree_with_the_tables() {
        for (count, rank) in [(6, 1), (9, 2), (12, 3), (20, 6), (25, 8), (30, 10), (50, 18), (100, 40)] {
            let (low, high) = median_interval(&counting(count), 0.95);
            assert_eq!((low, high), (rank as f64, (count - rank + 1) as f64), "{count} values");
        }
    }

    #[test]
    fn interval_of_too_few_or_very_many_values() {
        assert_eq!(median_interval(&counting(3), 0.95), (1.0, 3.0));
        // 2^-20000 is below the smallest f64; the ranks are close to n/2 ± 0.98·√n all the same.
        let (low, high) = median_interval(&counting(20_000), 0.95);
        assert!((9_861.0..=9_863.0).contains(&low), "{low}");
        assert_eq!(low + high, 20_001.0);
    }

    #[test]
    fn outliers_are_counted() {
        let mut values = counting(99);
        values.push(10_000.0);
        assert_eq!(outlier_share(&values), 0.01);
        assert_eq!(outlier_share(&[2.0; 10]), 0.0);
    }
}
