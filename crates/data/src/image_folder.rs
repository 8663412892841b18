//! A folder of pictures, one sub-folder per class, in the layout that torchvision made common.
//!
//! ```text
//! pictures/train/cat/…png   pictures/val/cat/…png   pictures/test/cat/…png
//! ```
//!
//! - With `train/`, `val/` and `test/` each is used as what it is.
//! - With `train/` and `test/` validation pictures are held out of `train/`.
//! - With `train/` and `val/` the latter is the test part (as in ImageNet), and validation is held out of `train/`.
//! - With `train/` alone, or class folders directly in the folder, test pictures are held out by a seed.
//!
//! Parts may be called `training_set`, `Valid`, `TEST` and the like, and may lie in folders that wrap them, as archives
//! have it. Every other layout is refused with what was seen; no part ever becomes a class. Every real folder is read once,
//! by whatever links it is reached. Hidden files, what is no picture by its content, and output folders of runs are passed
//! over and counted ([`Inventory`]).
//!
//! Classes are the sub-folders in byte order of their names. A picture is turned as its camera noted, scaled so that its
//! shorter side has the asked resolution, and cropped in the middle. Pictures are read as RGB, or as grey when every
//! training picture is.

mod classes;
mod decode;
mod inventory;
mod layout;
mod walk;

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::dataset::{Dataset, ImageSet};
use super::picture::{Budget, DEPTHS, depth_of, largest_deep_sample};
use super::split::stratified;
use crate::DataError;
pub(super) use decode::resize;
use decode::{Decoded, Format};
pub use inventory::{DamagedPicture, Inventory, PassedOver, PictureFile, Reason};
use layout::{Labelled, Layout};
use walk::Tree;

/// The largest resolution accepted, in pixels a side.
pub(super) const RESOLUTION_LIMIT: u32 = 1024;

/// What happens to pictures that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Damaged {
    /// They are an error that names them.
    #[default]
    Error,
    /// They are left out, and counted.
    Skip,
}

/// How a folder is read.
#[derive(Debug, Clone, PartialEq)]
pub struct FolderOptions {
    /// Height and width of the images, in pixels; 32 when absent.
    pub resolution: Option<u32>,
    /// The share of the pictures held out as test images where the folder has none.
    pub test_share: f64,
    /// The seed by which they are drawn. It belongs to the dataset, not to a run: runs with different seeds must
    /// not train on each other's test images.
    pub test_seed: u64,
    /// What happens to pictures that cannot be used.
    pub damaged: Damaged,
    /// Bits that count in samples of 16 bits, one of [`DEPTHS`]; the fewest that hold all samples when absent.
    pub depth: Option<u8>,
    /// Folders that are no part of the dataset wherever they lie: the output of the run.
    pub leave_out: Vec<PathBuf>,
    /// Memory for decoding, in all threads together.
    pub memory: panarch_graph::Bytes,
}

impl Default for FolderOptions {
    /// 32 pixels, a fifth held out, seed 0; damaged pictures are an error.
    fn default() -> Self {
        Self {
            resolution: None,
            test_share: 0.2,
            test_seed: 0,
            damaged: Damaged::Error,
            depth: None,
            leave_out: Vec::new(),
            memory: Budget::DEFAULT,
        }
    }
}

