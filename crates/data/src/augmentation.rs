//! What is done to training images at random.
//!
//! The order, for each image: mirror and shift, resized crop, RandAugment, colour jitter, cutout, the batch's
//! resolution; and of finished batches, mixup. Everything but mixup works on bytes.

mod beta;
mod canvas;
mod colour;
mod geometry;
mod pipeline;
mod rand_augment;
mod resample;
mod resolutions;
mod sharpness;

use panarch_graph::Shape;
use serde::{Deserialize, Serialize};

use crate::DataError;

pub(super) use beta::symmetric_beta;
pub(super) use pipeline::{Augmenter, normalise};
pub use resolutions::Resolutions;

/// What is done to training images at random; by default nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// Mirror every second image, left to right.
    pub flip: bool,
    /// Shift by up to this many pixels each way, black coming in: the crop of a padded image.
    pub crop_padding: u32,
    /// Cut out a part and stretch it over the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resized_crop: Option<ResizedCrop>,
    /// Operations drawn from a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rand_augment: Option<RandAugment>,
    /// Brightness, contrast and saturation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour_jitter: Option<ColourJitter>,
    /// Side of a square, in pixels, that is filled with the mean of the dataset (DeVries & Taylor 2017). Its centre is
    /// any pixel of the image, so that part of the square may lie outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutout: Option<u32>,
    /// The α of mixup (Zhang et al. 2018): each image of a batch is mixed with another one of it, in a share drawn from
    /// Beta(α, α). Different from the paper, every image has a share of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mixup: Option<f32>,
    /// Each batch is brought to one of these resolutions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolutions: Option<Resolutions>,
}

/// The crop of Inception (Szegedy et al. 2015): a part of a random size and an aspect ratio between 3/4 and 4/3, brought
/// to the size of the image bilinearly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResizedCrop {
    /// The smallest share of the area, above 0.
    pub smallest: f32,
    /// The largest share of the area, up to 1.
    pub largest: f32,
}

/// RandAugment (Cubuk et al. 2020): operations drawn evenly from a list of fourteen, all at one magnitude.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandAugment {
    /// How many operations an image goes through, N; the paper's best are 1 to 3.
    pub operations: u32,
    /// How strong they are, M, from 0 to 30.
    pub magnitude: u32,
}

/// Random factors of brightness, contrast and saturation, in this order: each is drawn evenly from 1 − x to 1 + x.
/// Images of one channel have no saturation.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColourJitter {
    /// Of the values themselves, 0 to 1.
    pub brightness: f32,
    /// Of the distance from the image's mean grey, 0 to 1.
    pub contrast: f32,
    /// Of the distance from the pixel's own grey, 0 to 1.
    pub saturation: f32,
}

/// More operations than this on one image have no use.
const MOST_OPERATIONS: u32 = 16;
/// The largest α of mixup: beyond it every share is a half.
const LARGEST_ALPHA: f32 = 64.0;

impl Augmentation {
    /// Nothing at all, the default.
    pub const NONE: Self = Self {
        flip: false,
        crop_padding: 0,
        resized_crop: None,
        rand_augment: None,
        colour_jitter: None,
        cutout: None,
        mixup: None,
        resolutions: None,
    };

    /// Checks every setting for images of this shape.
    ///
    /// # Errors
    /// [`DataError::Setting`] with the first that has no meaning.
    pub fn check(&self, shape: Shape) -> Result<(), DataError> {
        let refuse = |setting, reason: String| Err(DataError::Setting { setting, reason });
        let coloured = self.rand_augment.is_some() || self.colour_jitter.is_some();
        if coloured && !matches!(shape.channels, 1 | 3) {
            let reason = format!("works on images of 1 or 3 channels, these have {}", shape.channels);
            let setting = if self.rand_augment.is_some() {
                "rand_augment"
            } else {
                "colour_jitter"
            };
            return refuse(setting, reason);
        }
        if let Some(ResizedCrop { smallest, largest }) = self.resized_crop
            && !(smallest > 0.0 && smallest <= largest && largest <= 1.0)
        {
            let reason = format!("the shares {smallest} to {largest} are no range between 0 and 1");
            return refuse("resized_crop", reason);
        }
        if let Some(RandAugment { operations, magnitude }) = self.rand_augment {
            if operations > MOST_OPERATIONS {
                return refuse(
                    "rand_augment",
                    format!("{operations} operations are more than {MOST_OPERATIONS}"),
                );
            }
            if magnitude > rand_augment::LARGEST_MAGNITUDE {
                let reason = format!("the magnitude {magnitude} is above {}", rand_augment::LARGEST_MAGNITUDE);
                return refuse("rand_augment", reason);
            }
        }
        if let Some(jitter) = self.colour_jitter {
            let factors = [
                ("brightness", jitter.brightness),
                ("contrast", jitter.contrast),
                ("saturation", jitter.saturation),
            ];
            for (name, value) in factors {
                if !(0.0..=1.0).contains(&value) {
                    return refuse("colour_jitter", format!("{name} must lie between 0 and 1, not {value}"));
                }
            }
        }
        let shorter = shape.height.min(shape.width);
        if let Some(side) = self.cutout.filter(|side| *side > shorter) {
            return refuse(
                "cutout",
                format!("{side} is more than the {shorter} pixels of the images"),
            );
        }
        if let Some(alpha) = self.mixup.filter(|alpha| !(*alpha > 0.0 && *alpha <= LARGEST_ALPHA)) {
            return refuse("mixup", format!("{alpha} is not above 0 and at most {LARGEST_ALPHA}"));
        }
        if self.resolutions.is_some() && shape.height != shape.width {
            return refuse("resolutions", "the images must be square".into());
        }
        Ok(())
    }

