//! Accuracy: of inherited weights on validation images, of finished networks on test images.

use std::sync::Arc;

use panarch_graph::{Accuracy, Estimate, Inputs, Network, Weights};
use panarch_nn::{BnStatistics, Engine, Member, Parameters, Statistics, Store, right_answers};
use panarch_space::Genotype;
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::racing::Answers;
use crate::supernet::Supernet;
use panarch_data::{Batch, Loader, Normalisation, Splits, Subset, TestSplit};

/// The two-sided 95 % quantile of the normal distribution.
const Z_95: f64 = 1.959_963_984_540_054;
const LEVEL: f64 = 0.95;

/// How many images were answered rightly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// Right answers.
    pub correct: usize,
    /// All images.
    pub images: usize,
}

impl Score {
    /// The accuracy with Wilson's 95 % interval for a share (Wilson 1927): what other images of the same kind would
    /// give. It says nothing about other seeds of the training.
    pub fn accuracy(&self) -> Estimate<Accuracy> {
        let n = self.images.max(1) as f64;
        let share = self.correct as f64 / n;
        let z = Z_95 * Z_95 / n;
        let centre = (share + z / 2.0) / (1.0 + z);
        let half = Z_95 * (share * (1.0 - share) / n + z / (4.0 * n)).sqrt() / (1.0 + z);
        Estimate::around(
            Accuracy::from_counts(self.correct, self.images),
            Accuracy::from_share(centre - half),
            Accuracy::from_share(centre + half),
            LEVEL,
        )
    }
}

/// Computes a member's own batch-normalisation statistics: the averages over the loader's batches.
///
/// A member of a supernet has to get them before it is evaluated: the activations that it sees are not those of any
/// other member.
///
/// # Errors
/// Whatever the engine returns.
pub fn recalibrate(
    engine: &mut dyn Engine,
    parameters: &Parameters,
    member: &Member,
    images: &Loader,
) -> Result<BnStatistics, TrainError> {
    let order = images.epoch(0);
    let mut batch = Batch::new(images.shape());
    let mut batches = |take: &mut panarch_nn::TakeImages<'_>| {
        for step in 0..images.steps() {
            order.fill(step, &mut batch);
            take(batch.images())?;
        }
        Ok(())
    };
    Ok(engine.recalibrate(parameters, member, &mut batches)?)
}

/// Runs a member over all images of a loader.
///
/// # Errors
/// Whatever the engine returns; [`TrainError::Mismatch`] when the images have another size than the network takes;
/// [`TrainError::Answer`] when it answers one with what is no finite number.
pub fn score(
    engine: &mut dyn Engine,
    parameters: &Parameters,
    member: &Member,
    statistics: Statistics<'_>,
    images: &Loader,
) -> Result<Score, TrainError> {
    let mut answers = Answers::default();
    go_on(
        engine,
        parameters,
        member,
        statistics,
        images,
        &mut answers,
        &mut |_| true,
    )?;
    Ok(answers.score())
}

/// Runs a member over the images of a loader from where `answers` end, batch by batch, until they are all answered or `wanted`
/// says no.
///
/// # Errors
/// As [`score`].
fn go_on(
    engine: &mut dyn Engine,
    parameters: &Parameters,
    member: &Member,
    statistics: Statistics<'_>,
    images: &Loader,
    answers: &mut Answers,
    wanted: &mut dyn FnMut(&Answers) -> bool,
) -> Result<(), TrainError> {
    let network = member.network();
    if network.input_shape() != images.shape() {
        return Err(TrainError::image_shape(
            network.name(),
            network.input_shape(),
            images.shape(),
        ));
    }
    let classes = sole_result(network)?;
    let order = images.epoch(0);
    let (mut batch, mut logits) = (Batch::new(images.shape()), Vec::new());
    let first = answers.len().div_ceil(images.batch_size());
    for step in first..images.steps() {
        order.fill(step, &mut batch);
        engine.forward(parameters, member, statistics, batch.images(), &mut logits)?;
        if let Some(logit) = logits.iter().find(|logit| !logit.is_finite()) {
            return Err(TrainError::Answer {
                network: network.name().to_owned(),
                logit: *logit,
            });
        }
        answers.extend(right_answers(&logits, classes, batch.labels())?);
        if !wanted(answers) {
            break;
        }
    }
    Ok(())
}

