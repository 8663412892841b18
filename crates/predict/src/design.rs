use std::collections::BTreeSet;

use panarch_space::{Genotype, Space};
use rand_chacha::ChaCha8Rng;

use crate::PredictError;
use crate::additive::{columns, offsets};

/// Random members looked at for each one chosen.
const CANDIDATES: usize = 48;

/// Spread of a term before any measurement, relative to the noise of one measurement.
const PRIOR_VARIANCE: f64 = 4.0;

/// Which genotypes to measure so that an [`crate::Additive`] table learns most: up to `count` different canonical ones.
///
/// The smallest and the largest member come first. Each further one is, of some random members, that whose value a table
/// fitted to those before it would know least about (greedy Bayesian D-optimal design), which makes rare choices and rare
/// combinations occur. Fewer than `count` come back when the space has, or sampling finds, no more.
///
/// # Errors
/// [`PredictError::Genotype`] when the space gives a genotype that is not its own.
pub fn design_of_experiments(space: &Space, count: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Genotype>, PredictError> {
    let offsets = offsets(space);
    let mut uncertainty = Uncertainty::new(offsets.last().copied().unwrap_or(0));
    let mut chosen: Vec<Genotype> = Vec::new();
    let mut seen = BTreeSet::new();
    for genotype in [space.smallest(), space.largest()] {
        let genotype = space.canonical(&genotype);
        if chosen.len() < count && seen.insert(genotype.clone()) {
            uncertainty.learn(&columns(space, &offsets, &genotype)?);
            chosen.push(genotype);
        }
    }
    while chosen.len() < count {
        let mut best: Option<(f64, Genotype, Vec<usize>)> = None;
        for _ in 0..CANDIDATES {
            let genotype = space.sample(rng);
            if seen.contains(&genotype) {
                continue;
            }
            let columns = columns(space, &offsets, &genotype)?;
            let variance = uncertainty.variance(&columns);
            if best.as_ref().is_none_or(|(largest, ..)| variance > *largest) {
                best = Some((variance, genotype, columns));
            }
        }
        let Some((_, genotype, columns)) = best else {
            break;
        };
        uncertainty.learn(&columns);
        seen.insert(genotype.clone());
        chosen.push(genotype);
    }
    Ok(chosen)
}

/// The covariance of constant and terms in units of the noise variance, after the measurements so far.
struct Uncertainty {
    size: usize,
    covariance: Vec<f64>,
}

impl Uncertainty {
    fn new(columns: usize) -> Self {
        let size = columns + 1;
        let mut covariance = vec![0.0; size * size];
        for i in 0..size {
            // The constant is as good as unknown.
            covariance[i * size + i] = if i == 0 { 1e6 } else { PRIOR_VARIANCE };
        }
        Self { size, covariance }
    }

    /// The covariance of every parameter with the value of a genotype.
    fn with_value(&self, columns: &[usize]) -> Vec<f64> {
        (0..self.size)
            .map(|i| {
                let row = &self.covariance[i * self.size..(i + 1) * self.size];
                row[0] + columns.iter().map(|&column| row[column + 1]).sum::<f64>()
            })
            .collect()
    }

    /// The variance of a genotype's value.
    fn variance(&self, columns: &[usize]) -> f64 {
        let active = || std::iter::once(0).chain(columns.iter().map(|&column| column + 1));
        active()
            .map(|i| active().map(|j| self.covariance[i * self.size + j]).sum::<f64>())
            .sum()
    }

    /// Takes a measurement of unit noise into account (Sherman and Morrison).
    fn learn(&mut self, columns: &[usize]) {
        let with_value = self.with_value(columns);
        let variance = with_value[0] + columns.iter().map(|&column| with_value[column + 1]).sum::<f64>();
        let scale = 1.0 / (1.0 + variance);
        for i in 0..self.size {
            for j in 0..self.size {
                self.covariance[i * self.size + j] -= scale * with_value[i] * with_value[j];
            }
        }
    }
}
