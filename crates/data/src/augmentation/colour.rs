//! Operations that change values and leave them in their places.
//!
//! All but saturation are one look-up table for each channel.

use super::canvas::Canvas;

/// The grey of a pixel in parts of 2¹⁶: ITU-R BT.601, as the Python Imaging Library rounds it.
fn grey([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 19_595 * u32::from(red) + 38_470 * u32::from(green) + 7_471 * u32::from(blue);
    ((sum + 0x8000) >> 16) as u8
}

/// The way from `from` to `to`, walked `factor` times: 0 gives `from`, 1 gives `to`, more goes beyond.
fn blend(from: f32, to: f32, factor: f32) -> u8 {
    // The cast saturates.
    (from + factor * (to - from) + 0.5) as u8
}

/// Maps the values of all channels alike.
fn map(canvas: &mut Canvas, table: impl Fn(u8) -> u8) {
    let table: [u8; 256] = std::array::from_fn(|byte| table(byte as u8));
    canvas
        .pixels
        .iter_mut()
        .for_each(|value| *value = table[usize::from(*value)]);
}

/// Multiplies the values.
pub(super) fn brightness(canvas: &mut Canvas, factor: f32) {
    map(canvas, |byte| blend(0.0, f32::from(byte), factor));
}

/// Multiplies the distances from the image's mean grey, which is rounded to a byte.
pub(super) fn contrast(canvas: &mut Canvas, factor: f32) {
    let (sum, count): (u64, usize) = match canvas.channels {
        3 => {
            let pixels = canvas.pixels.as_chunks::<3>().0;
            let sum = pixels.iter().map(|pixel| u64::from(grey(*pixel))).sum();
            (sum, pixels.len())
        }
        _ => {
            let sum = canvas.pixels.iter().map(|value| u64::from(*value)).sum();
            (sum, canvas.pixels.len())
        }
    };
    let mean = (sum as f32 / count.max(1) as f32 + 0.5).floor();
    map(canvas, |byte| blend(mean, f32::from(byte), factor));
}

/// Multiplies the distances from the pixel's own grey. An image of one channel stays as it is.
pub(super) fn saturation(canvas: &mut Canvas, factor: f32) {
    if canvas.channels != 3 {
        return;
    }
    // In parts of 2⁸, so that 255 · 511 fits easily.
    let factor = (factor * 256.0).round() as i32;
    for pixel in canvas.pixels.as_chunks_mut::<3>().0 {
        let grey = i32::from(grey(*pixel));
        *pixel = pixel.map(|value| {
            let moved = (grey << 8) + factor * (i32::from(value) - grey) + 128;
            (moved >> 8).clamp(0, 255) as u8
        });
    }
}

/// Keeps the `bits` highest bits.
pub(super) fn posterize(canvas: &mut Canvas, bits: u32) {
    let mask = !(0xff_u32 >> bits.min(8)) as u8;
    canvas.pixels.iter_mut().for_each(|value| *value &= mask);
}

/// Inverts the values from `threshold` on.
pub(super) fn solarize(canvas: &mut Canvas, threshold: u32) {
    map(
        canvas,
        |byte| if u32::from(byte) >= threshold { 255 - byte } else { byte },
    );
}

/// Spreads each channel over all values.
pub(super) fn autocontrast(canvas: &mut Canvas) {
    each_channel(canvas, |histogram| {
        let low = histogram.iter().position(|count| *count > 0)?;
        let high = histogram.iter().rposition(|count| *count > 0)?;
        let scale = (high > low).then(|| 255.0 / (high - low) as f32)?;
        Some(std::array::from_fn(|byte| {
            ((byte as f32 - low as f32) * scale + 0.5) as u8
        }))
    });
}

/// Makes all values of each channel about equally frequent, by the rule of the Python Imaging Library.
pub(super) fn equalize(canvas: &mut Canvas) {
    each_channel(canvas, |histogram| {
        let total: u32 = histogram.iter().sum();
        let last = histogram.iter().rev().find(|count| **count > 0)?;
        let step = (total - last) / 255;
        if step == 0 {
            return None;
        }
        let mut below = step / 2;
        Some(std::array::from_fn(|byte| {
            let value = (below / step).min(255) as u8;
            below += histogram[byte];
            value
        }))
    });
}

/// Maps each channel by the table that its histogram asks for, if any.
fn each_channel(canvas: &mut Canvas, table: impl Fn(&[u32; 256]) -> Option<[u8; 256]>) {
    let channels = canvas.channels;
    for channel in 0..channels {
        let mut histogram = [0; 256];
        let values = canvas.pixels.iter().skip(channel).step_by(channels);
        values.for_each(|value| histogram[usize::from(*value)] += 1);
        if let Some(table) = table(&histogram) {
            let values = canvas.pixels.iter_mut().skip(channel).step_by(channels);
            values.for_each(|value| *value = table[usize::from(*value)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(operation: impl Fn(&mut Canvas), channels: usize, pixels: &[u8]) -> Vec<u8> {
        let mut canvas = Canvas::of(1, pixels.len() / channels, channels, pixels);
        operation(&mut canvas);
        canvas.pixels
    }

    type Case<'a> = (&'a dyn Fn(&mut Canvas), [u8; 5]);

    #[test]
    fn tables_do_what_they_say() {
        let ramp = [0, 50, 100, 200, 255];
        let cases: [Case<'_>; 8] = [
            (&|c| brightness(c, 1.0), ramp),
            (&|c| brightness(c, 1.5), [0, 75, 150, 255, 255]),
            (&|c| brightness(c, 0.0), [0; 5]),
            // The mean is 121.
            (&|c| contrast(c, 0.0), [121; 5]),
            (&|c| contrast(c, 1.0), ramp),
            (&|c| posterize(c, 4), [0, 48, 96, 192, 240]),
            (&|c| solarize(c, 200), [0, 50, 100, 55, 0]),
            (&|c| saturation(c, 0.0), ramp),
        ];
        for (index, (operation, expected)) in cases.into_iter().enumerate() {
            assert_eq!(after(operation, 1, &ramp), expected, "case {index}");
        }
        assert_eq!(after(|c| posterize(c, 8), 1, &ramp), ramp);
        assert_eq!(after(|c| solarize(c, 256), 1, &ramp), ramp);
        assert_eq!(after(autocontrast, 1, &[10, 20, 30]), [0, 128, 255]);
        assert_eq!(after(autocontrast, 1, &[7, 7]), [7, 7]);
    }

    #[test]
    fn channels_are_told_apart() {
        let pixels = [10, 0, 5, 30, 255, 5];
        assert_eq!(after(autocontrast, 3, &pixels), [0, 0, 5, 255, 255, 5]);
        // Pure red has a grey of 76.
        assert_eq!(after(|c| saturation(c, 0.0), 3, &[255, 0, 0]), [76, 76, 76]);
        assert_eq!(after(|c| saturation(c, 1.0), 3, &pixels), pixels);
        assert_eq!(after(|c| saturation(c, 2.0), 3, &[120, 100, 100]), [134, 94, 94]);
    }

    #[test]
    fn equalized_values_are_spread() {
        let pixels: Vec<u8> = (0..1020).map(|index| (index % 51) as u8).collect();
        let spread = after(equalize, 1, &pixels);
        assert_eq!((spread.iter().min(), spread.iter().max()), (Some(&0), Some(&255)));
        assert_eq!(after(equalize, 1, &[3, 4, 5]), [3, 4, 5], "too few pixels for a step");
    }
}
