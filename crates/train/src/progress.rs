//! What a running training says, and how it is told to stop.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::Score;
use crate::curve::EpochRecord;

/// One thing that happened in a training.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// A step was done. Rates and times are the caller's to compute: this crate only counts.
    Step {
        /// Steps done, this one included.
        step: u64,
        /// All steps.
        steps: u64,
        /// The phase of this step, from zero.
        phase: usize,
        /// The epoch of this step over all phases, from zero.
        epoch: u64,
        /// Training images seen in this step (once each, however many networks saw them).
        images: usize,
        /// The loss of the first network of the step (in a sandwich, the largest).
        loss: f32,
        /// The learning rate of this step.
        learning_rate: f64,
    },
    /// A network at a corner of the open choices was validated, at the end of an epoch or phase.
    Validation {
        /// Steps done.
        step: u64,
        /// Which corner: `largest`, `smallest`, `small kernel`, …
        corner: String,
        /// The validation score with inherited weights.
        score: Score,
    },
    /// An epoch of one network's training is done, and it was validated.
    Epoch(EpochRecord),
    /// A policy has learned from the networks of a step.
    Policy {
        /// Steps done, this one included.
        step: u64,
        /// The mean reward of the step's networks.
        reward: f64,
        /// What the reward is compared with: its moving average.
        baseline: f64,
        /// The mean share of right answers on the step's validation images.
        accuracy: f64,
        /// The mean entropy of the decisions, each relative to that of equal chances: 1 at first, 0 when all is decided.
        entropy: f64,
        /// For each device, latency over target; the mean of the step's networks.
        ratios: Vec<f64>,
    },
    /// A checkpoint was written.
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Steps that it holds.
        step: u64,
    },
}

/// When checkpoints are written, beside the one at the end and the one on cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointPolicy {
    /// The file.
    pub path: PathBuf,
    /// After this many steps.
    pub every_steps: Option<u64>,
    /// After this much time.
    pub every: Option<Duration>,
}

impl CheckpointPolicy {
    /// Every 30 seconds: what is lost by a kill is little, and so is the time for writing.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            every_steps: None,
            every: Some(Duration::from_secs(30)),
        }
    }

    pub(crate) fn is_due(&self, steps: u64, time: Duration) -> bool {
        self.every_steps.is_some_and(|every| steps >= every.max(1)) || self.every.is_some_and(|every| time >= every)
    }
}

/// How a training is watched and stopped.
pub struct Control<'a> {
    /// Looked at before each step; set it, and the training writes its checkpoint and returns.
    pub cancelled: &'a AtomicBool,
    /// Where checkpoints go; none are written without.
    pub checkpoint: Option<CheckpointPolicy>,
    /// Gets everything that happens.
    pub progress: &'a mut dyn FnMut(&Progress),
}

impl Control<'_> {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// How a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All steps are done.
    Finished,
    /// It was told to stop, and can be continued from its checkpoint.
    Cancelled,
}
