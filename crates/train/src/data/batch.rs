//! Batches of normalised, augmented images.

use panarch_graph::{Shape, random};
use rand::Rng as _;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::split::{Subset, shuffle};
use super::statistics::Normalisation;
use crate::TrainError;

/// What is done to training images at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// Mirror every second image, left to right.
    pub flip: bool,
    /// Shift by up to this many pixels each way, black coming in: the crop of a padded image.
    pub crop_padding: u32,
}

/// A batch: images as normalised `f32` in NHWC order, and labels. Reused from step to step.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    shape: Shape,
    images: Vec<f32>,
    labels: Vec<u32>,
}

impl Batch {
    /// An empty batch of images of this shape.
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            images: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// Channels, height and width of every image.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The values, `[batch, height, width, channels]`.
    pub fn images(&self) -> &[f32] {
        &self.images
    }

    /// The class index of every image.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }
}

/// Makes batches of a [`Subset`]: in random order with augmentation for training, or in the subset's order.
///
/// Everything that is random depends on (seed, epoch, place in the epoch) alone, not on threads or on where a
/// training was interrupted.
#[derive(Debug, Clone)]
pub struct Loader {
    images: Subset,
    tables: Vec<[f32; 256]>,
    batch_size: usize,
    training: Option<(Augmentation, u64)>,
}

impl Loader {
    /// Batches for training: shuffled by (seed, epoch), augmented, all of the same size (the images that are left
    /// over at the end of an epoch are other ones each time).
    ///
    /// # Errors
    /// [`TrainError::Setting`] when the batch is empty or larger than the subset.
    pub fn training(
        images: Subset,
        normalisation: &Normalisation,
        augmentation: Augmentation,
        batch_size: usize,
        seed: u64,
    ) -> Result<Self, TrainError> {
        if batch_size == 0 || batch_size > images.len() {
            let reason = format!("{batch_size} is not between 1 and the {} images", images.len());
            return Err(TrainError::Setting {
                setting: "batch_size",
                reason,
            });
        }
        Ok(Self {
            images,
            tables: normalisation.tables(),
            batch_size,
            training: Some((augmentation, seed)),
        })
    }

    /// Batches for evaluation: every image once, in order, unchanged; the last batch may be smaller.
    ///
    /// # Errors
    /// [`TrainError::Setting`] when the batch or the subset is empty.
    pub fn evaluation(images: Subset, normalisation: &Normalisation, batch_size: usize) -> Result<Self, TrainError> {
        if batch_size == 0 || images.is_empty() {
            let reason = format!("{batch_size} for {} images", images.len());
            return Err(TrainError::Setting {
                setting: "batch_size",
                reason,
            });
        }
        Ok(Self {
            images,
            tables: normalisation.tables(),
            batch_size,
            training: None,
        })
    }

    /// Batches per epoch.
    pub fn steps(&self) -> usize {
        match self.training {
            Some(_) => self.images.len() / self.batch_size,
            None => self.images.len().div_ceil(self.batch_size),
        }
    }

    /// Channels, height and width of the images.
    pub fn shape(&self) -> Shape {
        self.images.shape()
    }

    /// Draws the order and the augmentation of one epoch.
    pub fn epoch(&self, epoch: u64) -> Epoch<'_> {
        let mut places: Vec<u32> = (0..self.images.len() as u32).collect();
        let mut draws = vec![0; places.len()];
        if let Some((_, seed)) = self.training {
            shuffle(&mut places, &mut random::stream(seed, "shuffle", epoch));
            let mut rng = random::stream(seed, "augment", epoch);
            draws.fill_with(|| rng.next_u64());
        }
        Epoch {
            loader: self,
            places,
            draws,
        }
    }
}

/// The order of one epoch.
#[derive(Debug, Clone)]
pub struct Epoch<'a> {
    loader: &'a Loader,
    places: Vec<u32>,
    draws: Vec<u64>,
}