/// The classes of a network that classifies.
///
/// # Errors
/// When it has several outputs.
pub(crate) fn sole_result(network: &Network) -> Result<usize, TrainError> {
    let output = network.sole_output().map_err(panarch_nn::NnError::from)?;
    Ok(network.shape(output).elements() as usize)
}

/// Which images a sub-network is recalibrated and validated on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// Training images, not augmented, for the statistics of batch normalisation.
    pub recalibration_images: usize,
    /// Validation images; all of them when there are fewer.
    pub validation_images: usize,
    /// Images per batch.
    pub batch_size: usize,
    /// The seed by which the images are drawn.
    pub seed: u64,
}

impl Default for Validation {
    fn default() -> Self {
        Self {
            recalibration_images: 2_000,
            validation_images: 4_000,
            batch_size: 200,
            seed: 1,
        }
    }
}

/// Evaluates sub-networks with inherited weights: always the same images in the same random order, so that equal genotypes get
/// equal answers, and any first ones of the validation images are a sample of them all.
#[derive(Debug, Clone)]
pub struct Validator {
    recalibration: Loader,
    validation: Loader,
}

impl Validator {
    /// Draws the images.
    ///
    /// # Errors
    /// [`TrainError::Setting`] when there would be none.
    pub fn new(splits: &Splits, settings: Validation) -> Result<Self, TrainError> {
        let loader = |images: Subset| Loader::evaluation(images, &splits.normalisation, settings.batch_size);
        let drawn = |images: &Subset, count: usize| images.sample(count, settings.seed);
        let validation = drawn(&splits.validation, settings.validation_images);
        Ok(Self {
            recalibration: loader(drawn(&splits.train, settings.recalibration_images))?,
            validation: loader(validation.shuffled(settings.seed))?,
        })
    }

    /// The images for recalibration.
    pub fn recalibration(&self) -> &Loader {
        &self.recalibration
    }

    /// The images for validation.
    pub fn validation(&self) -> &Loader {
        &self.validation
    }

    /// What the statistics of a recalibrated network are made of, besides its weights.
    pub fn recalibration_inputs(&self) -> Inputs {
        self.recalibration.inputs("recalibration pictures")
    }

    /// What a score is made of, besides the weights.
    pub fn inputs(&self) -> Inputs {
        self.recalibration_inputs()
            .with_all(&self.validation.inputs("validation pictures"))
            .with_text("trainer", crate::REVISION)
    }

    /// Recalibrates a member and counts its right answers on the validation images.
    ///
    /// # Errors
    /// Whatever the engine returns.
    pub fn score(
        &self,
        engine: &mut dyn Engine,
        parameters: &Parameters,
        member: &Member,
    ) -> Result<Score, TrainError> {
        let mut answers = Answers::default();
        self.go_on(engine, parameters, member, &mut answers, &mut |_| true)?;
        Ok(answers.score())
    }

    /// Recalibrates a member and answers the validation images from where `answers` end, batch by batch, until they are all
    /// answered or `wanted` says no: its answers are the same wherever it was stopped in between.
    ///
    /// # Errors
    /// Whatever the engine returns.
    pub fn go_on(
        &self,
        engine: &mut dyn Engine,
        parameters: &Parameters,
        member: &Member,
        answers: &mut Answers,
        wanted: &mut dyn FnMut(&Answers) -> bool,
    ) -> Result<(), TrainError> {
        let statistics = recalibrate(engine, parameters, member, &self.recalibration)?;
        let own = Statistics::Own(&statistics);
        go_on(engine, parameters, member, own, &self.validation, answers, wanted)
    }

    /// The validation score of a genotype with the weights that it inherits. The engine gets them for this call alone: to judge
    /// many genotypes, [place](Supernet::place) the supernet once and take [`Validator::score`].
    ///
    /// # Errors
    /// As [`Validator::score`], and [`TrainError::Space`] when the genotype is not of the supernet's space.
    pub fn inherited(
        &self,
        engine: &mut dyn Engine,
        supernet: &Supernet,
        genotype: &Genotype,
    ) -> Result<Score, TrainError> {
        let member = supernet.member(genotype)?;
        let placed = supernet.place(engine)?;
        let score = self.score(engine, placed.parameters(), &member);
        engine.remove(placed.parameters());
        score
    }

