//! The loop that every training shares: batches, optimiser, schedule, checkpoints.

use std::path::Path;
use std::time::Instant;

use panarch_nn::{CosineSchedule, Gradients, Sgd, Store};
use serde_json::{Value, json};

use crate::TrainError;
use crate::checkpoint::{Checkpoint, Subject};
use crate::data::{Batch, Feed, Loader, Splits};
use crate::optimisation::Optimisation;
use crate::progress::{Control, Outcome, Progress};

/// A training between two steps, apart from the weights.
pub(crate) struct Session {
    optimisation: Optimisation,
    schedule: CosineSchedule,
    loader: Loader,
    sgd: Sgd,
    subject: Subject,
    settings: Value,
    step: u64,
}

/// What one step computes: adds gradients for a batch and gives the loss. Gets the step's number.
pub(crate) type Step<'a> = dyn FnMut(u64, &Store, &Batch, &mut Gradients) -> Result<f32, TrainError> + 'a;

impl Session {
    /// `settings` is everything of this training that decides its result, beside the data and the subject.
    pub(crate) fn new(
        optimisation: Optimisation,
        splits: &Splits,
        store: &Store,
        subject: Subject,
        settings: Value,
    ) -> Result<Self, TrainError> {
        optimisation.check()?;
        let loader = optimisation.loader(splits)?;
        if optimisation.augmentation.resolutions.is_some() {
            let (setting, reason) = (
                "resolutions",
                "the networks of this training take images of one size".into(),
            );
            return Err(TrainError::Setting { setting, reason });
        }
        let shape = splits.shape();
        let settings = json!({
            "training": settings,
            "data": {
                "name": splits.dataset,
                "classes": splits.classes,
                "channels": shape.channels,
                "height": shape.height,
                "width": shape.width,
                "train_images": splits.train.len(),
                "normalisation": splits.normalisation,
                "fingerprint": splits.fingerprint(),
            },
        });
        Ok(Self {
            schedule: optimisation.schedule(loader.steps()),
            sgd: Sgd::new(store, optimisation.sgd()),
            optimisation,
            loader,
            subject,
            settings,
            step: 0,
        })
    }

    pub(crate) fn step(&self) -> u64 {
        self.step
    }

    pub(crate) fn steps(&self) -> u64 {
        self.schedule.total_steps
    }

    /// Goes back to the state of a checkpoint of this very training.
    pub(crate) fn restore(&mut self, path: &Path, store: &mut Store) -> Result<(), TrainError> {
        let checkpoint = Checkpoint::read(path)?;
        checkpoint.check_subject(path, &self.subject)?;
        checkpoint.check_settings(path, &self.settings)?;
        if checkpoint.step > self.steps() {
            let reason = format!("it is at step {} of {}", checkpoint.step, self.steps());
            return Err(TrainError::CheckpointContent {
                path: path.into(),
                reason,
            });
        }
        let mut sgd = Sgd::new(store, self.optimisation.sgd());
        checkpoint.restore_momentum(path, store, &mut sgd)?;
        checkpoint.restore_weights(path, store)?;
        self.sgd = sgd;
        self.step = checkpoint.step;
        Ok(())
    }

    pub(crate) fn save(&self, path: &Path, store: &Store) -> Result<(), TrainError> {
        Checkpoint::take(self.subject.clone(), self.settings.clone(), self.step, store, &self.sgd).write(path)
    }

    /// Takes the steps that are left.
    pub(crate) fn run(
        &mut self,
        store: &mut Store,
        control: &mut Control<'_>,
        compute: &mut Step<'_>,
    ) -> Result<Outcome, TrainError> {
        let steps_per_epoch = self.loader.steps() as u64;
        let mut gradients = Gradients::zeros(store);
        let workers = usize::from(self.loader.augmentation().is_heavy());
        let mut feed = Feed::new(&self.loader, self.step..self.steps(), workers)?;
        let (mut saved_at, mut saved_when) = (self.step, Instant::now());
        let mut outcome = Outcome::Finished;
        while self.step < self.steps() {
            if control.is_cancelled() {
                outcome = Outcome::Cancelled;
                break;
            }
            let epoch = self.step / steps_per_epoch;
            let batch = feed.next()?;
            gradients.zero();
            let loss = compute(self.step, store, batch, &mut gradients)?;
            let norm = match self.optimisation.clip_norm {
                Some(limit) => gradients.clip(limit),
                None => 0.0,
            };
            if !loss.is_finite() || !norm.is_finite() {
                return Err(TrainError::Diverged { step: self.step, loss });
            }
            let learning_rate = self.schedule.at(self.step);
            self.sgd.step(store, &gradients, learning_rate as f32)?;
            self.step += 1;
            let (step, steps, images) = (self.step, self.steps(), batch.len());
            (control.progress)(&Progress::Step {
                step,
                steps,
                epoch,
                images,
                loss,
                learning_rate,
            });
            if let Some(policy) = &control.checkpoint
                && policy.is_due(self.step - saved_at, saved_when.elapsed())
            {
                self.checkpoint(store, control)?;
                (saved_at, saved_when) = (self.step, Instant::now());
            }
        }
        if saved_at != self.step || self.step == 0 {
            self.checkpoint(store, control)?;
        }
        Ok(outcome)
    }

    fn checkpoint(&self, store: &Store, control: &mut Control<'_>) -> Result<(), TrainError> {
        if let Some(policy) = &control.checkpoint {
            self.save(&policy.path, store)?;
            let (path, step) = (policy.path.clone(), self.step);
            (control.progress)(&Progress::Checkpoint { path, step });
        }
        Ok(())
    }
}
