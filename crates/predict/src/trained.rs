//! A predictor that was trained on rows of a table.

mod additive;
mod file;
mod quantity;
mod range;

use panarch_graph::{ContentHash, Estimate};
use panarch_space::Space;
use rayon::prelude::*;

use crate::model::{Fitted, Recipe};
use crate::trial::{Trial, chosen};
use crate::{HealthCard, Member, Model, PredictError, Sample, Transform};
pub use quantity::TrainedQuantity;
use range::Range;

/// The level of the intervals.
pub const LEVEL: f64 = 0.95;

/// The fewest rows that a predictor is trained on.
const FEWEST: usize = 8;

/// Most rows that models in closed form are fitted to; their time grows with the third power.
const MOST: usize = 4_000;

/// Which model to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The one whose predictions of rows left out err least.
    Auto,
    /// This one.
    Only(Model),
}

/// Foresees a quantity of a space's networks, after rows of which it is known.
///
/// The model and the form of the quantity ([`Transform`]) are chosen by what each says of rows that it was not fitted to:
/// in closed form one row at a time for the linear models, by folds for the others. The same errors make the intervals
/// (conformal prediction in its jackknife form, Barber et al. 2021): the level's quantile of their size, and one standard
/// deviation of its share of new values more, so that at least the level's share of new values lies inside for most sets of
/// rows and not only in their mean (Vovk 2012), whatever the errors' distribution. Rows of one network count as one.
#[derive(Debug)]
pub struct TrainedPredictor {
    space: Space,
    target: String,
    samples: Vec<Sample>,
    recipe: Recipe,
    fitted: Fitted,
    range: Range,
    /// Half the interval in the fitted form, over the spread there.
    half: f64,
    /// What is predicted of each row from others; empty where that is not known.
    left_out: Vec<f64>,
    health: HealthCard,
}

impl TrainedPredictor {
    /// Trains on what was measured; `target` is the quantity's name. Nothing else is looked at.
    ///
    /// # Errors
    /// [`PredictError::TooFew`], [`PredictError::Measurement`] for a value that is not finite, [`PredictError::TooMany`],
    /// [`PredictError::Singular`].
    pub fn train(space: &Space, target: &str, samples: Vec<Sample>, choice: Choice) -> Result<Self, PredictError> {
        check(&samples)?;
        let trial = chosen(space, &samples, choice)?;
        Ok(Self::of(space, target, samples, trial))
    }

    fn of(space: &Space, target: &str, samples: Vec<Sample>, trial: Trial) -> Self {
        let transform = trial.recipe.transform;
        let left_out = &trial.left_out;
        let size = |(sample, predicted): (&Sample, &f64)| room(transform, *predicted, sample.value).abs();
        let mut sizes: Vec<f64> = samples.iter().zip(left_out).map(size).collect();
        sizes.sort_by(f64::total_cmp);
        let half = sizes.get(rank(sizes.len()) - 1).copied().unwrap_or(0.0);
        let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
        let intervals: Vec<(f64, f64)> = left_out
            .iter()
            .map(|predicted| interval(transform, transform.forward(*predicted), half))
            .collect();
        Self {
            health: HealthCard::new(left_out, &intervals, &values),
            range: Range::of(space, &samples),
            space: space.clone(),
            target: target.to_owned(),
            samples,
            recipe: trial.recipe,
            fitted: trial.fitted,
            half,
            left_out: trial.left_out,
        }
    }

    /// What is expected of networks, each with the interval that holds a measurement at [`LEVEL`].
    ///
    /// # Errors
    /// Of each network: [`PredictError::OutOfRange`] with a choice or a resolution that no row had that it was trained on,
    /// [`PredictError::Genotype`] for one of another space.
    #[must_use]
    pub fn predict(&self, members: &[Member]) -> Vec<Result<Estimate<f64>, PredictError>> {
        let checked: Vec<Result<(), PredictError>> = members
            .par_iter()
            .map(|member| self.range.check(&self.space, member))
            .collect();
        let inside: Vec<Member> = members
            .iter()
            .zip(&checked)
            .filter(|(_, checked)| checked.is_ok())
            .map(|(member, _)| member.clone())
            .collect();
        let mut fitted = self.fitted.predict(&self.space, &inside).into_iter();
        let transform = self.recipe.transform;
        let estimate = |checked: Result<(), PredictError>| {
            checked?;
            let fitted = fitted.next().ok_or(PredictError::NoAnswer)?;
            let (low, high) = interval(transform, fitted, self.half);
            Ok(Estimate {
                value: transform.back(fitted),
                low,
                high,
                level: LEVEL,
            })
        };
        checked.into_iter().map(estimate).collect()
    }

