//! The settings that every training has: how long and how fast, and what a step does.

use panarch_nn::{CosineSchedule, SgdOptions};
use serde::{Deserialize, Serialize};

use crate::TrainError;
use panarch_data::{Augmentation, Loader, Splits};

/// How long and how fast: a cosine with a linear warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// Passes over the training images; may be a fraction.
    pub epochs: f64,
    /// Learning rate at the end of the warm-up.
    pub learning_rate: f64,
    /// Learning rate of the last step.
    pub last_learning_rate: f64,
    /// Length of the linear warm-up, in epochs.
    pub warmup_epochs: f64,
}

impl Pace {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`TrainError::Setting`] with the first that has no meaning.
    pub fn check(&self) -> Result<(), TrainError> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let not_negative = |value: f64| value.is_finite() && value >= 0.0;
        let warms_up = not_negative(self.warmup_epochs) && self.warmup_epochs <= self.epochs;
        first_broken([
            ("epochs", positive(self.epochs), "must be above 0"),
            ("learning_rate", positive(self.learning_rate), "must be above 0"),
            (
                "last_learning_rate",
                not_negative(self.last_learning_rate),
                "must not be negative",
            ),
            ("warmup_epochs", warms_up, "must lie between 0 and epochs"),
        ])
    }

    /// All steps, at least one.
    pub(crate) fn total_steps(&self, steps_per_epoch: usize) -> u64 {
        (self.epochs * steps_per_epoch as f64).round().max(1.0) as u64
    }

    pub(crate) fn cosine(&self, steps_per_epoch: usize) -> CosineSchedule {
        let total_steps = self.total_steps(steps_per_epoch);
        let warmup_steps = ((self.warmup_epochs * steps_per_epoch as f64).round() as u64).min(total_steps);
        CosineSchedule {
            peak: self.learning_rate,
            last: self.last_learning_rate,
            warmup_steps,
            total_steps,
        }
    }
}

impl Default for Pace {
    /// What did best for the small multi-hardware space on Fashion-MNIST in three epochs, judged on validation images.
    fn default() -> Self {
        Self {
            epochs: 3.0,
            learning_rate: 0.3,
            last_learning_rate: 0.0,
            warmup_epochs: 0.1,
        }
    }
}

/// What every step does: SGD with Nesterov momentum on batches of images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimisation {
    /// Images per step.
    pub batch_size: usize,
    /// Momentum, Nesterov's.
    pub momentum: f32,
    /// Weight decay; not on batch normalisation and biases.
    pub weight_decay: f32,
    /// Label smoothing ε: the target is (1 − ε)·one-hot + ε / classes.
    pub label_smoothing: f32,
    /// Gradients are scaled down to this Euclidean norm where they exceed it.
    pub clip_norm: Option<f64>,
    /// What is done to the images.
    pub augmentation: Augmentation,
    /// The seed of initialisation, order, augmentation and sampling.
    pub seed: u64,
}

impl Default for Optimisation {
    /// What did best for the small multi-hardware space on Fashion-MNIST in three epochs, judged on validation images:
    /// many steps of few images, a high learning rate, label smoothing, no mirroring. Longer trainings and pictures of
    /// natural things want augmentation.
    fn default() -> Self {
        Self {
            batch_size: 32,
            momentum: 0.9,
            weight_decay: 3e-5,
            label_smoothing: 0.1,
            clip_norm: Some(5.0),
            augmentation: Augmentation::default(),
            seed: 1,
        }
    }
}

impl Optimisation {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`TrainError::Setting`] with the first that has no meaning.
    pub fn check(&self) -> Result<(), TrainError> {
        let share = |value: f32| (0.0..1.0).contains(&value);
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let decays = self.weight_decay.is_finite() && self.weight_decay >= 0.0;
        first_broken([
            ("batch_size", self.batch_size > 0, "must be above 0"),
            ("momentum", share(self.momentum), "must lie between 0 and 1"),
            ("weight_decay", decays, "must not be negative"),
            (
                "label_smoothing",
                share(self.label_smoothing),
                "must lie between 0 and 1",
            ),
            ("clip_norm", self.clip_norm.is_none_or(positive), "must be above 0"),
        ])
    }

    pub(crate) fn sgd(&self) -> SgdOptions {
        SgdOptions {
            momentum: self.momentum,
            nesterov: true,
            weight_decay: self.weight_decay,
        }
    }

    pub(crate) fn loader(&self, splits: &Splits) -> Result<Loader, TrainError> {
        let images = splits.train.clone();
        let loader = Loader::training(
            images,
            &splits.normalisation,
            self.augmentation,
            self.batch_size,
            self.seed,
        )?;
        Ok(loader)
    }
}

/// The first setting whose rule does not hold.
pub(crate) fn first_broken<const N: usize>(rules: [(&'static str, bool, &'static str); N]) -> Result<(), TrainError> {
    match rules.into_iter().find(|(_, holds, _)| !holds) {
        Some((setting, _, reason)) => Err(TrainError::Setting {
            setting,
            reason: reason.into(),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(result: Result<(), TrainError>, expected: &str) {
        let error = result.unwrap_err();
        assert!(
            matches!(&error, TrainError::Setting { setting, .. } if *setting == expected),
            "{error}"
        );
    }

    #[test]
    fn settings_without_meaning_are_named() {
        let (pace, good) = (Pace::default(), Optimisation::default());
        assert!(pace.check().is_ok() && good.check().is_ok());
        refused(Pace { epochs: 0.0, ..pace }.check(), "epochs");
        let learning_rate = f64::NAN;
        refused(Pace { learning_rate, ..pace }.check(), "learning_rate");
        let warmup_epochs = 4.0;
        refused(Pace { warmup_epochs, ..pace }.check(), "warmup_epochs");
        refused(Optimisation { batch_size: 0, ..good }.check(), "batch_size");
        refused(Optimisation { momentum: 1.0, ..good }.check(), "momentum");
        let clip_norm = Some(0.0);
        refused(Optimisation { clip_norm, ..good }.check(), "clip_norm");
    }

    #[test]
    fn steps_follow_from_epochs() {
        let pace = Pace {
            epochs: 1.5,
            warmup_epochs: 0.5,
            ..Pace::default()
        };
        let cosine = pace.cosine(10);
        assert_eq!((cosine.total_steps, cosine.warmup_steps), (15, 5));
        assert_eq!(Pace { epochs: 0.001, ..pace }.total_steps(10), 1);
    }
}
