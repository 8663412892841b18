//! Training of a supernet along a [`Schedule`].

use std::path::Path;
use std::sync::Arc;

use panarch_graph::{Accuracy, Inputs, Weights};
use panarch_nn::{Engine, Member, Parameters, Statistics, Store};
use panarch_space::{Genotype, Space};
use serde::Serialize;
use serde_json::json;

use crate::TrainError;
use crate::checkpoint::Subject;
use crate::evaluation::Validator;
use crate::optimisation::Optimisation;
use crate::phase_task::PhaseTask;
use crate::policy::Policy;
use crate::progress::{Control, Outcome};
use crate::schedule::Schedule;
use crate::session::Session;
use crate::supernet::{Family, Supernet};
use panarch_data::{Batch, Loader, Splits};

/// Everything that decides how a supernet is trained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Training {
    /// What every step does.
    pub optimisation: Optimisation,
    /// The phases. Lengths and learning rates are used as they are: see [`Schedule::scaled`] and [`Schedule::for_batch`].
    pub schedule: Schedule,
}

/// What a network is worth: asked for every network that a policy has drawn.
pub trait Rewarder {
    /// The reward of a network with this accuracy on the step's validation images.
    ///
    /// # Errors
    /// [`TrainError::Reward`] when a latency cannot be had.
    fn reward(&mut self, genotype: &Genotype, accuracy: Accuracy) -> Result<Reward, TrainError>;
}

/// The answer of a [`Rewarder`].
#[derive(Debug, Clone, PartialEq)]
pub struct Reward {
    /// The larger, the better.
    pub value: f64,
    /// For each device, latency over target.
    pub ratios: Vec<f64>,
}

/// A member of a space with weights, whose answers are learned: the largest of a supernet, as it was trained alone.
#[derive(Debug, Clone)]
pub struct TeacherNetwork {
    /// Its space, which may be larger than that of its students.
    pub space: Space,
    /// Which member it is.
    pub genotype: Genotype,
    /// Its weights.
    pub weights: Weights,
}

impl TeacherNetwork {
    /// The largest member of a supernet.
    ///
    /// # Errors
    /// As [`Supernet::extract`].
    pub fn largest_of(supernet: &Supernet) -> Result<Self, TrainError> {
        let (space, genotype) = (supernet.space().clone(), supernet.space().largest());
        let (_, weights) = supernet.extract(&genotype)?;
        Ok(Self {
            space,
            genotype,
            weights,
        })
    }
}

/// A teacher that no longer learns.
pub(crate) struct FrozenTeacher {
    family: Family,
    genotype: Genotype,
    store: Arc<Store>,
    /// For images of the supernet's own size.
    member: Member,
    /// Its weights in the engine, once it has been asked.
    placed: Option<Parameters>,
    /// It was given, so that checkpoints need not keep it.
    given: bool,
}

impl FrozenTeacher {
    fn new(family: Family, genotype: Genotype, weights: &Weights, given: bool) -> Result<Self, TrainError> {
        let network = family.network(&genotype)?;
        let store = Store::from_weights(&network, weights)?;
        let member = Member::new(network, &store.layout())?;
        Ok(Self {
            family,
            genotype,
            store: Arc::new(store),
            member,
            placed: None,
            given,
        })
    }

    /// The largest member of a supernet as it is now.
    pub(crate) fn of_largest(family: &Family, store: &Store) -> Result<Self, TrainError> {
        let largest = family.space.largest();
        let weights = family.member(&largest, &store.layout())?.views().extract(store)?;
        Self::new(family.clone(), largest, &weights, false)
    }

    /// Its answers to a batch, normalised by the batch's own statistics.
    pub(crate) fn answer(
        &mut self,
        engine: &mut dyn Engine,
        batch: &Batch,
        answers: &mut Vec<f32>,
    ) -> Result<(), TrainError> {
        let parameters = match &self.placed {
            Some(parameters) => parameters,
            None => self.placed.insert(engine.create(Arc::clone(&self.store))?),
        };
        let resolution = batch.shape().height;
        let is_own = resolution == self.family.resolution;
        let member = if is_own {
            self.member.clone()
        } else {
            let family = self.family.at(resolution);
            family.member(&self.genotype, parameters.layout())?
        };
        Ok(engine.forward(parameters, &member, Statistics::Batch, batch.images(), answers)?)
    }

    /// Takes its weights out of the engine.
    fn leave(&mut self, engine: &mut dyn Engine) {
        if let Some(parameters) = self.placed.take() {
            engine.remove(&parameters);
        }
    }
}

const TEACHER: &str = "teacher/";

/// A supernet in training.
pub struct SupernetTrainer {
    supernet: Supernet,
    training: Training,
    teacher: Option<FrozenTeacher>,
    policy: Option<Policy>,
    corners: Option<Validator>,
    /// Validation images in batches for a policy's rewards.
    rewarding: Option<Loader>,
    session: Session,
}

