//! Images at another resolution.

use super::canvas::Canvas;

/// Weights are in parts of 2¹⁴.
const BITS: u32 = 14;

/// Brings images of one size to another with a triangle filter (bilinear; antialiased where the image shrinks), first
/// along the rows, then along the columns, rounding to bytes in between.
#[derive(Debug, Clone)]
pub(super) struct Resampler {
    height: usize,
    width: usize,
    rows: Vec<Taps>,
    columns: Vec<Taps>,
}

/// The source pixels of one target pixel: the first, and the weight of each, adding up to 1.
#[derive(Debug, Clone)]
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

impl Resampler {
    pub(super) fn new((from_height, from_width): (usize, usize), (height, width): (usize, usize)) -> Self {
        Self {
            height,
            width,
            rows: taps(from_height, height),
            columns: taps(from_width, width),
        }
    }

    /// Resizes the image. `between` is room that is reused.
    pub(super) fn apply(&self, canvas: &mut Canvas, between: &mut Vec<u8>) {
        let (height, width, channels) = (canvas.height, canvas.width, canvas.channels);
        between.resize(height * self.width * channels, 0);
        let narrow = (self.width * channels).max(1);
        let lines = canvas.pixels.chunks_exact((width * channels).max(1));
        for (line, target) in lines.zip(between.chunks_exact_mut(narrow)) {
            for (pixel, taps) in target.chunks_exact_mut(channels).zip(&self.columns) {
                let source = &line[taps.first * channels..];
                for (channel, value) in pixel.iter_mut().enumerate() {
                    let values = source.iter().skip(channel).step_by(channels);
                    *value = rounded(
                        values
                            .zip(&taps.weights)
                            .map(|(value, weight)| i32::from(*value) * weight),
                    );
                }
            }
        }
        canvas.resize(self.height, self.width, channels);
        for (target, taps) in canvas.pixels.chunks_exact_mut(narrow).zip(&self.rows) {
            let source = &between[taps.first * narrow..];
            for (x, value) in target.iter_mut().enumerate() {
                let column = taps.weights.iter().enumerate();
                *value = rounded(column.map(|(y, weight)| i32::from(source[y * narrow + x]) * weight));
            }
        }
    }
}

fn rounded(products: impl Iterator<Item = i32>) -> u8 {
    ((products.sum::<i32>() + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8
}

fn taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let tap = |place: usize| {
        let centre = (place as f64 + 0.5) * scale;
        let first = (centre - reach).floor().max(0.0) as usize;
        let last = ((centre + reach).ceil() as usize).min(from);
        let weight = |source: usize| (1.0 - ((source as f64 + 0.5 - centre) / reach).abs()).max(0.0);
        let sum: f64 = (first..last).map(weight).sum();
        let mut weights: Vec<i32> = (first..last)
            .map(|source| (weight(source) / sum * f64::from(1 << BITS)).round() as i32)
            .collect();
        // What rounding takes away goes to the heaviest, so that an even area keeps its value.
        let rest = (1 << BITS) - weights.iter().sum::<i32>();
        if let Some(heaviest) = weights.iter_mut().max_by_key(|weight| **weight) {
            *heaviest += rest;
        }
        Taps { first, weights }
    };
    (0..to).map(tap).collect()
}

#[cfg(test)]
mod tests {
    use panarch_graph::Shape;

    use super::*;
    use crate::ImageSet;

    #[test]
    fn it_agrees_with_the_resizing_of_whole_datasets() {
        for (channels, from, to) in [(1, 28, 20), (3, 32, 24), (3, 16, 40), (1, 9, 9), (3, 20, 1), (1, 1, 5)] {
            let size = from * from * channels;
            let pixels: Vec<u8> = (0..size).map(|index| (index * index * 31 % 251) as u8).collect();
            let shape = Shape::new(channels as u32, from as u32, from as u32);
            let images = ImageSet::new(shape, pixels.clone(), vec![0]).unwrap();
            let expected = images.resized(to as u32).unwrap();
            let mut canvas = Canvas::of(from, from, channels, &pixels);
            Resampler::new((from, from), (to, to)).apply(&mut canvas, &mut Vec::new());
            assert_eq!((canvas.height, canvas.width), (to, to));
            let differences = canvas.pixels.iter().zip(expected.pixels());
            let largest = differences.map(|(one, other)| one.abs_diff(*other)).max();
            assert!(largest <= Some(2), "{channels} {from} {to}: {largest:?}");
        }
    }

    #[test]
    fn an_even_area_keeps_its_value() {
        for to in 1..40 {
            let mut canvas = Canvas::of(17, 17, 1, &[201; 289]);
            Resampler::new((17, 17), (to, to)).apply(&mut canvas, &mut Vec::new());
            assert!(canvas.pixels.iter().all(|value| *value == 201), "{to}");
        }
    }
}
