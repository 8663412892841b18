//! The supernet: trained once along its schedule, kept as a checkpoint.

use std::path::Path;
use std::time::{Duration, Instant};

use panarch_graph::Inputs;
use panarch_space::Space;
use panarch_study::{EventKind, Subject};
use panarch_train::{
    Checkpoint, CheckpointPolicy, Control, Optimisation, Outcome, Progress, Schedule, Supernet, SupernetTrainer,
    TeacherNetwork, Training, Validation, Validator,
};

use super::reward::DeviceRewarder;
use super::training_log::TrainingLog;
use super::{EVENTS, SUPERNET, Setup, Watch, inputs};
use crate::engine::engine_keeping;
use crate::{Error, lookup};

/// Its name in the study's log.
const PHASE: &str = "supernet";

/// Images that corner networks are recalibrated and validated on: enough to see where a training goes.
const CORNER_IMAGES: [usize; 2] = [500, 1_000];

/// The trained supernet of a run, and what its policy has found, if the schedule has one; trains what is missing.
pub(super) fn trained(setup: &Setup, watch: &mut Watch<'_>) -> Result<Supernet, Error> {
    let training = training(setup)?;
    let path = setup.folder.join(SUPERNET);
    let teacher = setup
        .file
        .train
        .teacher
        .as_deref()
        .map(|file| teacher(setup, file))
        .transpose()?;
    let new = |training| SupernetTrainer::new(&setup.space, &setup.splits, training, teacher.as_ref());
    let mut trainer = new(training.clone())?;
    // Devices are measured before the training is announced.
    let mut rewarder = match trainer.likeliest() {
        Some(_) => Some(DeviceRewarder::open(setup, watch)?),
        None => None,
    };
    let mut further = Inputs::new().with_text("form of kept values", setup.file.train.storage_name());
    if let Some(rewarder) = &rewarder {
        further = further.with_all(&rewarder.inputs());
    }
    trainer.add_inputs(&further);
    if path.is_file()
        && let Err(error) = trainer.resume(&path)
    {
        let why = inputs::why_not(error)?;
        watch.note(format!("the supernet is trained again: {why}"));
        trainer = new(training)?;
        trainer.add_inputs(&further);
    }
    let already = trainer.step() == trainer.steps();
    if trainer.step() == 0 {
        // Whatever hangs on a supernet is no part of this run until it is trained.
        let found = setup.study.subjects()?;
        setup.study.close(found.into_iter().chain([Subject::Evaluations]))?;
    }
    watch.step(format!("Training the supernet ({})", trainer.training().schedule.name));
    let closed = trainer.training().schedule.never_opened(&setup.space);
    if !closed.is_empty() {
        let closed: Vec<&str> = closed.iter().map(|property| property.name()).collect();
        watch.note(format!(
            "this schedule never opens every choice of {}: networks that differ there inherit untrained weights",
            closed.join(", ")
        ));
    }
    if trainer.step() > 0 && !already {
        watch.note(format!("going on from step {} of {}", trainer.step(), trainer.steps()));
    }
    if !already {
        setup
            .study
            .log(PHASE, EventKind::Started, format!("from step {}", trainer.step()))?;
        train(setup, &mut trainer, rewarder.as_mut(), watch)?;
        setup
            .study
            .log(PHASE, EventKind::Finished, format!("{} steps", trainer.steps()))?;
    }
    if let Some((genotype, rewarder)) = trainer.likeliest().zip(rewarder) {
        let found = rewarder.describe(&genotype)?;
        watch.note(format!(
            "the policy's network is {}:{genotype}, {found}",
            setup.space.name()
        ));
    }
    let how = if already { "already trained" } else { "trained" };
    watch.done(format!("{how}, {} steps, kept in {}", trainer.steps(), path.display()));
    Ok(trainer.into_supernet())
}

fn train(
    setup: &Setup,
    trainer: &mut SupernetTrainer,
    rewarder: Option<&mut DeviceRewarder<'_>>,
    watch: &mut Watch<'_>,
) -> Result<(), Error> {
    if setup.file.train.validate_corners {
        trainer.validate_corners(corner_validator(setup)?);
    }
    let cancel = watch.cancel.clone();
    let mut line = StatusLine::new(&trainer.training().schedule);
    let devices = setup.file.devices.names.clone();
    let mut log = TrainingLog::open(&setup.folder.join(EVENTS), trainer.step(), devices)?;
    let mut progress = |event: &Progress| {
        line.event(event, watch);
        log.event(event);
    };
    let mut control = Control {
        cancelled: cancel.flag(),
        checkpoint: Some(CheckpointPolicy::new(setup.folder.join(SUPERNET))),
        progress: &mut progress,
    };
    let mut engine = engine_keeping(setup.file.train.storage);
    let outcome = match rewarder {
        Some(rewarder) => trainer.train_rewarded(engine.as_mut(), rewarder, &mut control)?,
        None => trainer.train(engine.as_mut(), &mut control)?,
    };
    line.validated(watch);
    if let Err(error) = log.finish() {
        // The training is worth more than what is said of it.
        watch.note(format!("the log of events is incomplete: {error}"));
    }
    match outcome {
        Outcome::Finished => Ok(()),
        Outcome::Cancelled => Err(Error::Interrupted),
    }
}

