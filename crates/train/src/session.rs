//! The loop that every training shares: batches, optimiser, phases, checkpoints.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use panarch_graph::{Inputs, Weights};
use panarch_nn::{CosineSchedule, Engine, Parameters, Step, Store};
use serde_json::{Value, json};

use crate::TrainError;
use crate::checkpoint::{Checkpoint, Subject};
use crate::optimisation::{Optimisation, Pace};
use crate::progress::{Control, Outcome, Progress};
use panarch_data::{Batch, Feed, Loader, Splits};

/// The revision of everything here that makes weights of inputs: raised whenever the same inputs give other weights, so that
/// what an older program made is made again.
pub const REVISION: u32 = 1;

/// A training between two steps, apart from the weights.
pub(crate) struct Session {
    optimisation: Optimisation,
    phases: Vec<CosineSchedule>,
    loader: Loader,
    /// Momentum of the tensors, by name; without any it is 0.
    momentum: Weights,
    subject: Subject,
    settings: Value,
    inputs: Inputs,
    step: u64,
}

/// A place in a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    /// Steps done, over all phases.
    pub(crate) step: u64,
    /// The phase, from zero.
    pub(crate) phase: usize,
    /// Steps done in the phase.
    pub(crate) phase_step: u64,
    /// All steps of the phase.
    pub(crate) phase_steps: u64,
}

/// Gets everything that happens.
pub(crate) type Report<'a> = dyn FnMut(&Progress) + 'a;

/// What is trained in a [`Session`].
pub(crate) trait Task {
    /// Before the first step of a phase. The optimiser begins anew with it.
    fn enter(&mut self, _at: At, _engine: &mut dyn Engine, _parameters: &Parameters) -> Result<(), TrainError> {
        Ok(())
    }

    /// Adds gradients for a batch and gives the loss.
    fn compute(
        &mut self,
        at: At,
        engine: &mut dyn Engine,
        parameters: &Parameters,
        batch: &Batch,
    ) -> Result<f32, TrainError>;

    /// After the weights have changed; `at` is still that of the step.
    fn updated(
        &mut self,
        _at: At,
        _engine: &mut dyn Engine,
        _parameters: &Parameters,
        _report: &mut Report<'_>,
    ) -> Result<(), TrainError> {
        Ok(())
    }

    /// After the last step of an epoch or phase; `at` is still that of the step.
    fn epoch_done(
        &mut self,
        _at: At,
        _engine: &mut dyn Engine,
        _parameters: &Parameters,
        _report: &mut Report<'_>,
    ) -> Result<(), TrainError> {
        Ok(())
    }

    /// What a checkpoint has to keep besides weights and momentum.
    fn state(&self, _engine: &mut dyn Engine) -> Result<Weights, TrainError> {
        Ok(Weights::new())
    }
}

impl Session {
    /// `settings` say how it is trained, for people; `own` are the parts that go into this kind of training beside images,
    /// subject and optimisation.
    pub(crate) fn new(
        optimisation: Optimisation,
        phases: &[Pace],
        splits: &Splits,
        subject: Subject,
        settings: Value,
        own: &Inputs,
    ) -> Result<Self, TrainError> {
        optimisation.check()?;
        phases.iter().try_for_each(Pace::check)?;
        let loader = optimisation.loader(splits)?;
        let shape = splits.shape();
        let settings = json!({
            "training": settings,
            "data": {
                "classes": splits.classes,
                "channels": shape.channels,
                "height": shape.height,
                "width": shape.width,
                "train_images": splits.train.len(),
                "normalisation": splits.normalisation,
            },
        });
        let each_step = Optimisation {
            augmentation: panarch_data::Augmentation::NONE,
            seed: 0,
            ..optimisation
        };
        let what = if subject.kind == "network" { "network" } else { "space" };
        let inputs = splits
            .inputs()
            .with_text(what, &subject.hash)
            .with_all(own)
            .with_text("optimisation", json!(each_step))
            .with_text("augmentation", json!(optimisation.augmentation))
            .with_text("seed", optimisation.seed)
            .with_text("trainer", REVISION);
        Ok(Self {
            inputs,
            phases: phases.iter().map(|pace| pace.cosine(loader.steps())).collect(),
            momentum: Weights::new(),
            optimisation,
            loader,
            subject,
            settings,
            step: 0,
        })
    }

    /// Has images of other sizes in the first steps: each stage lasts until a step and has a height and width.
    pub(crate) fn grow(&mut self, stages: &[(u64, u32)]) -> Result<(), TrainError> {
        self.loader = self.loader.clone().growing(stages)?;
        Ok(())
    }

    pub(crate) fn step(&self) -> u64 {
        self.step
    }

    pub(crate) fn steps(&self) -> u64 {
        self.phases.iter().map(|phase| phase.total_steps).sum()
    }

    /// Steps of one pass over the training images.
    pub(crate) fn steps_per_epoch(&self) -> u64 {
        self.loader.steps() as u64
    }

    /// All that goes into this training.
    pub(crate) fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Adds what goes into it beyond what is known here: an engine's precision, a rewarder's devices.
    pub(crate) fn add_inputs(&mut self, more: &Inputs) {
        self.inputs = std::mem::take(&mut self.inputs).with_all(more);
    }

    /// The place of a step; that of the last one beyond the end.
    pub(crate) fn at(&self, step: u64) -> At {
        let (mut before, last) = (0, self.phases.len().saturating_sub(1));
        for (phase, schedule) in self.phases.iter().enumerate() {
            if step < before + schedule.total_steps || phase == last {
                return At {
                    step,
                    phase,
                    phase_step: step - before,
                    phase_steps: schedule.total_steps,
                };
            }
            before += schedule.total_steps;
        }
        At {
            step,
            phase: 0,
            phase_step: step,
            phase_steps: 0,
        }
    }

