//! What a step of each kind of phase computes.

use panarch_graph::{Weights, random};
use panarch_nn::{Engine, Layout, Loss, Member, Mixed, Parameters, Statistics, Store};
use panarch_space::{Genotype, Subspace};
use rand::RngExt as _;

use crate::evaluation::Validator;
use crate::mixture::mixture;
use crate::policy::Policy;
use crate::progress::Progress;
use crate::schedule::{self, Distillation, Phase, PolicyPace, Sampling, Sorting, Teacher};
use crate::session::{At, Report, Task};
use crate::supernet::Family;
use crate::supernet_trainer::{FrozenTeacher, Rewarder, Training, teacher_state};
use crate::{TrainError, channel_sorting};
use std::sync::Arc;

use panarch_data::{Batch, Loader};

/// A [`SupernetTrainer`](crate::SupernetTrainer) during a run.
pub(crate) struct PhaseTask<'a, 'r> {
    pub(crate) family: &'a Family,
    /// Tensors as they were before the run.
    pub(crate) store: Arc<Store>,
    pub(crate) training: &'a Training,
    pub(crate) teacher: &'a mut Option<FrozenTeacher>,
    pub(crate) policy: &'a mut Option<Policy>,
    pub(crate) corners: Option<&'a Validator>,
    pub(crate) rewarding: Option<&'a Loader>,
    pub(crate) rewarder: Option<&'r mut dyn Rewarder>,
    pub(crate) current: Option<Current>,
    /// The teacher's answers to the batch at hand.
    pub(crate) answers: Vec<f32>,
    /// What the networks at hand answer.
    pub(crate) logits: Vec<f32>,
    /// The networks that the policy has drawn in this step.
    pub(crate) drawn: Vec<Genotype>,
}

/// What stays the same in a phase.
pub(crate) struct Current {
    phase: usize,
    open: Subspace,
    /// The members that many steps have, planned once: the largest and the smallest.
    ends: [(Genotype, Member); 2],
}

impl PhaseTask<'_, '_> {
    fn phase(&self, index: usize) -> &Phase {
        &self.training.schedule.phases[index]
    }

    /// Prepares for a phase, unless it goes on.
    fn prepare(&mut self, at: At, layout: &Layout) -> Result<(), TrainError> {
        if self.current.as_ref().is_some_and(|current| current.phase == at.phase) {
            return Ok(());
        }
        let open = self.phase(at.phase).open.of(&self.family.space);
        let end = |genotype: Genotype| -> Result<_, TrainError> {
            let member = self.family.member(&genotype, layout)?;
            Ok((genotype, member))
        };
        let ends = [end(open.largest())?, end(open.smallest())?];
        self.current = Some(Current {
            phase: at.phase,
            open,
            ends,
        });
        Ok(())
    }

    /// The networks of a step; of a policy as they were drawn, else canonical.
    fn genotypes(&self, at: At, open: &Subspace) -> Vec<Genotype> {
        let phase = self.phase(at.phase);
        let (seed, count) = (self.training.optimisation.seed, u64::from(phase.networks));
        let drawn = |label: &str, count: u64| -> Vec<Genotype> {
            let mut rng = random::stream(seed, label, at.step);
            (0..count).map(|_| open.sample(&mut rng)).collect()
        };
        match phase.sampling {
            Sampling::Largest => vec![open.largest()],
            Sampling::Uniform => drawn("uniform", count),
            Sampling::Sandwich => {
                let filling = drawn("sandwich", count.saturating_sub(2));
                [open.largest(), open.smallest()].into_iter().chain(filling).collect()
            }
            Sampling::Fair => {
                let first = at.phase_step * count;
                (first..first + count)
                    .map(|number| schedule::fair(open, seed, number))
                    .collect()
            }
            Sampling::Policy => {
                let mut rng = random::stream(seed, "policy", at.step);
                let policy = self.policy.iter();
                policy
                    .flat_map(|policy| (0..count).map(|_| policy.sample(&mut rng)).collect::<Vec<_>>())
                    .collect()
            }
        }
    }

