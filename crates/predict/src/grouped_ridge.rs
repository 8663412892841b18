//! Ridge regression with a penalty for each group of columns.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::cholesky::{Cholesky, packed};
use crate::features::Columns;

/// Rows by which penalties are chosen: the likelihood of a few hundred says it as well as that of all, in a fraction of
/// the time, which grows with the third power.
const FOR_PENALTIES: usize = 450;

/// Bounds of the logarithm of a group's prior variance over the noise.
const WEAKEST: f64 = -12.0;
const STRONGEST: f64 = 16.0;

/// The first and the last step of the search for them.
const FIRST_STEP: f64 = 3.0;
const LAST_STEP: f64 = 0.4;

/// value = constant + Σ coefficient · column, the coefficients of group g with the prior N(0, v_g σ²).
///
/// The constant has a flat prior, a row's noise the variance σ² times a number that is given. The v_g are where the
/// restricted likelihood is largest. Computed through the rows' covariance, so that a group may have any number of
/// columns, as tables of whole blocks do. A group that explains nothing is shrunk to nothing.
#[derive(Debug, Clone)]
pub(crate) struct GroupedRidge {
    pub(crate) constant: f64,
    coefficients: HashMap<u64, f64>,
    /// Logarithms of the v_g, times the mean square of a row's columns.
    pub(crate) priors: Vec<f64>,
    /// What each row is predicted to be from all others, with the same priors.
    pub(crate) left_out: Vec<f64>,
}

/// What is known of the logarithms of the groups' prior variances.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Priors<'a> {
    /// Nothing: they are sought.
    Sought,
    /// They are sought near these.
    Near(&'a [f64]),
    /// They are these.
    Fixed(&'a [f64]),
}

/// Rows by their groups of columns.
pub(crate) struct Rows<'a> {
    pub(crate) columns: &'a [Vec<Columns>],
    pub(crate) values: &'a [f64],
    /// Variance of each row's noise, relative to the others'.
    pub(crate) noise: &'a [f64],
}

impl GroupedRidge {
    /// Fits. None where the equations cannot be solved.
    pub(crate) fn fit(rows: &Rows<'_>, priors: Priors<'_>) -> Option<Self> {
        let groups = rows.columns.first().map_or(0, Vec::len);
        let priors = match priors {
            Priors::Fixed(priors) | Priors::Near(priors) if priors.len() != groups => return None,
            Priors::Fixed(priors) => priors.to_vec(),
            Priors::Near(priors) => sought(rows, priors.to_vec(), 2.0 * LAST_STEP)?,
            Priors::Sought => {
                let start = (0..groups).map(|group| if group == 0 { 4.0 } else { 0.0 });
                sought(rows, start.collect(), FIRST_STEP)?
            }
        };
        let every: Vec<usize> = (0..rows.values.len()).collect();
        let covariances = Covariances::new(rows, &every, groups);
        let weights = covariances.weights(&priors);
        let factor = covariances.factor(&priors)?;
        let solved = Solved::new(&factor, rows.values);
        let diagonal = factor.inverse_diagonal();
        let total: f64 = solved.ones.iter().sum();
        let left_out = rows
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
            priors,
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

/// Covariance of the rows by each group, divided by its mean variance.
struct Covariances<'a> {
    of_group: Vec<Vec<f64>>,
    mean_squares: Vec<f64>,
    noise: Vec<f64>,
    rows: &'a Rows<'a>,
}

impl<'a> Covariances<'a> {
    fn new(rows: &'a Rows<'a>, which: &[usize], groups: usize) -> Self {
        let size = which.len();
        let group = |group: usize| {
            let mut entries: Vec<(u64, usize, f64)> = Vec::new();
            for (position, row) in which.iter().enumerate() {
                let columns = rows.columns.get(*row).and_then(|row| row.get(group));
                entries.extend(
                    columns
                        .into_iter()
                        .flatten()
                        .map(|(column, value)| (*column, position, *value)),
                );
            }
            entries.sort_unstable_by_key(|(column, position, _)| (*column, *position));
            let mut matrix = vec![0.0; packed(size, 0)];
            for run in entries.chunk_by(|a, b| a.0 == b.0) {
                for (index, (_, i, x)) in run.iter().enumerate() {
                    let row = &mut matrix[packed(*i, 0)..=packed(*i, *i)];
                    for (_, j, y) in &run[..=index] {
                        row[*j] += x * y;
                    }
                }
            }
            let mean = (0..size).map(|i| matrix[packed(i, i)]).sum::<f64>() / size as f64;
            if mean > 0.0 {
                matrix.iter_mut().for_each(|entry| *entry /= mean);
            }
            (matrix, mean)
        };
        let (of_group, mean_squares) = (0..groups).into_par_iter().map(group).unzip();
        Self {
            of_group,
            mean_squares,
            noise: which.iter().map(|row| rows.noise[*row]).collect(),
            rows,
        }
    }

