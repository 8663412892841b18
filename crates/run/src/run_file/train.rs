//! `[train]`: how the supernet is trained.

use panarch_data::Augmentation;
use panarch_nn::ActivationStorage;
use panarch_study::Metric;
use panarch_toml::{Key, Table, did_you_mean};
use panarch_train::schedule::{Sampling, schedule_names};
use panarch_train::{Optimisation, Schedule, TrainError};

use super::write::Writer;

/// The forms of kept values by name.
pub(super) const STORAGES: [(&str, ActivationStorage); 2] =
    [("f32", ActivationStorage::F32), ("bf16", ActivationStorage::Bf16)];

/// What the section's keys mean; those of augmentation stand beside their reader.
pub(super) const KEYS: &[Key] = &[
    Key::new(
        "train",
        "Training of the supernet along a schedule: SGD with Nesterov momentum, a cosine for each phase.",
    )
    .known_as(&["training", "trainer", "optimizer", "optimiser", "supernet"]),
    Key::new(
        "train.schedule",
        "A schedule that comes with Panarch (`panarch schedule list` shows them), or the path of a `.toml` file.",
    )
    .known_as(&["method", "algorithm", "lr_schedule", "scheduler"]),
    Key::new(
        "train.epochs",
        "Passes over the training images, all phases together; may be a fraction. Phases that make a teacher count only if none is given.",
    )
    .with_default("the schedule's own")
    .known_as(&["num_epochs", "n_epochs", "max_epochs", "epoch", "total_epochs", "epoch_count"]),
    Key::new("train.epochs_factor", "What the lengths of all phases are multiplied by, instead of `epochs`.")
        .with_default("1")
        .known_as(&["scale", "epochs_scale"]),
    Key::new("train.batch", "Images a step.").known_as(&["batch_size", "batchsize", "bs", "train_batch_size", "samples_per_gpu", "minibatch"]),
    Key::new(
        "train.learning_rate",
        "The highest learning rate of the schedule; those of other phases keep their proportion to it.",
    )
    .with_default("the schedule's own, in proportion to the images a step")
    .known_as(&["lr", "base_lr", "init_lr", "lr0", "max_lr", "initial_lr", "rate"]),
    Key::new("train.warm_up", "The share of each phase's steps in which the learning rate rises.")
        .with_default("the schedule's own")
        .known_as(&["warmup", "warmup_epochs", "warm_up_epochs", "warmup_steps", "warmup_ratio"]),
    Key::new("train.momentum", "Nesterov momentum.").known_as(&["beta1"]),
    Key::new("train.weight_decay", "Weight decay; not on batch normalisation and biases.").known_as(&["wd", "l2", "decay"]),
    Key::new("train.clip", "Gradients are scaled down to this norm; 0 switches that off.")
        .known_as(&["clip_norm", "grad_clip", "clip_grad", "gradient_clip", "max_norm", "clip_grad_norm"]),
    Key::new("train.label_smoothing", "The share of a label that is spread over all classes.").known_as(&["smoothing", "smooth"]),
    Key::new(
        "train.random_subnets",
        "Random sub-networks in each step, in a sandwich besides the largest and the smallest.",
    )
    .with_default("the schedule's own")
    .known_as(&["num_subnets", "subnets", "random_networks", "n_subnets", "dynamic_batch_size"]),
    Key::new("train.teacher", "A checkpoint with the teacher, instead of the schedule's first phase.")
        .with_default("none")
        .known_as(&["teacher_checkpoint", "teacher_path", "kd_teacher"]),
    Key::new("train.objective", "What the policy of a schedule is rewarded for, if it has one; see `search.goals`.")
        .known_as(&["goal", "metric"]),
    Key::new(
        "train.storage",
        "How values are stored between forward and backward pass. `bf16` takes half as many bytes and is less exact.",
    )
    .known_as(&["precision", "dtype", "amp", "fp16", "bf16"]),
    Key::new(
        "train.validate_corners",
        "Whether networks at the corners of the open choices are validated after each epoch.",
    )
    .known_as(&["validate", "validation"]),
];

