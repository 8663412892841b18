//! The trainings that are compared, as a table: each is a schedule with what is changed of it.

use panarch_data::Augmentation;
use panarch_train::{Optimisation, Schedule};

use super::{DRAWN, IMAGES};
use crate::bench::BATCH;
use panarch_run::Error;

/// One training of the supernet, and how its members are judged. A new one is a line in [`ARMS`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Arm {
    /// Its name, and what stands in the column `schedule`.
    pub(super) name: &'static str,
    /// The arm whose training it takes: its own name, or another one's where only the judging is changed.
    pub(super) weights: &'static str,
    /// The schedule that it begins with.
    preset: &'static str,
    /// Passes of the training images through networks.
    passes: f64,
    /// The highest learning rate, of steps of [`BATCH`] images.
    rate: f64,
    /// Whether what the schedule learns from a teacher is learned.
    distils: bool,
    /// What is done to the images.
    augmentation: Augmentation,
    label_smoothing: f32,
    weight_decay: f32,
    /// Training images by which a member is recalibrated.
    pub(super) recalibration: usize,
    /// How many of the drawn networks are judged.
    pub(super) networks: usize,
}

/// Networks of an arm that changes one thing.
const FEW: usize = 300;

/// Passes of the training images through networks of every arm that says nothing else.
const PASSES: f64 = 32.0;

/// What the arms have in common.
const BASE: Arm = Arm {
    name: "",
    weights: "",
    preset: "",
    passes: PASSES,
    rate: 0.1,
    distils: true,
    augmentation: Augmentation {
        flip: true,
        crop_padding: 4,
        ..Augmentation::NONE
    },
    label_smoothing: 0.1,
    weight_decay: 3e-5,
    recalibration: IMAGES.recalibration,
    networks: DRAWN,
};

/// An arm that is a schedule as it is.
const fn of(preset: &'static str) -> Arm {
    Arm {
        name: preset,
        weights: preset,
        preset,
        ..BASE
    }
}

/// The schedules, then what is changed of them one at a time.
pub(super) const ARMS: &[Arm] = &[
    of("single-path"),
    of("fair"),
    of("sandwich"),
    // More images for recalibration, with the weights of `fair`.
    Arm {
        name: "fair-recalibrated-2000",
        recalibration: 2_000,
        networks: FEW,
        ..of("fair")
    },
    // Half the length.
    Arm {
        name: "fair-half",
        weights: "fair-half",
        passes: PASSES / 2.0,
        networks: FEW,
        ..of("fair")
    },
    // The sandwich without a teacher.
    Arm {
        name: "sandwich-labels",
        weights: "sandwich-labels",
        distils: false,
        networks: FEW,
        ..of("sandwich")
    },
    // Images as they are.
    Arm {
        name: "fair-plain-images",
        weights: "fair-plain-images",
        augmentation: Augmentation::NONE,
        networks: FEW,
        ..of("fair")
    },
];

impl Arm {
    /// Its schedule, with all lengths multiplied by `scale`.
    pub(super) fn schedule(&self, scale: f64) -> Result<Schedule, Error> {
        let schedule = Schedule::preset(self.preset)?;
        let factor = scale * self.passes / schedule.student_epochs();
        let schedule = schedule.scaled(factor).for_batch(BATCH);
        let rate = self.rate / schedule.peak_learning_rate();
        let mut schedule = schedule.with_learning_rate_factor(rate);
        for phase in &mut schedule.phases {
            phase.distillation = phase.distillation.filter(|_| self.distils);
        }
        Ok(schedule)
    }

    /// What every step of it does.
    pub(super) fn optimisation(&self, seed: u64) -> Optimisation {
        Optimisation {
            batch_size: BATCH,
            weight_decay: self.weight_decay,
            label_smoothing: self.label_smoothing,
            augmentation: self.augmentation,
            seed,
            ..Optimisation::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Names are those of rows and files, and arms of one training must train the same.
    #[test]
    fn arms_are_told_apart() {
        let names: BTreeSet<&str> = ARMS.iter().map(|arm| arm.name).collect();
        assert_eq!(names.len(), ARMS.len());
        for arm in ARMS {
            let schedule = arm.schedule(0.5).unwrap();
            schedule.check().unwrap();
            assert!(
                (schedule.student_epochs() - 0.5 * arm.passes).abs() < 1e-9,
                "{}",
                arm.name
            );
            let trained = ARMS.iter().find(|other| other.name == arm.weights).unwrap();
            assert_eq!(trained.weights, trained.name);
            assert_eq!(schedule, trained.schedule(0.5).unwrap(), "{}", arm.name);
            assert_eq!(arm.optimisation(1), trained.optimisation(1), "{}", arm.name);
        }
    }
}
