mod pairs;

use panarch_cost::kendall_tau;
use panarch_graph::{ContentHash, Estimate};
use panarch_space::{Genotype, Space};

use crate::PredictError;
use crate::cholesky::packed;
use crate::ridge::{Ridge, Row};
use crate::student_t;

pub use pairs::PairTerms;
pub(crate) use pairs::check_pairs;

/// The fewest measurements that a fit takes: a constant and a spread need three.
const FEWEST: usize = 3;

/// Degrees of freedom of a spread that was not estimated here: as good as a normal distribution.
const GIVEN: f64 = 1e6;

/// One measured value of one genotype.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// The genotype; canonical form is not needed.
    pub genotype: Genotype,
    /// The value, in the unit of the whole table.
    pub value: f64,
    /// Relative precision: a value of weight 4 has half the standard error of one of weight 1. Only ratios matter.
    pub weight: f64,
    /// Numbers that the value is proportional to, besides the terms; as many and in the same order in every measurement.
    pub covariates: Vec<f64>,
}

impl Measurement {
    /// A measurement of weight one without covariates.
    #[must_use]
    pub const fn new(genotype: Genotype, value: f64) -> Self {
        Self {
            genotype,
            value,
            weight: 1.0,
            covariates: Vec::new(),
        }
    }
}

/// One term of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// What the choice adds.
    pub value: f64,
    /// The standard error of that.
    pub standard_error: f64,
}

/// How well a table predicts measurements that it was not fitted to.
///
/// Every measurement is predicted from all others, with the penalty that was chosen with it: a table chosen anew each
/// time would do slightly worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldOut {
    /// The number of measurements; 0 for a table that was given ([`Additive::given`]), whose other figures mean nothing.
    pub measurements: usize,
    /// Mean of |prediction − value| / |value|; none when a value is zero.
    pub mape: Option<f64>,
    /// Root of the mean square error, in the table's unit.
    pub rmse: f64,
    /// Kendall's τ_b between predictions and values; none when all are equal.
    pub kendall_tau: Option<f64>,
}

/// A constant and one term for each choice of each decision of a space: value(g) = constant + Σ over active decisions.
///
/// Decisions that are inactive in a genotype add nothing. Terms of choices that no measurement tells apart, such as a
/// depth and the blocks that come with it, share the difference between them; predictions of genotypes like the measured
/// ones do not suffer from that, and the interval of others says so. Fitted by ridge regression with a free constant,
/// whose penalty the measurements choose by restricted maximum likelihood, so that there may be fewer measurements than
/// terms. Lookup tables and linear latency models are of this form.
///
/// What a sum of such terms cannot say is how decisions act together: a wider layer costs more where the next one is wide
/// too. A table that is given, not fitted, may have terms for pairs of decisions ([`PairTerms`]). In a fitted one
/// covariates say it: quantities of the network, such as its multiply-accumulates, each with a slope that is not
/// penalised. The terms then hold what the covariates do not explain.
#[derive(Debug, Clone, PartialEq)]
pub struct Additive {
    pub(crate) space: String,
    pub(crate) space_hash: ContentHash,
    /// First column of each decision, and last the number of columns.
    pub(crate) offsets: Vec<usize>,
    /// The constant, then a term for each choice, then a slope for each covariate.
    pub(crate) parameters: Vec<f64>,
    /// What two decisions add together; only in tables that were given.
    pub(crate) pairs: Vec<PairTerms>,
    /// Packed lower triangle of the parameters' covariance.
    pub(crate) covariance: Vec<f64>,
    pub(crate) noise_variance: f64,
    pub(crate) held_out: HeldOut,
}