impl SupernetTrainer {
    /// A training at its beginning. Classes, channels and resolution come from the images. With a teacher that is given, the
    /// phases that would make one are left out, and the supernet begins with the teacher's weights.
    ///
    /// # Errors
    /// [`TrainError::Setting`] when a setting has no meaning, [`TrainError::Mismatch`] when the images are not square or the
    /// teacher has other classes or takes other images, [`TrainError::Engine`] when the teacher is too small for the space, and
    /// as [`Supernet::new`].
    pub fn new(
        space: &Space,
        splits: &Splits,
        mut training: Training,
        teacher: Option<&TeacherNetwork>,
    ) -> Result<Self, TrainError> {
        if teacher.is_some() {
            training.schedule = training.schedule.without_teacher_phases();
        }
        training.schedule.check()?;
        let phases = &training.schedule.phases;
        let makes_teacher = phases.first().is_some_and(|phase| phase.distillation.is_none());
        if training.schedule.has_frozen_teacher() && teacher.is_none() && !makes_teacher {
            return Err(TrainError::Setting {
                setting: "teacher",
                reason: "the first phase has a frozen teacher: give one (train.teacher), or begin with a phase that makes it".into(),
            });
        }
        let resolution = square(space.name(), splits)?;
        if let Some(wrong) = foreign_resolution(space, &training.optimisation) {
            return Err(TrainError::Setting {
                setting: "resolutions",
                reason: format!("{wrong} is no image size of the space {}", space.name()),
            });
        }
        let mut supernet = Supernet::new(space, splits.head(), resolution, training.optimisation.seed)?;
        if let Some(teacher) = teacher {
            begin_with(&mut supernet, teacher, splits)?;
        }
        if training.schedule.kernel_matrices {
            supernet = supernet.with_kernel_matrices()?;
        }
        let mut own = Inputs::new().with_text("schedule", json!(training.schedule));
        if let Some(teacher) = teacher {
            let member = format!("{} {}", teacher.space.hash(), teacher.genotype);
            own = own
                .with("teacher", teacher.weights.content_hash())
                .with_text("teacher's place in its space", member);
        }
        if phases.iter().any(|phase| phase.policy.is_some()) {
            own = own.with("validation pictures", splits.validation.content_hash());
        }
        let paces: Vec<_> = phases.iter().map(|phase| phase.pace).collect();
        let subject = Subject::of_space(space);
        let session = Session::new(
            training.optimisation,
            &paces,
            splits,
            subject,
            json!({ "settings": training }),
            &own,
        )?;
        let policy = phases.iter().find(|phase| phase.policy.is_some());
        let rewarding = policy.and_then(|phase| phase.policy).map(|pace| {
            let batch = training.optimisation.batch_size.saturating_mul(pace.validation_batch);
            let images = splits.validation.clone();
            let (batch, seed) = (batch.min(images.len()), training.optimisation.seed);
            Loader::training(
                images,
                &splits.normalisation,
                panarch_data::Augmentation::NONE,
                batch,
                seed,
            )
        });
        let teacher = teacher.map(|it| {
            let family = Family {
                space: Arc::new(it.space.clone()),
                ..supernet.family.clone()
            };
            FrozenTeacher::new(family, it.genotype.clone(), &it.weights, true)
        });
        Ok(Self {
            policy: policy.map(|phase| Policy::new(phase.open.of(space))),
            rewarding: rewarding.transpose()?,
            teacher: teacher.transpose()?,
            corners: None,
            supernet,
            training,
            session,
        })
    }

    /// Validates the networks at the corners of the open choices at the end of each epoch and phase. The training does not depend
    /// on it.
    pub fn validate_corners(&mut self, validator: Validator) {
        self.corners = Some(validator);
    }

