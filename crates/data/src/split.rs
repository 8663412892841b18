//! Parts of a dataset: training, validation and test.

use std::sync::{Arc, OnceLock};

use panarch_graph::{ContentHash, Inputs, Shape, random};
use panarch_space::Head;
use rand::RngExt as _;

use super::dataset::ImageSet;
use super::statistics::Normalisation;
use crate::DataError;

/// How many training images are held out for validation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HeldOut {
    /// This many images.
    Count(usize),
    /// This share of the training images, between 0 and 1.
    Fraction(f64),
}

impl HeldOut {
    pub(super) fn count(self, total: usize) -> Result<usize, DataError> {
        let count = match self {
            Self::Count(count) => count,
            Self::Fraction(share) if (0.0..1.0).contains(&share) => (share * total as f64).round() as usize,
            Self::Fraction(share) => {
                return Err(DataError::Split {
                    total,
                    reason: format!("a validation share of {share} is not between 0 and 1"),
                });
            }
        };
        if count == 0 || count >= total {
            return Err(DataError::Split {
                total,
                reason: format!("{count} images for validation leave nothing on one side"),
            });
        }
        Ok(count)
    }
}

/// Training and validation images, with all that training needs to know of their dataset.
///
/// Disjoint, and neither has anything of the official test part.
#[derive(Debug, Clone)]
pub struct Splits {
    /// The dataset's name.
    pub dataset: String,
    /// The number of classes.
    pub classes: usize,
    /// Mean and standard deviation of the training images, per channel.
    pub normalisation: Normalisation,
    /// The images to train on.
    pub train: Subset,
    /// The images to choose by: search and early decisions look at these alone.
    pub validation: Subset,
}

impl Splits {
    /// Channels, height and width of every image.
    pub fn shape(&self) -> Shape {
        self.train.shape()
    }

    /// What a network needs to know of the dataset: its classes and the channels of its images.
    pub fn head(&self) -> Head {
        Head {
            classes: self.classes as u32,
            input_channels: self.shape().channels,
        }
    }

    /// What a training on these images is made of, apart from the training itself: the pixels and labels that it sees,
    /// the number of classes, the normalisation. Names and places of files are no part of it.
    pub fn inputs(&self) -> Inputs {
        let statistics = self.normalisation.mean.iter().chain(&self.normalisation.deviation);
        let statistics: Vec<u8> = statistics.flat_map(|value| value.to_le_bytes()).collect();
        Inputs::new()
            .with("training pictures", self.train.content_hash())
            .with_text("number of classes", self.classes)
            .with(
                "normalisation",
                ContentHash::of("panarch normalisation v1", &statistics),
            )
    }
}

/// Parts indices by class: `(rest, taken)`, both in ascending order, `taken` having `count` entries.
pub(super) fn stratified(labels: &[u16], classes: usize, count: usize, seed: u64) -> (Vec<u32>, Vec<u32>) {
    let mut by_class = vec![Vec::new(); classes];
    for (index, &label) in labels.iter().enumerate() {
        if let Some(members) = by_class.get_mut(usize::from(label)) {
            members.push(index as u32);
        }
    }
    let members: Vec<usize> = by_class.iter().map(Vec::len).collect();
    let (mut rest, mut taken) = (Vec::with_capacity(labels.len()), Vec::with_capacity(count));
    for (class, (members, share)) in by_class.iter_mut().zip(shares(&members, count)).enumerate() {
        shuffle(members, &mut random::stream(seed, "hold-out", class as u64));
        let (hold, keep) = members.split_at(share);
        taken.extend_from_slice(hold);
        rest.extend_from_slice(keep);
    }
    rest.sort_unstable();
    taken.sort_unstable();
    (rest, taken)
}

/// How many of each class are taken, in all `count`: the same share of each, but one at the least, and one left at the least,
/// where there are enough.
fn shares(members: &[usize], count: usize) -> Vec<usize> {
    let total: u64 = members.iter().map(|&members| members as u64).sum();
    // The share of a class is rounded on the running sum, so that the parts add up to `count` exactly.
    let (mut before, mut given) = (0_u64, 0_u64);
    let mut shares: Vec<usize> = members
        .iter()
        .map(|&members| {
            before += members as u64;
            let until = (before * count as u64 + total / 2) / total.max(1);
            let share = ((until - given) as usize).min(members);
            given = until;
            share
        })
        .collect();
    // From where most are taken to where none is, and from where none is left to where most are.
    while let (Some(empty), Some(full)) = (
        (0..shares.len()).find(|&class| shares[class] == 0 && members[class] > 1),
        (0..shares.len())
            .filter(|&class| shares[class] > 1)
            .max_by_key(|&class| shares[class]),
    ) {
        shares[empty] += 1;
        shares[full] -= 1;
    }
    while let (Some(full), Some(roomy)) = (
        (0..shares.len()).find(|&class| shares[class] == members[class] && members[class] > 0),
        (0..shares.len())
            .filter(|&class| members[class] > shares[class] + 1)
            .max_by_key(|&class| members[class] - shares[class]),
    ) {
        shares[full] -= 1;
        shares[roomy] += 1;
    }
    shares
}

/// Puts items in random order (Fisher–Yates, from the last).
pub fn shuffle<T>(items: &mut [T], rng: &mut rand_chacha::ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, rng.random_range(0..=last));
    }
}

/// Some images of an [`ImageSet`]; cheap to clone.
#[derive(Debug, Clone)]
pub struct Subset {
    images: Arc<ImageSet>,
    indices: Arc<[u32]>,
    /// Computed once, whoever asks.
    hash: Arc<OnceLock<ContentHash>>,
}