    /// The v_g.
    fn weights(&self, priors: &[f64]) -> Vec<f64> {
        let weight = |(prior, mean): (&f64, &f64)| if *mean > 0.0 { prior.exp() / mean } else { 0.0 };
        priors.iter().zip(&self.mean_squares).map(weight).collect()
    }

    fn factor(&self, priors: &[f64]) -> Option<Cholesky> {
        let size = self.noise.len();
        let mut matrix = vec![0.0; packed(size, 0)];
        for (group, prior) in self.of_group.iter().zip(priors) {
            let weight = prior.exp();
            matrix
                .iter_mut()
                .zip(group)
                .for_each(|(sum, entry)| *sum += weight * entry);
        }
        for (i, noise) in self.noise.iter().enumerate() {
            matrix[packed(i, i)] += noise;
        }
        Cholesky::new(&matrix, size, 0.0)
    }

    /// The restricted likelihood's logarithm, but for a constant.
    fn log_likelihood(&self, which: &[usize], priors: &[f64]) -> f64 {
        let Some(factor) = self.factor(priors) else {
            return f64::NEG_INFINITY;
        };
        let values: Vec<f64> = which.iter().map(|row| self.rows.values[*row]).collect();
        let solved = Solved::new(&factor, &values);
        let square: f64 = values
            .iter()
            .zip(&solved.residuals)
            .map(|(value, residual)| value * residual)
            .sum();
        let freedom = values.len() as f64 - 1.0;
        let total: f64 = solved.ones.iter().sum();
        -0.5 * (freedom * (square / freedom).max(f64::MIN_POSITIVE).ln() + factor.log_determinant() + total.ln())
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

/// The priors under which some of the rows are most likely: one coordinate at a time, in steps that shrink.
fn sought(rows: &Rows<'_>, mut priors: Vec<f64>, mut step: f64) -> Option<Vec<f64>> {
    let groups = priors.len();
    let count = rows.values.len();
    let some = count.min(FOR_PENALTIES);
    // Evenly spread: rows come in no order that would matter, and the choice is the same each time.
    let which: Vec<usize> = (0..some).map(|index| index * count / some).collect();
    let covariances = Covariances::new(rows, &which, groups);
    let used: Vec<usize> = (0..groups)
        .filter(|group| covariances.mean_squares[*group] > 0.0)
        .collect();
    let mut best = covariances.log_likelihood(&which, &priors);
    while step >= LAST_STEP {
        let mut improved = false;
        for &group in &used {
            let tried = [step, -step].map(|step| {
                let mut priors = priors.clone();
                priors[group] = (priors[group] + step).clamp(WEAKEST, STRONGEST);
                priors
            });
            let found: Vec<f64> = tried
                .par_iter()
                .map(|priors| covariances.log_likelihood(&which, priors))
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
    best.is_finite().then_some(priors)
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
        let rows = Rows {
            columns: &columns,
            values: &values,
            noise: &noise,
        };
        let whole = GroupedRidge::fit(&rows, Priors::Fixed(&priors)).unwrap();
        for out in 0..values.len() {
            let (mut columns, mut values, mut noise) = (columns.clone(), values.clone(), noise.clone());
            let row = columns.remove(out);
            values.remove(out);
            noise.remove(out);
            let rows = Rows {
                columns: &columns,
                values: &values,
                noise: &noise,
            };
            // Priors are relative to the mean square of a row's columns, which is that of every row here.
            let part = GroupedRidge::fit(&rows, Priors::Fixed(&priors)).unwrap();
            assert!((part.predict(&row) - whole.left_out[out]).abs() < 1e-10, "row {out}");
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
        let rows = Rows {
            columns: &columns,
            values: &values,
            noise: &[1.0; 120],
        };
        let fit = GroupedRidge::fit(&rows, Priors::Sought).unwrap();
        assert!(fit.priors[0] > 4.0 && fit.priors[1] < 2.0, "{:?}", fit.priors);
        assert!((fit.predict(&columns[3]) - 3.0).abs() < 0.05);
    }
}