    /// Continues where a checkpoint of this very training (space, data, settings, teacher) ended.
    ///
    /// # Errors
    /// [`TrainError::CheckpointOfAnother`] with every difference, else as [`Checkpoint::read`](crate::Checkpoint::read).
    pub fn resume(&mut self, checkpoint: &Path) -> Result<(), TrainError> {
        let state = self
            .session
            .restore(checkpoint, Arc::make_mut(&mut self.supernet.store))?;
        let kept = state
            .iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix(TEACHER)?, tensor)));
        let weights: Weights = kept.map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect();
        if !weights.is_empty() {
            let family = self.supernet.family.clone();
            let largest = family.space.largest();
            self.teacher = Some(FrozenTeacher::new(family, largest, &weights, false)?);
        }
        match &mut self.policy {
            Some(policy) => policy.restore(&state),
            None => Ok(()),
        }
    }

    /// All that goes into this training, as far as it is known here: see [`SupernetTrainer::add_inputs`].
    pub fn inputs(&self) -> &Inputs {
        self.session.inputs()
    }

    /// Adds what else decides the result, to be called before [`SupernetTrainer::resume`]: how the engine keeps values,
    /// what a rewarder asks.
    pub fn add_inputs(&mut self, more: &Inputs) {
        self.session.add_inputs(more);
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        self.session.step()
    }

    /// All steps.
    pub fn steps(&self) -> u64 {
        self.session.steps()
    }

    /// Steps of one pass over the training images.
    pub fn steps_per_epoch(&self) -> u64 {
        self.session.steps_per_epoch()
    }

    /// The settings, without the phases that a given teacher has made superfluous.
    pub fn training(&self) -> &Training {
        &self.training
    }

    /// Takes the steps that are left, or those until it is cancelled.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] when the loss is no longer a number; when a checkpoint cannot be written; whatever the
    /// engine returns; [`TrainError::Setting`] when the schedule has a policy (see [`SupernetTrainer::train_rewarded`]).
    pub fn train(&mut self, engine: &mut dyn Engine, control: &mut Control<'_>) -> Result<Outcome, TrainError> {
        if self.policy.is_some() {
            return Err(TrainError::Setting {
                setting: "policy",
                reason: "it learns from rewards, and nobody gives any".into(),
            });
        }
        self.go(engine, None, control)
    }

    /// As [`SupernetTrainer::train`] for a schedule with a policy.
    ///
    /// # Errors
    /// As [`SupernetTrainer::train`], and whatever the rewarder returns.
    pub fn train_rewarded(
        &mut self,
        engine: &mut dyn Engine,
        rewarder: &mut dyn Rewarder,
        control: &mut Control<'_>,
    ) -> Result<Outcome, TrainError> {
        self.go(engine, Some(rewarder), control)
    }

    fn go(
        &mut self,
        engine: &mut dyn Engine,
        rewarder: Option<&mut dyn Rewarder>,
        control: &mut Control<'_>,
    ) -> Result<Outcome, TrainError> {
        let Self {
            supernet,
            training,
            teacher,
            policy,
            corners,
            rewarding,
            session,
        } = self;
        let mut task = PhaseTask {
            family: &supernet.family,
            store: Arc::clone(&supernet.store),
            training,
            teacher,
            policy,
            corners: corners.as_ref(),
            rewarding: rewarding.as_ref(),
            rewarder,
            current: None,
            answers: Vec::new(),
            logits: Vec::new(),
            drawn: Vec::new(),
        };
        let outcome = session.run(engine, &mut supernet.store, control, &mut task);
        if let Some(teacher) = teacher {
            teacher.leave(engine);
        }
        outcome
    }

    /// What the policy has found: the likeliest choice of every decision; `None` when the schedule has no policy.
    pub fn likeliest(&self) -> Option<Genotype> {
        Some(self.policy.as_ref()?.likeliest(self.supernet.space()))
    }

    /// The supernet as it is now.
    pub fn supernet(&self) -> &Supernet {
        &self.supernet
    }

    /// Ends the training and keeps the supernet.
    pub fn into_supernet(self) -> Supernet {
        self.supernet
    }
}

/// What a frozen teacher has to leave in a checkpoint.
pub(crate) fn teacher_state(teacher: Option<&FrozenTeacher>) -> Result<Weights, TrainError> {
    let Some(teacher) = teacher.filter(|teacher| !teacher.given) else {
        return Ok(Weights::new());
    };
    let weights = teacher.member.views().extract(&teacher.store)?;
    let named = weights.iter();
    Ok(named
        .map(|(name, tensor)| (format!("{TEACHER}{name}"), tensor.clone()))
        .collect())
}

/// Gives the largest member the teacher's weights, leading channels and centres of kernels where the teacher is larger.
fn begin_with(supernet: &mut Supernet, teacher: &TeacherNetwork, splits: &Splits) -> Result<(), TrainError> {
    let network = teacher
        .space
        .lower(&teacher.genotype, splits.head(), supernet.resolution())?;
    let given = Store::from_weights(&network, &teacher.weights)?;
    let largest = supernet.member(&supernet.space().largest())?;
    let weights = Member::new(largest.network().clone(), &given.layout())?
        .views()
        .extract(&given)?;
    largest.views().write(&weights, Arc::make_mut(&mut supernet.store))?;
    Ok(())
}

/// A resolution that images are to be scaled to and the space does not allow.
fn foreign_resolution(space: &Space, optimisation: &Optimisation) -> Option<u32> {
    let resolutions = optimisation.augmentation.resolutions?;
    let mut all = resolutions.as_slice().iter().copied();
    all.find(|resolution| !space.resolutions().contains(resolution))
}

/// Height and width of square images.
fn square(network: &str, splits: &Splits) -> Result<u32, TrainError> {
    let shape = splits.shape();
    if shape.height == shape.width {
        return Ok(shape.height);
    }
    Err(TrainError::Mismatch {
        network: network.into(),
        expects: "square images".into(),
        gives: format!("{} × {} pixels", shape.height, shape.width),
    })
}
