use super::likelihood;
use super::{Dimension, Kernel};
use crate::PredictError;
use crate::cholesky::{Cholesky, dot, packed};
use crate::grouped_ridge::Target;

/// Rows by which the kernel is chosen; the time grows with the third power, and with the number of inputs.
const FOR_KERNEL: usize = 300;

/// The mean of a Gaussian process after rows whose noise differs, and what it says of each row from all others.
///
/// It answers at any number of points in O(rows) each; [`super::GaussianProcess`] has the variance too.
#[derive(Debug, Clone)]
pub(crate) struct PosteriorMean {
    kernel: Kernel,
    constant: f64,
    inputs: Vec<Vec<f64>>,
    /// K⁻¹·(values − constant).
    residuals: Vec<f64>,
    /// What each row is predicted to be from all others, with the same kernel.
    pub(crate) left_out: Vec<f64>,
}

impl PosteriorMean {
    /// Fits the kernel to some of the rows and conditions it on all.
    ///
    /// # Errors
    /// [`PredictError::Singular`].
    pub(crate) fn fit(dimensions: &[Dimension], inputs: Vec<Vec<f64>>, target: &Target) -> Result<Self, PredictError> {
        let count = inputs.len();
        let some = count.min(FOR_KERNEL);
        let which: Vec<usize> = (0..some).map(|index| index * count / some).collect();
        let part: Vec<Vec<f64>> = which.iter().map(|row| inputs[*row].clone()).collect();
        let (kernel, _) = likelihood::maximise(dimensions, &part, &target.part(&which).values, 1)?;
        let mut covariance = Vec::with_capacity(packed(count, 0));
        for (a, input) in inputs.iter().enumerate() {
            covariance.extend(inputs[..=a].iter().map(|other| kernel.correlation(input, other)));
        }
        for (row, noise) in target.noise.iter().enumerate() {
            covariance[packed(row, row)] += kernel.noise * noise;
        }
        let factor = Cholesky::new(&covariance, count, 0.0).ok_or(PredictError::Singular)?;
        let ones = factor.solve(&vec![1.0; count]);
        let total: f64 = ones.iter().sum();
        let constant = dot(&ones, &target.values) / total;
        let centred: Vec<f64> = target.values.iter().map(|value| value - constant).collect();
        let residuals = factor.solve(&centred);
        let diagonal = factor.inverse_diagonal();
        let rows = target.values.iter().zip(&residuals).zip(diagonal.iter().zip(&ones));
        let left_out = rows
            .map(|((value, residual), (entry, one))| value - residual / (entry - one * one / total).max(1e-12 * entry))
            .collect();
        Ok(Self {
            kernel,
            constant,
            inputs,
            residuals,
            left_out,
        })
    }

    /// What is expected at a point.
    pub(crate) fn at(&self, point: &[f64]) -> f64 {
        let rows = self.inputs.iter().zip(&self.residuals);
        let sum: f64 = rows
            .map(|(input, residual)| residual * self.kernel.correlation(point, input))
            .sum();
        self.constant + sum
    }
}
