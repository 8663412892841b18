//! Sharpening and smoothing.

use super::canvas::Canvas;

/// Multiplies the distances from a smoothed image: 0 gives the smoothed one, 1 the image itself, 2 a sharpened one.
///
/// The smoothing is that of the Python Imaging Library: the eight neighbours weigh 1, the pixel 5; the border stays.
pub(super) fn sharpness(canvas: &mut Canvas, factor: f32) {
    let (height, width, channels) = (canvas.height, canvas.width, canvas.channels);
    let row = width * channels;
    // In parts of 2⁸.
    let factor = (factor * 256.0).round() as i32;
    let (source, target, _) = canvas.sides();
    target.copy_from_slice(source);
    if width < 3 {
        return;
    }
    let rows = target.chunks_exact_mut(row).enumerate();
    for (y, target) in rows.take(height.saturating_sub(1)).skip(1) {
        let around = |y: usize| {
            let line = &source[y * row..(y + 1) * row];
            (
                &line[..row - 2 * channels],
                &line[channels..row - channels],
                &line[2 * channels..],
            )
        };
        let (above, here, below) = (around(y - 1), around(y), around(y + 1));
        for (x, value) in target[channels..row - channels].iter_mut().enumerate() {
            let sum = |(left, middle, right): (&[u8], &[u8], &[u8])| {
                i32::from(left[x]) + i32::from(middle[x]) + i32::from(right[x])
            };
            let pixel = i32::from(here.1[x]);
            let smooth = (sum(above) + sum(here) + sum(below) + 4 * pixel + 6) / 13;
            *value = (smooth + ((factor * (pixel - smooth) + 128) >> 8)).clamp(0, 255) as u8;
        }
    }
    canvas.turn();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_is_smoothed_and_sharpened() {
        let dot = [0, 0, 0, 0, 130, 0, 0, 0, 0];
        for (factor, expected) in [(0.0, 50), (1.0, 130), (2.0, 210), (1.5, 170)] {
            let mut canvas = Canvas::of(3, 3, 1, &dot);
            sharpness(&mut canvas, factor);
            let mut wanted = dot;
            wanted[4] = expected;
            assert_eq!(canvas.pixels, wanted, "{factor}");
        }
        for (height, width) in [(1, 1), (2, 2), (1, 5), (5, 1)] {
            let pixels: Vec<u8> = (0..height * width * 3).map(|value| value as u8 * 7).collect();
            let mut canvas = Canvas::of(height, width, 3, &pixels);
            sharpness(&mut canvas, 0.0);
            assert_eq!(canvas.pixels, pixels, "all border");
        }
    }

    #[test]
    fn channels_are_told_apart() {
        let mut pixels = [0; 27];
        pixels[13] = 130;
        let mut canvas = Canvas::of(3, 3, 3, &pixels);
        sharpness(&mut canvas, 0.0);
        pixels[13] = 50;
        assert_eq!(canvas.pixels, pixels);
    }
}
