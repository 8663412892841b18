use super::{Kernel, Normal, check_points};
use crate::PredictError;

/// What a Gaussian process expects at fixed points, as one observation after another comes in.
///
/// With L·Lᵀ the covariance of the observations, it holds L⁻¹k(x) for every point x, so that an observation costs
/// O(observations · points) and not the square of it: a search over some thousand candidates asks after every evaluation.
/// The result is the same, bit for bit, as if all observations had been given to a new one in the same order.
#[derive(Debug, Clone)]
pub struct Posterior {
    kernel: Kernel,
    points: Vec<Vec<f64>>,
    means: Vec<f64>,
    /// Divided by the amplitude.
    variances: Vec<f64>,
    inputs: Vec<Vec<f64>>,
    /// The rows of L.
    factor: Vec<Vec<f64>>,
    /// L⁻¹(y − mean).
    whitened: Vec<f64>,
    /// L⁻¹k(x), a row an observation, a column a point.
    rows: Vec<Vec<f64>>,
}

/// A state of a [`Posterior`] to come back to.
#[derive(Debug, Clone)]
pub struct Mark {
    means: Vec<f64>,
    variances: Vec<f64>,
    observations: usize,
}

impl Posterior {
    /// The prior at these points.
    ///
    /// # Errors
    /// [`PredictError::Inputs`] for a point of another length than the kernel's dimensions, or what is not finite.
    pub fn new(kernel: Kernel, points: Vec<Vec<f64>>) -> Result<Self, PredictError> {
        check_points(kernel.dimensions.len(), &points)?;
        Ok(Self {
            means: vec![kernel.mean; points.len()],
            variances: vec![1.0; points.len()],
            kernel,
            points,
            inputs: Vec::new(),
            factor: Vec::new(),
            whitened: Vec::new(),
            rows: Vec::new(),
        })
    }

    /// How many observations have come in.
    #[must_use]
    pub fn observations(&self) -> usize {
        self.inputs.len()
    }

    /// Conditions on one more observation.
    ///
    /// # Errors
    /// [`PredictError::Inputs`] as for [`Posterior::new`]; [`PredictError::Singular`] where rounding makes the covariance
    /// indefinite: several observations at one place without noise.
    pub fn observe(&mut self, input: &[f64], value: f64) -> Result<(), PredictError> {
        check_points(self.kernel.dimensions.len(), &[input.to_vec()])?;
        let mut solved: Vec<f64> = Vec::with_capacity(self.inputs.len() + 1);
        for (row, other) in self.factor.iter().zip(&self.inputs) {
            let known: f64 = row.iter().zip(&solved).map(|(l, s)| l * s).sum();
            let pivot = row.last().copied().unwrap_or(1.0);
            solved.push((self.kernel.correlation(input, other) - known) / pivot);
        }
        let rest = 1.0 + self.kernel.noise - solved.iter().map(|it| it * it).sum::<f64>();
        if !(rest.is_finite() && rest > 0.0) {
            return Err(PredictError::Singular);
        }
        let pivot = rest.sqrt();
        let known: f64 = solved.iter().zip(&self.whitened).map(|(l, w)| l * w).sum();
        let whitened = (value - self.kernel.mean - known) / pivot;

        let correlations = self.points.iter().map(|point| self.kernel.correlation(point, input));
        let mut row: Vec<f64> = correlations.collect();
        for (factor, before) in solved.iter().zip(&self.rows) {
            for (place, before) in row.iter_mut().zip(before) {
                *place -= factor * before;
            }
        }
        let points = self.means.iter_mut().zip(&mut self.variances);
        for (place, (mean, variance)) in row.iter_mut().zip(points) {
            *place /= pivot;
            *mean += *place * whitened;
            *variance -= *place * *place;
        }
        solved.push(pivot);
        self.factor.push(solved);
        self.whitened.push(whitened);
        self.inputs.push(input.to_vec());
        self.rows.push(row);
        Ok(())
    }

    /// What is expected at a point, without noise; the prior for a point that there is not.
    #[must_use]
    pub fn at(&self, point: usize) -> Normal {
        let mean = self.means.get(point).copied().unwrap_or(self.kernel.mean);
        let variance = self.variances.get(point).copied().unwrap_or(1.0);
        Normal {
            mean,
            variance: variance.max(0.0) * self.kernel.amplitude,
        }
    }

    /// The state to come back to with [`Posterior::back_to`].
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            means: self.means.clone(),
            variances: self.variances.clone(),
            observations: self.inputs.len(),
        }
    }

    /// Forgets what was observed since the mark.
    pub fn back_to(&mut self, mark: Mark) {
        self.means = mark.means;
        self.variances = mark.variances;
        self.inputs.truncate(mark.observations);
        self.factor.truncate(mark.observations);
        self.whitened.truncate(mark.observations);
        self.rows.truncate(mark.observations);
    }
}
