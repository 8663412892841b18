//! Which images a batch is made of, and making it.

use panarch_graph::{ContentHash, Inputs, Shape, random};
use rand::Rng as _;
use rayon::prelude::*;

use super::augmentation::{Augmentation, Augmenter, normalise, symmetric_beta};
use super::batch::Batch;
use super::split::{Subset, shuffle};
use super::statistics::Normalisation;
use crate::DataError;

/// Makes batches of a [`Subset`]: in random order with augmentation for training, or in the subset's order.
///
/// Everything that is random depends on (seed, epoch, place in the epoch) alone, not on threads or on where a
/// training was interrupted.
#[derive(Debug, Clone)]
pub struct Loader {
    images: Subset,
    tables: Vec<[f32; 256]>,
    batch_size: usize,
    training: Option<(Augmenter, u64)>,
}

impl Loader {
    /// Batches for training: shuffled by (seed, epoch), augmented, all of the same size (the images that are left
    /// over at the end of an epoch are other ones each time).
    ///
    /// # Errors
    /// [`DataError::Setting`] when the batch is empty or larger than the subset, or as [`Augmentation::check`];
    /// [`DataError::Mismatch`] when the normalisation has other channels.
    pub fn training(
        images: Subset,
        normalisation: &Normalisation,
        augmentation: Augmentation,
        batch_size: usize,
        seed: u64,
    ) -> Result<Self, DataError> {
        if batch_size == 0 || batch_size > images.len() {
            let reason = format!("{batch_size} is not between 1 and the {} images", images.len());
            return Err(DataError::Setting {
                setting: "batch_size",
                reason,
            });
        }
        let tables = tables(&images, normalisation)?;
        let augmenter = Augmenter::new(augmentation, images.shape(), normalisation)?;
        Ok(Self {
            images,
            tables,
            batch_size,
            training: Some((augmenter, seed)),
        })
    }

    /// With square images of other sizes in the first steps of the training: each stage lasts until a step, counted from the
    /// training's first, and has a side in pixels. After the last one the images have their own size. Augmentation is done at
    /// their own size, too.
    ///
    /// # Errors
    /// [`DataError::Setting`] when the images are not square, a side has no meaning, or the augmentation draws resolutions;
    /// when the batches are not for training.
    pub fn growing(mut self, stages: &[(u64, u32)]) -> Result<Self, DataError> {
        let Some((augmenter, seed)) = self.training else {
            let (setting, reason) = ("first_resolution", "these batches are not for training".into());
            return Err(DataError::Setting { setting, reason });
        };
        self.training = Some((augmenter.growing(stages)?, seed));
        Ok(self)
    }

    /// Batches for evaluation: every image once, in order, unchanged; the last batch may be smaller.
    ///
    /// # Errors
    /// [`DataError::Setting`] when the batch or the subset is empty, [`DataError::Mismatch`] when the normalisation
    /// has other channels.
    pub fn evaluation(images: Subset, normalisation: &Normalisation, batch_size: usize) -> Result<Self, DataError> {
        if batch_size == 0 || images.is_empty() {
            let reason = format!("{batch_size} for {} images", images.len());
            return Err(DataError::Setting {
                setting: "batch_size",
                reason,
            });
        }
        let tables = tables(&images, normalisation)?;
        Ok(Self {
            images,
            tables,
            batch_size,
            training: None,
        })
    }

    /// What goes through a network in these batches: the images as `name`, and how they are normalised and parted.
    pub fn inputs(&self, name: &str) -> Inputs {
        let tables = self.tables.iter().flatten().flat_map(|value| value.to_le_bytes());
        let tables = ContentHash::of("panarch normalisation tables v1", &tables.collect::<Vec<u8>>());
        Inputs::new()
            .with(name, self.images.content_hash())
            .with("normalisation", tables)
            .with_text(format!("batches of the {name}"), self.batch_size)
    }

    /// The number of images.
    pub fn image_count(&self) -> usize {
        self.images.len()
    }

    /// Images of a batch; the last of an evaluation may have fewer.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Batches per epoch.
    pub fn steps(&self) -> usize {
        match self.training {
            Some(_) => self.images.len() / self.batch_size,
            None => self.images.len().div_ceil(self.batch_size),
        }
    }

    /// Channels, height and width of the dataset's images. Batches have them too, unless the augmentation has other
    /// resolutions.
    pub fn shape(&self) -> Shape {
        self.images.shape()
    }

    /// Whether batches are better made in a thread beside the engine: see [`Augmentation::is_heavy`].
    pub fn is_heavy(&self) -> bool {
        let grows = self.training.as_ref().is_some_and(|(augmenter, _)| augmenter.grows());
        grows || self.augmentation().is_heavy()
    }

