use std::collections::BTreeMap;

/// Mean and variance of one batch normalisation, averaged over batches.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moments {
    pub(crate) mean: Vec<f64>,
    pub(crate) variance: Vec<f64>,
}

/// A network's own batch-normalisation statistics, apart from any store.
///
/// A sub-network of a supernet cannot use the shared running statistics. Run a few training forward passes with
/// [`Executor::accumulate_statistics`](crate::Executor::accumulate_statistics) after each, and evaluate with the result.
/// Means and (unbiased) variances are averaged over the batches, weighted with the number of their images: what
/// PyTorch's batch normalisation does with `momentum=None` when all batches have the same size.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BnStatistics {
    pub(crate) moments: BTreeMap<String, Moments>,
    pub(crate) images: u64,
}

impl BnStatistics {
    /// No statistics yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Statistics as an engine found them over `images` images: for each batch normalisation node its name, the mean and the
    /// unbiased variance of every channel.
    #[must_use]
    pub fn from_moments(images: u64, moments: impl IntoIterator<Item = (String, Vec<f64>, Vec<f64>)>) -> Self {
        let moments = moments.into_iter();
        Self {
            moments: moments
                .map(|(node, mean, variance)| (node, Moments { mean, variance }))
                .collect(),
            images,
        }
    }

    /// Number of images seen.
    #[must_use]
    pub const fn images(&self) -> u64 {
        self.images
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.moments.clear();
        self.images = 0;
    }

    /// The averaged mean and unbiased variance of the batch normalisation node of this name.
    #[must_use]
    pub fn get(&self, node: &str) -> Option<(Vec<f32>, Vec<f32>)> {
        let narrow = |values: &[f64]| values.iter().map(|value| *value as f32).collect();
        let moments = self.moments.get(node)?;
        Some((narrow(&moments.mean), narrow(&moments.variance)))
    }

    /// Takes in one batch for one node; `weight` is this batch's share of all images so far.
    pub(crate) fn add(&mut self, node: &str, weight: f64, mean: &[f32], variance: &[f32]) {
        let blend = |into: &mut [f64], from: &[f32]| {
            for (average, value) in into.iter_mut().zip(from) {
                *average += weight * (f64::from(*value) - *average);
            }
        };
        if !self.moments.contains_key(node) {
            let zeros = vec![0.0; mean.len()];
            let moments = Moments {
                mean: zeros.clone(),
                variance: zeros,
            };
            self.moments.insert(node.to_owned(), moments);
        }
        if let Some(moments) = self.moments.get_mut(node) {
            blend(&mut moments.mean, mean);
            blend(&mut moments.variance, variance);
        }
    }
}
