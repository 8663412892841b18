use panarch_cost::kendall_tau;
use serde::{Deserialize, Serialize};

/// How well predictions agree with values that they were not made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCard {
    /// Root of the mean square error, in the unit of the values.
    pub rmse: Option<f64>,
    /// Mean of |prediction − value| / |value|, in per cent.
    pub mape: Option<f64>,
    /// Share of predictions within 5 % of the value, in per cent.
    pub within_5: Option<f64>,
    /// Share of predictions within 10 % of the value, in per cent.
    pub within_10: Option<f64>,
    /// Spearman's rank correlation; none when all are equal.
    pub spearman: Option<f64>,
    /// Kendall's τ_b; none when all are equal.
    pub kendall: Option<f64>,
    /// Share of values inside their intervals, in per cent.
    pub coverage: Option<f64>,
    /// How many predictions that is.
    pub rows: usize,
}

impl HealthCard {
    /// The card of predictions with their intervals (low, high) and values; without rows there are no figures.
    #[must_use]
    pub fn new(predictions: &[f64], intervals: &[(f64, f64)], values: &[f64]) -> Self {
        let rows = values.len();
        let share = |holds: &dyn Fn(usize) -> bool| {
            (rows > 0).then(|| 100.0 * (0..rows).filter(|row| holds(*row)).count() as f64 / rows as f64)
        };
        let mean = |of: &dyn Fn(f64, f64) -> f64| {
            let sum: f64 = predictions
                .iter()
                .zip(values)
                .map(|(prediction, value)| of(*prediction, *value))
                .sum();
            (rows > 0).then(|| sum / rows as f64)
        };
        let within = |limit: f64| {
            share(&|row| (predictions[row] - values[row]).abs() <= limit * values[row].abs() * (1.0 + 1e-12))
        };
        let mape = mean(&|prediction, value| 100.0 * ((prediction - value) / value).abs());
        Self {
            rmse: mean(&|prediction, value| (prediction - value).powi(2)).map(f64::sqrt),
            mape: mape.filter(|mape| mape.is_finite()),
            within_5: within(0.05),
            within_10: within(0.10),
            spearman: spearman(predictions, values),
            kendall: kendall_tau(predictions, values),
            coverage: share(&|row| (intervals[row].0..=intervals[row].1).contains(&values[row])),
            rows,
        }
    }
}

/// Spearman's rank correlation: Pearson's of the ranks, equal values sharing the mean of theirs. None when all values of one
/// side are equal, or the lists are not of one length.
#[must_use]
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || a.is_empty() {
        return None;
    }
    let (a, b) = (ranks(a), ranks(b));
    let middle = (a.len() as f64 + 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| (x - middle) * (y - middle)).sum() };
    let spread = (product(&a, &a) * product(&b, &b)).sqrt();
    (spread > 0.0).then(|| product(&a, &b) / spread)
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for run in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = before as f64 + (run.len() as f64 + 1.0) / 2.0;
        for row in run {
            ranks[*row] = rank;
        }
        before += run.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_small_table() {
        let values = [1.0, 2.0, 4.0, 5.0];
        let predictions = [1.04, 2.18, 3.0, 5.0];
        let intervals = [(0.9, 1.1), (2.1, 2.3), (2.0, 4.0), (4.0, 6.0)];
        let card = HealthCard::new(&predictions, &intervals, &values);
        assert!((card.rmse.unwrap() - ((0.0016 + 0.0324 + 1.0) / 4.0_f64).sqrt()).abs() < 1e-12);
        assert!((card.mape.unwrap() - (4.0 + 9.0 + 25.0) / 4.0).abs() < 1e-9);
        assert_eq!((card.within_5, card.within_10), (Some(50.0), Some(75.0)));
        assert_eq!((card.spearman, card.kendall), (Some(1.0), Some(1.0)));
        assert_eq!((card.coverage, card.rows), (Some(75.0), 4));
        let none = HealthCard::new(&[], &[], &[]);
        assert_eq!((none.rmse, none.spearman, none.coverage), (None, None, None));
    }

    #[test]
    fn ties_share_their_rank() {
        // By hand: ranks 1.5 1.5 3 4 and 1 2 3.5 3.5.
        let rho = spearman(&[1.0, 1.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 3.0]).unwrap();
        assert!((rho - 4.0 / 4.5).abs() < 1e-12, "{rho}");
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
    }
}