/// What is shown while a supernet is trained.
struct StatusLine {
    phases: Vec<String>,
    began: Instant,
    images: usize,
    loss: Option<f32>,
    corners: Vec<String>,
    policy: String,
    shown: Option<Instant>,
}

impl StatusLine {
    fn new(schedule: &Schedule) -> Self {
        Self {
            phases: schedule.phases.iter().map(|phase| phase.name.clone()).collect(),
            began: Instant::now(),
            images: 0,
            loss: None,
            corners: Vec::new(),
            policy: String::new(),
            shown: None,
        }
    }

    /// Shows the scores of the last validation, if there are any.
    fn validated(&mut self, watch: &mut Watch<'_>) {
        if !self.corners.is_empty() {
            watch.note(format!("validation: {}", self.corners.join(", ")));
            self.corners.clear();
        }
    }

    fn event(&mut self, event: &Progress, watch: &mut Watch<'_>) {
        match event {
            Progress::Step {
                step,
                steps,
                phase,
                epoch,
                images,
                loss,
                ..
            } => {
                self.validated(watch);
                self.images += images;
                let loss = self.loss.map_or(*loss, |before| before + 0.05 * (loss - before));
                self.loss = Some(loss);
                let due = self.shown.is_none_or(|at| at.elapsed() > Duration::from_millis(100));
                if due || step == steps {
                    self.shown = Some(Instant::now());
                    let rate = self.images as f64 / self.began.elapsed().as_secs_f64().max(1e-9);
                    let phase = self.phases.get(*phase).map_or("", String::as_str);
                    let policy = &self.policy;
                    let text = format!(
                        "{phase}, epoch {}, loss {loss:.3}, {rate:.0} images/s{policy}",
                        epoch + 1
                    );
                    watch.progress(*step, *steps, "steps", text);
                }
            }
            Progress::Validation { corner, score, .. } => {
                let accuracy = score.accuracy().value;
                self.corners.push(format!("{corner} {accuracy}"));
            }
            Progress::Policy { reward, entropy, .. } => {
                self.policy = format!(", reward {reward:.3}, entropy {entropy:.2}");
            }
            _ => {}
        }
    }
}

fn corner_validator(setup: &Setup) -> Result<Validator, Error> {
    let [recalibration_images, validation_images] = CORNER_IMAGES;
    let settings = Validation {
        recalibration_images,
        validation_images,
        seed: setup.file.seed,
        ..Validation::default()
    };
    Ok(Validator::new(&setup.splits, settings)?)
}

/// The largest member of the supernet that a checkpoint holds. Its space is the run's own, or a preset that it names.
fn teacher(setup: &Setup, file: &str) -> Result<TeacherNetwork, Error> {
    let path = Path::new(file);
    let subject = Checkpoint::read(path)?.subject;
    let space = match subject.name == setup.space.name() {
        true => setup.space.clone(),
        false => Space::preset(&subject.name).map_err(|_| {
            let (theirs, ours) = (&subject.name, setup.space.name());
            Error::Input(format!(
                "the teacher {file} is of the space `{theirs}`, which is neither this run's (`{ours}`) nor a preset"
            ))
        })?,
    };
    let supernet = Supernet::open(path, &space, setup.head, setup.resolution)?;
    Ok(TeacherNetwork::largest_of(&supernet)?)
}

/// The settings of the run file, as the trainer wants them.
pub(super) fn training(setup: &Setup) -> Result<Training, Error> {
    let section = &setup.file.train;
    Ok(Training {
        optimisation: optimisation(setup),
        schedule: section.resolve(lookup::schedule(&section.schedule)?)?,
    })
}

/// What supernet and finalists have in common.
pub(super) fn optimisation(setup: &Setup) -> Optimisation {
    let train = &setup.file.train;
    Optimisation {
        batch_size: train.batch,
        momentum: train.momentum as f32,
        weight_decay: train.weight_decay as f32,
        label_smoothing: train.label_smoothing as f32,
        clip_norm: (train.clip > 0.0).then_some(train.clip),
        augmentation: train.augmentation,
        seed: setup.file.seed,
    }
}