    /// Goes back to the state of a checkpoint of this very training; gives what the task has to restore.
    pub(crate) fn restore(&mut self, path: &Path, store: &mut Store) -> Result<Weights, TrainError> {
        let checkpoint = Checkpoint::read(path)?;
        checkpoint.check_inputs(path, (&self.subject, &self.settings, &self.inputs))?;
        if checkpoint.step > self.steps() {
            let reason = format!("it is at step {} of {}", checkpoint.step, self.steps());
            return Err(TrainError::CheckpointContent {
                path: path.into(),
                reason,
            });
        }
        let momentum = checkpoint.momentum(path, store)?;
        checkpoint.restore_weights(path, store)?;
        self.momentum = momentum;
        self.step = checkpoint.step;
        Ok(checkpoint.into_state())
    }

    /// Takes the steps that are left. The weights are the engine's meanwhile; `store` has them afterwards, whatever comes of it.
    pub(crate) fn run(
        &mut self,
        engine: &mut dyn Engine,
        store: &mut Arc<Store>,
        control: &mut Control<'_>,
        task: &mut dyn Task,
    ) -> Result<Outcome, TrainError> {
        let parameters = engine.create(Arc::clone(store))?;
        let outcome = self.run_on(engine, &parameters, control, task);
        let weights = engine.save(&parameters);
        let momentum = engine.save_momentum(&parameters);
        engine.remove(&parameters);
        if let (Ok(weights), Ok(momentum)) = (&weights, momentum.as_ref()) {
            Arc::make_mut(store).load(weights)?;
            self.momentum.clone_from(momentum);
        }
        let outcome = outcome?;
        weights.and(momentum)?;
        Ok(outcome)
    }

    fn run_on(
        &mut self,
        engine: &mut dyn Engine,
        parameters: &Parameters,
        control: &mut Control<'_>,
        task: &mut dyn Task,
    ) -> Result<Outcome, TrainError> {
        let options = self.optimisation.sgd();
        engine.begin(parameters, options)?;
        engine.load_momentum(parameters, &self.momentum)?;
        let steps_per_epoch = self.steps_per_epoch();
        let workers = usize::from(self.loader.is_heavy());
        let mut feed = Feed::new(&self.loader, self.step..self.steps(), workers)?;
        let (mut saved_at, mut saved_when) = (self.step, Instant::now());
        let mut outcome = Outcome::Finished;
        while self.step < self.steps() {
            if control.is_cancelled() {
                outcome = Outcome::Cancelled;
                break;
            }
            let at = self.at(self.step);
            if at.phase_step == 0 {
                task.enter(at, engine, parameters)?;
                engine.begin(parameters, options)?;
            }
            let epoch = self.step / steps_per_epoch;
            let batch = feed.next()?;
            let loss = task.compute(at, engine, parameters, batch)?;
            if !loss.is_finite() {
                return Err(self.diverged(loss, control));
            }
            let learning_rate = self.phases[at.phase].at(at.phase_step);
            let step = Step {
                learning_rate: learning_rate as f32,
                clip_norm: self.optimisation.clip_norm,
            };
            if !engine.step(parameters, step)?.is_finite() {
                return Err(self.diverged(loss, control));
            }
            self.step += 1;
            task.updated(at, engine, parameters, control.progress)?;
            let (step, steps, images) = (self.step, self.steps(), batch.len());
            (control.progress)(&Progress::Step {
                step,
                steps,
                phase: at.phase,
                epoch,
                images,
                loss,
                learning_rate,
            });
            let phase_done = at.phase_step + 1 == at.phase_steps;
            if phase_done || self.step.is_multiple_of(steps_per_epoch) {
                task.epoch_done(at, engine, parameters, control.progress)?;
            }
            if let Some(policy) = &control.checkpoint
                && policy.is_due(self.step - saved_at, saved_when.elapsed())
            {
                self.checkpoint(engine, parameters, control, task)?;
                (saved_at, saved_when) = (self.step, Instant::now());
            }
        }
        if saved_at != self.step || self.step == 0 {
            self.checkpoint(engine, parameters, control, task)?;
        }
        Ok(outcome)
    }

    fn checkpoint(
        &self,
        engine: &mut dyn Engine,
        parameters: &Parameters,
        control: &mut Control<'_>,
        task: &dyn Task,
    ) -> Result<(), TrainError> {
        let Some(policy) = &control.checkpoint else {
            return Ok(());
        };
        let weights = engine.save(parameters)?;
        let values = || weights.iter().flat_map(|(_, tensor)| &tensor.data);
        if !values().all(|value| value.is_finite()) {
            // The file keeps the last good state.
            return Err(self.diverged(f32::NAN, control));
        }
        let made_of = (self.subject.clone(), self.settings.clone(), self.inputs.clone());
        let momentum = engine.save_momentum(parameters)?;
        let state = task.state(engine)?;
        Checkpoint::take(made_of, self.step, weights, momentum, state).write(&policy.path)?;
        let (path, step) = (policy.path.clone(), self.step);
        (control.progress)(&Progress::Checkpoint { path, step });
        Ok(())
    }

    fn diverged(&self, loss: f32, control: &Control<'_>) -> TrainError {
        let path = control.checkpoint.as_ref().map(|policy| policy.path.clone());
        TrainError::Diverged {
            step: self.step,
            loss,
            checkpoint: path.filter(|path| path.is_file()),
        }
    }
}
