//! Pictures with 16 bits a sample that use fewer.
//!
//! Cameras and scanners give 10, 12 or 14 bits, and many programs store those numbers as they are: 0 to 4095 in a field
//! that goes to 65535. Read as 16 bits such a picture is nearly black. PNG's sBIT chunk demands the opposite, samples that
//! are scaled to the whole range, so the chunk alone proves nothing; the samples do.

use image::DynamicImage;

/// Bits a sample that a picture with 16 may really have.
pub const DEPTHS: [u8; 5] = [8, 10, 12, 14, 16];

/// The colour samples of a picture with 16 bits each, without alpha; `None` for any other picture.
fn samples(picture: &DynamicImage) -> Option<(&[u16], Channels)> {
    match picture {
        DynamicImage::ImageLuma16(it) => Some((it.as_raw(), Channels { all: 1, colour: 1 })),
        DynamicImage::ImageLumaA16(it) => Some((it.as_raw(), Channels { all: 2, colour: 1 })),
        DynamicImage::ImageRgb16(it) => Some((it.as_raw(), Channels { all: 3, colour: 3 })),
        DynamicImage::ImageRgba16(it) => Some((it.as_raw(), Channels { all: 4, colour: 3 })),
        _ => None,
    }
}

/// Samples of one pixel.
#[derive(Clone, Copy)]
struct Channels {
    all: usize,
    colour: usize,
}

/// The largest colour sample of a picture with 16 bits each; `None` for any other picture.
pub(super) fn largest_sample(picture: &DynamicImage) -> Option<u16> {
    let (samples, channels) = samples(picture)?;
    let pixels = samples.chunks_exact(channels.all);
    Some(
        pixels
            .flat_map(|pixel| &pixel[..channels.colour])
            .max()
            .copied()
            .unwrap_or(0),
    )
}

/// The fewest bits of [`DEPTHS`] that hold a sample.
pub fn depth_of(largest: u16) -> u8 {
    DEPTHS
        .into_iter()
        .find(|&bits| u32::from(largest) < 1 << bits)
        .unwrap_or(16)
}

/// Whether samples that are said to have `bits` significant ones are stored as plain numbers of so many bits: none is
/// larger, and not all are scaled to 16 bits as PNG demands (shifted, with zeros or their own upper bits below).
pub(super) fn is_unscaled(picture: &DynamicImage, bits: u8) -> bool {
    let Some((samples, channels)) = samples(picture) else {
        return false;
    };
    if !(8..16).contains(&bits) {
        return false;
    }
    let low = (1_u16 << (16 - bits)) - 1;
    let is_scaled = |sample: u16| sample & low == 0 || sample & low == sample >> bits;
    let mut pixels = samples
        .chunks_exact(channels.all)
        .flat_map(|pixel| &pixel[..channels.colour]);
    largest_sample(picture).is_some_and(|largest| u32::from(largest) < 1 << bits)
        && !pixels.all(|&sample| is_scaled(sample))
}

/// Spreads samples of `bits` over all 16; larger ones become white. Other pictures stay as they are.
pub(super) fn spread(picture: &mut DynamicImage, bits: u8) {
    let largest = (1_u32 << bits.clamp(1, 16)) - 1;
    let spread = |sample: &mut u16| {
        let wide = (u32::from(*sample).min(largest) * 65_535 + largest / 2) / largest;
        *sample = wide as u16;
    };
    match picture {
        DynamicImage::ImageLuma16(it) => it.iter_mut().for_each(spread),
        DynamicImage::ImageRgb16(it) => it.iter_mut().for_each(spread),
        DynamicImage::ImageLumaA16(it) => it.pixels_mut().for_each(|pixel| spread(&mut pixel.0[0])),
        DynamicImage::ImageRgba16(it) => it
            .pixels_mut()
            .for_each(|pixel| pixel.0[..3].iter_mut().for_each(spread)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, Luma};

    use super::*;

    fn grey(samples: &[u16]) -> DynamicImage {
        let picture = ImageBuffer::<Luma<u16>, _>::from_raw(samples.len() as u32, 1, samples.to_vec());
        DynamicImage::ImageLuma16(picture.unwrap())
    }

    #[test]
    fn samples_are_spread_over_the_whole_range() {
        let mut picture = grey(&[0, 2048, 4095, 5000]);
        spread(&mut picture, 12);
        assert_eq!(picture.as_luma16().unwrap().as_raw(), &[0, 32776, 65535, 65535]);
        assert_eq!(
            (depth_of(255), depth_of(256), depth_of(4095), depth_of(4096)),
            (8, 10, 12, 14)
        );
        assert_eq!(depth_of(16_384), 16);
    }

    #[test]
    fn the_samples_prove_what_sbit_says() {
        // (samples, whether they are plain numbers of 12 bits)
        for (samples, unscaled) in [
            (&[0, 1, 4095][..], true),
            // Shifted, with zeros or with the upper bits below: dark, but as PNG demands.
            (&[0, 16, 1600], false),
            (&[0, 0x1000, 0x0fff], false),
            (&[0x1231, 0xffff], false),
            (&[0, 0], false),
        ] {
            assert_eq!(is_unscaled(&grey(samples), 12), unscaled, "{samples:?}");
        }
    }
}