impl Additive {
    /// Fits a table to measurements.
    ///
    /// # Errors
    /// [`PredictError::TooFew`] for fewer than three measurements, [`PredictError::Measurement`] for one that is not a
    /// finite number or has no positive weight, [`PredictError::Genotype`] for one of another space.
    pub fn fit(space: &Space, measurements: &[Measurement]) -> Result<Self, PredictError> {
        if measurements.len() < FEWEST {
            return Err(PredictError::TooFew {
                found: measurements.len(),
                needed: FEWEST,
            });
        }
        let offsets = offsets(space);
        let scales = scales(measurements);
        let mut rows = Vec::with_capacity(measurements.len());
        for (row, measurement) in measurements.iter().enumerate() {
            let wrong = |reason: &str| PredictError::Measurement {
                row,
                genotype: measurement.genotype.to_string(),
                reason: reason.to_owned(),
            };
            if !measurement.value.is_finite() {
                return Err(wrong("its value is not a finite number"));
            }
            if !(measurement.weight.is_finite() && measurement.weight > 0.0) {
                return Err(wrong("its weight is not a positive number"));
            }
            if measurement.covariates.len() != scales.len() {
                return Err(wrong("it has another number of covariates than the first"));
            }
            if !measurement.covariates.iter().all(|covariate| covariate.is_finite()) {
                return Err(wrong("a covariate is not a finite number"));
            }
            rows.push(Row {
                columns: columns(space, &offsets, &measurement.genotype)?,
                covariates: measurement
                    .covariates
                    .iter()
                    .zip(&scales)
                    .map(|(value, scale)| value / scale)
                    .collect(),
                value: measurement.value,
                weight: measurement.weight,
            });
        }
        let mean_weight = rows.iter().map(|row| row.weight).sum::<f64>() / rows.len() as f64;
        rows.iter_mut().for_each(|row| row.weight /= mean_weight);
        let width = offsets.last().copied().unwrap_or(0);
        let mut fit = Ridge::fit(&rows, width, None).ok_or(PredictError::Singular)?;
        fit.divide_slopes(&scales);
        Ok(Self {
            space: space.name().to_owned(),
            space_hash: space.hash(),
            offsets,
            held_out: held_out(&rows, &fit.left_out),
            parameters: fit.parameters,
            pairs: Vec::new(),
            covariance: fit.covariance,
            noise_variance: fit.noise_variance,
        })
    }

    /// What a measurement of a genotype is expected to give, with the interval that holds it at this level (such as
    /// 0.95): the spread of measurements around the table and the uncertainty of its terms together, by Student's t.
    ///
    /// # Errors
    /// [`PredictError::OtherSpace`] and [`PredictError::Genotype`] when the space or the genotype is not the table's,
    /// [`PredictError::Level`] for a level that is not between 0 and 1.
    pub fn predict(&self, space: &Space, genotype: &Genotype, level: f64) -> Result<Estimate<f64>, PredictError> {
        self.predict_with(space, genotype, &[], level)
    }

    /// As [`Additive::predict`], for a table with covariates: these are the genotype's.
    ///
    /// # Errors
    /// As [`Additive::predict`]; [`PredictError::Covariates`] when their number is not the table's.
    pub fn predict_with(
        &self,
        space: &Space,
        genotype: &Genotype,
        covariates: &[f64],
        level: f64,
    ) -> Result<Estimate<f64>, PredictError> {
        if covariates.len() != self.slopes().len() {
            return Err(PredictError::Covariates {
                expected: self.slopes().len(),
                found: covariates.len(),
            });
        }
        if !(level > 0.0 && level < 1.0) {
            return Err(PredictError::Level { level });
        }
        self.check_space(space)?;
        let first_slope = self.parameters.len() - covariates.len();
        let switched = columns(space, &self.offsets, genotype)?;
        let mut active = vec![(0, 1.0)];
        active.extend(switched.into_iter().map(|column| (column + 1, 1.0)));
        active.extend(
            covariates
                .iter()
                .enumerate()
                .map(|(index, &value)| (first_slope + index, value)),
        );
        let value: f64 = active
            .iter()
            .map(|&(column, value)| value * self.parameters[column])
            .sum();
        let value = value + self.sum_of_pairs(space, genotype);
        let of_terms: f64 = active
            .iter()
            .flat_map(|&a| active.iter().map(move |&b| (a, b)))
            .map(|((i, x), (j, y))| x * y * self.covariance[packed(i.max(j), i.min(j))])
            .sum();
        let deviation = (self.noise_variance + of_terms.max(0.0)).sqrt();
        let freedom = match self.held_out.measurements {
            0 => GIVEN,
            measurements => measurements as f64 - 1.0,
        };
        let half = deviation * student_t::quantile(0.5 + 0.5 * level, freedom);
        Ok(Estimate {
            value,
            low: value - half,
            high: value + half,
            level,
        })
    }

    /// The name of the space.
    #[must_use]
    pub fn space(&self) -> &str {
        &self.space
    }

    /// The hash of the space.
    #[must_use]
    pub const fn space_hash(&self) -> ContentHash {
        self.space_hash
    }

    /// What a genotype without any term would have.
    #[must_use]
    pub fn constant(&self) -> Term {
        self.term_of(0)
    }

    /// What a choice of a decision adds; none beyond the space.
    #[must_use]
    pub fn term(&self, decision: usize, choice: usize) -> Option<Term> {
        Some(self.term_of(self.column(decision, choice)? + 1))
    }

