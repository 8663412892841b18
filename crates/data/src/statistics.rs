//! Normalisation statistics and class balance.

use serde::{Deserialize, Serialize};

use super::dataset::ImageSet;

/// Mean and standard deviation of the pixels, per channel, in units where a byte of 255 is 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalisation {
    /// The mean of each channel.
    pub mean: Vec<f32>,
    /// The (population) standard deviation of each channel; 1 for a channel that never changes.
    pub deviation: Vec<f32>,
}

impl Normalisation {
    /// Computes the statistics of a set of images, exactly (integer sums), so that they do not depend on the
    /// order of the images or on threads.
    pub fn of(images: &ImageSet) -> Self {
        let channels = images.shape().channels.max(1) as usize;
        let mut sums = vec![[0_u64; 2]; channels];
        for pixel in images.pixels().chunks_exact(channels) {
            for (sum, &value) in sums.iter_mut().zip(pixel) {
                let value = u64::from(value);
                sum[0] += value;
                sum[1] += value * value;
            }
        }
        let count = (images.pixels().len() / channels).max(1) as f64;
        let (mut mean, mut deviation) = (Vec::with_capacity(channels), Vec::with_capacity(channels));
        for [sum, squares] in sums {
            let average = sum as f64 / count;
            let variance = (squares as f64 / count - average * average).max(0.0);
            mean.push((average / 255.0) as f32);
            deviation.push(if variance > 0.0 {
                (variance.sqrt() / 255.0) as f32
            } else {
                1.0
            });
        }
        Self { mean, deviation }
    }

    /// For each channel, the normalised value of each of the 256 byte values.
    pub(super) fn tables(&self) -> Vec<[f32; 256]> {
        self.mean
            .iter()
            .zip(&self.deviation)
            .map(|(mean, deviation)| std::array::from_fn(|byte| (byte as f32 / 255.0 - mean) / deviation))
            .collect()
    }
}

/// How many of the labels fall in each of `classes` classes.
pub fn class_counts(labels: &[u16], classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    for &label in labels {
        if let Some(count) = counts.get_mut(usize::from(label)) {
            *count += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use panarch_graph::Shape;

    use super::*;

    #[test]
    fn statistics_are_per_channel() {
        // Two pixels of two channels: (0, 51) and (255, 51).
        let images = ImageSet::new(Shape::new(2, 1, 2), vec![0, 51, 255, 51], vec![0]).unwrap();
        let found = Normalisation::of(&images);
        assert_eq!(found.mean, [0.5, 0.2]);
        assert_eq!(found.deviation, [0.5, 1.0]);
        assert_eq!(found.tables()[0][255], 1.0);
        assert_eq!(class_counts(&[0, 2, 2], 3), [1, 0, 2]);
    }
}
