//! The marginal likelihood of a kernel, and its maximum.

use super::kernel::{Dimension, Kernel, matern, matern_slope};
use crate::PredictError;
use crate::cholesky::{Cholesky, packed};

/// Between two random rows the squared distance is expected to be this: the function is expected to be smooth.
const EXPECTED_DISTANCE: f64 = 0.5;
/// The standard deviation of the logarithm of a weight about what is expected.
const WEIGHT_SPREAD: f64 = 1.5;
/// The noise that is expected, as a share of the amplitude, and the standard deviation of its logarithm.
const EXPECTED_NOISE: f64 = 3e-3;
const NOISE_SPREAD: f64 = 2.0;
/// What the logarithm of a noise may be.
const NOISE_RANGE: (f64, f64) = (-13.8, 2.3);
/// How far the logarithm of a weight may be from what is expected.
const WEIGHT_RANGE: f64 = 7.0;
/// Factors on the expected weights and on the expected noise with which an ascent starts.
const STARTS: [(f64, f64); 3] = [(1.0, 1.0), (0.1, 30.0), (10.0, 1.0)];
/// Steps of an ascent.
const STEPS: usize = 20;
/// The least variance, relative to the square of the largest value, that an amplitude is computed with.
const LEAST_VARIANCE: f64 = 1e-18;

/// The rows as what the likelihood needs of them.
struct Rows<'a> {
    dimensions: &'a [Dimension],
    values: &'a [f64],
    /// δ of each pair of rows (a > b) in each dimension; pairs in packed order without the diagonal.
    distances: Vec<f64>,
    /// The logarithm of the weight that is expected for each dimension.
    expected: Vec<f64>,
    least_variance: f64,
}

/// A place of the ascent: the likelihood, what belongs to it in closed form, and the slope.
struct Place {
    /// Likelihood times prior, as a logarithm.
    height: f64,
    log_likelihood: f64,
    mean: f64,
    amplitude: f64,
    slope: Vec<f64>,
}

/// The kernel that maximises likelihood times prior, with the logarithm of its likelihood.
pub(super) fn maximise(
    dimensions: &[Dimension],
    inputs: &[Vec<f64>],
    values: &[f64],
    starts: usize,
) -> Result<(Kernel, f64), PredictError> {
    let rows = Rows::new(dimensions, inputs, values);
    let mut best: Option<(Vec<f64>, Place)> = None;
    for (weight, noise) in STARTS.into_iter().take(starts.max(1)) {
        let mut start: Vec<f64> = rows.expected.iter().map(|it| it + f64::ln(weight)).collect();
        start.push((EXPECTED_NOISE * noise).ln());
        if let Some(found) = rows.ascend(start)
            && best.as_ref().is_none_or(|(_, place)| found.1.height > place.height)
        {
            best = Some(found);
        }
    }
    let (mut parameters, place) = best.ok_or(PredictError::Singular)?;
    let noise = parameters.pop().unwrap_or_default().exp();
    let kernel = Kernel {
        dimensions: dimensions.to_vec(),
        weights: parameters.into_iter().map(f64::exp).collect(),
        amplitude: place.amplitude,
        noise,
        mean: place.mean,
    };
    Ok((kernel, place.log_likelihood))
}

/// The logarithm of the density of values under a kernel, its own mean and amplitude among it.
pub(super) fn of_kernel(kernel: &Kernel, inputs: &[Vec<f64>], values: &[f64]) -> Result<f64, PredictError> {
    let count = inputs.len();
    let mut covariance = Vec::with_capacity(packed(count, 0));
    for (a, input) in inputs.iter().enumerate() {
        covariance.extend(inputs.iter().take(a + 1).map(|other| kernel.correlation(input, other)));
    }
    let factor = Cholesky::new(&covariance, count, kernel.noise).ok_or(PredictError::Singular)?;
    let rest: Vec<f64> = values.iter().map(|value| value - kernel.mean).collect();
    let solved = factor.solve(&rest);
    let square = dot(&rest, &solved) / kernel.amplitude;
    let constant = (2.0 * std::f64::consts::PI * kernel.amplitude).ln();
    Ok(-0.5 * (square + factor.log_determinant() + count as f64 * constant))
}

impl<'a> Rows<'a> {
    fn new(dimensions: &'a [Dimension], inputs: &[Vec<f64>], values: &'a [f64]) -> Self {
        let pairs = inputs.len() * inputs.len().saturating_sub(1) / 2;
        let mut distances = Vec::with_capacity(pairs * dimensions.len());
        let mut sums = vec![0.0; dimensions.len()];
        for (a, input) in inputs.iter().enumerate() {
            for other in inputs.iter().take(a) {
                let terms = dimensions.iter().zip(input.iter().zip(other));
                for ((dimension, (x, y)), sum) in terms.zip(&mut sums) {
                    let distance = dimension.distance(*x, *y);
                    distances.push(distance);
                    *sum += distance;
                }
            }
        }
        // An input that is the same in all rows says nothing; it gets the weight of one that varies by 1.
        let mean = |sum: f64| if sum > 0.0 { sum / pairs as f64 } else { 1.0 };
        let expected = |sum: f64| (EXPECTED_DISTANCE / dimensions.len() as f64 / mean(sum)).ln();
        let largest = values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        Self {
            dimensions,
            values,
            distances,
            expected: sums.into_iter().map(expected).collect(),
            least_variance: (LEAST_VARIANCE * largest * largest).max(f64::MIN_POSITIVE),
        }
    }

