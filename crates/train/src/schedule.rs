//! Training schedules as data: phases that open a supernet's choices one after another, or all at once.

mod open;
mod preset;
mod read;

use panarch_space::{Property, Space, Subspace};
use serde::Serialize;

pub use open::Open;
pub(crate) use open::{corners, fair};
pub use preset::schedule_names;

use crate::TrainError;
use crate::optimisation::{Pace, first_broken};

/// How a supernet is trained: phases, one after another. Made from a TOML file by [`Schedule::from_toml`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// The version that the file states.
    pub version: u32,
    /// What it is, in a sentence. Decides nothing, so that checkpoints do not depend on it.
    #[serde(skip)]
    pub description: String,
    /// Where it comes from.
    #[serde(skip)]
    pub source: String,
    /// The images a step that the learning rates are for.
    pub batch: usize,
    /// Whether smaller depthwise kernels are made of larger ones by matrices that are trained too.
    pub kernel_matrices: bool,
    /// The phases; never empty.
    pub phases: Vec<Phase>,
}

/// One part of a [`Schedule`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Which choices are open; everything else is at its largest.
    pub open: Open,
    /// How the networks of a step are drawn.
    pub sampling: Sampling,
    /// Networks a step; their gradients add up before one update.
    pub networks: u32,
    /// How long and how fast.
    pub pace: Pace,
    /// What the networks learn beside the labels.
    pub distillation: Option<Distillation>,
    /// What is done to the order of channels before the first step.
    pub sorting: Sorting,
    /// How the policy learns, of a phase that has one.
    pub policy: Option<PolicyPace>,
}

/// How the networks of a step are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// The largest network alone.
    Largest,
    /// Every open decision uniformly.
    Uniform,
    /// The largest, the smallest, and the rest uniformly (Yu & Huang 2019).
    Sandwich,
    /// In rounds in which every choice of a decision comes once (Chu et al. 2021).
    Fair,
    /// By a policy that learns which choices are good (Bender et al. 2020).
    Policy,
}

impl Sampling {
    /// Every rule with its name in files.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("largest", Self::Largest),
        ("uniform", Self::Uniform),
        ("sandwich", Self::Sandwich),
        ("fair", Self::Fair),
        ("policy", Self::Policy),
    ];

    /// The name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        let named = Self::NAMES.into_iter().find(|(_, rule)| *rule == self);
        named.map_or("", |(name, _)| name)
    }
}

/// Learning from a teacher's answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Distillation {
    /// Weight ρ of the teacher's answer.
    pub ratio: f32,
    /// Who it is.
    pub teacher: Teacher,
}

/// Whose answers the networks of a step learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Teacher {
    /// The largest network of the same step. The loss is (CE with labels + ρ · CE with the teacher) / (1 + ρ).
    InPlace,
    /// The largest network as it is when the first phase with a frozen teacher begins, or one that was given. It normalises by its batch's statistics, as the
    /// published code has it, and the loss is CE with labels + ρ · CE with the teacher, as published.
    Frozen,
}

/// What is done to the order of inner channels before a phase begins (Cai et al. 2020, §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sorting {
    /// Nothing.
    #[default]
    None,
    /// The most important channels come first.
    Whole,
    /// The most important channels come first among those that narrower networks of the phase before have not used yet, and
    /// among those: what was trained already computes the same as before.
    Segments,
}

/// How a policy learns (Bender et al. 2020; `controller.py` of google-research/tunas).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PolicyPace {
    /// Share of the phase's steps in which only weights are trained, warmed up by mixtures and largest filters.
    pub warm_up: f64,
    /// The policy's learning rate (Adam, β₁ = 0, β₂ = 0.999) when it begins.
    pub learning_rate: f64,
    /// And at the end; in between it rises exponentially.
    pub last_learning_rate: f64,
    /// Momentum of the moving average of the reward, which is free of bias by its start at zero.
    pub baseline_momentum: f64,
    /// Images that a network's reward is taken from, in training batches.
    pub validation_batch: usize,
}

impl Teacher {
    /// Every kind with its name in files.
    pub const NAMES: [(&'static str, Self); 2] = [("in-place", Self::InPlace), ("frozen", Self::Frozen)];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InPlace => "in-place",
            Self::Frozen => "frozen",
        }
    }
}

impl Sorting {
    /// Every kind with its name in files.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("none", Self::None),
        ("whole", Self::Whole),
        ("segments", Self::Segments),
    ];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Whole => "whole",
            Self::Segments => "segments",
        }
    }
}

impl Phase {
    /// Whether the phase only makes a teacher of the largest network.
    #[must_use]
    pub fn makes_teacher(&self) -> bool {
        self.sampling == Sampling::Largest && self.distillation.is_none()
    }

