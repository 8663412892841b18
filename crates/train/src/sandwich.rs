//! Supernet training by the sandwich rule with in-place distillation.
//!
//! Each step trains the largest member on the labels, then the smallest and some random ones on the labels and on what
//! the largest answered for the same images; gradients add up before one update. Source: universally slimmable networks
//! (Yu & Huang 2019), BigNAS (Yu et al. 2020). Different from both, the smaller members also see the labels, as in
//! Once-for-All: (CE with labels + ρ · CE with the teacher) / (1 + ρ).

use std::path::Path;

use panarch_graph::random;
use panarch_nn::{Store, Teacher};
use panarch_space::{Genotype, Space};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::TrainError;
use crate::checkpoint::Subject;
use crate::data::Splits;
use crate::engine::{Engine, Member};
use crate::mixup::batch_cross_entropy;
use crate::optimisation::Optimisation;
use crate::progress::{Control, Outcome};
use crate::session::Session;
use crate::supernet::{Family, Supernet};

/// The settings of a sandwich training.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandwichTraining {
    /// How long, how fast, on what.
    pub optimisation: Optimisation,
    /// The sub-networks of a step.
    pub sandwich: Sandwich,
}

/// The sub-networks of a step: the largest, the smallest and random ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sandwich {
    /// How many random members, beside the largest and the smallest.
    pub random: u32,
    /// Weight ρ of the largest member's answer in the loss of the others; 0 is without distillation.
    pub distillation: f32,
}

impl Default for Sandwich {
    /// Two random members, the teacher weighing as much as the labels.
    fn default() -> Self {
        Self {
            random: 2,
            distillation: 1.0,
        }
    }
}

impl Sandwich {
    /// The genotypes of one step, the largest first; the same for the same seed and step.
    pub fn members(&self, space: &Space, seed: u64, step: u64) -> Vec<Genotype> {
        let mut rng = random::stream(seed, "sandwich", step);
        let drawn = (0..self.random).map(|_| space.canonical(&space.sample(&mut rng)));
        [space.largest(), space.smallest()].into_iter().chain(drawn).collect()
    }
}

/// A supernet in training.
pub struct SupernetTrainer {
    supernet: Supernet,
    session: Session,
    settings: SandwichTraining,
}

impl SupernetTrainer {
    /// A training at its beginning. Classes, channels and resolution come from the images.
    ///
    /// # Errors
    /// [`TrainError::Setting`] when a setting has no meaning, [`TrainError::Mismatch`] when the images are not square,
    /// and as [`Supernet::new`].
    pub fn new(space: &Space, splits: &Splits, settings: SandwichTraining) -> Result<Self, TrainError> {
        let ratio = settings.sandwich.distillation;
        if !ratio.is_finite() || ratio < 0.0 {
            return Err(TrainError::Setting {
                setting: "distillation",
                reason: "must not be negative".into(),
            });
        }
        let resolution = square(space.name(), splits)?;
        let supernet = Supernet::new(space, splits.head(), resolution, settings.optimisation.seed)?;
        let subject = Subject::of_space(space);
        let session = Session::new(
            settings.optimisation,
            splits,
            supernet.store(),
            subject,
            json!(settings),
        )?;
        Ok(Self {
            supernet,
            session,
            settings,
        })
    }

    /// Continues where a checkpoint of this very training (space, data, settings) ended.
    ///
    /// # Errors
    /// [`TrainError::CheckpointOfAnother`] with every difference, else as [`Checkpoint::read`](crate::Checkpoint::read).
    pub fn resume(&mut self, checkpoint: &Path) -> Result<(), TrainError> {
        self.session.restore(checkpoint, &mut self.supernet.store)
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        self.session.step()
    }

    /// All steps.
    pub fn steps(&self) -> u64 {
        self.session.steps()
    }

    /// Takes the steps that are left, or those until it is cancelled.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] when the loss is no longer a number; when a checkpoint cannot be written; whatever the
    /// engine returns.
    pub fn train(&mut self, engine: &mut dyn Engine, control: &mut Control<'_>) -> Result<Outcome, TrainError> {
        let Self {
            supernet: Supernet { family, store, .. },
            session,
            settings,
        } = self;
        let SandwichTraining { optimisation, sandwich } = *settings;
        let classes = family.head.classes as usize;
        let ends = Ends::new(family, store)?;
        let mut teacher = Vec::new();
        session.run(store, control, &mut |step, store, batch, gradients| {
            let mut first_loss = 0.0;
            let genotypes = sandwich.members(&family.space, optimisation.seed, step);
            for (index, genotype) in genotypes.iter().enumerate() {
                let member = ends.member(index, genotype, family, store)?;
                let mut loss = |logits: &[f32], gradient: &mut [f32]| {
                    let ratio = sandwich.distillation;
                    let guide = (index > 0 && ratio > 0.0).then_some(Teacher {
                        logits: &teacher,
                        ratio,
                    });
                    let guided = guide.is_some();
                    let smoothing = optimisation.label_smoothing;
                    let value = batch_cross_entropy(logits, classes, batch, smoothing, guide, gradient)?;
                    if index == 0 {
                        teacher.clear();
                        teacher.extend_from_slice(logits);
                    }
                    let share = if guided { 1.0 / (1.0 + ratio) } else { 1.0 };
                    gradient.iter_mut().for_each(|value| *value *= share);
                    Ok(value * share)
                };
                let value = engine.train(&member, store, batch.images(), &mut loss, gradients)?;
                if index == 0 || !value.is_finite() {
                    first_loss = value;
                }
            }
            Ok(first_loss)
        })
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

/// The two members that every step has, planned once.
struct Ends([Member; 2]);

impl Ends {
    fn new(family: &Family, store: &Store) -> Result<Self, TrainError> {
        let largest = family.member(&family.space.largest(), store)?;
        Ok(Self([largest, family.member(&family.space.smallest(), store)?]))
    }

    fn member(&self, index: usize, genotype: &Genotype, family: &Family, store: &Store) -> Result<Member, TrainError> {
        self.0
            .get(index)
            .map_or_else(|| family.member(genotype, store), |member| Ok(member.clone()))
    }
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
