//! Synthetic datasets on disk and in memory.

use std::sync::atomic::AtomicBool;

use panarch_data::{Augmentation, HeldOut, Splits};
use panarch_nn::{CpuEngine, Store};
use panarch_space::Space;
use panarch_testkit::squares;
use panarch_train::{Control, Optimisation, Outcome, Pace, Progress, Schedule, SupernetTrainer, Training};

/// A space of 24 networks for images of 8 pixels.
pub const TINY: &str = r#"
name = "tiny"
version = 1
description = "A few small networks"
source = "made up for tests"
resolutions = [8]
default_resolution = 8

[rounding]
multiple = 4

[block]
operator = "inverted-bottleneck"
kernel = [3, 5]
expansion = [1, 2]
activation = "relu"
residual_in_first_block = false

[[stem]]
operator = "conv"
kernel = 3
stride = 1
width = 8

[[stage]]
depth = [1, 2]
width = [8, 12]
stride = 2

[[head]]
operator = "global-average-pool"

[[head]]
operator = "classifier"
"#;

/// The space of [`TINY`].
pub fn tiny_space() -> Space {
    Space::from_toml("tiny.toml", TINY).unwrap()
}

/// Squares of four classes, parted into training and validation.
pub fn splits(train: usize, validation: usize) -> Splits {
    squares(train + validation, 40, 8, 4)
        .hold_out(HeldOut::Count(validation), 0)
        .unwrap()
}

/// A fast pace for the tiny space.
pub fn pace(epochs: f64) -> Pace {
    Pace {
        epochs,
        learning_rate: 0.1,
        last_learning_rate: 0.0,
        warmup_epochs: 0.2,
    }
}

/// What a step does for the tiny space.
pub fn optimisation() -> Optimisation {
    Optimisation {
        batch_size: 16,
        augmentation: Augmentation {
            flip: false,
            crop_padding: 1,
            ..Augmentation::NONE
        },
        ..Optimisation::default()
    }
}

/// Fast settings for the tiny space: the sandwich with one random network.
pub fn sandwich(epochs: f64) -> Training {
    Training {
        optimisation: optimisation(),
        schedule: Schedule::sandwich(1, 1.0, pace(epochs), 16),
    }
}

/// Trains to the end without a checkpoint.
pub fn run_to_end(trainer: &mut SupernetTrainer) {
    let (cancelled, mut progress) = (AtomicBool::new(false), |_: &Progress| {});
    let mut control = Control {
        cancelled: &cancelled,
        checkpoint: None,
        progress: &mut progress,
    };
    let outcome = trainer.train(&mut CpuEngine::new(), &mut control).unwrap();
    assert_eq!(outcome, Outcome::Finished);
}

/// Whether two stores hold the same bits under the same names.
pub fn same_bits(one: &Store, other: &Store) -> bool {
    let bits = |store: &Store| -> Vec<(String, Vec<u32>)> {
        let tensors = store.tensors().iter();
        tensors
            .map(|t| {
                (
                    t.name().to_owned(),
                    t.data().iter().map(|value| value.to_bits()).collect(),
                )
            })
            .collect()
    };
    bits(one) == bits(other)
}
