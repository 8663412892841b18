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
    /// What the winner was held to, the tightest first; empty in a report of a build that did not say it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<Requirement>,
    /// What is proved of the winner, where the search was exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofFacts>,
}

/// What no network within the costs of a winner can exceed, by a table of accuracies that was fitted to everything that the
/// search evaluated. A proof about the table, not about images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofFacts {
    /// Networks that the table was fitted to.
    pub networks: u64,
    /// The root of the mean square error of accuracies that the table was not fitted to, as a share.
    pub error: f64,
    /// The network that is best by the table.
    pub best: String,
    /// Its accuracy by the table.
    pub best_accuracy: Accuracy,
    /// No network within the winner's costs has more by the table.
    pub bound: Accuracy,
    /// What the table says of the winner.
    pub winner_accuracy: Accuracy,
    /// Whether the winner is within the table's error of the bound.
    pub settled: bool,
    /// The costs that were held to the winner's or to their limits.
    pub limits: Vec<ProvedLimit>,
    /// The certificate in the folder of the run; none where it would have been too long.
    pub certificate: Option<String>,
}

/// A cost that a proof holds to a limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvedLimit {
    /// The device; none for a cost of the network itself, or of several devices together.
    pub device: Option<String>,
    /// What it is on.
    pub quantity: String,
    /// Accuracy, as a share, that one more per cent of it would buy at most: the multiplier of the relaxed problem.
    pub gain: f64,
}

/// A target or a limit, what the winner of a search has of it, and what more of it would buy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// The device; none for a limit on the network itself.
    pub device: Option<String>,
    /// What it is on, such as `latency` or `peak memory`.
    pub quantity: String,
    /// Whether it must be kept; a target is only aimed at.
    pub hard: bool,
    /// What was asked for, with its unit.
    pub asked: String,
    /// What the winner has, with its unit.
    pub found: String,
    /// What the winner has over what was asked for; 1 is just at it.
    pub ratio: f64,
    /// Accuracy, as a share, that one more per cent here would buy: after an exact search what the multiplier of the proof
    /// says, else the steepest way from the winner to a network that was evaluated, has more of this alone and is more
    /// accurate. None where there is no such network.
    pub gain: Option<f64>,
    /// That network; none where a proof says the gain.
    pub towards: Option<String>,
}

impl Requirement {
    /// The share of what was asked for that is left; below zero where it is not kept.
    #[must_use]
    pub fn slack(&self) -> f64 {
        1.0 - self.ratio
    }
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