    /// How it does on rows of known value, and how many of them are out of its range, with the reason of the first.
    ///
    /// # Errors
    /// [`PredictError::Genotype`] for a network of another space.
    pub fn evaluate(&self, samples: &[Sample]) -> Result<(HealthCard, Option<(usize, String)>), PredictError> {
        let members: Vec<Member> = samples.iter().map(|sample| sample.member.clone()).collect();
        let (mut predictions, mut intervals, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let mut outside: Option<(usize, String)> = None;
        for (answer, sample) in self.predict(&members).into_iter().zip(samples) {
            match answer {
                Ok(estimate) => {
                    predictions.push(estimate.value);
                    intervals.push((estimate.low, estimate.high));
                    values.push(sample.value);
                }
                Err(error @ PredictError::OutOfRange { .. }) => {
                    outside.get_or_insert_with(|| (0, error.to_string())).0 += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok((HealthCard::new(&predictions, &intervals, &values), outside))
    }

    /// The space.
    #[must_use]
    pub const fn space(&self) -> &Space {
        &self.space
    }

    /// The name of the quantity.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The model that was chosen.
    #[must_use]
    pub const fn model(&self) -> Model {
        self.recipe.model
    }

    /// The form of the quantity that was chosen.
    #[must_use]
    pub const fn transform(&self) -> Transform {
        self.recipe.transform
    }

    /// How well it predicts the rows that it was trained on, each from the others.
    #[must_use]
    pub const fn health(&self) -> &HealthCard {
        &self.health
    }

    /// What was predicted of each row that it was trained on, from others: with their values, a sample of its errors. `None`
    /// of a predictor that was read from a file, which does not hold them.
    #[must_use]
    pub fn left_out(&self) -> Option<&[f64]> {
        (!self.left_out.is_empty()).then_some(&self.left_out)
    }

    /// The rows that it was trained on.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Identifies the rows that it was trained on.
    #[must_use]
    pub fn training_hash(&self) -> ContentHash {
        hash(&self.samples)
    }
}

/// How far a value lies above a prediction, over the spread of the fitted form there; negative for a value below.
pub(crate) fn room(transform: Transform, prediction: f64, value: f64) -> f64 {
    let fitted = transform.forward(prediction);
    let above = (transform.forward(value) - fitted) / transform.spread(fitted);
    if transform.is_falling() { -above } else { above }
}

/// Which of so many errors, the smallest being 1, is half an interval: the share of new ones below has about the variance of a
/// binomial one, of which a standard deviation is put on top.
fn rank(errors: usize) -> usize {
    let count = errors as f64;
    let rank = (count + 1.0) * LEVEL + (count * LEVEL * (1.0 - LEVEL)).sqrt();
    (rank.ceil() as usize).clamp(1, errors.max(1))
}

/// The interval around what was fitted, in the unit of the values.
fn interval(transform: Transform, fitted: f64, half: f64) -> (f64, f64) {
    let half = half * transform.spread(fitted);
    let (a, b) = (transform.back(fitted - half), transform.back(fitted + half));
    (a.min(b), a.max(b))
}

fn check(samples: &[Sample]) -> Result<(), PredictError> {
    let found = samples.len();
    if found < FEWEST {
        return Err(PredictError::TooFew { found, needed: FEWEST });
    }
    if found > MOST {
        return Err(PredictError::TooMany { found, most: MOST });
    }
    match samples.iter().position(|sample| !sample.value.is_finite()) {
        None => Ok(()),
        Some(row) => Err(PredictError::Measurement {
            row,
            genotype: samples[row].member.genotype.to_string(),
            reason: "its value is not a finite number".to_owned(),
        }),
    }
}

/// The hash of rows.
fn hash(samples: &[Sample]) -> ContentHash {
    let mut text = String::new();
    for Sample { member, value, repeats } in samples {
        use std::fmt::Write as _;
        let resolution = member.resolution.unwrap_or(0);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} {resolution} {value:e} {repeats}", member.genotype);
    }
    ContentHash::of("panarch predictor rows v1", text.as_bytes())
}
