//! The operations of RandAugment.
//!
//! Source: Cubuk et al. 2020, with the list of its section 4 and the ranges of AutoAugment (Cubuk et al. 2019, table 6)
//! reached at M = 30. Different from the published code: shear and rotation turn about the image's centre, what comes
//! in from outside is the dataset's mean colour, brightness, contrast, colour and sharpness go up as often as down, and
//! every operation with a magnitude does nothing at M = 0.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::canvas::Canvas;
use super::geometry::Affine;
use super::sharpness::sharpness;
use super::{RandAugment, colour};

/// The magnitude at which the ranges end.
pub(super) const LARGEST_MAGNITUDE: u32 = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Identity,
    AutoContrast,
    Equalize,
    Rotate,
    Solarize,
    Colour,
    Posterize,
    Contrast,
    Brightness,
    Sharpness,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
}

const OPERATIONS: [Operation; 14] = [
    Operation::Identity,
    Operation::AutoContrast,
    Operation::Equalize,
    Operation::Rotate,
    Operation::Solarize,
    Operation::Colour,
    Operation::Posterize,
    Operation::Contrast,
    Operation::Brightness,
    Operation::Sharpness,
    Operation::ShearX,
    Operation::ShearY,
    Operation::TranslateX,
    Operation::TranslateY,
];

/// Degrees.
const ROTATION: f32 = 30.0;
/// Pixels a pixel.
const SHEAR: f32 = 0.3;
/// Share of the side: 150 pixels of AutoAugment's 331.
const TRANSLATION: f32 = 150.0 / 331.0;
/// Distance of a factor from 1.
const FACTOR: f32 = 0.9;
/// Bits that are lost.
const BITS: f32 = 4.0;

impl RandAugment {
    /// Draws and applies the operations; `fill` is the colour of what comes in from outside.
    pub(super) fn apply(self, canvas: &mut Canvas, fill: &[u8], rng: &mut ChaCha8Rng) {
        let strength = self.magnitude as f32 / LARGEST_MAGNITUDE as f32;
        for _ in 0..self.operations {
            let draw = rng.random_range(0..2 * OPERATIONS.len());
            let signed = if draw % 2 == 0 { strength } else { -strength };
            OPERATIONS[draw / 2].apply(canvas, signed, fill);
        }
    }
}

impl Operation {
    /// `strength` lies between −1 and 1; operations without two directions take its absolute value.
    fn apply(self, canvas: &mut Canvas, strength: f32, fill: &[u8]) {
        let factor = 1.0 + FACTOR * strength;
        match self {
            Self::Identity => {}
            Self::AutoContrast => colour::autocontrast(canvas),
            Self::Equalize => colour::equalize(canvas),
            Self::Rotate => Affine::rotation(ROTATION * strength).apply(canvas, fill),
            Self::Solarize => colour::solarize(canvas, (256.0 * (1.0 - strength.abs())).round() as u32),
            Self::Colour => colour::saturation(canvas, factor),
            Self::Posterize => colour::posterize(canvas, 8 - (BITS * strength.abs()).round() as u32),
            Self::Contrast => colour::contrast(canvas, factor),
            Self::Brightness => colour::brightness(canvas, factor),
            Self::Sharpness => sharpness(canvas, factor),
            Self::ShearX => Affine::shear_x(SHEAR * strength).apply(canvas, fill),
            Self::ShearY => Affine::shear_y(SHEAR * strength).apply(canvas, fill),
            Self::TranslateX => {
                let shift = TRANSLATION * strength * canvas.width as f32;
                Affine::translation(shift, 0.0).apply(canvas, fill);
            }
            Self::TranslateY => {
                let shift = TRANSLATION * strength * canvas.height as f32;
                Affine::translation(0.0, shift).apply(canvas, fill);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(channels: usize) -> Canvas {
        let pixels: Vec<u8> = (0..7 * 9 * channels)
            .map(|index| (index * 37 % 200 + 20) as u8)
            .collect();
        Canvas::of(7, 9, channels, &pixels)
    }

    #[test]
    fn at_magnitude_zero_nothing_happens_but_what_has_no_magnitude() {
        for channels in [1, 3] {
            let fill = vec![128; channels];
            for operation in OPERATIONS {
                let mut canvas = picture(channels);
                operation.apply(&mut canvas, 0.0, &fill);
                let same = canvas.pixels == picture(channels).pixels;
                assert_eq!(
                    same,
                    operation != Operation::AutoContrast,
                    "{operation:?} of {channels}"
                );
            }
        }
    }

    #[test]
    fn every_operation_keeps_the_shape_and_most_change_something() {
        for channels in [1, 3] {
            let fill = vec![128; channels];
            for operation in OPERATIONS {
                for strength in [-1.0, -0.6, 0.6, 1.0] {
                    let mut canvas = picture(channels);
                    operation.apply(&mut canvas, strength, &fill);
                    assert_eq!(canvas.pixels.len(), 63 * channels);
                    let grey = channels == 1 && operation == Operation::Colour;
                    // Equalizing takes 255 pixels for a first step.
                    let never = grey || matches!(operation, Operation::Identity | Operation::Equalize);
                    let same = canvas.pixels == picture(channels).pixels;
                    assert_eq!(same, never, "{operation:?} {strength} of {channels}");
                }
            }
        }
    }
}
