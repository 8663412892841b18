//! Batches of normalised images.

use panarch_graph::Shape;

/// A batch: images as normalised `f32` in NHWC order, and labels. Reused from step to step.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    pub(super) shape: Shape,
    pub(super) images: Vec<f32>,
    pub(super) labels: Vec<u32>,
    /// Empty without mixup.
    pub(super) others: Vec<u32>,
    pub(super) shares: Vec<f32>,
}

/// What the images of a batch are mixed of: `share` of the one with the batch's label, the rest of another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixed<'a> {
    /// The class index of every image's other part.
    pub labels: &'a [u32],
    /// λ, the share of every image's first part.
    pub shares: &'a [f32],
}

impl Batch {
    /// An empty batch of images of this shape.
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            images: Vec::new(),
            labels: Vec::new(),
            others: Vec::new(),
            shares: Vec::new(),
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

    /// The class index of every image; of a mixed one, that of its first part.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The other parts of mixed images; `None` without mixup.
    pub fn mixed(&self) -> Option<Mixed<'_>> {
        (!self.shares.is_empty()).then_some(Mixed {
            labels: &self.others,
            shares: &self.shares,
        })
    }

    /// Mixes each image with the one at the same distance from the other end of the batch; the batch is in random order
    /// already, so this is as good as a random pairing. `share` gives λ of an image.
    pub(super) fn mix(&mut self, share: impl FnMut(usize) -> f32) {
        let count = self.labels.len();
        self.shares.clear();
        self.shares.extend((0..count).map(share));
        self.others.clear();
        self.others.extend(self.labels.iter().rev());
        let size = self.shape.elements() as usize;
        let (front, back) = self.images.split_at_mut(count / 2 * size);
        // In an odd batch the middle one, at the front of `back`, is its own partner and stays as it is.
        let pairs = front.chunks_exact_mut(size).zip(back.chunks_exact_mut(size).rev());
        let shares = self.shares.iter().zip(self.shares.iter().rev());
        for ((one, other), (share, other_share)) in pairs.zip(shares) {
            for (a, b) in one.iter_mut().zip(other) {
                let (first, second) = (*a, *b);
                *a = second + share * (first - second);
                *b = first + other_share * (second - first);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_mixed_in_pairs() {
        let mut batch = Batch {
            shape: Shape::new(1, 1, 2),
            images: vec![0.0, 10.0, 3.0, 5.0, 100.0, 20.0],
            labels: vec![7, 8, 9],
            ..Batch::new(Shape::new(1, 1, 2))
        };
        assert_eq!(batch.mixed(), None);
        batch.mix(|image| [0.25, 0.5, 1.0][image]);
        assert_eq!(batch.images(), [75.0, 17.5, 3.0, 5.0, 100.0, 20.0]);
        let mixed = batch.mixed().unwrap();
        assert_eq!((mixed.labels, mixed.shares), (&[9, 8, 7][..], &[0.25, 0.5, 1.0][..]));
        assert_eq!(batch.labels(), [7, 8, 9]);
    }
}
