//! `[train]`: how the supernet is trained.

use panarch_toml::Table;
use panarch_train::data::Augmentation;
use panarch_train::{Optimisation, Sandwich};

use super::write::Writer;

/// Training of the supernet: sandwich steps with in-place distillation, SGD with Nesterov momentum, a cosine schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainSection {
    /// Passes over the training images. Default 3.
    pub epochs: u32,
    /// Images a step. Default 32.
    pub batch: usize,
    /// Learning rate at the end of the warm-up. Default 0.3.
    pub learning_rate: f64,
    /// Share of all steps in which the learning rate rises. Default 0.05.
    pub warm_up: f64,
    /// Default 0.9.
    pub momentum: f64,
    /// Not on BN and biases. Default 0.00003.
    pub weight_decay: f64,
    /// Gradients are scaled down to this norm; 0 switches it off. Default 5.
    pub clip: f64,
    /// Share of the label spread over all classes. Default 0.1.
    pub label_smoothing: f64,
    /// Random sub-networks in each step, besides the largest and the smallest. Default 2.
    pub random_subnets: usize,
    /// Mirroring and shifting of training images. Default: neither; pictures of natural things want `flip`.
    pub augmentation: Augmentation,
}

impl Default for TrainSection {
    /// The trainer's own defaults, and a warm-up of a twentieth.
    fn default() -> Self {
        let optimisation = Optimisation::default();
        Self {
            epochs: 3,
            batch: optimisation.batch_size,
            learning_rate: optimisation.learning_rate,
            warm_up: 0.05,
            momentum: 0.9,
            weight_decay: 3e-5,
            clip: optimisation.clip_norm.unwrap_or(0.0),
            label_smoothing: 0.1,
            random_subnets: Sandwich::default().random as usize,
            augmentation: optimisation.augmentation,
        }
    }
}

impl TrainSection {
    pub(super) fn read(table: Table<'_>) -> Self {
        let default = Self::default();
        let augmentation = default.augmentation;
        let section = Self {
            epochs: table.optional_u32_in("epochs", 1..=10_000).unwrap_or(default.epochs),
            batch: table.optional_usize_in("batch", 1..=65_536).unwrap_or(default.batch),
            learning_rate: table
                .optional_f64_in("learning_rate", 1e-9..=100.0)
                .unwrap_or(default.learning_rate),
            warm_up: table.optional_f64_in("warm_up", 0.0..=0.5).unwrap_or(default.warm_up),
            momentum: table.optional_f64_in("momentum", 0.0..1.0).unwrap_or(default.momentum),
            weight_decay: table
                .optional_f64_in("weight_decay", 0.0..=1.0)
                .unwrap_or(default.weight_decay),
            clip: table.optional_f64_in("clip", 0.0..=1e9).unwrap_or(default.clip),
            label_smoothing: table
                .optional_f64_in("label_smoothing", 0.0..1.0)
                .unwrap_or(default.label_smoothing),
            random_subnets: table
                .optional_usize_in("random_subnets", 0..=64)
                .unwrap_or(default.random_subnets),
            augmentation: Augmentation {
                flip: table.optional_bool("flip").unwrap_or(augmentation.flip),
                crop_padding: table
                    .optional_u32_in("crop_padding", 0..=64)
                    .unwrap_or(augmentation.crop_padding),
                ..augmentation
            },
        };
        table.finish();
        section
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.key("epochs", self.epochs);
        writer.key("batch", self.batch);
        writer.key("learning_rate", self.learning_rate);
        writer.key("warm_up", self.warm_up);
        writer.key("momentum", self.momentum);
        writer.key("weight_decay", self.weight_decay);
        writer.key("clip", self.clip);
        writer.key("label_smoothing", self.label_smoothing);
        writer.key("random_subnets", self.random_subnets);
        writer.key("flip", self.augmentation.flip);
        writer.key("crop_padding", self.augmentation.crop_padding);
    }
}