    /// What changing a decision from one choice to another adds. Its standard error is smaller than those of the two terms
    /// would suggest, as what they share cancels.
    #[must_use]
    pub fn change(&self, decision: usize, from: usize, to: usize) -> Option<Term> {
        let (from, to) = (self.column(decision, from)? + 1, self.column(decision, to)? + 1);
        let variance = self.covariance[packed(from, from)] + self.covariance[packed(to, to)]
            - 2.0 * self.covariance[packed(from.max(to), from.min(to))];
        Some(Term {
            value: self.parameters[to] - self.parameters[from],
            standard_error: variance.max(0.0).sqrt(),
        })
    }

    /// What one more of each covariate adds.
    #[must_use]
    pub fn slopes(&self) -> Vec<Term> {
        let first = 1 + self.offsets.last().copied().unwrap_or(0);
        (first..self.parameters.len())
            .map(|parameter| self.term_of(parameter))
            .collect()
    }

    /// How well the table predicts what it was not fitted to.
    #[must_use]
    pub const fn held_out(&self) -> HeldOut {
        self.held_out
    }

    /// The standard deviation of a measurement of mean weight around the table, in the table's unit.
    #[must_use]
    pub fn noise(&self) -> f64 {
        self.noise_variance.sqrt()
    }

    /// Refuses another space than the table's.
    ///
    /// # Errors
    /// [`PredictError::OtherSpace`].
    pub fn check_space(&self, space: &Space) -> Result<(), PredictError> {
        if self.space_hash == space.hash() {
            Ok(())
        } else {
            Err(PredictError::OtherSpace {
                stored: self.space.clone(),
                stored_hash: self.space_hash,
                given: space.name().to_owned(),
                given_hash: space.hash(),
            })
        }
    }

    fn column(&self, decision: usize, choice: usize) -> Option<usize> {
        let (first, next) = (*self.offsets.get(decision)?, *self.offsets.get(decision + 1)?);
        (choice < next - first).then_some(first + choice)
    }

    fn term_of(&self, parameter: usize) -> Term {
        Term {
            value: self.parameters[parameter],
            standard_error: self.covariance[packed(parameter, parameter)].max(0.0).sqrt(),
        }
    }
}

/// The spread of each covariate, which the fit divides it by; one for a covariate that does not vary.
fn scales(measurements: &[Measurement]) -> Vec<f64> {
    let count = measurements.len() as f64;
    let width = measurements.first().map_or(0, |first| first.covariates.len());
    let values = |index: usize| {
        measurements
            .iter()
            .filter_map(move |measurement| measurement.covariates.get(index))
    };
    (0..width)
        .map(|index| {
            let mean = values(index).sum::<f64>() / count;
            let spread = (values(index).map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
            if spread > 0.0 && spread.is_finite() {
                spread
            } else {
                1.0
            }
        })
        .collect()
}

/// The first column of each decision of a space, and last the number of columns.
pub(crate) fn offsets(space: &Space) -> Vec<usize> {
    let mut offsets = vec![0];
    let mut next = 0;
    for decision in space.decisions() {
        next += decision.choices.len();
        offsets.push(next);
    }
    offsets
}

/// The columns that are 1 for a genotype: one for each active decision.
pub(crate) fn columns(space: &Space, offsets: &[usize], genotype: &Genotype) -> Result<Vec<usize>, PredictError> {
    space.check(genotype)?;
    let active = space.active(genotype);
    let choices = genotype.as_bytes().iter().zip(&active).zip(offsets);
    Ok(choices
        .filter(|((_, active), _)| **active)
        .map(|((&choice, _), &offset)| offset + usize::from(choice))
        .collect())
}

fn held_out(rows: &[Row], left_out: &[f64]) -> HeldOut {
    let values: Vec<f64> = rows.iter().map(|row| row.value).collect();
    let pairs = || values.iter().zip(left_out);
    let count = rows.len() as f64;
    let mape = pairs()
        .map(|(value, predicted)| ((predicted - value) / value).abs())
        .sum::<f64>()
        / count;
    let square = pairs()
        .map(|(value, predicted)| (predicted - value).powi(2))
        .sum::<f64>()
        / count;
    HeldOut {
        measurements: rows.len(),
        mape: values.iter().all(|value| *value != 0.0).then_some(mape),
        rmse: square.sqrt(),
        kendall_tau: kendall_tau(&values, left_out),
    }
}
