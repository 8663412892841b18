//! Operations that move pixels.

use super::canvas::Canvas;

/// Shifts `source` so that pixel (y, x) of the canvas is (y + down, x + right) of it, black beyond its border; mirrored,
/// x counts from the right. The canvas has the image's size already.
pub(super) fn shift(canvas: &mut Canvas, source: &[u8], down: i64, right: i64, mirrored: bool) {
    let (height, width, channels) = (canvas.height, canvas.width, canvas.channels);
    let within = |x: i64| x.clamp(0, width as i64) as usize;
    // The columns before mirroring that have a source.
    let (first, last) = (within(-right), within(width as i64 - right));
    let row = (width * channels).max(1);
    for (y, target) in canvas.pixels.chunks_exact_mut(row).enumerate() {
        let line = usize::try_from(y as i64 + down)
            .ok()
            .filter(|y| *y < height)
            .and_then(|y| source.get(y * row..(y + 1) * row));
        match line {
            Some(line) if first < last => {
                let from = within(right) * channels;
                target[..first * channels].fill(0);
                target[last * channels..].fill(0);
                let part = &mut target[first * channels..last * channels];
                part.copy_from_slice(&line[from..from + part.len()]);
            }
            _ => target.fill(0),
        }
        if mirrored {
            target.reverse();
            if channels > 1 {
                target.chunks_exact_mut(channels).for_each(<[u8]>::reverse);
            }
        }
    }
}

/// Where a pixel comes from: the place relative to the image's centre, multiplied by a matrix, then shifted; in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Affine {
    /// The source's x from x and y, the source's y from x and y.
    pub(super) matrix: [f32; 4],
    /// Right and down.
    pub(super) shift: [f32; 2],
}

impl Affine {
    pub(super) fn shear_x(slope: f32) -> Self {
        Self::linear([1.0, slope, 0.0, 1.0])
    }

    pub(super) fn shear_y(slope: f32) -> Self {
        Self::linear([1.0, 0.0, slope, 1.0])
    }

    pub(super) fn rotation(degrees: f32) -> Self {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        Self::linear([cosine, sine, -sine, cosine])
    }

    pub(super) fn translation(right: f32, down: f32) -> Self {
        Self {
            shift: [right, down],
            ..Self::linear([1.0, 0.0, 0.0, 1.0])
        }
    }

    fn linear(matrix: [f32; 4]) -> Self {
        Self {
            matrix,
            shift: [0.0; 2],
        }
    }

    /// Moves the pixels, each to be the nearest one to its source; `fill` comes in from outside. For 1 or 3 channels.
    pub(super) fn apply(&self, canvas: &mut Canvas, fill: &[u8]) {
        match (canvas.channels, fill) {
            (1, &[fill]) => self.apply_to(canvas, [fill]),
            (3, &[red, green, blue]) => self.apply_to(canvas, [red, green, blue]),
            _ => {}
        }
    }

    fn apply_to<const CHANNELS: usize>(&self, canvas: &mut Canvas, fill: [u8; CHANNELS]) {
        let (height, width) = (canvas.height, canvas.width);
        // In parts of 2¹⁶: exact enough for the nearest pixel, and one addition for each.
        let fixed = |value: f32| (f64::from(value) * 65536.0).round() as i64;
        let [along_x, along_y, down_x, down_y] = self.matrix.map(fixed);
        let [right, down] = self.shift.map(fixed);
        // Centres of pixels lie at halves, so distances from the image's centre are counted in halves of pixels.
        let halves = |place: usize, length: usize| 2 * place as i64 + 1 - length as i64;
        let half = |length: usize| (length as i64) << 15;
        let (source, target, _) = canvas.sides();
        let source = source.as_chunks::<CHANNELS>().0;
        let rows = target.as_chunks_mut::<CHANNELS>().0.chunks_exact_mut(width.max(1));
        for (y, row) in rows.enumerate() {
            let (from_left, from_top) = (halves(0, width), halves(y, height));
            let mut x = ((along_x * from_left + along_y * from_top) >> 1) + right + half(width);
            let mut y = ((down_x * from_left + down_y * from_top) >> 1) + down + half(height);
            for pixel in row {
                // Negative places become large ones.
                let (column, line) = ((x >> 16) as usize, (y >> 16) as usize);
                *pixel = if column < width && line < height {
                    source[line * width + column]
                } else {
                    fill
                };
                x += along_x;
                y += down_x;
            }
        }
        canvas.turn();
    }
}

/// A part of an image, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) top: usize,
    pub(super) left: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

/// Stretches a part over the whole image, bilinearly. `window` lies inside and is not empty.
pub(super) fn stretch(canvas: &mut Canvas, window: Window) {
    let (height, width, channels) = (canvas.height, canvas.width, canvas.channels);
    if (window.height, window.width) == (height, width) {
        return;
    }
    let row = width * channels;
    let (source, target, columns) = canvas.sides();
    columns.clear();
    columns.extend((0..width).map(|x| between(x, width, window.left, window.width)));
    for (y, target) in target.chunks_exact_mut(row.max(1)).enumerate() {
        let [upper, lower, down] = between(y, height, window.top, window.height);
        let line = |y: u32| &source[y as usize * row..(y as usize + 1) * row];
        let (upper, lower) = (line(upper), line(lower));
        for (pixel, [left, right, along]) in target.chunks_exact_mut(channels).zip(columns.iter()) {
            let (left, right) = (*left as usize * channels, *right as usize * channels);
            for (channel, value) in pixel.iter_mut().enumerate() {
                let mixed = |line: &[u8]| {
                    u32::from(line[left + channel]) * (256 - along) + u32::from(line[right + channel]) * along
                };
                *value = ((mixed(upper) * (256 - down) + mixed(lower) * down + 0x8000) >> 16) as u8;
            }
        }
    }
    canvas.turn();
}

