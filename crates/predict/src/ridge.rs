//! Ridge regression with a free constant, its penalty chosen by the data.

use crate::cholesky::{Cholesky, packed};

/// One row: which columns are 1 (all others are 0), the covariates, the value, and the weight (relative precision).
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) columns: Vec<usize>,
    /// Numbers of about unit spread; their coefficients come after the columns'.
    pub(crate) covariates: Vec<f64>,
    pub(crate) value: f64,
    pub(crate) weight: f64,
}

/// A fitted model: value = constant + sum of the coefficients of the columns that are 1 + coefficients times covariates.
#[derive(Debug, Clone)]
pub(crate) struct Ridge {
    /// The constant, then one coefficient for each column, then one for each covariate.
    pub(crate) parameters: Vec<f64>,
    /// Packed lower triangle of their covariance, the constant first.
    pub(crate) covariance: Vec<f64>,
    /// Variance of a value of weight one around the model.
    pub(crate) noise_variance: f64,
    /// What each row's value is predicted to be from all other rows, with the same penalty.
    pub(crate) left_out: Vec<f64>,
}

/// Decades below and above the mean square of a column in which the penalty is sought, and steps in a decade.
const DECADES: std::ops::RangeInclusive<i32> = -9..=3;
const STEPS: i32 = 4;

/// How much wider the prior of a covariate's coefficient is than that of a column's: as good as flat, and yet of a size
/// that the equations stay well conditioned.
const WIDE: f64 = 30.0;

/// Sums over the rows, centred by their weighted means so that the constant stays free of the penalty.
struct Moments {
    /// Columns and covariates.
    columns: usize,
    /// Columns alone.
    switches: usize,
    weight: f64,
    mean: Vec<f64>,
    mean_value: f64,
    /// Packed Σ w (x − mean)(x − mean)ᵀ.
    gram: Vec<f64>,
    /// Σ w (x − mean)(y − mean).
    with_value: Vec<f64>,
}

impl Moments {
    fn new(rows: &[Row], switches: usize) -> Self {
        let columns = switches + rows.first().map_or(0, |row| row.covariates.len());
        let weight: f64 = rows.iter().map(|row| row.weight).sum();
        let mean_value = rows.iter().map(|row| row.weight * row.value).sum::<f64>() / weight;
        let mut mean = vec![0.0; columns];
        for row in rows {
            for &column in &row.columns {
                mean[column] += row.weight / weight;
            }
            for (mean, covariate) in mean[switches..].iter_mut().zip(&row.covariates) {
                *mean += WIDE * covariate * row.weight / weight;
            }
        }
        let mut gram = vec![0.0; packed(columns, 0)];
        let mut with_value = vec![0.0; columns];
        for row in rows {
            let centred = centred(row, &mean);
            for i in 0..columns {
                let scaled = row.weight * centred[i];
                with_value[i] += scaled * (row.value - mean_value);
                for j in 0..=i {
                    gram[packed(i, j)] += scaled * centred[j];
                }
            }
        }
        Self {
            columns,
            switches,
            weight,
            mean,
            mean_value,
            gram,
            with_value,
        }
    }

    fn mean_square(&self) -> f64 {
        let trace: f64 = (0..self.switches).map(|i| self.gram[packed(i, i)]).sum();
        if trace > 0.0 { trace / self.switches as f64 } else { 1.0 }
    }
}

fn centred(row: &Row, mean: &[f64]) -> Vec<f64> {
    let mut centred: Vec<f64> = mean.iter().map(|mean| -mean).collect();
    for &column in &row.columns {
        centred[column] += 1.0;
    }
    let switches = mean.len() - row.covariates.len();
    for (centred, covariate) in centred[switches..].iter_mut().zip(&row.covariates) {
        *centred += WIDE * covariate;
    }
    centred
}

impl Ridge {
    /// Fits to rows whose weights are positive and whose columns are below `columns`; `penalty` fixes λ.
    ///
    /// Coefficients have the prior N(0, σ²/λ), the constant a flat one. λ is where the likelihood of the values, with
    /// coefficients, constant and σ² integrated or profiled out, is largest (restricted maximum likelihood), so that the
    /// fit is defined with fewer rows than columns and its covariance includes what the data cannot tell.
    /// None when no penalty gives a solvable system.
    pub(crate) fn fit(rows: &[Row], columns: usize, penalty: Option<f64>) -> Option<Self> {
        let moments = Moments::new(rows, columns);
        let scale = moments.mean_square();
        let candidates: Vec<f64> = match penalty {
            Some(penalty) => vec![penalty],
            None => (DECADES.start() * STEPS..=DECADES.end() * STEPS)
                .map(|step| scale * 10f64.powf(f64::from(step) / f64::from(STEPS)))
                .collect(),
        };
        let best = candidates
            .into_iter()
            .filter_map(|penalty| Solution::new(rows, &moments, penalty))
            .max_by(|a, b| a.log_likelihood.total_cmp(&b.log_likelihood))?;
        Some(best.finish(rows, &moments))
    }
}

impl Ridge {
    /// Turns slopes of covariates that were divided by these scales into slopes of the covariates themselves.
    pub(crate) fn divide_slopes(&mut self, scales: &[f64]) {
        let size = self.parameters.len();
        let first = size - scales.len();
        for (i, scale) in (first..size).zip(scales) {
            self.parameters[i] /= scale;
            for j in 0..size {
                self.covariance[packed(i.max(j), i.min(j))] /= if i == j { scale * scale } else { *scale };
            }
        }
    }
}