    /// A network of a step; of a policy in its warm-up with mixtures and largest filters instead of some choices.
    fn member(
        &self,
        at: At,
        number: usize,
        genotype: &Genotype,
        layout: &Layout,
        resolution: u32,
    ) -> Result<Member, TrainError> {
        let family = self.family.at(resolution);
        let Some(current) = &self.current else {
            return family.member(genotype, layout);
        };
        let warming = self.phase(at.phase).policy.map_or(0.0, |pace| warming(pace, at));
        if warming <= 0.0 {
            let is_own = resolution == self.family.resolution;
            let known = current.ends.iter().find(|(end, _)| is_own && end == genotype);
            return known.map_or_else(|| family.member(genotype, layout), |(_, member)| Ok(member.clone()));
        }
        let seed = self.training.optimisation.seed;
        let mut rng = random::stream(seed, &format!("warm-up {number}"), at.step);
        let mut digits = genotype.as_bytes().to_vec();
        let mut mixed = vec![false; digits.len()];
        for (index, decision) in self.family.space.decisions().iter().enumerate() {
            if rng.random::<f64>() < warming {
                if decision.property.is_width() {
                    digits[index] = current
                        .open
                        .open()
                        .get(index)
                        .and_then(|open| open.last())
                        .copied()
                        .unwrap_or(0);
                } else {
                    mixed[index] = true;
                }
            }
        }
        mixture(&family, &current.open, &Genotype::new(digits), &mixed, layout)
    }

    /// Lets the policy learn from the networks of a step, on validation images that no weight has learned from.
    fn reward(
        &mut self,
        at: At,
        pace: PolicyPace,
        engine: &mut dyn Engine,
        parameters: &Parameters,
        report: &mut Report<'_>,
    ) -> Result<(), TrainError> {
        let (Some(policy), Some(rewarder), Some(images)) =
            (self.policy.as_mut(), self.rewarder.as_mut(), self.rewarding)
        else {
            return Ok(());
        };
        let steps = images.steps() as u64;
        let mut batch = Batch::new(images.shape());
        images
            .epoch(at.phase_step / steps)
            .fill((at.phase_step % steps) as usize, &mut batch);
        let classes = self.family.head.classes as usize;
        let (mut sampled, mut ratios, mut accuracies) = (Vec::new(), Vec::new(), 0.0);
        for genotype in self.drawn.drain(..) {
            let canonical = self.family.space.canonical(&genotype);
            let member = self.family.member(&canonical, parameters.layout())?;
            let logits = &mut self.logits;
            engine.forward(parameters, &member, Statistics::Batch, batch.images(), logits)?;
            let correct = panarch_nn::count_correct(logits, classes, batch.labels())?;
            let accuracy = panarch_graph::Accuracy::from_counts(correct, batch.len());
            let reward = rewarder.reward(&canonical, accuracy)?;
            if !reward.value.is_finite() {
                return Err(TrainError::Reward(format!("{} for {canonical}", reward.value).into()));
            }
            ratios.resize(reward.ratios.len(), 0.0);
            ratios
                .iter_mut()
                .zip(&reward.ratios)
                .for_each(|(sum, ratio)| *sum += ratio);
            accuracies += accuracy.share();
            sampled.push((canonical, reward.value));
        }
        let count = sampled.len().max(1) as f64;
        let reward = sampled.iter().map(|(_, reward)| reward).sum::<f64>() / count;
        let done = share_of_learning(pace, at);
        // An exponential ramp from the first rate to the last.
        let rate = pace.learning_rate * (pace.last_learning_rate / pace.learning_rate).powf(done);
        let baseline = policy.learn(&self.family.space, &sampled, pace.baseline_momentum, rate);
        report(&Progress::Policy {
            step: at.step + 1,
            reward,
            baseline,
            accuracy: accuracies / count,
            entropy: policy.entropy(),
            ratios: ratios.into_iter().map(|sum| sum / count).collect(),
        });
        Ok(())
    }
}

impl Task for PhaseTask<'_, '_> {
    fn enter(&mut self, at: At, engine: &mut dyn Engine, parameters: &Parameters) -> Result<(), TrainError> {
        let phase = self.phase(at.phase).clone();
        let frozen = phase.distillation.is_some_and(|it| it.teacher == Teacher::Frozen);
        let needs_teacher = frozen && self.teacher.is_none();
        if !needs_teacher && phase.sorting == Sorting::None {
            return Ok(());
        }
        // Between phases, weights are looked at and put into another order by their values.
        let mut store = (*self.store).clone();
        store.load(&engine.save(parameters)?)?;
        if needs_teacher {
            *self.teacher = Some(FrozenTeacher::of_largest(self.family, &store)?);
        }
        let nested = match (phase.sorting, at.phase.checked_sub(1)) {
            (Sorting::None, _) => return Ok(()),
            (Sorting::Segments, Some(before)) => {
                let before = self.phase(before).open.of(&self.family.space);
                channel_sorting::widths(self.family, &before)?
            }
            _ => Vec::new(),
        };
        channel_sorting::sort(self.family, &mut store, &nested)?;
        Ok(engine.load(parameters, &store.weights())?)
    }

