//! A folder of pictures, one sub-folder per class, in the layout that torchvision made common.
//!
//! ```text
//! pictures/train/cat/…png   pictures/val/cat/…png   pictures/test/cat/…png
//! ```
//!
//! - With `test/` the official test images are those; `val/`, if there is one too, is the validation part.
//! - With `val/` alone it is the official test part (as in ImageNet), and validation is held out of `train/`.
//! - With neither, or with class folders directly under the root, test images are held out by a seed.
//!
//! Classes are the sub-folders in byte order of their names. A picture is scaled so that its shorter side has the
//! asked resolution and cropped in the middle. Pictures are read as RGB, or as grey when every training picture is.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder as _, ImageReader, Limits};
use panarch_format::{FileKind, open_file};
use panarch_graph::Shape;
use rayon::prelude::*;

use super::dataset::{Dataset, ImageSet};
use super::split::stratified;
use crate::TrainError;

/// The largest side of a picture accepted, in pixels.
const SIDE_LIMIT: u32 = 16_384;
/// The most memory that decoding one picture may take, in bytes.
const DECODE_LIMIT: u64 = 512 << 20;
/// The largest file of a picture accepted, in bytes.
const FILE_LIMIT: u64 = 512 << 20;
/// How deep below a class folder pictures are looked for.
const DEPTH_LIMIT: usize = 8;
/// The largest resolution accepted, in pixels a side.
pub(super) const RESOLUTION_LIMIT: u32 = 1024;

/// How a folder is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FolderOptions {
    /// Height and width of the images, in pixels.
    pub resolution: u32,
    /// The share of the pictures held out as test images where the folder has none.
    pub test_share: f64,
    /// The seed by which they are drawn. It belongs to the dataset, not to a run: runs with different seeds must
    /// not train on each other's test images.
    pub test_seed: u64,
}

impl Default for FolderOptions {
    /// 32 pixels, a fifth held out, seed 0.
    fn default() -> Self {
        Self {
            resolution: 32,
            test_share: 0.2,
            test_seed: 0,
        }
    }
}

/// Reads a folder of pictures.
///
/// # Errors
/// [`TrainError::Layout`] for a folder without classes or with other classes than `train/`, [`TrainError::Picture`]
/// for a picture that cannot be decoded within the limits, [`TrainError::Io`].
pub fn read(folder: &Path, options: FolderOptions) -> Result<Dataset, TrainError> {
    if options.resolution == 0 || options.resolution > RESOLUTION_LIMIT {
        let reason = format!("{} is not between 1 and {RESOLUTION_LIMIT}", options.resolution);
        return Err(TrainError::Setting {
            setting: "resolution",
            reason,
        });
    }
    let name = folder
        .file_name()
        .map_or_else(|| "pictures".to_owned(), |name| name.to_string_lossy().into_owned());
    let train_folder = folder.join("train");
    let (train_folder, parted) = if train_folder.is_dir() {
        (train_folder, true)
    } else {
        (folder.to_path_buf(), false)
    };
    let (classes, train_files) = list(&train_folder)?;
    let channels = if all_grey(&train_files)? { 1 } else { 3 };
    let load = |files: &[(PathBuf, u16)]| decode_all(files, channels, options.resolution);
    let part = |name: &str| -> Result<Option<ImageSet>, TrainError> {
        let folder = folder.join(name);
        if !parted || !folder.is_dir() {
            return Ok(None);
        }
        let (found, files) = list(&folder)?;
        if found != classes {
            let reason = format!("has the classes {}, train has {}", found.join(", "), classes.join(", "));
            return Err(TrainError::Layout { folder, reason });
        }
        load(&files).map(Some)
    };
    let (train_files, validation, test) = match (part("val")?, part("test")?) {
        (validation, Some(test)) => (train_files, validation, test),
        (Some(test), None) => (train_files, None, test),
        (None, None) => {
            let (train, test) = hold_out_test(&train_files, classes.len(), options)?;
            (train, None, load(&test)?)
        }
    };
    Dataset::new(name, classes, load(&train_files)?, validation, test)
}

/// Whether a folder looks like one that [`read`] takes.
pub(super) fn is_in(folder: &Path) -> bool {
    let train = folder.join("train");
    let root = if train.is_dir() { train } else { folder.to_path_buf() };
    sorted_entries(&root).is_ok_and(|entries| entries.iter().any(|entry| entry.is_dir()))
}

/// Files with their labels.
type Labelled = Vec<(PathBuf, u16)>;

fn hold_out_test(
    files: &[(PathBuf, u16)],
    classes: usize,
    options: FolderOptions,
) -> Result<(Labelled, Labelled), TrainError> {
    let count = (options.test_share * files.len() as f64).round() as usize;
    if count == 0 || count >= files.len() {
        return Err(TrainError::Split {
            total: files.len(),
            reason: format!(
                "a share of {} for testing leaves nothing on one side",
                options.test_share
            ),
        });
    }
    let labels: Vec<u16> = files.iter().map(|(_, label)| *label).collect();
    let (train, test) = stratified(&labels, classes, count, options.test_seed);
    let pick = |indices: Vec<u32>| {
        indices
            .into_iter()
            .filter_map(|i| files.get(i as usize).cloned())
            .collect()
    };
    Ok((pick(train), pick(test)))
}