    fn check(&self) -> Result<(), TrainError> {
        self.pace.check()?;
        let ratio = self.distillation.map_or(0.0, |distillation| distillation.ratio);
        let both_ends = self.sampling != Sampling::Sandwich || self.networks >= 2;
        let largest_first = matches!(self.sampling, Sampling::Sandwich | Sampling::Largest);
        let in_place = self.distillation.is_some_and(|it| it.teacher == Teacher::InPlace);
        first_broken([
            (
                "networks",
                self.networks > 0 && self.networks <= 64,
                "must lie between 1 and 64",
            ),
            ("networks", both_ends, "a sandwich has at least two"),
            (
                "distillation",
                ratio.is_finite() && ratio >= 0.0,
                "must not be negative",
            ),
            (
                "teacher",
                !in_place || largest_first,
                "`in-place` needs the largest network in every step: use the sampling `sandwich`",
            ),
            (
                "policy",
                self.policy.is_some() == (self.sampling == Sampling::Policy),
                "belongs to the sampling `policy`, and to no other",
            ),
            (
                "sampling",
                self.sampling != Sampling::Largest || self.networks == 1,
                "`largest` is one network a step",
            ),
        ])
    }
}

impl Schedule {
    /// The sandwich rule: the largest, the smallest and `random` more networks a step; `ratio` 0 is without distillation. The
    /// learning rate is for the batch that is used.
    #[must_use]
    pub fn sandwich(random: u32, ratio: f32, pace: Pace, batch: usize) -> Self {
        let distillation = (ratio != 0.0).then_some(Distillation {
            ratio,
            teacher: Teacher::InPlace,
        });
        Self {
            name: "sandwich".to_owned(),
            version: 1,
            description: "Largest, smallest and random networks in every step, in-place distillation".to_owned(),
            source: "Yu & Huang 2019 (arXiv 1903.05134), Yu et al. 2020 (arXiv 2003.11142)".to_owned(),
            batch,
            kernel_matrices: false,
            phases: vec![Phase {
                name: "sandwich".to_owned(),
                open: Open::All,
                sampling: Sampling::Sandwich,
                networks: random.saturating_add(2),
                pace,
                distillation,
                sorting: Sorting::None,
                policy: None,
            }],
        }
    }

    /// Checks what can be checked without a space.
    ///
    /// # Errors
    /// [`TrainError::Setting`] with the first setting that has no meaning.
    pub fn check(&self) -> Result<(), TrainError> {
        first_broken([
            ("phase", !self.phases.is_empty(), "a schedule has at least one"),
            ("batch", self.batch > 0, "must be above 0"),
            (
                "policy",
                self.phases.iter().filter(|phase| phase.policy.is_some()).count() <= 1,
                "one phase may have one",
            ),
        ])?;
        self.phases.iter().try_for_each(Phase::check)
    }

    /// Passes over the training images, of all phases together.
    #[must_use]
    pub fn epochs(&self) -> f64 {
        self.phases.iter().map(|phase| phase.pace.epochs).sum()
    }

    /// Passes of training images through networks: epochs times networks a step.
    #[must_use]
    pub fn student_epochs(&self) -> f64 {
        let passes = |phase: &Phase| phase.pace.epochs * f64::from(phase.networks);
        self.phases.iter().map(passes).sum()
    }

    /// Passes of training images through a frozen teacher.
    #[must_use]
    pub fn teacher_epochs(&self) -> f64 {
        let frozen = |phase: &&Phase| phase.distillation.is_some_and(|it| it.teacher == Teacher::Frozen);
        self.phases.iter().filter(frozen).map(|phase| phase.pace.epochs).sum()
    }

    /// The same schedule with all lengths, warm-ups included, multiplied.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for phase in &mut self.phases {
            phase.pace.epochs *= factor;
            phase.pace.warmup_epochs *= factor;
        }
        self
    }

    /// The same schedule with all learning rates of weights multiplied.
    #[must_use]
    pub fn with_learning_rate_factor(mut self, factor: f64) -> Self {
        for phase in &mut self.phases {
            phase.pace.learning_rate *= factor;
            phase.pace.last_learning_rate *= factor;
        }
        self
    }

    /// The same schedule for steps of `batch` images, learning rates in proportion (Goyal et al. 2017).
    #[must_use]
    pub fn for_batch(self, batch: usize) -> Self {
        let factor = batch as f64 / self.batch.max(1) as f64;
        Self {
            batch,
            ..self.with_learning_rate_factor(factor)
        }
    }

    /// The highest learning rate of its phases.
    #[must_use]
    pub fn peak_learning_rate(&self) -> f64 {
        let rates = self.phases.iter().map(|phase| phase.pace.learning_rate);
        rates.fold(0.0, f64::max)
    }

    /// The same schedule without the phases that make a teacher, for when one is given.
    #[must_use]
    pub fn without_teacher_phases(mut self) -> Self {
        self.phases.retain(|phase| !phase.makes_teacher());
        self
    }

    /// The properties that a space leaves open and no phase opens in full: networks that differ there inherit what has never been
    /// trained.
    #[must_use]
    pub fn never_opened(&self, space: &Space) -> Vec<Property> {
        let open: Vec<Subspace> = self.phases.iter().map(|phase| phase.open.of(space)).collect();
        let mut closed = Vec::new();
        for (index, decision) in space.decisions().iter().enumerate() {
            let all = decision.choices.len();
            let is_open = open.iter().any(|open| open.open()[index].len() == all);
            if !is_open && !closed.contains(&decision.property) {
                closed.push(decision.property);
            }
        }
        closed
    }

    /// Whether a later phase learns from the largest network as an earlier one left it.
    #[must_use]
    pub fn has_frozen_teacher(&self) -> bool {
        self.teacher_epochs() > 0.0
    }
}
