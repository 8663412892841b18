//! Ridge regression with a penalty for each group of columns.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::cholesky::Cholesky;
use crate::covariance::Covariances;
use crate::features::Columns;

/// Rows by which penalties are chosen: the likelihood of a few hundred says it as well as that of all, in a fraction of
/// the time, which grows with the third power.
const FOR_PENALTIES: usize = 450;

/// Bounds of the logarithm of a group's prior variance over the noise.
const WEAKEST: f64 = -12.0;
const STRONGEST: f64 = 16.0;

/// The first step of the search for them, also from what another search found, and the last one.
const FIRST_STEP: f64 = 3.0;
const NEXT_STEP: f64 = 1.5;
const LAST_STEP: f64 = 0.4;

/// The second start of the groups but the first.
const SPARE: f64 = -6.0;

/// value = constant + Σ coefficient · column, the coefficients of group g with the prior N(0, v_g σ²).
///
/// The constant has a flat prior, a row's noise the variance σ² times a number that is given. The v_g are where the
/// restricted likelihood is largest. Computed through the rows' covariance, so that a group may have any number of
/// columns, as tables of whole blocks do. A group that explains nothing is shrunk to nothing.
#[derive(Debug, Clone)]
pub(crate) struct GroupedRidge {
    pub(crate) constant: f64,
    coefficients: HashMap<u64, f64>,
    /// What each row is predicted to be from all others, with the same priors.
    pub(crate) left_out: Vec<f64>,
}

/// What is fitted: the rows' values, and the variance of each row's noise relative to the others'.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) values: Vec<f64>,
    pub(crate) noise: Vec<f64>,
}

impl Target {
    /// Of some of the rows.
    pub(crate) fn part(&self, which: &[usize]) -> Self {
        let of = |all: &[f64]| which.iter().map(|row| all[*row]).collect();
        Self {
            values: of(&self.values),
            noise: of(&self.noise),
        }
    }
}

impl GroupedRidge {
    /// Fits with these priors: logarithms of the v_g, times the mean square of a row's columns. None where the equations cannot be solved.
    pub(crate) fn fit(rows: &Covariances, target: &Target, priors: &[f64]) -> Option<Self> {
        if priors.len() != rows.groups() {
            return None;
        }
        let weights = rows.weights(priors);
        let factor = rows.factor(priors, &target.noise)?;
        let solved = Solved::new(&factor, &target.values);
        let diagonal = factor.inverse_diagonal();
        let total: f64 = solved.ones.iter().sum();
        let left_out = target
            .values
            .iter()
            .zip(&solved.residuals)
            .zip(diagonal.iter().zip(&solved.ones))
            .map(|((value, residual), (entry, one))| value - residual / (entry - one * one / total).max(1e-12 * entry))
            .collect();
        let mut coefficients: HashMap<u64, f64> = HashMap::new();
        for (row, alpha) in rows.columns.iter().zip(&solved.residuals) {
            for (columns, weight) in row.iter().zip(&weights) {
                for (column, value) in columns {
                    *coefficients.entry(*column).or_insert(0.0) += weight * alpha * value;
                }
            }
        }
        Some(Self {
            constant: solved.constant,
            coefficients,
            left_out,
        })
    }

    /// What is expected of a row.
    pub(crate) fn predict(&self, row: &[Columns]) -> f64 {
        let term = |(column, value): &(u64, f64)| value * self.coefficient(*column);
        self.constant + row.iter().flatten().map(term).sum::<f64>()
    }

    /// The coefficient of a column; 0, the prior's mean, for one that no row has.
    pub(crate) fn coefficient(&self, column: u64) -> f64 {
        self.coefficients.get(&column).copied().unwrap_or(0.0)
    }
}

/// With K the covariance: K⁻¹·1, the constant by generalised least squares, and K⁻¹·(values − constant).
struct Solved {
    ones: Vec<f64>,
    constant: f64,
    residuals: Vec<f64>,
}

impl Solved {
    fn new(factor: &Cholesky, values: &[f64]) -> Self {
        let ones = factor.solve(&vec![1.0; values.len()]);
        let total: f64 = ones.iter().sum();
        let constant = ones.iter().zip(values).map(|(one, value)| one * value).sum::<f64>() / total;
        let centred: Vec<f64> = values.iter().map(|value| value - constant).collect();
        Self {
            residuals: factor.solve(&centred),
            ones,
            constant,
        }
    }
}

/// The restricted likelihood's logarithm, but for a constant.
fn log_likelihood(rows: &Covariances, target: &Target, priors: &[f64]) -> f64 {
    let Some(factor) = rows.factor(priors, &target.noise) else {
        return f64::NEG_INFINITY;
    };
    let values = &target.values;
    let solved = Solved::new(&factor, values);
    let products = values.iter().zip(&solved.residuals);
    let square: f64 = products.map(|(value, residual)| value * residual).sum();
    let freedom = values.len() as f64 - 1.0;
    let total: f64 = solved.ones.iter().sum();
    -0.5 * (freedom * (square / freedom).max(f64::MIN_POSITIVE).ln() + factor.log_determinant() + total.ln())
}

