//! `[finalists]`: what happens to the networks that were found.

use panarch_space::Space;
use panarch_toml::{Key, Table};

use super::devices::{Targets, check_reference};
use super::write::Writer;

/// What the section's keys mean.
pub(super) const KEYS: &[Key] = &[
    Key::new("finalists", "What happens to the networks that were found.").known_as(&[
        "finalist",
        "fine_tune",
        "fine_tuning",
        "finetune",
        "finetuning",
    ]),
    Key::new(
        "finalists.fine_tune_epochs",
        "Passes over the training images for each finalist, from its inherited weights; may be a fraction, 0 for none.",
    )
    .known_as(&["epochs", "finetune_epochs", "fine_tuning_epochs", "num_epochs"]),
    Key::new(
        "finalists.learning_rate",
        "The learning rate at the start of fine-tuning.",
    )
    .known_as(&["lr", "base_lr", "lr0", "rate"]),
    Key::new(
        "finalists.reference",
        "A named member of the space that is fine-tuned in the same way and gets a row of its own in the tables.",
    )
    .with_default("that of `devices.targets`; none where limits are given")
    .known_as(&["baseline"]),
];

/// Fine-tuning of the networks that were found, and what they are compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct FinalistsSection {
    /// Passes over the training images, each finalist from its inherited weights; may be a fraction. Default 1.
    pub fine_tune_epochs: f64,
    /// Learning rate at the start of fine-tuning. Default 0.02.
    pub learning_rate: f64,
    /// A named member of the space that gets the same fine-tuning and a row of its own. Default the one that sets the
    /// targets; none when limits are given instead.
    pub reference: Option<String>,
}

impl FinalistsSection {
    const FINE_TUNE_EPOCHS: f64 = 1.0;
    const LEARNING_RATE: f64 = 0.02;

    pub(super) fn read(table: Table<'_>, targets: Option<&Targets>, space: Option<&Space>) -> Self {
        let epochs = table.optional_f64_in("fine_tune_epochs", 0.0..=10_000.0);
        let learning_rate = table.optional_f64_in("learning_rate", 1e-9..=100.0);
        let reference = table.optional_string_spanned("reference");
        if let Some(reference) = &reference {
            check_reference(&table, "reference", reference, space);
        }
        table.finish();
        let same = || targets?.reference.clone();
        Self {
            fine_tune_epochs: epochs.unwrap_or(Self::FINE_TUNE_EPOCHS),
            learning_rate: learning_rate.unwrap_or(Self::LEARNING_RATE),
            reference: reference.map(|reference| reference.value).or_else(same),
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.key("fine_tune_epochs", self.fine_tune_epochs);
        writer.key("learning_rate", self.learning_rate);
        if let Some(reference) = &self.reference {
            writer.text("reference", reference);
        }
    }
}
