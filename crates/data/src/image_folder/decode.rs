//! Pictures to images of one size.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, RgbImage};
use panarch_graph::Shape;
use rayon::prelude::*;

use super::layout::Labelled;
use super::{DamagedPicture, PictureFile, RESOLUTION_LIMIT};
use crate::DataError;
use crate::dataset::ImageSet;
use crate::picture::{Budget, PictureFault, colour_of, open};

/// What pictures become.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    /// 1 for grey, 3 for colours.
    pub(super) channels: u32,
    /// Pixels a side.
    pub(super) resolution: u32,
    /// Bits that count in samples of 16 bits.
    pub(super) depth: u8,
}

/// The pictures of one part that could be used, and those that could not.
pub(super) struct Decoded {
    pub(super) images: ImageSet,
    pub(super) files: Vec<PictureFile>,
    pub(super) damaged: Vec<DamagedPicture>,
}

/// Whether every picture that can be used is grey, from the headers alone.
pub(super) fn all_grey(files: &Labelled, usable: &impl Fn(&Path) -> bool, budget: &Budget) -> bool {
    let mut usable = files.iter().map(|(path, _)| path).filter(|path| usable(path));
    // One that cannot be read will be reported when it is decoded.
    usable.all(|path| !colour_of(path, budget).is_ok_and(|colour| colour.is_coloured))
}

/// Decodes all pictures, in all threads, within the budget.
pub(super) fn all(files: &Labelled, format: Format, budget: &Budget) -> Result<Decoded, DataError> {
    let shape = Shape::new(format.channels, format.resolution, format.resolution);
    let size = shape.elements() as usize;
    let mut pixels = vec![0; files.len() * size];
    let faults: Vec<Option<PictureFault>> = files
        .par_iter()
        .zip(pixels.par_chunks_exact_mut(size))
        .map(|((path, _), output)| decode(path, format, budget, output).err())
        .collect();
    let mut damaged = Vec::new();
    let (mut labels, mut used) = (Vec::with_capacity(files.len()), Vec::with_capacity(files.len()));
    for (place, ((path, label), fault)) in files.iter().zip(faults).enumerate() {
        match fault {
            Some(fault) => damaged.push(DamagedPicture::new(path, &fault)),
            None => {
                pixels.copy_within(place * size..(place + 1) * size, labels.len() * size);
                labels.push(*label);
                used.push(picture_file(path, *label));
            }
        }
    }
    pixels.truncate(labels.len() * size);
    Ok(Decoded {
        images: ImageSet::new(shape, pixels, labels)?,
        files: used,
        damaged,
    })
}

fn picture_file(path: &Path, label: u16) -> PictureFile {
    let metadata = fs::metadata(path).ok();
    PictureFile {
        path: path.to_owned(),
        label,
        length: metadata.as_ref().map_or(0, fs::Metadata::len),
        modified: metadata
            .and_then(|metadata| metadata.modified().ok())
            .filter(|time| *time > SystemTime::UNIX_EPOCH),
    }
}

fn decode(file: &Path, format: Format, budget: &Budget, output: &mut [u8]) -> Result<(), PictureFault> {
    let opened = open(file, budget, format.depth)?;
    let (picture, resolution) = (&opened.picture, format.resolution);
    let side = picture.width().min(picture.height());
    // Crop first: the square in the middle holds exactly what scaling and cropping would leave.
    let (left, top) = ((picture.width() - side) / 2, (picture.height() - side) / 2);
    let square = picture.crop_imm(left, top, side, side);
    let exact = if side == resolution {
        square
    } else {
        square.resize_exact(resolution, resolution, FilterType::Triangle)
    };
    let bytes = samples(exact, format.channels);
    output.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
    Ok(())
}

/// The bytes of a picture as grey or as RGB.
fn samples(picture: DynamicImage, channels: u32) -> Vec<u8> {
    match channels {
        1 => picture.into_luma8().into_raw(),
        _ => picture.into_rgb8().into_raw(),
    }
}

/// See [`ImageSet::resized`].
pub(crate) fn resize(images: &ImageSet, resolution: u32) -> Result<ImageSet, DataError> {
    let shape = images.shape();
    if resolution == 0 || resolution > RESOLUTION_LIMIT || !matches!(shape.channels, 1 | 3) {
        let reason = format!(
            "cannot bring {} channels to {resolution} × {resolution} pixels",
            shape.channels
        );
        return Err(DataError::Setting {
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
                1 => DynamicImage::from(GrayImage::from_raw(width, height, pixels)?),
                _ => DynamicImage::from(RgbImage::from_raw(width, height, pixels)?),
            };
            let picture = imageops::resize(&picture, resolution, resolution, FilterType::Triangle);
            Some(samples(DynamicImage::from(picture), shape.channels))
        })
        .collect();
    ImageSet::new(
        Shape::new(shape.channels, resolution, resolution),
        resized.concat(),
        images.labels().to_vec(),
    )
}
