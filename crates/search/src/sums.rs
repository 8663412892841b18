use std::error::Error;

use panarch_space::Genotype;

use crate::exact::Factored;

/// A cost of networks as a sum over few decisions each, with what is asked of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SummedCost {
    /// What it is, in words: `latency on cortex-a53 in s`.
    pub name: String,
    /// The sums.
    pub table: Factored,
    /// The most that is allowed, above zero, in the table's unit.
    pub most: f64,
    /// Whether nothing over `most` can win. Otherwise it is a target: the ratio of the cost to it is part of the reward.
    pub hard: bool,
    /// By how much of its value the table may be wrong; 0 where it is exact.
    pub error: f64,
}

/// What networks cost and how a search rewards them, for strategies that reason about sums ([`crate::exact`]).
///
/// Accuracies are those of the objective [`panarch_study::ACCURACY`].
pub trait Sums {
    /// Height and width of the images in pixels.
    fn resolution(&self) -> u32;

    /// The costs that have limits or targets, all at this resolution.
    fn costs(&self) -> &[SummedCost];

    /// The ratio of cost to target of a member, joined over all devices: what the devices themselves say, not the tables.
    ///
    /// # Errors
    /// When a device cannot run it.
    fn ratio(&self, genotype: &Genotype) -> Result<f64, Box<dyn Error + Send + Sync>>;

    /// The reward of this accuracy and this ratio. It rises with accuracy, and falls with the ratio from 1 on; below 1 it may
    /// rise or fall, but not both.
    fn reward(&self, accuracy: f64, ratio: f64) -> f64;
}
