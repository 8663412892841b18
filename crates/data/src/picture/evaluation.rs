//! One picture from a file, as a network for ImageNet wants it.

use std::path::Path;

use image::DynamicImage;
use image::imageops::FilterType;
use panarch_graph::{Shape, Tensor};

use super::super::statistics::Normalisation;
use super::{Budget, open};
use crate::DataError;

/// What is left of the shorter side after the crop in the middle: 224 of 256, as ImageNet classifiers are evaluated.
const CENTRAL: f64 = 0.875;

/// Largest image that a picture is brought to, in pixels a side.
const LARGEST: u32 = 4096;

/// How a picture becomes a network's input.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationTransform {
    /// The share of the shorter side that the central square keeps.
    pub central: f64,
    /// What is subtracted and divided by.
    pub normalisation: Normalisation,
    /// Bits that count in samples of 16 bits; a picture that states its own keeps to them.
    pub depth: u8,
}

impl EvaluationTransform {
    /// That of ImageNet: the shorter side becomes ⌈r / 0.875⌉, the central square of r pixels is kept, and the published
    /// means and deviations normalise it.
    #[must_use]
    pub fn imagenet() -> Self {
        Self {
            central: CENTRAL,
            normalisation: Normalisation {
                mean: vec![0.485, 0.456, 0.406],
                deviation: vec![0.229, 0.224, 0.225],
            },
            depth: 16,
        }
    }

    /// A picture for a network that takes images of `shape`, as [1, height, width, channels]: the engine's order.
    ///
    /// # Errors
    /// [`DataError::Picture`] when it is no whole picture, or too large, [`DataError::Mismatch`] when the shape is no
    /// square of 1 or 3 channels or the normalisation has other channels.
    pub fn picture(&self, file: &Path, shape: Shape) -> Result<Tensor, DataError> {
        let channels = shape.channels as usize;
        let known = [&self.normalisation.mean, &self.normalisation.deviation];
        let fits = matches!(channels, 1 | 3) && shape.height == shape.width && shape.height <= LARGEST;
        if !fits || known.iter().any(|values| values.len() != channels) {
            return Err(DataError::Mismatch {
                network: "of the checkpoint".to_owned(),
                expects: format!("images of {shape}"),
                gives: format!("squares of {} channels", self.normalisation.mean.len()),
            });
        }
        let budget = Budget::default();
        let opened = open(file, &budget, self.depth).map_err(|fault| DataError::Picture {
            file: file.into(),
            fault,
        })?;
        let picture = resized(&opened.picture, shape.height, self.central);
        let bytes = if channels == 1 {
            picture.into_luma8().into_raw()
        } else {
            picture.into_rgb8().into_raw()
        };
        let tables = self.normalisation.tables();
        let values = bytes.iter().enumerate();
        let data = values
            .map(|(index, byte)| tables[index % channels][usize::from(*byte)])
            .collect();
        let side = shape.height as usize;
        Tensor::new(vec![1, side, side, channels], data).map_err(DataError::from)
    }
}

/// Times the shorter side of a picture that its longer side may be; what is beyond is far outside the central square, and
/// would only be resized.
const LONGEST: u32 = 4;

/// The middle of a picture that is very long in one direction.
fn without_far_ends(picture: &DynamicImage) -> DynamicImage {
    let (width, height) = (picture.width(), picture.height());
    let longest = width.min(height).saturating_mul(LONGEST);
    let (kept_width, kept_height) = (width.min(longest), height.min(longest));
    picture.crop_imm(
        (width - kept_width) / 2,
        (height - kept_height) / 2,
        kept_width,
        kept_height,
    )
}

/// The central square of `side` pixels of a picture whose shorter side was brought to ⌈side / central⌉.
fn resized(picture: &DynamicImage, side: u32, central: f64) -> DynamicImage {
    let picture = without_far_ends(picture);
    let shorter = (f64::from(side) / central.clamp(0.01, 1.0)).ceil();
    let scale = shorter / f64::from(picture.width().min(picture.height()).max(1));
    // The longer side is cut off to whole pixels, and half a pixel of margin goes to the even side, as in torchvision.
    let scaled = |length: u32| ((f64::from(length) * scale + 1e-6).floor() as u32).max(side);
    let (width, height) = (scaled(picture.width()), scaled(picture.height()));
    let exact = picture.resize_exact(width, height, FilterType::Triangle);
    let margin = |length: u32| (f64::from(length - side) / 2.0).round_ties_even() as u32;
    exact.crop_imm(margin(width), margin(height), side, side)
}
