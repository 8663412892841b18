//! A labelled image dataset and its splits.

use std::sync::Arc;

use panarch_graph::Shape;

use super::image_folder::Inventory;
use super::split::{HeldOut, Splits, Subset, TestSplit, stratified};
use super::statistics::Normalisation;
use crate::DataError;

/// Labelled images of one size, as bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct ImageSet {
    shape: Shape,
    pixels: Vec<u8>,
    labels: Vec<u16>,
}

impl ImageSet {
    /// Puts images and labels together. `pixels` holds the images one after another, each as height × width ×
    /// channels (NHWC); `labels` has one class index per image.
    ///
    /// # Errors
    /// [`DataError::Split`] when `pixels` is not a whole number of images or does not match `labels`.
    pub fn new(shape: Shape, pixels: Vec<u8>, labels: Vec<u16>) -> Result<Self, DataError> {
        let expected = usize::try_from(shape.elements())
            .ok()
            .and_then(|size| size.checked_mul(labels.len()));
        if shape.elements() == 0 || expected != Some(pixels.len()) {
            return Err(DataError::Split {
                total: labels.len(),
                reason: format!(
                    "{} bytes of pixels do not make {} images of {} bytes",
                    pixels.len(),
                    labels.len(),
                    shape.elements()
                ),
            });
        }
        Ok(Self { shape, pixels, labels })
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

    /// The class index of every image.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// The bytes of all images (NHWC).
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The bytes of one image (height × width × channels), or `None` beyond the end.
    pub fn image(&self, index: usize) -> Option<&[u8]> {
        let size = self.shape.elements() as usize;
        self.pixels.get(index.checked_mul(size)?..)?.get(..size)
    }

    /// The same images at another square size, resized with a triangle (bilinear, antialiased) filter.
    ///
    /// # Errors
    /// [`DataError::Setting`] when `resolution` is 0 or the images have neither 1 nor 3 channels.
    pub fn resized(&self, resolution: u32) -> Result<Self, DataError> {
        super::image_folder::resize(self, resolution)
    }
}

impl std::fmt::Debug for ImageSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImageSet")
            .field("shape", &self.shape)
            .field("images", &self.len())
            .finish_non_exhaustive()
    }
}

/// A dataset: training images, official test images, class names and normalisation.
#[derive(Debug, Clone)]
pub struct Dataset {
    name: String,
    classes: Vec<String>,
    normalisation: Normalisation,
    train: Arc<ImageSet>,
    validation: Option<Arc<ImageSet>>,
    test: Arc<ImageSet>,
    inventory: Option<Arc<Inventory>>,
}

impl Dataset {
    /// Puts a dataset together; the normalisation is computed from `train`.
    ///
    /// `validation` is for datasets that come with validation images of their own beside a test part.
    ///
    /// # Errors
    /// [`DataError::Split`] when the parts differ in shape or have no images, [`DataError::Label`] when a
    /// label has no class.
    pub fn new(
        name: impl Into<String>,
        classes: Vec<String>,
        train: ImageSet,
        validation: Option<ImageSet>,
        test: ImageSet,
    ) -> Result<Self, DataError> {
        let name = name.into();
        for set in [Some(&train), validation.as_ref(), Some(&test)].into_iter().flatten() {
            if set.shape() != train.shape() || set.is_empty() {
                return Err(DataError::Split {
                    total: set.len(),
                    reason: format!("the parts of {name} are empty or differ in image size"),
                });
            }
            let beyond = set
                .labels()
                .iter()
                .position(|&label| usize::from(label) >= classes.len());
            if let Some(index) = beyond {
                return Err(DataError::Label {
                    file: name.clone().into(),
                    index,
                    label: u32::from(set.labels()[index]),
                    classes: classes.len(),
                });
            }
        }
        let normalisation = Normalisation::of(&train);
        Ok(Self {
            name,
            classes,
            normalisation,
            train: Arc::new(train),
            validation: validation.map(Arc::new),
            test: Arc::new(test),
            inventory: None,
        })
    }

    /// The dataset with what is known of its files.
    #[must_use]
    pub(super) fn with_inventory(self, inventory: Inventory) -> Self {
        let inventory = Some(Arc::new(inventory));
        Self { inventory, ..self }
    }

    /// What is known of the files of a folder of pictures; other datasets have none.
    pub fn inventory(&self) -> Option<&Inventory> {
        self.inventory.as_deref()
    }

    /// Bits that count in samples of 16 bits of the dataset's pictures.
    pub fn depth(&self) -> u8 {
        self.inventory().map_or(16, |inventory| inventory.depth)
    }