/// The class names and the labelled files of one part.
fn list(folder: &Path) -> Result<(Vec<String>, Labelled), TrainError> {
    let layout = |folder: &Path, reason: &str| TrainError::Layout {
        folder: folder.into(),
        reason: reason.into(),
    };
    let (mut classes, mut files) = (Vec::new(), Vec::new());
    for entry in sorted_entries(folder)? {
        if !entry.is_dir() {
            continue;
        }
        let Some(name) = entry.file_name().and_then(|name| name.to_str()) else {
            return Err(layout(&entry, "a class folder's name must be valid Unicode"));
        };
        let label = u16::try_from(classes.len()).map_err(|_| layout(folder, "has more than 65,536 classes"))?;
        let before = files.len();
        pictures(&entry, label, DEPTH_LIMIT, &mut files)?;
        if files.len() == before {
            return Err(layout(&entry, "holds no .png, .jpg or .jpeg file"));
        }
        classes.push(name.to_owned());
    }
    if classes.len() < 2 {
        return Err(layout(
            folder,
            "expected one sub-folder of pictures for each of at least two classes",
        ));
    }
    Ok((classes, files))
}

fn pictures(folder: &Path, label: u16, depth: usize, files: &mut Labelled) -> Result<(), TrainError> {
    for entry in sorted_entries(folder)? {
        if entry.is_dir() {
            if depth > 0 {
                pictures(&entry, label, depth - 1, files)?;
            }
        } else if entry
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|e| ["png", "jpg", "jpeg"].iter().any(|known| e.eq_ignore_ascii_case(known)))
        {
            files.push((entry, label));
        }
    }
    Ok(())
}

/// Entries of a folder in byte order of their names, hidden ones left out.
fn sorted_entries(folder: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(TrainError::io(folder, "list"))? {
        let entry = entry.map_err(TrainError::io(folder, "list"))?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            entries.push(entry.path());
        }
    }
    entries.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    Ok(entries)
}

fn reader(file: &Path) -> Result<ImageReader<BufReader<fs::File>>, TrainError> {
    let opened = open_file(file, FileKind::new("picture", FILE_LIMIT))?;
    let mut reader = ImageReader::new(BufReader::new(opened))
        .with_guessed_format()
        .map_err(TrainError::io(file, "open"))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_LIMIT);
    limits.max_image_height = Some(SIDE_LIMIT);
    limits.max_alloc = Some(DECODE_LIMIT);
    reader.limits(limits);
    Ok(reader)
}

/// Whether every picture is grey, from the headers alone.
fn all_grey(files: &[(PathBuf, u16)]) -> Result<bool, TrainError> {
    let grey = |file: &Path| -> Result<bool, TrainError> {
        let decoder = reader(file)?.into_decoder().map_err(|source| TrainError::Picture {
            file: file.into(),
            source,
        })?;
        Ok(!decoder.color_type().has_color())
    };
    for (file, _) in files {
        if !grey(file)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn decode_all(files: &[(PathBuf, u16)], channels: u32, resolution: u32) -> Result<ImageSet, TrainError> {
    let images: Vec<Vec<u8>> = files
        .par_iter()
        .map(|(file, _)| decode(file, channels, resolution))
        .collect::<Result<_, _>>()?;
    let labels = files.iter().map(|(_, label)| *label).collect();
    ImageSet::new(Shape::new(channels, resolution, resolution), images.concat(), labels)
}

/// Decodes a picture of at least one pixel, within the limits.
pub(super) fn open_picture(file: &Path) -> Result<DynamicImage, TrainError> {
    let wrong = |source| TrainError::Picture {
        file: file.into(),
        source,
    };
    let picture = reader(file)?.decode().map_err(wrong)?;
    if picture.width().min(picture.height()) == 0 {
        let kind = image::error::LimitErrorKind::DimensionError;
        return Err(wrong(image::ImageError::Limits(image::error::LimitError::from_kind(
            kind,
        ))));
    }
    Ok(picture)
}

fn decode(file: &Path, channels: u32, resolution: u32) -> Result<Vec<u8>, TrainError> {
    let picture = open_picture(file)?;
    let side = picture.width().min(picture.height());
    // Crop first: the square in the middle holds exactly what scaling and cropping would leave.
    let (left, top) = ((picture.width() - side) / 2, (picture.height() - side) / 2);
    let square = picture.crop_imm(left, top, side, side);
    let exact = if side == resolution {
        square
    } else {
        square.resize_exact(resolution, resolution, FilterType::Triangle)
    };
    Ok(if channels == 1 {
        exact.into_luma8().into_raw()
    } else {
        exact.into_rgb8().into_raw()
    })
}

/// See [`ImageSet::resized`].
pub(super) fn resize(images: &ImageSet, resolution: u32) -> Result<ImageSet, TrainError> {
    let shape = images.shape();
    if resolution == 0 || resolution > RESOLUTION_LIMIT || !matches!(shape.channels, 1 | 3) {
        let reason = format!(
            "cannot bring {} channels to {resolution} × {resolution} pixels",
            shape.channels
        );
        return Err(TrainError::Setting {
            setting: "resolution",
            reason,
        });
    }
    let resized: Vec<Vec<u8>> = images
        .pixels()
        .par_chunks_exact(shape.elements() as usize)
        .filter_map(|pixels| {
            let (width, height, pixels) = (shape.width, shape.height, pixels.to_vec());
            let picture = match shape.channels {
                1 => DynamicImage::from(image::GrayImage::from_raw(width, height, pixels)?),
                _ => DynamicImage::from(image::RgbImage::from_raw(width, height, pixels)?),
            };
            Some(imageops::resize(&picture, resolution, resolution, FilterType::Triangle)).map(|picture| {
                let picture = DynamicImage::from(picture);
                if shape.channels == 1 {
                    picture.into_luma8().into_raw()
                } else {
                    picture.into_rgb8().into_raw()
                }
            })
        })
        .collect();
    ImageSet::new(
        Shape::new(shape.channels, resolution, resolution),
        resized.concat(),
        images.labels().to_vec(),
    )
}