    /// Whether there is anything beyond mirroring and shifting. Trainings make such batches in a thread beside the engine,
    /// others in the engine's own between two steps.
    pub fn is_heavy(&self) -> bool {
        let Self {
            flip: _,
            crop_padding: _,
            resized_crop,
            rand_augment,
            colour_jitter,
            cutout,
            mixup,
            resolutions,
        } = self;
        resized_crop.is_some()
            || rand_augment.is_some()
            || colour_jitter.is_some()
            || cutout.is_some()
            || mixup.is_some()
            || resolutions.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_without_meaning_are_named() {
        let none = Augmentation::NONE;
        let crop = |smallest, largest| Augmentation {
            resized_crop: Some(ResizedCrop { smallest, largest }),
            ..none
        };
        let rand = |operations, magnitude| Augmentation {
            rand_augment: Some(RandAugment { operations, magnitude }),
            ..none
        };
        let jitter = |brightness, contrast, saturation| Augmentation {
            colour_jitter: Some(ColourJitter {
                brightness,
                contrast,
                saturation,
            }),
            ..none
        };
        let cutout = |side| Augmentation {
            cutout: Some(side),
            ..none
        };
        let mixup = |alpha| Augmentation {
            mixup: Some(alpha),
            ..none
        };
        let (grey, two) = (Shape::new(1, 8, 9), Shape::new(2, 8, 8));
        let several = Augmentation {
            resolutions: Some(Resolutions::new(&[4, 8]).unwrap()),
            ..none
        };
        let refused = [
            (crop(0.0, 1.0), grey, "resized_crop"),
            (crop(0.5, 1.5), grey, "resized_crop"),
            (crop(0.5, 0.4), grey, "resized_crop"),
            (crop(f32::NAN, 1.0), grey, "resized_crop"),
            (rand(17, 3), grey, "rand_augment"),
            (rand(2, 31), grey, "rand_augment"),
            (rand(2, 9), two, "rand_augment"),
            (jitter(-0.1, 0.0, 0.0), grey, "colour_jitter"),
            (jitter(0.0, f32::NAN, 0.0), grey, "colour_jitter"),
            (jitter(0.0, 0.0, 1.1), grey, "colour_jitter"),
            (jitter(0.1, 0.1, 0.1), two, "colour_jitter"),
            (cutout(9), grey, "cutout"),
            (cutout(u32::MAX), grey, "cutout"),
            (mixup(0.0), grey, "mixup"),
            (mixup(f32::INFINITY), grey, "mixup"),
            (mixup(f32::NAN), grey, "mixup"),
            (several, grey, "resolutions"),
        ];
        for (augmentation, shape, expected) in refused {
            let error = augmentation.check(shape).unwrap_err();
            assert!(
                matches!(&error, DataError::Setting { setting, .. } if *setting == expected),
                "{error}"
            );
        }
        for (augmentation, shape) in [
            (none, two),
            (crop(0.08, 1.0), two),
            (rand(2, 30), grey),
            (cutout(8), grey),
            (mixup(0.2), two),
            (several, two),
        ] {
            assert!(augmentation.check(shape).is_ok(), "{augmentation:?}");
        }
    }

    #[test]
    fn what_is_off_is_not_written() {
        let text = serde_json::to_string(&Augmentation::default()).unwrap();
        assert_eq!(text, r#"{"flip":false,"crop_padding":0}"#);
        assert_eq!(serde_json::from_str::<Augmentation>(&text).unwrap(), Augmentation::NONE);
        let everything = Augmentation {
            flip: true,
            crop_padding: 4,
            resized_crop: Some(ResizedCrop {
                smallest: 0.08,
                largest: 1.0,
            }),
            rand_augment: Some(RandAugment {
                operations: 2,
                magnitude: 9,
            }),
            colour_jitter: Some(ColourJitter::default()),
            cutout: Some(8),
            mixup: Some(0.2),
            resolutions: Some(Resolutions::new(&[24, 28, 32]).unwrap()),
        };
        let text = serde_json::to_string(&everything).unwrap();
        assert!(text.contains(r#""resolutions":[24,28,32]"#), "{text}");
        assert_eq!(serde_json::from_str::<Augmentation>(&text).unwrap(), everything);
        for wrong in [
            r#"{"flip":false,"crop_padding":0,"cut_out":3}"#,
            r#"{"flip":false,"crop_padding":0,"resolutions":[]}"#,
            r#"{"flip":false,"crop_padding":0,"resolutions":[0]}"#,
        ] {
            assert!(serde_json::from_str::<Augmentation>(wrong).is_err(), "{wrong}");
        }
    }
}
