//! Searches trial by trial, and outcomes under several seeds.

use panarch_graph::{Accuracy, Macs};
use serde::{Deserialize, Serialize};

use super::Role;

/// One trial of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchTrial {
    /// The reward, higher is better; `None` for a failed or infeasible trial.
    pub reward: Option<f64>,
    /// Index in [`crate::RunReport::networks`], where it was evaluated.
    pub network: Option<u32>,
}

/// One search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchFacts {
    /// Its name.
    pub name: String,
    /// What it maximised, in words.
    pub objective: String,
    /// The strategy with its settings, in words.
    pub strategy: String,
    /// Its seed.
    pub seed: u64,
    /// The trials in the order of their proposals.
    pub trials: Vec<SearchTrial>,
    /// Index in [`crate::RunReport::networks`] of the winner.
    pub winner: Option<u32>,
}

/// How one finalist came out under one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// What it was found for.
    pub role: Role,
    /// Accuracy on the test split, 0 to 1.
    pub test_accuracy: Accuracy,
    /// r = latency / target, one entry a device.
    pub ratios: Vec<f64>,
    /// Multiply-accumulates of an image.
    pub macs: Macs,
    /// Trainable parameters.
    pub parameters: u64,
}

/// The outcome under one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// The search's seed.
    pub seed: u64,
    /// One entry a role.
    pub outcomes: Vec<Outcome>,
}
