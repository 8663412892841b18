//! `[data]`: which images, and how many are held out of training.

use std::path::Path;

use panarch_data::{DEPTHS, Damaged, FolderOptions, KnownDataset};
use panarch_space::Space;
use panarch_toml::{Key, Table, did_you_mean};

use super::write::Writer;

/// What the section's keys mean.
pub(super) const KEYS: &[Key] = &[
    Key::new(
        "data",
        "The images. Channels, classes and normalisation come from the dataset itself.",
    )
    .known_as(&["dataset", "datasets", "images"]),
    Key::new(
        "data.dataset",
        "A known dataset (`panarch data list` names them), or the path of a folder of pictures, with a `/` in it, such as `./pictures`.",
    )
    .known_as(&["name", "path", "root", "data_dir", "data_path", "folder", "train_dir"]),
    Key::new(
        "data.resolution",
        "Height and width of the images in pixels; one that the space allows.",
    )
    .with_default("the space's default")
    .known_as(&["image_size", "img_size", "imgsz", "input_size", "size", "crop_size", "res"]),
    Key::new(
        "data.validation",
        "Training images held out, on which everything is chosen; at most a fifth of the training images.",
    )
    .known_as(&["val", "val_size", "validation_size", "validation_images", "val_images", "holdout", "valid"]),
    Key::new(
        "data.recalibration",
        "Training images that recalibrate batch normalisation before a sub-network is evaluated.",
    )
    .known_as(&["calibration", "recalibration_images", "bn_images", "calib_size"]),
    Key::new(
        "data.damaged",
        "What happens to pictures of a folder that are truncated, damaged or of a format that is not read: `error` names them all, `skip` leaves them out and counts them.",
    )
    .known_as(&["on_error", "corrupt", "broken", "skip_damaged", "ignore_errors"]),
    Key::new(
        "data.depth",
        "Significant bits in pictures with 16 bits a sample: 8, 10, 12, 14 or 16. A PNG that states its own number correctly is read with that.",
    )
    .with_default("the fewest that can hold every sample of the dataset")
    .known_as(&["bit_depth", "bits", "bits_per_sample"]),
];

/// What happens to damaged pictures, by name.
const DAMAGED: [(&str, Damaged); 2] = [("error", Damaged::Error), ("skip", Damaged::Skip)];

/// The images of a run. Channels, classes and normalisation come from the dataset itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSection {
    /// The name of a known dataset, or the path of a folder; as `panarch_data::DatasetSource` reads it.
    pub dataset: String,
    /// Height and width of the images in pixels; none means the space's default.
    pub resolution: Option<u32>,
    /// Training images held out, by which everything is chosen; a fifth of them at the most. Default 4,000.
    pub validation: usize,
    /// Training images that recalibrate BN before a sub-network is evaluated. Default 500.
    pub recalibration: usize,
    /// What happens to pictures of a folder that are cut off, damaged or of a format that is not read: `error`, which names
    /// them all, or `skip`, which leaves them out and counts them. Default `error`.
    pub damaged: Damaged,
    /// Bits that count in pictures with 16 bits a sample: 8, 10, 12, 14 or 16. When absent, the fewest that hold every
    /// sample of the dataset. A PNG that states its own, rightly, keeps to them.
    pub depth: Option<u8>,
}

impl DataSection {
    const VALIDATION: usize = 4000;
    const RECALIBRATION: usize = 500;

    pub(super) fn read(table: Table<'_>, space: Option<&Space>) -> Option<Self> {
        let dataset = table.string_spanned("dataset");
        if let Some(dataset) = &dataset {
            let name = dataset.value.as_str();
            let known = KnownDataset::names();
            if !name.contains('/') && !known.contains(&name) {
                let names = known.join("`, `");
                let message = format!(
                    "`data.dataset` names no known dataset, found the string \"{name}\": it is `{names}`, or the path \
                     of a folder, with a `/` in it"
                );
                table.problem_at(dataset.at, message, did_you_mean(name, &known).as_deref());
            }
        }
        let resolution = table.optional_u32_in("resolution", 8..=1024);
        if let (Some(pixels), Some(space)) = (resolution, space)
            && !space.resolutions().contains(&pixels)
        {
            let allowed: Vec<String> = space.resolutions().iter().map(u32::to_string).collect();
            let allowed = allowed.join(", ");
            let message = format!(
                "`data.resolution` is {pixels}, the space {} allows {allowed}",
                space.name()
            );
            table.problem("resolution", message, None);
        }
        let validation = table.optional_usize_in("validation", 1..=1_000_000);
        let recalibration = table.optional_usize_in("recalibration", 1..=1_000_000);
        let damaged = table.optional_one_of("damaged", &DAMAGED).unwrap_or_default();
        let depth = table.optional_u32_in("depth", 8..=16);
        if let Some(bits) = depth.filter(|bits| DEPTHS.iter().all(|depth| u32::from(*depth) != *bits)) {
            let message = format!("`data.depth` is {bits}, the bits of a sample are 8, 10, 12, 14 or 16");
            table.problem("depth", message, None);
        }
        table.finish();
        Some(Self {
            dataset: crate::lookup::expand_home(&dataset?.value).into_owned(),
            resolution: resolution.or(space.map(Space::default_resolution)),
            validation: validation.unwrap_or(Self::VALIDATION),
            recalibration: recalibration.unwrap_or(Self::RECALIBRATION),
            damaged,
            depth: depth.and_then(|bits| bits.try_into().ok()),
        })
    }

    /// How a folder of pictures is read: as the section says, without the output folder of the run.
    pub fn folder_options(&self, output: &Path) -> FolderOptions {
        FolderOptions {
            resolution: self.resolution,
            damaged: self.damaged,
            depth: self.depth,
            leave_out: vec![output.to_owned()],
            ..FolderOptions::default()
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.text("dataset", &self.dataset);
        if let Some(resolution) = self.resolution {
            writer.key("resolution", resolution);
        }
        writer.key("validation", self.validation);
        writer.key("recalibration", self.recalibration);
        let damaged = DAMAGED.into_iter().find(|(_, damaged)| *damaged == self.damaged);
        writer.text("damaged", damaged.map_or("error", |(name, _)| name));
        if let Some(depth) = self.depth {
            writer.key("depth", depth);
        }
    }
}
