//! A new device from a few rows, where other devices are known for all of them.

use std::collections::HashMap;

use panarch_graph::stream;
use panarch_space::Space;
use rand::seq::index::sample;
use rayon::prelude::*;

use crate::cholesky::{Cholesky, packed};
use crate::features::{Columns, Features, Interactions};
use crate::{Member, PredictError, spearman};

/// Rows by which a known device tells which prior would suit it, and how many draws of them.
const FOR_PRIORS: usize = 40;
const DRAWS: u64 = 4;

/// Rounds of expectation-maximisation for the weights of the priors.
const ROUNDS: usize = 8;

/// Variances, relative to that of one known device, that a prior in which the new one is most like that may give to all known
/// devices, to the choices and to the noise.
const BESIDE_ONE: [f64; 3] = [0.003, 0.03, 0.3];
const CHOICES_BESIDE_ONE: [f64; 2] = [0.0, 0.01];
const NOISE_BESIDE_ONE: [f64; 4] = [1e-4, 1e-3, 1e-2, 0.1];

/// Variances, relative to that of the known devices' part, that a prior may give to the other parts and to the noise.
const OF_STRUCTURE: [f64; 4] = [0.0, 0.01, 0.1, 1.0];
const OF_NOISE: [f64; 4] = [3e-4, 3e-3, 3e-2, 0.2];

/// How much of the known devices' part is that of networks as they are; the rest is that of what is left of them.
const AS_THEY_ARE: [f64; 3] = [1.0, 0.5, 0.0];

/// Known devices, the same of what is left, choices, those that are left.
const PARTS: usize = 4;

/// Most rows of the table, and fewest and most rows that are measured.
const MOST_ROWS: usize = 200_000;
const MEASUREMENTS: std::ops::RangeInclusive<usize> = 3..=1_000;

/// Rank correlation on a new device.
#[derive(Debug, Clone, PartialEq)]
pub struct TransferScore {
    /// Seed of the rows that were measured.
    pub seed: u64,
    /// Spearman's rank correlation between prediction and value on all other rows; none when all are equal.
    pub spearman: Option<f64>,
}

/// Foresees a device of which few rows are measured from devices of which all are.
///
/// The logarithm of the new device's latency is a Gaussian process. Its covariance is that of the known devices' logarithms,
/// each standardised (so that the new device is taken for one more of their kind), of each network or of what is left of it when
/// dead operations are removed, as compilers do; and besides that of the choices, and of those left, for what none of them
/// has. Other priors take it for much like one of the known devices, whichever that is: a card of the same generation at the
/// same batch. How much of each, and how much noise, a handful of rows cannot say. A grid of priors is weighed instead:
/// beforehand by the known devices, each taken in turn for the new one (empirical Bayes, the mixture's weights by
/// expectation-maximisation), then by the rows themselves. Predictions are averaged over what remains.
#[derive(Debug)]
pub struct Transfer {
    /// Row by row, the standardised logarithms of the known devices.
    known: Vec<Vec<f64>>,
    /// Row by row, the groups of columns of choices.
    structure: Vec<Vec<Columns>>,
    /// Row by row, the row of what is left of its network when dead operations are removed; itself where that has no row.
    trimmed: Vec<usize>,
    priors: Vec<Prior>,
    /// The logarithm of each prior's weight before any row is measured.
    log_weights: Vec<f64>,
}

#[derive(Debug, Clone, Copy)]
struct Prior {
    /// How much of each part.
    parts: [f64; PARTS],
    noise: f64,
    /// Whether the new device is most like one of the known ones; each is as likely to be that one.
    like_one: bool,
}

