//! From an image of the dataset to values of a batch.

use std::cell::RefCell;

use panarch_graph::{Shape, random};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::canvas::Canvas;
use super::geometry::{Window, cut_out, shift, stretch};
use super::resample::Resampler;
use super::{Augmentation, ColourJitter, ResizedCrop, colour};
use crate::DataError;
use crate::Normalisation;
use crate::image_folder::RESOLUTION_LIMIT;

/// An [`Augmentation`], prepared for the images of one dataset.
#[derive(Debug, Clone)]
pub(crate) struct Augmenter {
    settings: Augmentation,
    shape: Shape,
    /// The dataset's mean colour.
    mean: Vec<u8>,
    /// For each of the resolutions, or of the stages.
    resamplers: Vec<(Shape, Resampler)>,
    /// The steps until which the resolutions hold, one after another; none where they are drawn.
    stages: Vec<u64>,
}

/// The room that a thread works in, reused from image to image.
#[derive(Default)]
struct Room {
    canvas: Canvas,
    between: Vec<u8>,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

impl Augmenter {
    pub(crate) fn new(settings: Augmentation, shape: Shape, normalisation: &Normalisation) -> Result<Self, DataError> {
        settings.check(shape)?;
        let resolutions = settings.resolutions.iter().flat_map(|list| list.as_slice().to_vec());
        Ok(Self {
            settings,
            shape,
            mean: normalisation
                .mean
                .iter()
                .map(|mean| (mean * 255.0).round() as u8)
                .collect(),
            resamplers: resolutions.map(|side| resampler(shape, side)).collect(),
            stages: Vec::new(),
        })
    }

    /// With images of other sizes in the first steps; see [`Loader::growing`](crate::Loader::growing).
    pub(crate) fn growing(mut self, stages: &[(u64, u32)]) -> Result<Self, DataError> {
        let refuse = |reason: String| {
            let setting = "first_resolution";
            Err(DataError::Setting { setting, reason })
        };
        if self.settings.resolutions.is_some() {
            return refuse("batches have resolutions drawn at random already".into());
        }
        if self.shape.height != self.shape.width {
            return refuse("the images must be square".into());
        }
        if let Some((_, side)) = stages.iter().find(|(_, side)| !(1..=RESOLUTION_LIMIT).contains(side)) {
            return refuse(format!("{side} is not between 1 and {RESOLUTION_LIMIT}"));
        }
        self.stages = stages.iter().map(|(until, _)| *until).collect();
        let sides = stages.iter().map(|(_, side)| resampler(self.shape, *side));
        self.resamplers = sides.collect();
        Ok(self)
    }

    pub(crate) fn settings(&self) -> &Augmentation {
        &self.settings
    }

    /// Whether the first steps have images of other sizes.
    pub(crate) fn grows(&self) -> bool {
        !self.stages.is_empty()
    }

    /// The size of the images of a step, and which of the resolutions it is.
    pub(crate) fn resolution(&self, seed: u64, step: u64) -> (Shape, Option<usize>) {
        if !self.stages.is_empty() {
            let stage = self.stages.iter().position(|until| step < *until);
            let shape = stage
                .and_then(|index| self.resamplers.get(index))
                .map(|(shape, _)| *shape);
            return (shape.unwrap_or(self.shape), stage);
        }
        if self.resamplers.is_empty() {
            return (self.shape, None);
        }
        let index = random::stream(seed, "resolution", step).random_range(0..self.resamplers.len());
        (self.resamplers[index].0, Some(index))
    }

    /// Writes one image, normalised. `draw` decides: the top bit mirrors, two groups of 16 bits shift, and all of it
    /// is the seed of what else is random.
    pub(crate) fn write(
        &self,
        pixels: &[u8],
        resolution: Option<usize>,
        tables: &[[f32; 256]],
        draw: u64,
        output: &mut [f32],
    ) {
        let settings = &self.settings;
        let resampler = resolution.and_then(|index| self.resamplers.get(index));
        if !settings.flip && settings.crop_padding == 0 && !settings.is_heavy() && resampler.is_none() {
            return normalise(pixels, tables, output);
        }
        ROOM.with_borrow_mut(|room| {
            let canvas = &mut room.canvas;
            self.place(canvas, pixels, draw);
            if settings.is_heavy() {
                self.change(canvas, &mut random::stream(draw, "augment image", 0));
            }
            if let Some((_, resampler)) = resampler {
                resampler.apply(canvas, &mut room.between);
            }
            normalise(&canvas.pixels, tables, output);
        });
    }

    /// Puts the image on the canvas, mirrored and shifted.
    fn place(&self, canvas: &mut Canvas, pixels: &[u8], draw: u64) {
        let (shape, settings) = (self.shape, &self.settings);
        canvas.resize(shape.height as usize, shape.width as usize, shape.channels as usize);
        let padding = i64::from(settings.crop_padding);
        let distance = |bits: u64| (((bits & 0xffff) as i64 * (2 * padding + 1)) >> 16) - padding;
        let mirrored = settings.flip && draw >> 63 == 1;
        shift(canvas, pixels, distance(draw), distance(draw >> 16), mirrored);
    }

