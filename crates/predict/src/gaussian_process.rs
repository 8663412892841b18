//! Gaussian process regression over choices and numbers.

mod kernel;
mod likelihood;
mod mean;
mod posterior;

use crate::PredictError;

pub use kernel::{Dimension, Kernel};
pub(crate) use mean::PosteriorMean;
pub use posterior::{Mark, Posterior};

/// A normal distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normal {
    /// Its mean.
    pub mean: f64,
    /// Its variance; not negative.
    pub variance: f64,
}

/// Points that are predicted at once: bounds the memory of a prediction.
const CHUNK: usize = 1_024;

/// Exact Gaussian process regression (Rasmussen and Williams 2006, chapters 2 and 5) with one weight for each input.
///
/// The prior is a constant mean and a Matérn-5/2 covariance in a weighted distance ([`Kernel`]), with independent noise. The
/// weights and the noise maximise the marginal likelihood times a broad prior that grows smoother with the number of
/// inputs, as Hvarfner et al. 2024 ("Vanilla Bayesian optimization performs great in high dimensions") propose: without it
/// a few dozen rows would fit dozens of weights. Mean and amplitude follow from these in closed form. Fitting takes
/// O(rows³) time, so that it is for hundreds of rows, a thousand or two at most.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianProcess {
    kernel: Kernel,
    inputs: Vec<Vec<f64>>,
    values: Vec<f64>,
    log_likelihood: f64,
}

impl GaussianProcess {
    /// Fits the kernel to rows and conditions on them, climbing from so many fixed starts, 1 to 3: nothing is drawn. One
    /// start is enough for a search that fits again and again.
    ///
    /// # Errors
    /// [`PredictError::TooFew`] without rows; [`PredictError::Inputs`] for a row of another length than `dimensions` or
    /// what is not finite; [`PredictError::Singular`] where the covariance cannot be factored.
    pub fn fit(
        dimensions: &[Dimension],
        inputs: &[Vec<f64>],
        values: &[f64],
        starts: usize,
    ) -> Result<Self, PredictError> {
        Self::check(dimensions.len(), inputs, values)?;
        let (kernel, log_likelihood) = likelihood::maximise(dimensions, inputs, values, starts)?;
        Ok(Self {
            kernel,
            inputs: inputs.to_vec(),
            values: values.to_vec(),
            log_likelihood,
        })
    }

    /// Conditions a kernel that is given on rows.
    ///
    /// # Errors
    /// As [`GaussianProcess::fit`].
    pub fn with_kernel(kernel: Kernel, inputs: &[Vec<f64>], values: &[f64]) -> Result<Self, PredictError> {
        Self::check(kernel.dimensions.len(), inputs, values)?;
        let log_likelihood = likelihood::of_kernel(&kernel, inputs, values)?;
        Ok(Self {
            kernel,
            inputs: inputs.to_vec(),
            values: values.to_vec(),
            log_likelihood,
        })
    }

    /// The kernel.
    #[must_use]
    pub const fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The logarithm of the density of the rows' values under the prior.
    #[must_use]
    pub const fn log_likelihood(&self) -> f64 {
        self.log_likelihood
    }

    /// What the function is expected to be at points, without noise: the distribution of a measurement has
    /// [`Kernel::noise_variance`] more variance.
    ///
    /// # Errors
    /// [`PredictError::Inputs`] for a point of another length or what is not finite; [`PredictError::Singular`].
    pub fn predict(&self, points: &[Vec<f64>]) -> Result<Vec<Normal>, PredictError> {
        let mut answers = Vec::with_capacity(points.len());
        for chunk in points.chunks(CHUNK) {
            let mut posterior = Posterior::new(self.kernel.clone(), chunk.to_vec())?;
            for (input, value) in self.inputs.iter().zip(&self.values) {
                posterior.observe(input, *value)?;
            }
            answers.extend((0..chunk.len()).map(|point| posterior.at(point)));
        }
        Ok(answers)
    }

    fn check(dimensions: usize, inputs: &[Vec<f64>], values: &[f64]) -> Result<(), PredictError> {
        if inputs.is_empty() {
            return Err(PredictError::TooFew { found: 0, needed: 1 });
        }
        if inputs.len() != values.len() {
            let reason = format!("there are {} rows and {} values", inputs.len(), values.len());
            return Err(PredictError::Inputs { reason });
        }
        check_points(dimensions, inputs)?;
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(()),
            Some(row) => Err(PredictError::Inputs {
                reason: format!("the value of row {row} is not a finite number"),
            }),
        }
    }
}

/// That points have as many finite coordinates as there are dimensions.
fn check_points(dimensions: usize, points: &[Vec<f64>]) -> Result<(), PredictError> {
    let wrong = |reason: String| Err(PredictError::Inputs { reason });
    for (row, point) in points.iter().enumerate() {
        if point.len() != dimensions {
            return wrong(format!("row {row} has {} inputs, not {dimensions}", point.len()));
        }
        if let Some(place) = point.iter().position(|value| !value.is_finite()) {
            return wrong(format!("input {place} of row {row} is not a finite number"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