impl Transfer {
    /// Learns from known devices: a value of each of them for every network.
    ///
    /// # Errors
    /// [`PredictError::Inputs`] without devices or with too many rows, [`PredictError::Measurement`] for a value that is
    /// not positive.
    pub fn new(space: &Space, members: &[Member], devices: &[Vec<f64>]) -> Result<Self, PredictError> {
        let wrong = |reason: &str| {
            Err(PredictError::Inputs {
                reason: reason.to_owned(),
            })
        };
        if devices.is_empty() {
            return wrong("at least one known device is needed");
        }
        if members.len() > MOST_ROWS || members.is_empty() {
            return wrong("a table of 1 to 200,000 networks is needed");
        }
        let mut known = vec![Vec::with_capacity(devices.len()); members.len()];
        for device in devices {
            if device.len() != members.len() {
                return wrong("a known device has another number of values than there are networks");
            }
            let logarithms = logarithms(members, device)?;
            for (row, value) in known.iter_mut().zip(standardised(&logarithms)) {
                row.push(value);
            }
        }
        let features = Features::new(space, Interactions::None);
        let structure = members.par_iter().map(|member| features.structure(member)).collect();
        let positions: HashMap<&Member, usize> =
            members.iter().enumerate().map(|(row, member)| (member, row)).collect();
        let left = |(row, member): (usize, &Member)| positions.get(&features.trimmed(member)).copied().unwrap_or(row);
        let trimmed: Vec<usize> = members.iter().enumerate().map(left).collect();
        let cell = features.is_cell();
        let mut priors = Vec::new();
        for own in AS_THEY_ARE.into_iter().filter(|own| cell || *own == 1.0) {
            for choices in OF_STRUCTURE {
                for live in OF_STRUCTURE.into_iter().filter(|live| cell || *live == 0.0) {
                    priors.extend(OF_NOISE.map(|noise| Prior {
                        parts: [own, 1.0 - own, choices, live],
                        noise,
                        like_one: false,
                    }));
                }
            }
        }
        for known in BESIDE_ONE {
            for choices in CHOICES_BESIDE_ONE {
                priors.extend(NOISE_BESIDE_ONE.map(|noise| Prior {
                    parts: [known, 0.0, choices, 0.0],
                    noise,
                    like_one: true,
                }));
            }
        }
        let mut transfer = Self {
            known,
            structure,
            trimmed,
            log_weights: vec![0.0; priors.len()],
            priors,
        };
        transfer.weigh(devices.len());
        Ok(transfer)
    }

    /// Weighs the priors by how likely they make each known device from the others.
    fn weigh(&mut self, devices: usize) {
        if devices < 3 {
            return;
        }
        let count = FOR_PRIORS.min(self.known.len());
        let evidence: Vec<Vec<f64>> = (0..devices)
            .into_par_iter()
            .map(|device| {
                let mut sums = vec![0.0; self.priors.len()];
                for draw in 0..DRAWS {
                    let mut rng = stream(draw, "panarch predictor transfer priors", device as u64);
                    let rows = sample(&mut rng, self.known.len(), count).into_vec();
                    let values: Vec<f64> = rows.iter().map(|row| self.known[*row][device]).collect();
                    let parts = self.parts(&rows, &rows, Some(device));
                    let others: Vec<usize> = (0..devices).filter(|other| *other != device).collect();
                    for (sum, prior) in sums.iter_mut().zip(&self.priors) {
                        *sum += self.under(prior, &parts, &rows, &others, &values).log_likelihood() / DRAWS as f64;
                    }
                }
                sums
            })
            .collect();
        for _ in 0..ROUNDS {
            let mut weights = vec![0.0; self.priors.len()];
            for evidence in &evidence {
                let posterior = posterior(&self.log_weights, evidence);
                weights.iter_mut().zip(posterior).for_each(|(sum, share)| *sum += share);
            }
            // One device's worth of weight is spread evenly: the new one may be unlike all of them.
            let even = 1.0 / self.priors.len() as f64;
            let total = devices as f64 + 1.0;
            self.log_weights = weights.iter().map(|weight| ((weight + even) / total).ln()).collect();
        }
    }