/// Training of the supernet along a schedule, SGD with Nesterov momentum, a cosine for each phase.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainSection {
    /// The schedule: a preset's name, or the path of a TOML file. Default `sandwich`.
    pub schedule: String,
    /// Passes over the training images, all phases together (those that make a teacher only if none is given); the schedule's
    /// own when absent.
    pub epochs: Option<f64>,
    /// What the lengths of all phases are multiplied by, instead of `epochs`.
    pub epochs_factor: Option<f64>,
    /// Images a step. Default 32.
    pub batch: usize,
    /// The highest learning rate of the schedule; the others keep their proportion to it. When absent, the schedule's own in
    /// proportion to the images a step.
    pub learning_rate: Option<f64>,
    /// Share of each phase's steps in which the learning rate rises; the schedule's own when absent.
    pub warm_up: Option<f64>,
    /// Default 0.9.
    pub momentum: f64,
    /// Not on BN and biases. Default 0.00003.
    pub weight_decay: f64,
    /// Gradients are scaled down to this norm; 0 switches it off. Default 5.
    pub clip: f64,
    /// Share of the label spread over all classes. Default 0.1.
    pub label_smoothing: f64,
    /// Random sub-networks in each step, in a sandwich besides the largest and the smallest; the schedule's own when absent.
    pub random_subnets: Option<u32>,
    /// A checkpoint with the teacher, instead of the schedule's first phase.
    pub teacher: Option<String>,
    /// What the policy of a schedule that has one is rewarded for: `average`, `worst` or `each`. Default `worst`.
    pub objective: Metric,
    /// How values are kept between forward and backward pass: `f32` or `bf16`, half as many bytes, less exact. Default `f32`.
    pub storage: ActivationStorage,
    /// Whether networks at the corners of the open choices are validated after each epoch. Default true.
    pub validate_corners: bool,
    /// What is done to training images at random. Default: nothing; pictures of natural things want `flip`.
    pub augmentation: Augmentation,
}

impl Default for TrainSection {
    /// The trainer's own defaults.
    fn default() -> Self {
        let optimisation = Optimisation::default();
        Self {
            schedule: "sandwich".to_owned(),
            epochs: None,
            epochs_factor: None,
            batch: optimisation.batch_size,
            learning_rate: None,
            warm_up: None,
            momentum: 0.9,
            weight_decay: 3e-5,
            clip: optimisation.clip_norm.unwrap_or(0.0),
            label_smoothing: 0.1,
            random_subnets: None,
            teacher: None,
            objective: Metric::Worst,
            storage: ActivationStorage::F32,
            validate_corners: true,
            augmentation: optimisation.augmentation,
        }
    }
}

