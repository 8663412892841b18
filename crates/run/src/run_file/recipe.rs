//! A recipe: how one network is trained by itself, in the words of a run file's `[train]`.

use panarch_data::Augmentation;
use panarch_nn::ActivationStorage;
use panarch_toml::{Diagnostics, Document, Key, Table};
use panarch_train::{FineTuning, Optimisation, Pace, ProgressiveResizing};

use super::train::STORAGES;
use super::write::Writer;

/// What only a recipe has; the other keys mean what they mean in a run file.
const KEYS: &[Key] = &[
    Key::new(
        "train.weight_ema",
        "Decay of the moving average of the weights, which is what the training gives; 0 switches that off.",
    )
    .known_as(&["ema", "ema_decay", "model_ema", "weight_average", "swa"]),
    Key::new(
        "train.first_resolution",
        "Height and width of the images at first, from which they grow to their full size; 0 switches that off.",
    )
    .known_as(&[
        "progressive_resizing",
        "start_resolution",
        "min_resolution",
        "smallest_resolution",
    ]),
    Key::new(
        "train.full_resolution_after",
        "The share of all steps after which the images have their full size.",
    )
    .known_as(&["full_after", "grow_until"]),
];

/// How one network is trained from scratch. What the defaults are and why is told in `docs/concepts/training.md`.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// Passes over the training images; may be a fraction.
    pub epochs: f64,
    /// Images a step.
    pub batch: usize,
    /// The highest learning rate, from which a cosine falls to 0.
    pub learning_rate: f64,
    /// The share of the steps in which the learning rate rises.
    pub warm_up: f64,
    /// Nesterov momentum.
    pub momentum: f64,
    /// Weight decay; not on batch normalisation and biases.
    pub weight_decay: f64,
    /// Gradients are scaled down to this norm; 0 switches that off.
    pub clip: f64,
    /// The share of a label that is spread over all classes.
    pub label_smoothing: f64,
    /// Decay of the moving average of the weights; 0 is without.
    pub weight_ema: f64,
    /// Height and width of the images at first; 0 is the full size from the beginning.
    pub first_resolution: u32,
    /// The share of all steps after which the images have their full size.
    pub full_resolution_after: f64,
    /// How values are kept between forward and backward pass.
    pub storage: ActivationStorage,
    /// What is done to the images at random.
    pub augmentation: Augmentation,
}

impl Default for Recipe {
    /// For small pictures of natural things, such as those of CIFAR-10.
    fn default() -> Self {
        Self {
            epochs: 30.0,
            batch: 64,
            learning_rate: 0.1,
            warm_up: 0.05,
            momentum: 0.9,
            weight_decay: 5e-4,
            clip: 0.0,
            label_smoothing: 0.1,
            weight_ema: 0.998,
            first_resolution: 20,
            full_resolution_after: 0.6,
            storage: ActivationStorage::F32,
            augmentation: Augmentation {
                flip: true,
                crop_padding: 4,
                ..Augmentation::NONE
            },
        }
    }
}

impl Recipe {
    /// Reads a recipe from its text, with overrides of the form `train.key=value`.
    ///
    /// # Errors
    /// Every problem of the text and of the overrides at once.
    pub fn parse<S: AsRef<str>>(file_name: &str, text: &str, overrides: &[S]) -> Result<Self, Diagnostics> {
        let known = super::train::KEYS.iter().chain(super::augmentation::KEYS).chain(KEYS);
        let document = Document::parse(file_name, text)?
            .with_keys(known.copied())
            .with_overrides(overrides);
        let root = document.root();
        let recipe = Self::read(root.table_or_empty("train"));
        root.finish();
        document.finish(Some(recipe))
    }

    fn read(table: Table<'_>) -> Self {
        let default = Self::default();
        let recipe = Self {
            epochs: table.optional_f64_in("epochs", 1e-6..=1e6).unwrap_or(default.epochs),
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
            weight_ema: table
                .optional_f64_in("weight_ema", 0.0..1.0)
                .unwrap_or(default.weight_ema),
            first_resolution: table
                .optional_u32_in("first_resolution", 0..=1024)
                .unwrap_or(default.first_resolution),
            full_resolution_after: table
                .optional_f64_in("full_resolution_after", 0.0..=1.0)
                .unwrap_or(default.full_resolution_after),
            storage: table.optional_one_of("storage", &STORAGES).unwrap_or(default.storage),
            augmentation: super::augmentation::read(&table, default.augmentation),
        };
        if recipe.augmentation.resolutions.is_some() {
            let message = "`train.train_resolutions` is for supernets; one network has `train.first_resolution`";
            table.problem("train_resolutions", message, None);
        }
        table.finish();
        recipe
    }