    fn change(&self, canvas: &mut Canvas, rng: &mut ChaCha8Rng) {
        if let Some(crop) = self.settings.resized_crop {
            let window = crop.draw(canvas.height, canvas.width, rng);
            stretch(canvas, window);
        }
        if let Some(rand_augment) = self.settings.rand_augment {
            rand_augment.apply(canvas, &self.mean, rng);
        }
        if let Some(jitter) = self.settings.colour_jitter {
            jitter.apply(canvas, rng);
        }
        if let Some(side) = self.settings.cutout {
            let centre = (rng.random_range(0..canvas.height), rng.random_range(0..canvas.width));
            cut_out(canvas, centre, side as usize, &self.mean);
        }
    }
}

/// What brings images of this shape to squares of this side.
fn resampler(shape: Shape, side: u32) -> (Shape, Resampler) {
    let from = (shape.height as usize, shape.width as usize);
    let to = (side as usize, side as usize);
    (Shape::new(shape.channels, side, side), Resampler::new(from, to))
}

impl ColourJitter {
    fn apply(self, canvas: &mut Canvas, rng: &mut ChaCha8Rng) {
        let mut factor = |range: f32| 1.0 + range * (2.0 * rng.random::<f32>() - 1.0);
        if self.brightness > 0.0 {
            colour::brightness(canvas, factor(self.brightness));
        }
        if self.contrast > 0.0 {
            colour::contrast(canvas, factor(self.contrast));
        }
        if self.saturation > 0.0 {
            colour::saturation(canvas, factor(self.saturation));
        }
    }
}

impl ResizedCrop {
    /// The part: ten tries to find one of the drawn area and aspect ratio that fits, else the whole image.
    fn draw(self, height: usize, width: usize, rng: &mut ChaCha8Rng) -> Window {
        let aspect = (4.0_f32 / 3.0).ln();
        for _ in 0..10 {
            let share = self.smallest + (self.largest - self.smallest) * rng.random::<f32>();
            let area = share * (height * width) as f32;
            let ratio = (aspect * (2.0 * rng.random::<f32>() - 1.0)).exp();
            let side = |square: f32| (square.sqrt().round() as usize).max(1);
            let (tall, wide) = (side(area / ratio), side(area * ratio));
            if tall <= height && wide <= width {
                return Window {
                    top: rng.random_range(0..=height - tall),
                    left: rng.random_range(0..=width - wide),
                    height: tall,
                    width: wide,
                };
            }
        }
        Window {
            top: 0,
            left: 0,
            height,
            width,
        }
    }
}

/// The values of bytes in HWC order, by a table for each channel.
pub(crate) fn normalise(pixels: &[u8], tables: &[[f32; 256]], output: &mut [f32]) {
    match tables {
        [table] => {
            for (value, byte) in output.iter_mut().zip(pixels) {
                *value = table[usize::from(*byte)];
            }
        }
        [red, green, blue] => {
            let pixels = pixels.as_chunks::<3>().0;
            for (values, bytes) in output.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
                let [r, g, b] = bytes.map(usize::from);
                *values = [red[r], green[g], blue[b]];
            }
        }
        _ => {
            let channels = tables.len().max(1);
            let pixels = pixels.chunks_exact(channels);
            for (values, bytes) in output.chunks_exact_mut(channels).zip(pixels) {
                for ((value, byte), table) in values.iter_mut().zip(bytes).zip(tables) {
                    *value = table[usize::from(*byte)];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An image of bytes written with mean 0 and deviation 1/255: the bytes again.
    fn written(augmentation: Augmentation, shape: Shape, pixels: &[u8], draw: u64) -> Vec<u8> {
        let normalisation = Normalisation {
            mean: vec![0.0; shape.channels as usize],
            deviation: vec![1.0 / 255.0; shape.channels as usize],
        };
        let augmenter = Augmenter::new(augmentation, shape, &normalisation).unwrap();
        let mut output = vec![-1.0; pixels.len()];
        augmenter.write(pixels, None, &normalisation.tables(), draw, &mut output);
        output.iter().map(|value| value.round() as u8).collect()
    }

    #[test]
    fn flips_and_crops_do_what_they_say() {
        let flip = Augmentation {
            flip: true,
            ..Augmentation::NONE
        };
        let crop = Augmentation {
            crop_padding: 1,
            ..Augmentation::NONE
        };
        let both = Augmentation { flip: true, ..crop };
        let far = Augmentation {
            crop_padding: u32::MAX,
            ..Augmentation::NONE
        };
        let cases: [(Augmentation, u64, [u8; 9]); 8] = [
            (Augmentation::NONE, u64::MAX, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (flip, 1 << 63, [3, 2, 1, 6, 5, 4, 9, 8, 7]),
            (flip, u64::MAX >> 1, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
            // Both groups of bits zero: one pixel up and left, black comes in.
            (crop, 0, [0, 0, 0, 0, 1, 2, 0, 4, 5]),
            (crop, 0xffff_ffff, [5, 6, 0, 8, 9, 0, 0, 0, 0]),
            (crop, 0x8000_8000, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (both, 1 << 63, [0, 0, 0, 2, 1, 0, 5, 4, 0]),
            (far, 0, [0; 9]),
        ];
        let pixels: Vec<u8> = (1..=9).collect();
        for (augmentation, draw, expected) in cases {
            let found = written(augmentation, Shape::new(1, 3, 3), &pixels, draw);
            assert_eq!(found, expected, "{augmentation:?} {draw:x}");
        }
        let colours: Vec<u8> = (1..=6).collect();
        let found = written(flip, Shape::new(3, 1, 2), &colours, 1 << 63);
        assert_eq!(found, [4, 5, 6, 1, 2, 3]);
    }

    #[test]
    fn what_has_no_strength_changes_nothing() {
        let pixels: Vec<u8> = (0..108).map(|index| index as u8 * 2).collect();
        let augmentation = Augmentation {
            resized_crop: Some(ResizedCrop {
                smallest: 1.0,
                largest: 1.0,
            }),
            rand_augment: Some(super::super::RandAugment {
                operations: 0,
                magnitude: 30,
            }),
            colour_jitter: Some(ColourJitter::default()),
            cutout: Some(0),
            ..Augmentation::NONE
        };
        // A share of 1 fits the square only at the aspect ratio 1, more or less; else it is the whole image anyway.
        for draw in 0..50 {
            assert_eq!(
                written(augmentation, Shape::new(3, 6, 6), &pixels, draw),
                pixels,
                "{draw}"
            );
        }
    }

    #[test]
    fn parts_lie_inside_and_have_the_area_asked_for() {
        let crop = ResizedCrop {
            smallest: 0.25,
            largest: 0.5,
        };
        let mut rng = random::stream(1, "crop", 0);
        for _ in 0..500 {
            let window = crop.draw(64, 64, &mut rng);
            assert!(window.top + window.height <= 64 && window.left + window.width <= 64);
            let share = (window.height * window.width) as f32 / 4096.0;
            assert!((0.23..0.53).contains(&share), "{window:?}");
            let ratio = window.width as f32 / window.height as f32;
            assert!((0.72..1.39).contains(&ratio), "{window:?}");
        }
        let whole = Window {
            top: 0,
            left: 0,
            height: 1,
            width: 1,
        };
        assert_eq!(crop.draw(1, 1, &mut rng), whole);
    }

    #[test]
    fn jitter_stays_in_its_range() {
        let augmentation = Augmentation {
            colour_jitter: Some(ColourJitter {
                brightness: 0.5,
                ..ColourJitter::default()
            }),
            ..Augmentation::NONE
        };
        let mut seen: Vec<u8> = (0..200)
            .map(|draw| written(augmentation, Shape::new(1, 1, 1), &[100], draw)[0])
            .collect();
        seen.sort_unstable();
        assert!(seen[0] >= 50 && seen[0] < 60, "{seen:?}");
        assert!(seen[199] <= 150 && seen[199] > 140, "{seen:?}");
    }

    #[test]
    fn the_cut_square_has_the_mean() {
        let augmentation = Augmentation {
            cutout: Some(3),
            ..Augmentation::NONE
        };
        for draw in 0..50 {
            let found = written(augmentation, Shape::new(1, 6, 6), &[9; 36], draw);
            let cut = found.iter().filter(|value| **value == 0).count();
            assert!([4, 6, 9].contains(&cut), "{cut}");
        }
    }

    #[test]
    fn images_of_any_shape_come_through() {
        for (channels, height, width) in [(1, 1, 1), (3, 1, 1), (1, 1, 9), (3, 9, 1), (1, 2, 2), (3, 5, 3)] {
            let shape = Shape::new(channels, height, width);
            let augmentation = Augmentation {
                flip: true,
                crop_padding: 20,
                resized_crop: Some(ResizedCrop {
                    smallest: 0.01,
                    largest: 1.0,
                }),
                rand_augment: Some(super::super::RandAugment {
                    operations: 4,
                    magnitude: 30,
                }),
                colour_jitter: Some(ColourJitter {
                    brightness: 1.0,
                    contrast: 1.0,
                    saturation: 1.0,
                }),
                cutout: Some(1),
                ..Augmentation::NONE
            };
            let pixels: Vec<u8> = (0..shape.elements()).map(|index| (index * 83 % 256) as u8).collect();
            for seed in 0..300 {
                let draw = random::stream(seed, "draw", 0).random();
                assert_eq!(written(augmentation, shape, &pixels, draw).len(), pixels.len());
            }
        }
    }
}
