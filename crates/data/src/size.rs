//! Whether there are enough pictures for a training.

use super::dataset::Dataset;
use super::split::Splits;
use super::statistics::class_counts;
use crate::DataError;

impl Dataset {
    /// Checks that there are enough pictures to train in batches of `batch`, to validate and to test; before a study is
    /// begun that could not go on.
    ///
    /// # Errors
    /// [`DataError::TooFew`] with what there is and what is needed.
    pub fn is_enough(&self, splits: &Splits, batch: usize) -> Result<(), DataError> {
        let too_few = |reason: String| Err(DataError::TooFew { reason });
        let classes = self.classes();
        if classes.len() < 2 {
            return too_few(format!(
                "{} has {} class, at least two are needed",
                self.name(),
                classes.len()
            ));
        }
        let (train, validation) = (splits.train.len(), splits.validation.len());
        if train < batch {
            return too_few(format!(
                "{train} are left to train on, and a batch has {batch} (train.batch): add pictures, or take a smaller batch"
            ));
        }
        if validation < classes.len() {
            return too_few(format!(
                "{validation} are for validation, fewer than the {} classes: add pictures, or hold out more (data.validation; a \
                 fifth of the training pictures at the most)",
                classes.len()
            ));
        }
        let labels = |subset: &super::Subset| -> Vec<u16> {
            (0..subset.len())
                .filter_map(|place| Some(subset.get(place)?.1))
                .collect()
        };
        for (part, labels) in [
            ("train on", labels(&splits.train)),
            ("validate with", labels(&splits.validation)),
        ] {
            let counts = class_counts(&labels, classes.len());
            if let Some((class, _)) = classes.iter().zip(counts).find(|(_, count)| *count == 0) {
                let needed = if self.has_validation() { 1 } else { 2 };
                return too_few(format!(
                    "the class {class} has none to {part}; its training part needs {needed} at the least"
                ));
            }
        }
        Ok(())
    }
}
