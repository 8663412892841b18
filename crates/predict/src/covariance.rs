//! Rows as the covariance that each group of their columns gives them.

use std::sync::Arc;

use rayon::prelude::*;

use crate::cholesky::{Cholesky, packed};
use crate::features::Columns;

/// Rows by their groups of columns, and the covariance of rows by each group, divided by its mean variance.
///
/// It is what ridge regression needs of the rows, whatever is fitted to them, so that it is computed once for all forms of a
/// quantity, all priors, all weights of the rows, and all parts of the rows.
#[derive(Debug)]
pub(crate) struct Covariances {
    pub(crate) columns: Vec<Arc<Vec<Columns>>>,
    /// Packed lower triangles.
    of_group: Vec<Vec<f64>>,
    mean_squares: Vec<f64>,
}

impl Covariances {
    /// Of all rows.
    pub(crate) fn new(columns: Vec<Vec<Columns>>) -> Self {
        let groups = columns.first().map_or(0, Vec::len);
        let (of_group, mean_squares) = (0..groups)
            .into_par_iter()
            .map(|group| of_group(&columns, group))
            .unzip();
        Self {
            columns: columns.into_iter().map(Arc::new).collect(),
            of_group,
            mean_squares,
        }
    }

    /// Of some of the rows, in the same units.
    pub(crate) fn part(&self, which: &[usize]) -> Self {
        let entries = |group: &Vec<f64>| {
            let mut part = Vec::with_capacity(packed(which.len(), 0));
            for (index, &row) in which.iter().enumerate() {
                let others = which[..=index].iter();
                part.extend(others.map(|&other| group[packed(row.max(other), row.min(other))]));
            }
            part
        };
        Self {
            columns: which.iter().map(|row| Arc::clone(&self.columns[*row])).collect(),
            of_group: self.of_group.par_iter().map(entries).collect(),
            mean_squares: self.mean_squares.clone(),
        }
    }

    /// How many groups of columns there are.
    pub(crate) const fn groups(&self) -> usize {
        self.of_group.len()
    }

    /// Whether any row has a column of a group.
    pub(crate) fn is_used(&self, group: usize) -> bool {
        self.mean_squares.get(group).is_some_and(|mean| *mean > 0.0)
    }

    /// The prior variance of each group's coefficients, from the logarithms of the groups' variances in a mean row.
    pub(crate) fn weights(&self, priors: &[f64]) -> Vec<f64> {
        let weight = |(prior, mean): (&f64, &f64)| if *mean > 0.0 { prior.exp() / mean } else { 0.0 };
        priors.iter().zip(&self.mean_squares).map(weight).collect()
    }

    /// The factor of the rows' covariance with noise of these variances; none where it is not positive definite.
    pub(crate) fn factor(&self, priors: &[f64], noise: &[f64]) -> Option<Cholesky> {
        let size = noise.len();
        let mut matrix = vec![0.0; packed(size, 0)];
        for (group, prior) in self.of_group.iter().zip(priors) {
            let weight = prior.exp();
            matrix
                .iter_mut()
                .zip(group)
                .for_each(|(sum, entry)| *sum += weight * entry);
        }
        for (i, noise) in noise.iter().enumerate() {
            matrix[packed(i, i)] += noise;
        }
        Cholesky::new(&matrix, size, 0.0)
    }
}

/// The covariance of rows by one group, and its mean variance, which it is divided by.
fn of_group(rows: &[Vec<Columns>], group: usize) -> (Vec<f64>, f64) {
    let size = rows.len();
    let mut entries: Vec<(u64, usize, f64)> = Vec::new();
    for (position, row) in rows.iter().enumerate() {
        let columns = row.get(group).into_iter().flatten();
        entries.extend(columns.map(|(column, value)| (*column, position, *value)));
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
    let mean = (0..size).map(|i| matrix[packed(i, i)]).sum::<f64>() / size.max(1) as f64;
    if mean > 0.0 {
        matrix.iter_mut().for_each(|entry| *entry /= mean);
    }
    (matrix, mean)
}