/// The fit at one penalty.
struct Solution {
    factor: Cholesky,
    coefficients: Vec<f64>,
    noise_variance: f64,
    log_likelihood: f64,
}

impl Solution {
    fn new(rows: &[Row], moments: &Moments, penalty: f64) -> Option<Self> {
        let factor = Cholesky::new(&moments.gram, moments.columns, penalty)?;
        let coefficients = factor.solve(&moments.with_value);
        let residuals: f64 = rows
            .iter()
            .map(|row| row.weight * (row.value - fitted(&coefficients, moments, row)).powi(2))
            .sum();
        let shrinkage: f64 = coefficients.iter().map(|coefficient| coefficient * coefficient).sum();
        let freedom = rows.len() as f64 - 1.0;
        let noise_variance = (residuals + penalty * shrinkage) / freedom;
        // A perfect fit has no noise; the floor keeps the logarithm finite.
        let log_likelihood = -0.5
            * (freedom * noise_variance.max(f64::MIN_POSITIVE).ln() + factor.log_determinant()
                - moments.columns as f64 * penalty.ln());
        log_likelihood.is_finite().then_some(Self {
            factor,
            coefficients,
            noise_variance,
            log_likelihood,
        })
    }

    fn finish(self, rows: &[Row], moments: &Moments) -> Ridge {
        let columns = moments.columns;
        let inverse = self.factor.inverse();
        let times_mean = self.factor.solve(&moments.mean);
        let spread: f64 = times_mean.iter().zip(&moments.mean).map(|(a, b)| a * b).sum();

        let size = columns + 1;
        let mut covariance = vec![0.0; packed(size, 0)];
        covariance[0] = self.noise_variance * (1.0 / moments.weight + spread);
        for i in 0..columns {
            covariance[packed(i + 1, 0)] = -self.noise_variance * times_mean[i];
            for j in 0..=i {
                covariance[packed(i + 1, j + 1)] = self.noise_variance * inverse[packed(i, j)];
            }
        }
        let offset: f64 = self.coefficients.iter().zip(&moments.mean).map(|(a, b)| a * b).sum();
        let mut parameters = vec![moments.mean_value - offset];
        parameters.extend(&self.coefficients);
        // Back to covariates as they were given.
        for i in moments.switches + 1..size {
            parameters[i] *= WIDE;
            for j in 0..size {
                covariance[packed(i.max(j), i.min(j))] *= if i == j { WIDE * WIDE } else { WIDE };
            }
        }

        let left_out = rows
            .iter()
            .map(|row| {
                let centred = centred(row, &moments.mean);
                let solved = self.factor.solve(&centred);
                let quadratic: f64 = centred.iter().zip(&solved).map(|(a, b)| a * b).sum();
                let leverage = row.weight * (1.0 / moments.weight + quadratic);
                let residual = row.value - fitted(&self.coefficients, moments, row);
                // A row that alone decides a direction has leverage one up to rounding: without it, nothing is known
                // there and the residual is unbounded only by rounding.
                row.value - residual / (1.0 - leverage).max(1e-9)
            })
            .collect();
        Ridge {
            parameters,
            covariance,
            noise_variance: self.noise_variance,
            left_out,
        }
    }
}

fn fitted(coefficients: &[f64], moments: &Moments, row: &Row) -> f64 {
    let centred = centred(row, &moments.mean);
    moments.mean_value + coefficients.iter().zip(&centred).map(|(a, b)| a * b).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: &[(&[usize], f64)]) -> Vec<Row> {
        let row = |(index, (columns, value)): (usize, &(&[usize], f64))| Row {
            columns: columns.to_vec(),
            covariates: Vec::new(),
            value: *value,
            weight: 1.0 + 0.5 * (index % 2) as f64,
        };
        values.iter().enumerate().map(row).collect()
    }

    #[test]
    fn leaving_out_in_closed_form_equals_fitting_again() {
        let rows = rows(&[
            (&[0, 2], 3.1),
            (&[1, 2], 2.0),
            (&[0], 1.2),
            (&[1, 3], 4.4),
            (&[0, 3], 5.0),
            (&[], 0.3),
        ]);
        let whole = Ridge::fit(&rows, 4, Some(0.3)).unwrap();
        for out in 0..rows.len() {
            let mut rest = rows.clone();
            let row = rest.remove(out);
            let part = Ridge::fit(&rest, 4, Some(0.3)).unwrap();
            let predicted = part.parameters[0]
                + row
                    .columns
                    .iter()
                    .map(|&column| part.parameters[column + 1])
                    .sum::<f64>();
            assert!((predicted - whole.left_out[out]).abs() < 1e-10, "row {out}");
        }
    }

    #[test]
    fn fewer_rows_than_columns_still_fit() {
        let rows = rows(&[(&[0, 2], 3.0), (&[1, 3], 2.0), (&[0, 3], 2.5)]);
        let fit = Ridge::fit(&rows, 40, None).unwrap();
        assert!(fit.parameters.iter().all(|value| value.is_finite()));
        // Nothing is known of the columns that never occurred but the prior.
        assert_eq!(fit.parameters[40], 0.0);
        assert!(fit.covariance[packed(40, 40)] >= fit.covariance[packed(1, 1)]);
    }
}