    /// What all rows are expected to be on a new device, as logarithms up to a constant factor, from some measured rows.
    ///
    /// # Errors
    /// [`PredictError::Inputs`] for a row that does not exist, [`PredictError::Singular`].
    pub fn predict(&self, rows: &[usize], logarithms: &[f64]) -> Result<Vec<f64>, PredictError> {
        if rows.len() != logarithms.len() || rows.iter().any(|row| *row >= self.known.len()) {
            let reason = "the measured rows are not those of the table".to_owned();
            return Err(PredictError::Inputs { reason });
        }
        let parts = self.parts(rows, rows, None);
        let devices: Vec<usize> = (0..self.known.first().map_or(0, Vec::len)).collect();
        let under = |prior: &Prior| self.under(prior, &parts, rows, &devices, logarithms);
        let mixtures: Vec<Mixture> = self.priors.par_iter().map(under).collect();
        let evidence: Vec<f64> = mixtures.iter().map(Mixture::log_likelihood).collect();
        let shares = posterior(&self.log_weights, &evidence);
        // Predictions are linear in the weighted residuals, so that they are averaged before the table is gone through.
        let mut constant = 0.0;
        let mut sums = vec![[0.0; PARTS]; rows.len()];
        let mut of_device = vec![0.0; devices.len()];
        for ((mixture, prior), share) in mixtures.iter().zip(&self.priors).zip(&shares) {
            for ((device, conditioned), within) in mixture.0.iter().zip(mixture.shares()) {
                let share = share * within;
                constant += share * conditioned.constant;
                for (sums, residual) in sums.iter_mut().zip(&conditioned.residuals) {
                    sums.iter_mut()
                        .zip(prior.parts)
                        .for_each(|(sum, weight)| *sum += share * weight * residual);
                }
                if let Some(device) = device {
                    let products = rows.iter().zip(&conditioned.residuals);
                    let slope: f64 = products
                        .map(|(row, residual)| self.known[*row][*device] * residual)
                        .sum();
                    of_device[*device] += share * slope;
                }
            }
        }
        if !constant.is_finite() {
            return Err(PredictError::Singular);
        }
        let one = |row: usize| {
            let term = |(other, sums): (&usize, &[f64; PARTS])| {
                let parts = self.part(row, *other, None);
                parts.iter().zip(sums).map(|(part, sum)| part * sum).sum::<f64>()
            };
            let like: f64 = self.known[row]
                .iter()
                .zip(&of_device)
                .map(|(value, slope)| value * slope)
                .sum();
            constant + like + rows.iter().zip(&sums).map(term).sum::<f64>()
        };
        Ok((0..self.known.len()).into_par_iter().map(one).collect())
    }

    /// Draws rows of a device of which all are known, foresees the rest from them, and compares.
    ///
    /// # Errors
    /// As [`Transfer::predict`]; [`PredictError::Measurement`] for a value that is not positive, [`PredictError::Inputs`]
    /// when there are too few rows.
    pub fn score(
        &self,
        members: &[Member],
        values: &[f64],
        measurements: usize,
        seed: u64,
    ) -> Result<TransferScore, PredictError> {
        let total = self.known.len();
        if !MEASUREMENTS.contains(&measurements) || measurements + 2 > total || values.len() != total {
            let (least, most) = (MEASUREMENTS.start(), MEASUREMENTS.end());
            let reason =
                format!("{measurements} of {total} rows cannot be measured: {least} to {most}, and two must be left");
            return Err(PredictError::Inputs { reason });
        }
        let logarithms = logarithms(members, values)?;
        let mut rows = sample(&mut stream(seed, "panarch predictor transfer", 0), total, measurements).into_vec();
        rows.sort_unstable();
        let measured: Vec<f64> = rows.iter().map(|row| logarithms[*row]).collect();
        let predicted = self.predict(&rows, &measured)?;
        let rest: Vec<usize> = (0..total).filter(|row| rows.binary_search(row).is_err()).collect();
        let of_rest = |all: &[f64]| -> Vec<f64> { rest.iter().map(|row| all[*row]).collect() };
        Ok(TransferScore {
            seed,
            spearman: spearman(&of_rest(&predicted), &of_rest(values)),
        })
    }

    /// A prior conditioned on rows, once for each device that the new one may be most like.
    fn under(
        &self,
        prior: &Prior,
        parts: &[[f64; PARTS]],
        rows: &[usize],
        devices: &[usize],
        values: &[f64],
    ) -> Mixture {
        if !prior.like_one {
            let conditioned = Conditioned::new(parts, prior, None, values);
            return Mixture(conditioned.map(|it| (None, it)).into_iter().collect());
        }
        let like = |device: &usize| {
            let of_device: Vec<f64> = rows.iter().map(|row| self.known[*row][*device]).collect();
            let conditioned = Conditioned::new(parts, prior, Some(&of_device), values)?;
            Some((Some(*device), conditioned))
        };
        Mixture(devices.iter().filter_map(like).collect())
    }

    /// The covariance of two rows by each part, without one of the known devices where one is named.
    fn part(&self, a: usize, b: usize, without: Option<usize>) -> [f64; PARTS] {
        let known = |a: usize, b: usize| {
            let (x, y) = (&self.known[a], &self.known[b]);
            let all: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
            match without {
                Some(device) => (all - x[device] * y[device]) / (x.len() - 1) as f64,
                None => all / x.len() as f64,
            }
        };
        let equal = |group: usize| {
            let (x, y) = (&self.structure[a][group], &self.structure[b][group]);
            let equal = x.iter().zip(y).filter(|(x, y)| x.0 == y.0).count();
            equal as f64 / x.len().max(1) as f64
        };
        [known(a, b), known(self.trimmed[a], self.trimmed[b]), equal(0), equal(1)]
    }