impl TrainSection {
    pub(super) fn read(table: Table<'_>) -> Self {
        let default = Self::default();
        let objectives = Metric::ALL.map(|metric| (metric.name(), metric));
        let section = Self {
            schedule: table.optional_string("schedule").unwrap_or(default.schedule),
            epochs: table.optional_f64_in("epochs", 1e-6..=1e6),
            epochs_factor: table.optional_f64_in("epochs_factor", 1e-6..=1e4),
            batch: table.optional_usize_in("batch", 1..=65_536).unwrap_or(default.batch),
            learning_rate: table.optional_f64_in("learning_rate", 1e-9..=100.0),
            warm_up: table.optional_f64_in("warm_up", 0.0..=0.5),
            momentum: table.optional_f64_in("momentum", 0.0..1.0).unwrap_or(default.momentum),
            weight_decay: table
                .optional_f64_in("weight_decay", 0.0..=1.0)
                .unwrap_or(default.weight_decay),
            clip: table.optional_f64_in("clip", 0.0..=1e9).unwrap_or(default.clip),
            label_smoothing: table
                .optional_f64_in("label_smoothing", 0.0..1.0)
                .unwrap_or(default.label_smoothing),
            random_subnets: table.optional_u32_in("random_subnets", 0..=62),
            teacher: table
                .optional_string("teacher")
                .map(|path| crate::lookup::expand_home(&path).into_owned()),
            objective: table
                .optional_one_of("objective", &objectives)
                .unwrap_or(default.objective),
            storage: table.optional_one_of("storage", &STORAGES).unwrap_or(default.storage),
            validate_corners: table
                .optional_bool("validate_corners")
                .unwrap_or(default.validate_corners),
            augmentation: super::augmentation::read(&table, default.augmentation),
        };
        if section.epochs.is_some() && section.epochs_factor.is_some() {
            let message = "`epochs` and `epochs_factor` both say how long; give one of them";
            table.problem("epochs_factor", message, None);
        }
        let names = schedule_names();
        if !crate::lookup::is_file(&section.schedule, "toml") && !names.contains(&section.schedule.as_str()) {
            let known = names.join(", ");
            let message = format!(
                "there is no schedule `{}`; known are {known}, or a TOML file",
                section.schedule
            );
            let meant = did_you_mean(&section.schedule, &names);
            table.problem("schedule", message, meant.as_deref());
        }
        table.finish();
        section
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        let mut optional = |key: &str, value: Option<f64>| {
            if let Some(value) = value {
                writer.key(key, value);
            }
        };
        optional("epochs", self.epochs);
        optional("epochs_factor", self.epochs_factor);
        optional("learning_rate", self.learning_rate);
        optional("warm_up", self.warm_up);
        optional("random_subnets", self.random_subnets.map(f64::from));
        writer.text("schedule", &self.schedule);
        writer.key("batch", self.batch);
        writer.key("momentum", self.momentum);
        writer.key("weight_decay", self.weight_decay);
        writer.key("clip", self.clip);
        writer.key("label_smoothing", self.label_smoothing);
        if let Some(teacher) = &self.teacher {
            writer.text("teacher", teacher);
        }
        writer.text("objective", self.objective.name());
        writer.text("storage", self.storage_name());
        writer.key("validate_corners", self.validate_corners);
        super::augmentation::write(&self.augmentation, writer);
    }

    /// The name of the form in which values are kept.
    pub(crate) fn storage_name(&self) -> &'static str {
        let storage = STORAGES.into_iter().find(|(_, storage)| *storage == self.storage);
        storage.map_or("f32", |(name, _)| name)
    }

    /// The schedule with these settings: as long, as fast, and with as many networks a step.
    ///
    /// # Errors
    /// [`TrainError::Setting`] when a setting does not suit the schedule.
    pub fn resolve(&self, schedule: Schedule) -> Result<Schedule, TrainError> {
        let mut schedule = schedule;
        if self.teacher.is_some() {
            schedule = schedule.without_teacher_phases();
            schedule.check()?;
        }
        let factor = match (self.epochs, self.epochs_factor) {
            (Some(epochs), _) => epochs / schedule.epochs(),
            (None, factor) => factor.unwrap_or(1.0),
        };
        schedule = schedule.scaled(factor).for_batch(self.batch);
        if let Some(rate) = self.learning_rate {
            let own = schedule.peak_learning_rate();
            schedule = schedule.with_learning_rate_factor(rate / own);
        }
        for phase in &mut schedule.phases {
            if let Some(share) = self.warm_up {
                phase.pace.warmup_epochs = share * phase.pace.epochs;
            }
            if let Some(random) = self.random_subnets {
                if random == 0 && !matches!(phase.sampling, Sampling::Largest | Sampling::Sandwich) {
                    let reason = format!("the phase {} has no other networks", phase.name);
                    let setting = "random_subnets";
                    return Err(TrainError::Setting { setting, reason });
                }
                phase.networks = match phase.sampling {
                    Sampling::Largest => 1,
                    Sampling::Sandwich => random + 2,
                    _ => random,
                };
            }
        }
        schedule.check()?;
        Ok(schedule)
    }
}
