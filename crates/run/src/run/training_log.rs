//! What a training reports step by step, for TensorBoard and as JSON lines.

use std::path::Path;
use std::time::SystemTime;

use panarch_train::{EventLog, Progress, TrainError};

use crate::Error;

/// Steps between two lines about the loss.
const EVERY: u64 = 10;

/// Writes a training's progress into its folder. The first error ends the writing, not the training.
pub(super) struct TrainingLog {
    log: EventLog,
    devices: Vec<String>,
    result: Result<(), TrainError>,
}

impl TrainingLog {
    /// Opens the log of a training that has done `step` steps.
    pub(super) fn open(folder: &Path, step: u64, devices: Vec<String>) -> Result<Self, Error> {
        Ok(Self {
            log: EventLog::open(folder, (step > 0).then_some(step), SystemTime::now())?,
            devices,
            result: Ok(()),
        })
    }

    pub(super) fn event(&mut self, event: &Progress) {
        if self.result.is_ok() {
            self.result = self.write(event);
        }
    }

    fn write(&mut self, event: &Progress) -> Result<(), TrainError> {
        let now = SystemTime::now();
        match event {
            Progress::Step {
                step,
                steps,
                phase,
                loss,
                learning_rate,
                ..
            } if step.is_multiple_of(EVERY) || step == steps => {
                let values = [
                    ("loss", f64::from(*loss)),
                    ("learning_rate", *learning_rate),
                    ("phase", *phase as f64),
                ];
                self.log.scalars(*step, now, &values)
            }
            Progress::Validation { step, corner, score } => {
                let accuracy = score.accuracy().value.share();
                let tag = format!("validation_accuracy/{}", corner.replace(' ', "_"));
                self.log.scalar(*step, now, &tag, accuracy)
            }
            Progress::Policy {
                step,
                reward,
                baseline,
                accuracy,
                entropy,
                ratios,
            } => {
                let tags = self.devices.iter().map(|device| format!("policy/r_{device}"));
                let tags: Vec<String> = tags.collect();
                let ratios = tags.iter().map(String::as_str).zip(ratios.iter().copied());
                let values = [
                    ("policy/reward", *reward),
                    ("policy/baseline", *baseline),
                    ("policy/accuracy", *accuracy),
                    ("policy/entropy", *entropy),
                ];
                self.log
                    .scalars(*step, now, &values.into_iter().chain(ratios).collect::<Vec<_>>())
            }
            Progress::Checkpoint { .. } => self.log.flush(),
            _ => Ok(()),
        }
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.result?;
        Ok(self.log.flush()?)
    }
}