    /// The recipe with every key; reading it gives the same one.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut document = Writer::default();
        let writer = document.section("train");
        writer.key("epochs", self.epochs);
        writer.key("batch", self.batch);
        writer.key("learning_rate", self.learning_rate);
        writer.key("warm_up", self.warm_up);
        writer.key("momentum", self.momentum);
        writer.key("weight_decay", self.weight_decay);
        writer.key("clip", self.clip);
        writer.key("label_smoothing", self.label_smoothing);
        writer.key("weight_ema", self.weight_ema);
        writer.key("first_resolution", self.first_resolution);
        writer.key("full_resolution_after", self.full_resolution_after);
        writer.text("storage", self.storage_name());
        if self.augmentation.cutout.is_none() {
            writer.key("cutout", 0);
        }
        super::augmentation::write(&self.augmentation, writer);
        document.finish().trim_start().to_owned()
    }

    /// The name of the form in which values are kept.
    pub(crate) fn storage_name(&self) -> &'static str {
        let storage = STORAGES.into_iter().find(|(_, storage)| *storage == self.storage);
        storage.map_or("f32", |(name, _)| name)
    }

    /// What the trainer needs to know, for images of this height and width.
    #[must_use]
    pub fn settings(&self, resolution: u32, seed: u64) -> FineTuning {
        // Images that are no larger than the first ones have nothing to grow to.
        let grows = (1..resolution).contains(&self.first_resolution);
        FineTuning {
            pace: Pace {
                epochs: self.epochs,
                learning_rate: self.learning_rate,
                last_learning_rate: 0.0,
                warmup_epochs: self.warm_up * self.epochs,
            },
            optimisation: Optimisation {
                batch_size: self.batch,
                momentum: self.momentum as f32,
                weight_decay: self.weight_decay as f32,
                label_smoothing: self.label_smoothing as f32,
                clip_norm: (self.clip > 0.0).then_some(self.clip),
                augmentation: self.augmentation,
                seed,
            },
            distillation: 0.0,
            weight_ema: (self.weight_ema > 0.0).then_some(self.weight_ema),
            progressive: grows.then_some(ProgressiveResizing {
                first: self.first_resolution,
                full_after: self.full_resolution_after,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let none: [&str; 0] = [];
        let default = Recipe::parse("recipe.toml", "", &none).unwrap();
        assert_eq!(default, Recipe::default());
        let plain = Recipe {
            epochs: 1.5,
            weight_ema: 0.0,
            first_resolution: 0,
            storage: ActivationStorage::Bf16,
            augmentation: Augmentation {
                mixup: Some(0.25),
                ..Augmentation::NONE
            },
            ..default.clone()
        };
        for recipe in [default, plain] {
            let text = recipe.to_toml();
            assert_eq!(Recipe::parse("recipe.toml", &text, &none).unwrap(), recipe, "{text}");
        }
    }

    #[test]
    fn overrides_come_last_and_every_problem_is_told() {
        let text = "[train]\nepochs = 2\nlr = 0.5\nema = 0.9\n";
        let problems = Recipe::parse("recipe.toml", text, &["train.cutout=-1"]).unwrap_err();
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        for part in ["learning_rate", "weight_ema", "cutout"] {
            assert!(problems.iter().any(|it| it.contains(part)), "{part}: {problems:?}");
        }
        let recipe = Recipe::parse(
            "recipe.toml",
            "[train]\nepochs = 2\n",
            &["train.epochs=3", "train.cutout=0"],
        )
        .unwrap();
        assert_eq!((recipe.epochs, recipe.augmentation.cutout), (3.0, None));
    }

    #[test]
    fn images_grow_only_where_they_can() {
        let recipe = Recipe {
            first_resolution: 24,
            ..Recipe::default()
        };
        assert!(recipe.settings(24, 1).progressive.is_none());
        assert_eq!(recipe.settings(28, 1).progressive.map(|it| it.first), Some(24));
        let off = Recipe {
            first_resolution: 0,
            weight_ema: 0.0,
            ..recipe
        };
        let settings = off.settings(32, 7);
        assert!(settings.progressive.is_none() && settings.weight_ema.is_none());
        assert_eq!(settings.optimisation.seed, 7);
    }
}
