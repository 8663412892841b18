//! Facts about the run as a whole.

use panarch_graph::ContentHash;
use serde::{Deserialize, Serialize};

/// A label and a text, for facts that the report only passes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// What it is about.
    pub label: String,
    /// What there is to say, units included.
    pub text: String,
}

impl Fact {
    /// A label and a text.
    pub fn new(label: impl Into<String>, text: impl Into<String>) -> Self {
        Fact {
            label: label.into(),
            text: text.into(),
        }
    }
}

/// A seed and what it feeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// What it feeds, such as "search".
    pub purpose: String,
    /// The seed.
    pub value: u64,
}

/// The run: name, time, software, machine, run file and command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunFacts {
    /// The run's name.
    pub name: String,
    /// When the report was made, as people write it, with the time zone.
    pub created: String,
    /// Name and version of the program.
    pub software: String,
    /// The machine that trained and measured.
    pub machine: String,
    /// The command that repeats the run.
    pub command: String,
    /// The name of the run file.
    pub run_file_name: String,
    /// The fully resolved run file.
    pub run_file: String,
    /// Every seed.
    pub seeds: Vec<Seed>,
    /// Anything else, such as how long each step took.
    pub facts: Vec<Fact>,
}

/// The images that were trained and judged on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetFacts {
    /// The dataset's name.
    pub name: String,
    /// Where the files came from.
    pub source: String,
    /// SHA-256 or another checksum of the files, with its kind, where known.
    pub checksum: Option<String>,
    /// Number of classes.
    pub classes: u32,
    /// Channels of an image.
    pub channels: u32,
    /// Height and width in pixels as fed to the network.
    pub resolution: u32,
    /// Images trained on.
    pub train_images: u64,
    /// Images that the search is judged on: held out of the train split, or the dataset's own.
    pub validation_images: u64,
    /// Images of the official test split, which nothing is chosen on.
    pub test_images: u64,
}

/// The search space. Counts are decimal digits, as they do not fit machine integers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceFacts {
    /// The space's name.
    pub name: String,
    /// Hash of the resolved specification.
    pub hash: ContentHash,
    /// Number of decisions.
    pub decisions: u32,
    /// All decision strings.
    pub raw: String,
    /// Canonical decision strings.
    pub active: String,
    /// Different networks.
    pub distinct: String,
    /// Whether `distinct` is exact; otherwise it is an upper bound.
    pub distinct_is_exact: bool,
}

/// What an accuracy was taken on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccuracyBasis {
    /// The split, such as "test".
    pub split: String,
    /// Number of images.
    pub images: u64,
    /// Which weights were judged, such as "inherited from the supernet".
    pub weights: String,
}