    /// The validation score of a finished network with its own weights and statistics.
    ///
    /// # Errors
    /// Whatever the engine returns.
    pub fn finished(&self, engine: &mut dyn Engine, network: &Network, weights: &Weights) -> Result<Score, TrainError> {
        with_weights(engine, network, weights, |engine, parameters, member| {
            score(engine, parameters, member, Statistics::Running, &self.validation)
        })
    }
}

/// Puts a network's weights into an engine for as long as `run` takes.
fn with_weights<T>(
    engine: &mut dyn Engine,
    network: &Network,
    weights: &Weights,
    run: impl FnOnce(&mut dyn Engine, &Parameters, &Member) -> Result<T, TrainError>,
) -> Result<T, TrainError> {
    let store = Store::from_weights(network, weights)?;
    let parameters = engine.create(Arc::new(store))?;
    let member = Member::new(network.clone(), parameters.layout()).map_err(TrainError::from);
    let result = member.and_then(|member| run(engine, &parameters, &member));
    engine.remove(&parameters);
    result
}

/// What a finished network answers to images `[batch, height, width, channels]`: logits `[batch, classes]`.
///
/// # Errors
/// Whatever the engine returns.
pub fn answers(
    engine: &mut dyn Engine,
    network: &Network,
    weights: &Weights,
    images: &[f32],
) -> Result<Vec<f32>, TrainError> {
    with_weights(engine, network, weights, |engine, parameters, member| {
        let mut logits = Vec::new();
        engine.forward(parameters, member, Statistics::Running, images, &mut logits)?;
        Ok(logits)
    })
}

/// The last evaluation of a finished network, on the official test images: after this, nothing may be chosen.
///
/// # Errors
/// Whatever the engine returns; [`TrainError::Mismatch`] when the images have another size than the network takes.
pub fn test(
    engine: &mut dyn Engine,
    network: &Network,
    weights: &Weights,
    images: &TestSplit,
    normalisation: &Normalisation,
    batch_size: usize,
) -> Result<Score, TrainError> {
    let loader = Loader::evaluation(images.images().clone(), normalisation, batch_size)?;
    with_weights(engine, network, weights, |engine, parameters, member| {
        score(engine, parameters, member, Statistics::Running, &loader)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures from the closed form, computed apart in exact arithmetic.
    #[test]
    fn wilson_intervals() {
        for (correct, images, low, high) in [
            (50, 100, 0.403_832, 0.596_168),
            (0, 10, 0.0, 0.277_533),
            (10, 10, 0.722_467, 1.0),
            (3_680, 4_000, 0.911_186, 0.928_008),
        ] {
            let found = Score { correct, images }.accuracy();
            assert!(
                (found.low.share() - low).abs() < 2e-6,
                "{correct}/{images}: {:?}",
                found.low
            );
            assert!(
                (found.high.share() - high).abs() < 2e-6,
                "{correct}/{images}: {:?}",
                found.high
            );
        }
    }

    /// Wilson's bounds round past the value where all answers or none are right; what is kept must not, nor what is read
    /// back from JSON or from the digits of a table.
    #[test]
    fn no_interval_leaves_its_value_out() {
        let digits = |share: f64| -> f64 { share.to_string().parse().unwrap() };
        for images in 1..=5_000 {
            let every = if images <= 60 { 1 } else { images };
            for correct in (0..=images).step_by(every) {
                let found = Score { correct, images }.accuracy();
                let json: Estimate<Accuracy> = serde_json::from_str(&serde_json::to_string(&found).unwrap()).unwrap();
                let table = found.map(|share| Accuracy::from_share(digits(share.share())));
                for Estimate { value, low, high, .. } in [found, json, table] {
                    assert!(
                        low <= value && value <= high,
                        "{correct} of {images}: {low:?} {value:?} {high:?}"
                    );
                    assert!(low.share() >= 0.0 && high.share() <= 1.0, "{correct} of {images}");
                }
                assert_eq!((json, table), (found, found), "{correct} of {images}");
                assert!(found.low < found.high, "{correct} of {images}");
            }
        }
    }
}