    fn parts(&self, rows: &[usize], columns: &[usize], without: Option<usize>) -> Vec<[f64; PARTS]> {
        let mut parts = Vec::with_capacity(packed(rows.len(), 0));
        for (index, row) in rows.iter().enumerate() {
            parts.extend(columns[..=index].iter().map(|column| self.part(*row, *column, without)));
        }
        parts
    }
}

/// A prior conditioned on rows, with the known device that the new one is taken to be like.
struct Mixture(Vec<(Option<usize>, Conditioned)>);

impl Mixture {
    fn evidence(&self) -> Vec<f64> {
        self.0
            .iter()
            .map(|(_, conditioned)| conditioned.log_likelihood)
            .collect()
    }

    /// The logarithm of the mean likelihood; minus infinity without any.
    fn log_likelihood(&self) -> f64 {
        let evidence = self.evidence();
        let largest = evidence.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if evidence.is_empty() {
            return largest;
        }
        let sum: f64 = evidence.iter().map(|one| (one - largest).exp()).sum();
        largest + (sum / evidence.len() as f64).ln()
    }

    fn shares(&self) -> Vec<f64> {
        let evidence = self.evidence();
        posterior(&vec![0.0; evidence.len()], &evidence)
    }
}

/// A prior conditioned on rows, its scale profiled out and its constant integrated out.
struct Conditioned {
    log_likelihood: f64,
    constant: f64,
    residuals: Vec<f64>,
}

impl Conditioned {
    /// `like` are the values of a known device that the new one is most like, whose variance is then the unit.
    fn new(parts: &[[f64; PARTS]], prior: &Prior, like: Option<&[f64]>, values: &[f64]) -> Option<Self> {
        let size = values.len();
        let mut matrix: Vec<f64> = parts
            .iter()
            .map(|parts| parts.iter().zip(prior.parts).map(|(part, weight)| part * weight).sum())
            .collect();
        for i in 0..size {
            if let Some(like) = like {
                let row = &mut matrix[packed(i, 0)..=packed(i, i)];
                row.iter_mut()
                    .zip(like)
                    .for_each(|(entry, value)| *entry += like[i] * value);
            }
            matrix[packed(i, i)] += prior.noise;
        }
        let factor = Cholesky::new(&matrix, size, 0.0)?;
        let ones = factor.solve(&vec![1.0; size]);
        let total: f64 = ones.iter().sum();
        let constant = ones.iter().zip(values).map(|(one, value)| one * value).sum::<f64>() / total;
        let centred: Vec<f64> = values.iter().map(|value| value - constant).collect();
        let residuals = factor.solve(&centred);
        let square: f64 = centred
            .iter()
            .zip(&residuals)
            .map(|(value, residual)| value * residual)
            .sum();
        let freedom = size as f64 - 1.0;
        let log_likelihood =
            -0.5 * (freedom * (square / freedom).max(f64::MIN_POSITIVE).ln() + factor.log_determinant() + total.ln());
        log_likelihood.is_finite().then_some(Self {
            log_likelihood,
            constant,
            residuals,
        })
    }
}

/// Shares that sum to one, from logarithms of weights and of likelihoods.
fn posterior(log_weights: &[f64], evidence: &[f64]) -> Vec<f64> {
    let logarithms: Vec<f64> = log_weights
        .iter()
        .zip(evidence)
        .map(|(weight, evidence)| weight + evidence)
        .collect();
    let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let shares: Vec<f64> = logarithms.iter().map(|logarithm| (logarithm - largest).exp()).collect();
    let total: f64 = shares.iter().sum();
    shares.iter().map(|share| share / total).collect()
}

fn logarithms(members: &[Member], values: &[f64]) -> Result<Vec<f64>, PredictError> {
    match values.iter().position(|value| !(value.is_finite() && *value > 0.0)) {
        None => Ok(values.iter().map(|value| value.ln()).collect()),
        Some(row) => Err(PredictError::Measurement {
            row,
            genotype: members
                .get(row)
                .map_or_else(String::new, |member| member.genotype.to_string()),
            reason: "its value is not positive".to_owned(),
        }),
    }
}

fn standardised(values: &[f64]) -> Vec<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let spread = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    let unit = if spread > 0.0 { spread } else { 1.0 };
    values.iter().map(|value| (value - mean) / unit).collect()
}