    /// Whether the dataset has validation images of its own.
    pub fn has_validation(&self) -> bool {
        self.validation.is_some()
    }

    /// The number of the dataset's own validation images.
    pub fn validation_len(&self) -> usize {
        self.validation.as_ref().map_or(0, |images| images.len())
    }

    /// How many of the dataset's own validation images each class has.
    pub fn validation_class_counts(&self) -> Vec<usize> {
        let labels = self.validation.as_ref().map_or(&[][..], |images| images.labels());
        super::class_counts(labels, self.classes.len())
    }

    /// Every part that there is, with its name: `train`, `validation`, `test`. For checks of the dataset itself alone.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&'static str, &ImageSet)> {
        let parts = [
            ("train", Some(&self.train)),
            ("validation", self.validation.as_ref()),
            ("test", Some(&self.test)),
        ];
        parts
            .into_iter()
            .filter_map(|(name, part)| Some((name, part?.as_ref())))
    }

    /// The dataset's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The class names, by label.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Channels, height and width of every image.
    pub fn shape(&self) -> Shape {
        self.train.shape()
    }

    /// Mean and standard deviation of the training images, per channel.
    pub fn normalisation(&self) -> &Normalisation {
        &self.normalisation
    }

    /// The number of images of the training part, before anything is held out.
    pub fn train_len(&self) -> usize {
        self.train.len()
    }

    /// The number of official test images.
    pub fn test_len(&self) -> usize {
        self.test.len()
    }

    /// How many training images each class has.
    pub fn train_class_counts(&self) -> Vec<usize> {
        super::class_counts(self.train.labels(), self.classes.len())
    }

    /// How many test images each class has.
    pub fn test_class_counts(&self) -> Vec<usize> {
        super::class_counts(self.test.labels(), self.classes.len())
    }

    /// The dataset at another square image size; the normalisation is computed anew. Cheap when the size is
    /// already right.
    ///
    /// # Errors
    /// As [`ImageSet::resized`].
    pub fn at_resolution(&self, resolution: u32) -> Result<Self, DataError> {
        if self.shape().height == resolution && self.shape().width == resolution {
            return Ok(self.clone());
        }
        let train = self.train.resized(resolution)?;
        let validation = self
            .validation
            .as_ref()
            .map(|set| set.resized(resolution))
            .transpose()?;
        let test = self.test.resized(resolution)?;
        let dataset = Self::new(self.name.clone(), self.classes.clone(), train, validation, test)?;
        let inventory = self.inventory.clone();
        Ok(Self { inventory, ..dataset })
    }

    /// Parts the training images into training and validation, at random by `seed` and stratified: every class
    /// gives the same share, rounded so that the counts add up.
    ///
    /// A dataset with validation images of its own keeps them: then all training images train, and `held_out`
    /// only bounds how many of the validation images are used, drawn by the seed.
    ///
    /// # Errors
    /// [`DataError::Split`] when either side would be empty.
    pub fn hold_out(&self, held_out: HeldOut, seed: u64) -> Result<Splits, DataError> {
        if let Some(own) = &self.validation {
            let limit = match held_out {
                HeldOut::Count(count) => count.min(own.len()),
                HeldOut::Fraction(_) => own.len(),
            };
            let (_, used) = stratified(own.labels(), self.classes.len(), limit, seed);
            return Ok(self.splits(Subset::all(&self.train), Subset::of(own, used)));
        }
        let count = held_out.count(self.train.len())?;
        let (train, validation) = stratified(self.train.labels(), self.classes.len(), count, seed);
        Ok(self.splits(Subset::of(&self.train, train), Subset::of(&self.train, validation)))
    }

    fn splits(&self, train: Subset, validation: Subset) -> Splits {
        Splits {
            dataset: self.name.clone(),
            classes: self.classes.len(),
            normalisation: self.normalisation.clone(),
            train,
            validation,
        }
    }

    /// The official test images, for the last evaluation of finished networks and nothing else: whatever is
    /// chosen by looking at them, their accuracy no longer says how the network does on new images.
    pub fn test_split(&self) -> TestSplit {
        TestSplit::new(&self.test)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_must_match_labels() {
        let shape = Shape::new(1, 2, 2);
        assert!(ImageSet::new(shape, vec![0; 8], vec![0, 1]).is_ok());
        assert!(ImageSet::new(shape, vec![0; 7], vec![0, 1]).is_err());
        assert!(ImageSet::new(Shape::new(1, 0, 2), vec![], vec![]).is_err());
    }
}