/// Reads a folder of pictures. The dataset knows the [`Inventory`] of its files.
///
/// # Errors
/// [`DataError::Layout`] for a folder whose layout is not understood, [`DataError::Damaged`] with all pictures that cannot
/// be used, unless they are to be left out, [`DataError::TooFew`], [`DataError::Io`].
pub fn read(folder: &Path, options: &FolderOptions) -> Result<Dataset, DataError> {
    let resolution = options.resolution.unwrap_or(32);
    if resolution == 0 || resolution > RESOLUTION_LIMIT {
        let reason = format!("{resolution} is not between 1 and {RESOLUTION_LIMIT}");
        return Err(DataError::Setting {
            setting: "resolution",
            reason,
        });
    }
    if let Some(depth) = options.depth.filter(|depth| !DEPTHS.contains(depth)) {
        let reason = format!("{depth} is none of {DEPTHS:?}");
        return Err(DataError::Setting {
            setting: "depth",
            reason,
        });
    }
    let mut tree = Tree::walk(folder, &options.leave_out)?;
    let Layout {
        classes,
        mut train,
        validation,
        test,
        sentence,
    } = layout::understand(&mut tree, folder, options.test_share)?;
    let test = match test {
        Some(test) => test,
        None => {
            let (rest, test) = hold_out_test(&train, &classes, options)?;
            train = rest;
            test
        }
    };
    let parts = [train, validation.unwrap_or_default(), test];
    let pictures = parts.iter().map(Vec::len).sum();
    let budget = Budget::new(options.memory);
    let usable = |path: &Path| tree.damaged.iter().all(|damaged| damaged.path != path);
    let depth = options.depth.unwrap_or_else(|| depth_found(&parts, &budget));
    let format = Format {
        channels: if decode::all_grey(&parts[0], &usable, &budget) {
            1
        } else {
            3
        },
        resolution,
        depth,
    };
    let parts: Vec<Decoded> = parts
        .iter()
        .map(|files| decode::all(files, format, &budget))
        .collect::<Result<_, _>>()?;
    let mut damaged = Vec::new();
    let [train, validation, test] = <[Decoded; 3]>::try_from(parts).map_err(|_| DataError::TooFew {
        reason: "a part is missing".to_owned(),
    })?;
    let mut taken = |decoded: Decoded| {
        damaged.extend(decoded.damaged);
        (decoded.images, decoded.files)
    };
    let ((train_images, train), (validation_images, validation), (test_images, test)) =
        (taken(train), taken(validation), taken(test));
    if !damaged.is_empty() && options.damaged == Damaged::Error {
        return Err(DataError::Damaged {
            folder: folder.into(),
            damaged,
            pictures,
        });
    }
    let validation_images = Some(validation_images).filter(|images| !images.is_empty());
    for (part, images) in [
        ("train", Some(&train_images)),
        ("validation", validation_images.as_ref()),
        ("test", Some(&test_images)),
    ] {
        every_class_is_there(part, images, &classes)?;
    }
    let by_name = |it: &PassedOver| (it.reason, it.path.clone().into_os_string().into_encoded_bytes());
    tree.passed_over.sort_by_cached_key(by_name);
    let inventory = Inventory {
        folder: folder.into(),
        layout: sentence,
        train,
        validation,
        test,
        damaged,
        passed_over: tree.passed_over,
        depth,
        depth_found: options.depth.is_none() && depth < 16,
    };
    let dataset = Dataset::new(name_of(folder), classes, train_images, validation_images, test_images)?;
    Ok(dataset.with_inventory(inventory))
}

/// What a dataset in a folder is called.
fn name_of(folder: &Path) -> String {
    // `.` and `..` have a name when they are looked up.
    let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.into());
    let name = folder.file_name().or_else(|| real.file_name());
    name.map_or_else(|| "pictures".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The fewest bits that hold every 16-bit sample of the dataset. All parts count: this is about how files were written, and
/// has to be the same for all of them.
fn depth_found(parts: &[Labelled; 3], budget: &Budget) -> u8 {
    let files = parts.par_iter().flatten();
    let largest = files.filter_map(|(path, _)| largest_deep_sample(path, budget)).max();
    largest.map_or(16, depth_of)
}

fn hold_out_test(
    files: &Labelled,
    classes: &[String],
    options: &FolderOptions,
) -> Result<(Labelled, Labelled), DataError> {
    let count = (options.test_share * files.len() as f64).round() as usize;
    let count = count.max(classes.len());
    let labels: Vec<u16> = files.iter().map(|(_, label)| *label).collect();
    let counts = super::class_counts(&labels, classes.len());
    let single = classes.iter().zip(&counts).find(|(_, count)| **count < 2);
    if let Some((class, _)) = single {
        return Err(DataError::TooFew {
            reason: format!(
                "the class {class} has one picture, which cannot be in training and test part both; add pictures, or a test/ folder"
            ),
        });
    }
    let (train, test) = stratified(&labels, classes.len(), count, options.test_seed);
    let pick = |indices: Vec<u32>| {
        indices
            .into_iter()
            .filter_map(|i| files.get(i as usize).cloned())
            .collect()
    };
    Ok((pick(train), pick(test)))
}

/// Leaving out damaged pictures may have emptied a class.
fn every_class_is_there(part: &str, images: Option<&ImageSet>, classes: &[String]) -> Result<(), DataError> {
    let Some(images) = images else { return Ok(()) };
    let counts = super::class_counts(images.labels(), classes.len());
    match classes.iter().zip(counts).find(|(_, count)| *count == 0) {
        Some((class, _)) => Err(DataError::TooFew {
            reason: format!("the class {class} has no usable picture in the {part} part"),
        }),
        None => Ok(()),
    }
}