    fn compute(
        &mut self,
        at: At,
        engine: &mut dyn Engine,
        parameters: &Parameters,
        batch: &Batch,
    ) -> Result<f32, TrainError> {
        self.prepare(at, parameters.layout())?;
        let Some(current) = &self.current else {
            return Ok(0.0);
        };
        let distillation = self.phase(at.phase).distillation;
        let genotypes = self.genotypes(at, &current.open);
        let frozen = distillation.is_some_and(|it| it.teacher == Teacher::Frozen && it.ratio > 0.0);
        if let Some(teacher) = self.teacher.as_mut().filter(|_| frozen) {
            teacher.answer(engine, batch, &mut self.answers)?;
        }
        let mut first = 0.0;
        for (number, genotype) in genotypes.iter().enumerate() {
            let member = self.member(at, number, genotype, parameters.layout(), batch.shape().height)?;
            let guided = distillation.filter(|it| it.ratio > 0.0 && (frozen || number > 0));
            let loss = Loss {
                labels: batch.labels(),
                mixed: mixed(batch),
                smoothing: self.training.optimisation.label_smoothing,
                teacher: guided.map(|Distillation { ratio, .. }| panarch_nn::Teacher {
                    logits: &self.answers,
                    ratio,
                }),
                // See `Teacher`: the published losses of the two kinds differ by this factor.
                scale: guided.filter(|_| !frozen).map_or(1.0, |it| 1.0 / (1.0 + it.ratio)),
            };
            let value = engine.train(parameters, &member, batch.images(), &loss, &mut self.logits)?;
            if !frozen && number == 0 && distillation.is_some() {
                self.answers.clone_from(&self.logits);
            }
            if number == 0 || !value.is_finite() {
                first = value;
            }
        }
        if self.phase(at.phase).policy.is_some() {
            self.drawn = genotypes;
        }
        Ok(first)
    }

    fn updated(
        &mut self,
        at: At,
        engine: &mut dyn Engine,
        parameters: &Parameters,
        report: &mut Report<'_>,
    ) -> Result<(), TrainError> {
        match self.phase(at.phase).policy {
            Some(pace) if warming(pace, at) <= 0.0 => self.reward(at, pace, engine, parameters, report),
            _ => Ok(()),
        }
    }

    fn epoch_done(
        &mut self,
        at: At,
        engine: &mut dyn Engine,
        parameters: &Parameters,
        report: &mut Report<'_>,
    ) -> Result<(), TrainError> {
        self.prepare(at, parameters.layout())?;
        let (Some(validator), Some(current)) = (self.corners, &self.current) else {
            return Ok(());
        };
        for (corner, genotype) in schedule::corners(&current.open) {
            let member = self.family.member(&genotype, parameters.layout())?;
            let score = validator.score(engine, parameters, &member)?;
            report(&Progress::Validation {
                step: at.step + 1,
                corner,
                score,
            });
        }
        Ok(())
    }

    fn state(&self, _engine: &mut dyn Engine) -> Result<Weights, TrainError> {
        // Views into its own store cannot fail.
        let mut state = teacher_state(self.teacher.as_ref()).unwrap_or_default();
        if let Some(policy) = self.policy.as_ref() {
            for (name, tensor) in policy.state().iter() {
                state.insert(name, tensor.clone());
            }
        }
        Ok(state)
    }
}

/// The probability that a choice is replaced: from 1 at the first step of the warm-up to 0 after its last.
fn warming(pace: PolicyPace, at: At) -> f64 {
    let steps = pace.warm_up * at.phase_steps as f64;
    if steps <= 0.0 {
        return 0.0;
    }
    (1.0 - at.phase_step as f64 / steps).max(0.0)
}

/// How far the policy's own part of the phase has come, from 0 to 1.
fn share_of_learning(pace: PolicyPace, at: At) -> f64 {
    let first = (pace.warm_up * at.phase_steps as f64).ceil();
    let span = (at.phase_steps as f64 - 1.0 - first).max(1.0);
    ((at.phase_step as f64 - first) / span).clamp(0.0, 1.0)
}

/// What the images of a batch are mixed of, for the loss.
pub(crate) fn mixed(batch: &Batch) -> Option<Mixed<'_>> {
    let panarch_data::Mixed { labels, shares } = batch.mixed()?;
    Some(Mixed { labels, shares })
}
