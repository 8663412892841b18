//! Opening a dataset by name or path, listing and checking.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::cifar::{self, Cifar};
use super::dataset::Dataset;
use super::image_folder::{self, FolderOptions};
use super::known::{DATASETS, KnownDataset};
use super::location::DataRoot;
use super::statistics::Normalisation;
use super::{Duplicate, duplicate, idx};
use crate::DataError;

/// Which dataset, as a run file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatasetSource {
    /// A dataset known by name, in the data folder.
    Known(KnownDataset),
    /// A folder: IDX files, CIFAR binaries or pictures, told apart by what lies in it.
    Folder(PathBuf),
}

impl DatasetSource {
    /// The name of a known dataset, or a path: whatever contains a `/`, or is an existing folder.
    ///
    /// # Errors
    /// [`DataError::UnknownDataset`] for anything else.
    pub fn parse(text: &str) -> Result<Self, DataError> {
        match KnownDataset::named(text) {
            Ok(known) => Ok(Self::Known(known)),
            Err(_) if text.contains('/') || Path::new(text).is_dir() => Ok(Self::Folder(text.into())),
            Err(error) => Err(error),
        }
    }
}

/// Opens a dataset, at its own image size or at the resolution of the options. Nothing is ever downloaded here.
///
/// Pictures in a folder have no size of their own: without a resolution they come at 32 pixels. The other options are for
/// such folders alone.
///
/// # Errors
/// [`DataError::Missing`] with what to do when the dataset is not there, and every error of the readers.
pub fn open(source: &DatasetSource, root: &DataRoot, options: &FolderOptions) -> Result<Dataset, DataError> {
    let dataset = match source {
        DatasetSource::Known(known) => {
            let folder = root.dataset(known.name)?;
            if !(known.is_in)(&folder) {
                return Err(DataError::Missing {
                    name: known.name.into(),
                    advice: known.advice(&folder),
                    looked: vec![folder],
                });
            }
            (known.read)(&folder)?
        }
        DatasetSource::Folder(folder) => open_folder(folder, options)?,
    };
    options
        .resolution
        .map_or(Ok(dataset.clone()), |resolution| dataset.at_resolution(resolution))
}

fn open_folder(folder: &Path, options: &FolderOptions) -> Result<Dataset, DataError> {
    if !folder.is_dir() {
        return Err(DataError::Missing {
            name: folder.display().to_string(),
            looked: vec![folder.into()],
            advice:
                "expected is a folder with train/CLASS/*.png (and val/ or test/), the four IDX files, or CIFAR binaries"
                    .into(),
        });
    }
    let names = [
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ];
    if let [Some(images), Some(labels), Some(test_images), Some(test_labels)] =
        names.map(|name| idx::locate(folder, name))
    {
        let train = idx::read_set(&images, &labels, 256)?;
        let test = idx::read_set(&test_images, &test_labels, 256)?;
        let classes = train.labels().iter().max().map_or(0, |&label| label + 1);
        let name = folder
            .file_name()
            .map_or_else(|| "idx".into(), |name| name.to_string_lossy().into_owned());
        let classes = (0..classes).map(|class| format!("class {class}")).collect();
        return Dataset::new(name, classes, train, None, test);
    }
    if let Some(which) = [Cifar::Ten, Cifar::Hundred]
        .into_iter()
        .find(|which| which.is_in(folder))
    {
        return cifar::read(folder, which);
    }
    image_folder::read(folder, options)
}

/// Whether a named dataset is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatasetStatus {
    /// Its name.
    pub name: &'static str,
    /// What to do when it is not there.
    #[serde(skip)]
    pub advice: String,
    /// Where it lies or would lie.
    pub folder: PathBuf,
    /// Whether its files are there (not whether they are intact; see [`check`]).
    pub present: bool,
}

/// The named datasets and whether they are there.
///
/// # Errors
/// [`DataError::NoDataFolder`] when nobody says where they would be.
pub fn list(root: &DataRoot) -> Result<Vec<DatasetStatus>, DataError> {
    DATASETS
        .into_iter()
        .map(|dataset| {
            let folder = root.dataset(dataset.name)?;
            let present = (dataset.is_in)(&folder);
            Ok(DatasetStatus {
                name: dataset.name,
                advice: dataset.advice(&folder),
                folder,
                present,
            })
        })
        .collect()
}

/// What [`check`] found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The dataset's name.
    pub name: String,
    /// Channels of every image.
    pub channels: u32,
    /// Height of every image, in pixels.
    pub height: u32,
    /// Width of every image, in pixels.
    pub width: u32,
    /// Images of the training part.
    pub train_images: usize,
    /// Images of the dataset's own validation part, 0 without one.
    pub validation_images: usize,
    /// Images of the official test part.
    pub test_images: usize,
    /// Every class with its number of training, validation and test images.
    pub classes: Vec<(String, [usize; 3])>,
    /// The largest class of the training part over the smallest; 1 is balanced, infinite if one is empty.
    pub imbalance: f64,
    /// Mean and standard deviation of the training images, per channel.
    pub normalisation: Normalisation,
    /// Pictures that are in the dataset more than once.
    pub duplicates: Vec<Duplicate>,
}

/// Counts, class balance, normalisation and duplicates of an opened dataset.
pub fn check(dataset: &Dataset) -> Check {
    let train = dataset.train_class_counts();
    let (validation, test) = (dataset.validation_class_counts(), dataset.test_class_counts());
    let (least, most) = (
        train.iter().min().copied().unwrap_or(0),
        train.iter().max().copied().unwrap_or(0),
    );
    let shape = dataset.shape();
    let counts = train.iter().zip(&validation).zip(&test);
    let counts = counts.map(|((&train, &validation), &test)| [train, validation, test]);
    Check {
        name: dataset.name().to_owned(),
        channels: shape.channels,
        height: shape.height,
        width: shape.width,
        train_images: dataset.train_len(),
        validation_images: dataset.validation_len(),
        test_images: dataset.test_len(),
        classes: dataset.classes().iter().cloned().zip(counts).collect(),
        imbalance: most as f64 / least as f64,
        normalisation: dataset.normalisation().clone(),
        duplicates: duplicate::find(dataset),
    }
}