    /// What is done to the images at random.
    pub fn augmentation(&self) -> Augmentation {
        let training = self.training.as_ref();
        training.map_or(Augmentation::NONE, |(augmenter, _)| *augmenter.settings())
    }

    /// Draws the order and the augmentation of one epoch.
    pub fn epoch(&self, epoch: u64) -> Epoch<'_> {
        Epoch {
            loader: self,
            order: self.order(epoch),
        }
    }

    pub(super) fn order(&self, epoch: u64) -> Order {
        let mut places: Vec<u32> = (0..self.images.len() as u32).collect();
        let mut draws = vec![0; places.len()];
        if let Some((_, seed)) = self.training {
            shuffle(&mut places, &mut random::stream(seed, "shuffle", epoch));
            let mut rng = random::stream(seed, "augment", epoch);
            draws.fill_with(|| rng.next_u64());
        }
        Order { epoch, places, draws }
    }

    /// Fills `batch` with the images of a step of an order, in this thread or in those of the surrounding pool. It stays
    /// empty beyond the last step. Allocates nothing once the batch has had its full size.
    pub(super) fn fill(&self, order: &Order, step: usize, threads: Threads, batch: &mut Batch) {
        let first = step.saturating_mul(self.batch_size).min(order.places.len());
        let last = if step < self.steps() {
            (first + self.batch_size).min(order.places.len())
        } else {
            first
        };
        let places = order.places.get(first..last).unwrap_or_default();
        let draws = order.draws.get(first..last).unwrap_or_default();
        let (shape, resolution) = match &self.training {
            Some((augmenter, seed)) => {
                let before = order.epoch.wrapping_mul(self.steps() as u64);
                augmenter.resolution(*seed, before.wrapping_add(step as u64))
            }
            None => (self.shape(), None),
        };
        let size = shape.elements() as usize;
        batch.shape = shape;
        batch.images.resize(places.len() * size, 0.0);
        batch.labels.resize(places.len(), 0);
        batch.others.clear();
        batch.shares.clear();
        let write = |place: u32, draw: u64, output: &mut [f32], label: &mut u32| {
            if let Some((pixels, class)) = self.images.get(place as usize) {
                *label = u32::from(class);
                match &self.training {
                    Some((augmenter, _)) => augmenter.write(pixels, resolution, &self.tables, draw, output),
                    None => normalise(pixels, &self.tables, output),
                }
            }
        };
        match threads {
            Threads::Pool => {
                let outputs = batch.images.par_chunks_exact_mut(size);
                outputs
                    .zip(batch.labels.par_iter_mut())
                    .zip(places.par_iter().zip(draws))
                    .with_min_len(8)
                    .for_each(|((output, label), (&place, &draw))| write(place, draw, output, label));
            }
            Threads::This => {
                let outputs = batch.images.chunks_exact_mut(size).zip(&mut batch.labels);
                for ((output, label), (&place, &draw)) in outputs.zip(places.iter().zip(draws)) {
                    write(place, draw, output, label);
                }
            }
        }
        if let Some(alpha) = self.augmentation().mixup {
            batch.mix(|image| {
                let draw = draws.get(image).copied().unwrap_or_default();
                symmetric_beta(alpha.into(), &mut random::stream(draw, "mixup", 0)) as f32
            });
        }
    }
}

/// Which threads fill a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Threads {
    /// Those of the surrounding rayon pool.
    Pool,
    /// The one that asks.
    This,
}

/// For each channel, the normalised value of each byte.
fn tables(images: &Subset, normalisation: &Normalisation) -> Result<Vec<[f32; 256]>, DataError> {
    let (channels, tables) = (images.shape().channels as usize, normalisation.tables());
    if tables.len() == channels {
        return Ok(tables);
    }
    Err(DataError::Mismatch {
        network: "of the normalisation".into(),
        expects: format!("images of {} channels", tables.len()),
        gives: format!("{channels} channels"),
    })
}

/// The order of one epoch, and what decides the augmentation at each place of it.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) epoch: u64,
    places: Vec<u32>,
    draws: Vec<u64>,
}

/// The order of one epoch.
#[derive(Debug, Clone)]
pub struct Epoch<'a> {
    loader: &'a Loader,
    order: Order,
}

impl Epoch<'_> {
    /// Fills `batch` with the images of a step; it stays empty beyond the last step. Allocates nothing once the
    /// batch has had its full size.
    pub fn fill(&self, step: usize, batch: &mut Batch) {
        self.loader.fill(&self.order, step, Threads::Pool, batch);
    }
}