impl Epoch<'_> {
    /// Fills `batch` with the images of a step; it stays empty beyond the last step. Allocates nothing once the
    /// batch has had its full size.
    pub fn fill(&self, step: usize, batch: &mut Batch) {
        let loader = self.loader;
        let first = step.saturating_mul(loader.batch_size).min(self.places.len());
        let last = if step < loader.steps() {
            (first + loader.batch_size).min(self.places.len())
        } else {
            first
        };
        let places = self.places.get(first..last).unwrap_or_default();
        let draws = self.draws.get(first..last).unwrap_or_default();
        let shape = loader.shape();
        let size = shape.elements() as usize;
        batch.shape = shape;
        batch.images.resize(places.len() * size, 0.0);
        batch.labels.resize(places.len(), 0);
        let augmentation = loader
            .training
            .map_or(Augmentation::default(), |(augmentation, _)| augmentation);
        batch
            .images
            .par_chunks_exact_mut(size)
            .zip(batch.labels.par_iter_mut())
            .zip(places.par_iter().zip(draws))
            .with_min_len(8)
            .for_each(|((output, label), (&place, &draw))| {
                if let Some((pixels, class)) = loader.images.get(place as usize) {
                    *label = u32::from(class);
                    write_image(pixels, shape, &loader.tables, augmentation, draw, output);
                }
            });
    }
}

/// Writes one image. `draw` decides: the top bit mirrors, two groups of 16 bits shift.
fn write_image(
    pixels: &[u8],
    shape: Shape,
    tables: &[[f32; 256]],
    augmentation: Augmentation,
    draw: u64,
    output: &mut [f32],
) {
    let (height, width, channels) = (shape.height as usize, shape.width as usize, shape.channels as usize);
    let mirrored = augmentation.flip && draw >> 63 == 1;
    let padding = i64::from(augmentation.crop_padding);
    let shift = |bits: u64| (((bits & 0xffff) as i64 * (2 * padding + 1)) >> 16) - padding;
    let (down, right) = (shift(draw), shift(draw >> 16));
    let rows = output.chunks_exact_mut(width * channels);
    for (y, row) in rows.enumerate().take(height) {
        let source_row = usize::try_from(y as i64 + down)
            .ok()
            .filter(|&y| y < height)
            .and_then(|y| pixels.get(y * width * channels..(y + 1) * width * channels));
        for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
            let x = if mirrored { width - 1 - x } else { x };
            let source = usize::try_from(x as i64 + right)
                .ok()
                .filter(|&x| x < width)
                .and_then(|x| source_row?.get(x * channels..(x + 1) * channels));
            for (channel, (value, table)) in pixel.iter_mut().zip(tables).enumerate() {
                let byte = source.and_then(|source| source.get(channel)).copied().unwrap_or(0);
                *value = table[usize::from(byte)];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [f32; 256] = {
        let mut table = [0.0; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = byte as f32;
            byte += 1;
        }
        table
    };

    fn written(augmentation: Augmentation, draw: u64) -> Vec<f32> {
        let mut output = vec![-1.0; 9];
        let pixels: Vec<u8> = (1..=9).collect();
        write_image(&pixels, Shape::new(1, 3, 3), &[PLAIN], augmentation, draw, &mut output);
        output
    }

    #[test]
    fn flips_and_crops_do_what_they_say() {
        let flip = Augmentation {
            flip: true,
            crop_padding: 0,
        };
        let crop = Augmentation {
            flip: false,
            crop_padding: 1,
        };
        let none = Augmentation::default();
        let cases: [(Augmentation, u64, [u8; 9]); 6] = [
            (none, u64::MAX, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (flip, 1 << 63, [3, 2, 1, 6, 5, 4, 9, 8, 7]),
            (flip, u64::MAX >> 1, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
            // Both groups of bits zero: one pixel up and left, black comes in.
            (crop, 0, [0, 0, 0, 0, 1, 2, 0, 4, 5]),
            (crop, 0xffff_ffff, [5, 6, 0, 8, 9, 0, 0, 0, 0]),
            (crop, 0x8000_8000, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ];
        for (augmentation, draw, expected) in cases {
            assert_eq!(
                written(augmentation, draw),
                expected.map(f32::from),
                "{augmentation:?} {draw:x}"
            );
        }
    }
}