/// The priors under which some of the rows are most likely: one coordinate at a time, in steps that shrink, from those that
/// another target of the same rows has where they are given. None where no priors give a covariance.
pub(crate) fn sought(rows: &Covariances, target: &Target, near: Option<&[f64]>) -> Option<Vec<f64>> {
    let count = target.values.len();
    let some = count.min(FOR_PENALTIES);
    // Evenly spread: rows come in no order that would matter, and the choice is the same each time.
    let which: Vec<usize> = (0..some).map(|index| index * count / some).collect();
    let (rows, target) = (rows.part(&which), target.part(&which));
    let used: Vec<usize> = (0..rows.groups()).filter(|group| rows.is_used(*group)).collect();
    let climb = |start: Vec<f64>, first_step: f64| ascend(&rows, &target, &used, start, first_step);
    let from = |rest: f64| (0..rows.groups()).map(move |group| if group == 0 { 4.0 } else { rest });
    let (best, priors) = match near {
        Some(near) if near.len() == rows.groups() => climb(near.to_vec(), NEXT_STEP),
        // Groups stand for one another: where all have a share at first, none may be worth giving up by itself.
        _ => {
            let (full, spare) = rayon::join(
                || climb(from(0.0).collect(), FIRST_STEP),
                || climb(from(SPARE).collect(), FIRST_STEP),
            );
            if spare.0 > full.0 { spare } else { full }
        }
    };
    best.is_finite().then_some(priors)
}

/// The largest likelihood that one coordinate after another leads to, and where.
fn ascend(
    rows: &Covariances,
    target: &Target,
    used: &[usize],
    mut priors: Vec<f64>,
    first_step: f64,
) -> (f64, Vec<f64>) {
    let mut best = log_likelihood(rows, target, &priors);
    let mut step = first_step;
    while step >= LAST_STEP {
        let mut improved = false;
        for &group in used {
            let tried = [step, -step].map(|step| {
                let mut priors = priors.clone();
                priors[group] = (priors[group] + step).clamp(WEAKEST, STRONGEST);
                priors
            });
            let found: Vec<f64> = tried
                .par_iter()
                .map(|priors| log_likelihood(rows, target, priors))
                .collect();
            for (priors_tried, likelihood) in tried.into_iter().zip(found) {
                if likelihood > best + 1e-3 {
                    best = likelihood;
                    priors = priors_tried;
                    improved = true;
                }
            }
        }
        if !improved {
            step /= 2.0;
        }
    }
    (best, priors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_out_in_closed_form_equals_fitting_again() {
        let columns: Vec<Vec<Columns>> = (0..14_u64)
            .map(|i| vec![vec![(i % 3, 1.0), (10 + i % 2, 0.5)], vec![(100 + i % 5, 1.0)]])
            .collect();
        let values: Vec<f64> = (0..14).map(|i| (f64::from(i) * 1.7).sin() + f64::from(i % 3)).collect();
        let noise: Vec<f64> = (0..14).map(|i| 1.0 + 0.1 * f64::from(i)).collect();
        let priors = [1.0, -0.5];
        let target = Target { values, noise };
        let whole = GroupedRidge::fit(&Covariances::new(columns.clone()), &target, &priors).unwrap();
        for out in 0..columns.len() {
            let others: Vec<usize> = (0..columns.len()).filter(|row| *row != out).collect();
            let part = Covariances::new(columns.clone()).part(&others);
            let part = GroupedRidge::fit(&part, &target.part(&others), &priors).unwrap();
            let row = &columns[out];
            assert!((part.predict(row) - whole.left_out[out]).abs() < 1e-10, "row {out}");
        }
    }

    #[test]
    fn a_group_that_explains_nothing_is_shrunk_away() {
        let columns: Vec<Vec<Columns>> = (0..120_u64)
            .map(|i| vec![vec![(i % 4, 1.0)], vec![(100 + (i * 7919 + i / 3) % 11, 1.0)]])
            .collect();
        let values: Vec<f64> = (0..120)
            .map(|i| f64::from(i % 4) + 0.01 * (f64::from(i) * 1.3).sin())
            .collect();
        let target = Target {
            values,
            noise: vec![1.0; 120],
        };
        let rows = Covariances::new(columns.clone());
        let priors = sought(&rows, &target, None).unwrap();
        let fit = GroupedRidge::fit(&rows, &target, &priors).unwrap();
        assert!(priors[0] > 4.0 && priors[1] < 2.0, "{priors:?}");
        assert!((fit.predict(&columns[3]) - 3.0).abs() < 0.05);
    }
}