impl Subset {
    pub(super) fn all(images: &Arc<ImageSet>) -> Self {
        Self::of(images, (0..images.len() as u32).collect())
    }

    pub(super) fn of(images: &Arc<ImageSet>, indices: Vec<u32>) -> Self {
        Self {
            images: Arc::clone(images),
            indices: indices.into(),
            hash: Arc::default(),
        }
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Channels, height and width of every image.
    pub fn shape(&self) -> Shape {
        self.images.shape()
    }

    /// The bytes (height × width × channels) and the label of one image, or `None` beyond the end.
    pub fn get(&self, index: usize) -> Option<(&[u8], u16)> {
        let place = *self.indices.get(index)? as usize;
        Some((self.images.image(place)?, *self.images.labels().get(place)?))
    }

    /// The hash of the images' size, and of pixels and labels in their order.
    pub fn content_hash(&self) -> ContentHash {
        *self.hash.get_or_init(|| self.hashed())
    }

    fn hashed(&self) -> ContentHash {
        let shape = self.shape();
        let size = [shape.channels, shape.height, shape.width].map(u32::to_le_bytes);
        let images = (0..self.len()).filter_map(|place| self.get(place));
        // Labels apart from pixels: two bytes a picture are soon copied.
        let labels: Vec<u8> = images.clone().flat_map(|(_, label)| label.to_le_bytes()).collect();
        let parts = size.iter().map(<[u8; 4]>::as_slice).chain([labels.as_slice()]);
        ContentHash::of_parts("panarch pictures v1", parts.chain(images.map(|(pixels, _)| pixels)))
    }

    /// Places in the underlying part of the dataset, ascending when fresh from a split.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// `count` images drawn by `seed`, the same for the same seed; all of them when there are fewer.
    pub fn sample(&self, count: usize, seed: u64) -> Self {
        let mut indices = self.indices.to_vec();
        shuffle(&mut indices, &mut random::stream(seed, "sample", 0));
        indices.truncate(count);
        indices.sort_unstable();
        Self {
            images: Arc::clone(&self.images),
            indices: indices.into(),
            hash: Arc::default(),
        }
    }

    /// The same images in an order drawn by `seed`, so that any first ones of them are a random sample.
    pub fn shuffled(&self, seed: u64) -> Self {
        let mut indices = self.indices.to_vec();
        shuffle(&mut indices, &mut random::stream(seed, "order", 0));
        Self::of(&self.images, indices)
    }
}

/// The official test images. Only a final evaluation takes this type.
#[derive(Debug, Clone)]
pub struct TestSplit {
    images: Subset,
}

impl TestSplit {
    pub(super) fn new(images: &Arc<ImageSet>) -> Self {
        Self {
            images: Subset::all(images),
        }
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// The hash of pixels and labels; it says that they are the same as before and nothing else.
    pub fn content_hash(&self) -> ContentHash {
        self.images.content_hash()
    }

    /// The images, for the one test of what has been chosen; nothing that trains, validates or chooses may look at them.
    pub fn images(&self) -> &Subset {
        &self.images
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(counts: &[usize]) -> Vec<u16> {
        counts
            .iter()
            .enumerate()
            .flat_map(|(class, &count)| vec![class as u16; count])
            .collect()
    }

    #[test]
    fn held_out_images_are_disjoint_stratified_and_reproducible() {
        let labels = labels(&[100, 50, 30, 20]);
        let (rest, taken) = stratified(&labels, 4, 40, 7);
        assert_eq!((rest.len(), taken.len()), (160, 40));
        let mut all: Vec<u32> = rest.iter().chain(&taken).copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..200).collect::<Vec<u32>>());
        let of = |class| taken.iter().filter(|&&i| labels[i as usize] == class).count();
        assert_eq!([of(0), of(1), of(2), of(3)], [20, 10, 6, 4]);
        assert_eq!(stratified(&labels, 4, 40, 7).1, taken);
        assert_ne!(stratified(&labels, 4, 40, 8).1, taken);
    }

    #[test]
    fn shares_of_odd_classes_add_up() {
        for count in 1..30 {
            let (rest, taken) = stratified(&labels(&[7, 11, 3, 9]), 4, count, 1);
            assert_eq!((rest.len(), taken.len()), (30 - count, count));
        }
    }

    #[test]
    fn every_class_is_on_both_sides_where_it_can_be() {
        for (members, count, expected) in [
            (&[100, 2, 2][..], 10, [8, 1, 1]),
            (&[3, 3, 3], 3, [1, 1, 1]),
            (&[50, 1, 2], 20, [19, 0, 1]),
            (&[2, 2, 2], 5, [2, 1, 2]),
            (&[9, 9, 9], 2, [1, 0, 1]),
        ] {
            let shares = shares(members, count);
            assert_eq!(shares.iter().sum::<usize>(), count, "{members:?}");
            assert_eq!(shares, expected, "{members:?}");
        }
    }

    #[test]
    fn splits_that_leave_nothing_are_refused() {
        for held_out in [
            HeldOut::Count(0),
            HeldOut::Count(10),
            HeldOut::Fraction(1.0),
            HeldOut::Fraction(-0.1),
        ] {
            assert!(held_out.count(10).is_err(), "{held_out:?}");
        }
        assert_eq!(HeldOut::Fraction(0.2).count(10).ok(), Some(2));
    }
}