    /// Climbs by the signs of the slope alone (Rprop, Riedmiller and Braun 1993; for Gaussian processes Blum and Riedmiller
    /// 2013): no line search, no scale.
    fn ascend(&self, mut parameters: Vec<f64>) -> Option<(Vec<f64>, Place)> {
        const FIRST: f64 = 0.3;
        const LEAST: f64 = 1e-3;
        const MOST: f64 = 1.0;
        let mut steps = vec![FIRST; parameters.len()];
        let mut before = vec![0.0; parameters.len()];
        let mut best: Option<(Vec<f64>, Place)> = None;
        for _ in 0..STEPS {
            let Some(place) = self.place(&parameters) else { break };
            let current = parameters.clone();
            for (index, parameter) in parameters.iter_mut().enumerate() {
                let slope = place.slope[index];
                let turn = slope * before[index];
                if turn > 0.0 {
                    steps[index] = (steps[index] * 1.2).min(MOST);
                } else if turn < 0.0 {
                    steps[index] = (steps[index] * 0.5).max(LEAST);
                }
                before[index] = if turn < 0.0 { 0.0 } else { slope };
                *parameter += before[index].signum() * f64::from(u8::from(before[index] != 0.0)) * steps[index];
                let (least, most) = match self.expected.get(index) {
                    Some(expected) => (expected - WEIGHT_RANGE, expected + WEIGHT_RANGE),
                    None => NOISE_RANGE,
                };
                *parameter = parameter.clamp(least, most);
            }
            if best.as_ref().is_none_or(|(_, top)| place.height > top.height) {
                best = Some((current, place));
            }
        }
        best
    }

    /// The likelihood at these logarithms of weights and noise; none where the covariance cannot be factored.
    ///
    /// With R the correlations and K = R + noise·I, mean and amplitude are those that maximise the likelihood given K
    /// (Jones, Schonlau and Welch 1998, equations 5 and 6).
    fn place(&self, parameters: &[f64]) -> Option<Place> {
        let (log_noise, log_weights) = parameters.split_last()?;
        let weights: Vec<f64> = log_weights.iter().map(|it| it.exp()).collect();
        let (count, width, noise) = (self.values.len(), self.dimensions.len(), log_noise.exp());
        let mut covariance = vec![1.0; packed(count, 0)];
        let mut slopes = vec![0.0; packed(count, 0)];
        let mut pairs = self.distances.chunks_exact(width.max(1));
        for a in 0..count {
            for b in 0..a {
                let squared = pairs.next().map_or(0.0, |distances| dot(distances, &weights));
                covariance[packed(a, b)] = matern(squared);
                slopes[packed(a, b)] = matern_slope(squared);
            }
        }
        let factor = Cholesky::new(&covariance, count, noise)?;
        let of_ones = factor.solve(&vec![1.0; count]);
        let mean = dot(&of_ones, self.values) / of_ones.iter().sum::<f64>();
        let rest: Vec<f64> = self.values.iter().map(|value| value - mean).collect();
        let solved = factor.solve(&rest);
        let amplitude = (dot(&rest, &solved) / count as f64).max(self.least_variance);
        let constant = 1.0 + (2.0 * std::f64::consts::PI * amplitude).ln();
        let log_likelihood = -0.5 * (factor.log_determinant() + count as f64 * constant);

        let inverse = factor.inverse();
        let mut slope = vec![0.0; width + 1];
        let mut pairs = self.distances.chunks_exact(width.max(1));
        for a in 0..count {
            for b in 0..a {
                let Some(distances) = pairs.next() else { continue };
                let at = packed(a, b);
                let pull = (solved[a] * solved[b] / amplitude - inverse[at]) * slopes[at];
                for (place, distance) in slope.iter_mut().zip(distances) {
                    *place += pull * distance;
                }
            }
            slope[width] += 0.5 * (solved[a] * solved[a] / amplitude - inverse[packed(a, a)]);
        }
        let mut height = log_likelihood;
        let prior = self.expected.iter().map(|expected| (*expected, WEIGHT_SPREAD));
        let prior = prior.chain([(EXPECTED_NOISE.ln(), NOISE_SPREAD)]);
        for ((place, parameter), (expected, spread)) in slope.iter_mut().zip(parameters).zip(prior) {
            let away = (parameter - expected) / spread;
            height -= 0.5 * away * away;
            *place = *place * parameter.exp() - away / spread;
        }
        height.is_finite().then_some(Place {
            height,
            log_likelihood,
            mean,
            amplitude,
            slope,
        })
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slope is what central differences say.
    #[test]
    fn slopes_agree_with_differences() {
        let dimensions = [Dimension::Category, Dimension::Number, Dimension::Number];
        let inputs: Vec<Vec<f64>> = (0..9)
            .map(|row| vec![f64::from(row % 3), f64::from(row * row % 7), f64::from(row) / 4.0])
            .collect();
        let values: Vec<f64> = inputs.iter().map(|it| it[0] + (it[1] - it[2]).sin()).collect();
        let rows = Rows::new(&dimensions, &inputs, &values);
        let parameters = vec![-1.0, -2.5, -0.3, -4.0];
        let place = rows.place(&parameters).unwrap();
        for index in 0..parameters.len() {
            let height = |step: f64| {
                let mut moved = parameters.clone();
                moved[index] += step;
                rows.place(&moved).unwrap().height
            };
            let difference = (height(1e-5) - height(-1e-5)) / 2e-5;
            let slope = place.slope[index];
            assert!(
                (difference - slope).abs() < 1e-6 * slope.abs().max(1.0),
                "{difference} {slope}"
            );
        }
    }
}