/// The two places of a part of `length` pixels from `start` that lie around the one that `place` of `total` shows, and
/// how near the second is, in parts of 256.
fn between(place: usize, total: usize, start: usize, length: usize) -> [u32; 3] {
    // (place + ½) · length / total − ½, in parts of 2⁸.
    let scaled = ((2 * place as i64 + 1) * length as i64 * 256 / (2 * total as i64) - 128).max(0);
    let first = (scaled >> 8).min(length as i64 - 1);
    let second = (first + 1).min(length as i64 - 1);
    let start = start as i64;
    [(start + first) as u32, (start + second) as u32, (scaled & 255) as u32]
}

/// Fills a square with a value for each channel; its centre lies at (y, x), and what is outside is left out.
pub(super) fn cut_out(canvas: &mut Canvas, centre: (usize, usize), side: usize, fill: &[u8]) {
    let span = |centre: usize, length: usize| {
        let first = centre.saturating_sub(side / 2);
        // The part before the border is lost, not moved in.
        let last = (centre + side).saturating_sub(side / 2).min(length);
        (first, last)
    };
    let (width, channels) = (canvas.width, canvas.channels);
    let ((top, bottom), (left, right)) = (span(centre.0, canvas.height), span(centre.1, width));
    let rows = canvas.pixels.chunks_exact_mut((width * channels).max(1));
    for row in rows.take(bottom).skip(top) {
        let part = &mut row[left * channels..right * channels];
        part.chunks_exact_mut(channels)
            .for_each(|pixel| pixel.copy_from_slice(fill));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: [u8; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];

    fn moved(affine: Affine, fill: u8) -> Vec<u8> {
        let mut canvas = Canvas::of(3, 3, 1, &SQUARE);
        affine.apply(&mut canvas, &[fill]);
        canvas.pixels
    }

    #[test]
    fn pixels_move_where_they_should() {
        let cases = [
            (Affine::rotation(0.0), SQUARE),
            (Affine::shear_x(0.0), SQUARE),
            (Affine::translation(0.0, 0.0), SQUARE),
            (Affine::rotation(90.0), [7, 4, 1, 8, 5, 2, 9, 6, 3]),
            (Affine::translation(1.0, 0.0), [2, 3, 0, 5, 6, 0, 8, 9, 0]),
            (Affine::translation(0.0, -1.0), [0, 0, 0, 1, 2, 3, 4, 5, 6]),
            // The first row comes from one pixel left, the last from one pixel right.
            (Affine::shear_x(1.0), [0, 1, 2, 4, 5, 6, 8, 9, 0]),
            (Affine::shear_y(1.0), [0, 2, 6, 1, 5, 9, 4, 8, 0]),
        ];
        for (affine, expected) in cases {
            assert_eq!(moved(affine, 0), expected, "{affine:?}");
        }
        assert_eq!(moved(Affine::translation(100.0, 0.0), 77), [77; 9]);
        let colours: Vec<u8> = (0..12).collect();
        let mut canvas = Canvas::of(2, 2, 3, &colours);
        Affine::rotation(180.0).apply(&mut canvas, &[0, 0, 0]);
        assert_eq!(canvas.pixels, [9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2]);
    }

    #[test]
    fn a_stretched_part_fills_the_image() {
        let mut canvas = Canvas::of(2, 4, 1, &[0, 100, 200, 40, 0, 100, 200, 40]);
        let window = |left, width| Window {
            top: 0,
            left,
            height: 2,
            width,
        };
        let before = canvas.pixels.clone();
        stretch(&mut canvas, window(0, 4));
        assert_eq!(canvas.pixels, before);
        stretch(&mut canvas, window(1, 2));
        assert_eq!(canvas.pixels, [100, 125, 175, 200, 100, 125, 175, 200]);
        stretch(
            &mut canvas,
            Window {
                top: 1,
                left: 3,
                height: 1,
                width: 1,
            },
        );
        assert_eq!(canvas.pixels, [200; 8]);
    }

    #[test]
    fn cut_squares_end_at_the_border() {
        let cut = |centre, side| {
            let mut canvas = Canvas::of(3, 3, 1, &SQUARE);
            cut_out(&mut canvas, centre, side, &[0]);
            canvas.pixels
        };
        assert_eq!(cut((1, 1), 0), SQUARE);
        assert_eq!(cut((1, 1), 1), [1, 2, 3, 4, 0, 6, 7, 8, 9]);
        assert_eq!(cut((0, 0), 3), [0, 0, 3, 0, 0, 6, 7, 8, 9]);
        assert_eq!(cut((2, 2), 2), [1, 2, 3, 4, 0, 0, 7, 0, 0]);
        assert_eq!(cut((1, 1), 3), [0; 9]);
    }
}
