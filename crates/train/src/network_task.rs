//! What a step of one network's training computes, and what is done between steps.

use panarch_graph::Weights;
use panarch_nn::{BnStatistics, CosineSchedule, Engine, Loss, Member, Parameters, Statistics, Teacher};

use crate::TrainError;
use crate::curve::Curve;
use crate::evaluation::Validator;
use crate::phase_task::mixed;
use crate::progress::Progress;
use crate::session::{At, Report, Task};
use panarch_data::Batch;

/// What the names of averaged tensors begin with in a checkpoint.
pub(crate) const AVERAGE: &str = "average.";

/// A [`NetworkTrainer`](crate::NetworkTrainer) during a run.
pub(crate) struct NetworkTask<'a> {
    pub(crate) member: &'a Member,
    /// The same network for smaller images.
    pub(crate) smaller: &'a [Member],
    pub(crate) ratio: f32,
    pub(crate) smoothing: f32,
    pub(crate) guide: Option<(&'a Member, &'a Parameters, BnStatistics)>,
    /// The moving average of the weights, and its decay.
    pub(crate) average: Option<(&'a Parameters, f64)>,
    /// What epochs are written into, with the learning rates and the images that they are judged on.
    pub(crate) curve: Option<(&'a mut Curve, CosineSchedule, &'a Validator)>,
    /// What the teacher answers.
    pub(crate) answers: Vec<f32>,
    pub(crate) logits: Vec<f32>,
}

impl Task for NetworkTask<'_> {
    fn compute(
        &mut self,
        _at: At,
        engine: &mut dyn Engine,
        parameters: &Parameters,
        batch: &Batch,
    ) -> Result<f32, TrainError> {
        if let Some((member, parameters, statistics)) = &self.guide {
            let own = Statistics::Own(statistics);
            engine.forward(parameters, member, own, batch.images(), &mut self.answers)?;
        }
        let ratio = self.ratio;
        let loss = Loss {
            labels: batch.labels(),
            mixed: mixed(batch),
            smoothing: self.smoothing,
            teacher: self.guide.as_ref().map(|_| Teacher {
                logits: &self.answers,
                ratio,
            }),
            scale: if self.guide.is_some() { 1.0 / (1.0 + ratio) } else { 1.0 },
        };
        let fits = |member: &&Member| member.network().input_shape() == batch.shape();
        let member = self.smaller.iter().find(fits).unwrap_or(self.member);
        let value = engine.train(parameters, member, batch.images(), &loss, &mut self.logits)?;
        if let Some((curve, ..)) = &mut self.curve {
            curve.step(value);
        }
        Ok(value)
    }

    fn updated(
        &mut self,
        at: At,
        engine: &mut dyn Engine,
        parameters: &Parameters,
        _report: &mut Report<'_>,
    ) -> Result<(), TrainError> {
        if let Some((average, decay)) = self.average {
            engine.blend(average, parameters, share(decay, at.step))?;
        }
        Ok(())
    }

    fn epoch_done(
        &mut self,
        at: At,
        engine: &mut dyn Engine,
        parameters: &Parameters,
        report: &mut Report<'_>,
    ) -> Result<(), TrainError> {
        let judged = self.average.map_or(parameters, |(average, _)| average);
        if let Some((curve, cosine, validator)) = &mut self.curve {
            let score = validator.score(engine, judged, self.member)?;
            report(&Progress::Epoch(curve.epoch(cosine.at(at.phase_step), score)));
        }
        Ok(())
    }

    fn state(&self, engine: &mut dyn Engine) -> Result<Weights, TrainError> {
        let mut state = Weights::new();
        if let Some((average, _)) = self.average {
            for (name, tensor) in engine.save(average)?.iter() {
                state.insert(format!("{AVERAGE}{name}"), tensor.clone());
            }
        }
        if let Some((curve, ..)) = &self.curve {
            curve.save(&mut state);
        }
        Ok(state)
    }
}

/// How far the average moves towards the weights after a step, counted from zero.
fn share(decay: f64, step: u64) -> f32 {
    let step = step as f64;
    (1.0 - decay.min((1.0 + step) / (10.0 + step))) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_forgets_where_it_began() {
        for (decay, step, expected) in [
            (0.99, 0, 0.9),
            (0.99, 8, 0.5),
            (0.99, 890, 0.01),
            (0.99, 1 << 40, 0.01),
            (0.0, 5, 1.0),
        ] {
            assert!((share(decay, step) - expected).abs() < 1e-6, "{decay} {step}");
        }
    }
}
