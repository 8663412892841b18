//! The winners and the reference.

use std::fmt;

use panarch_graph::{Accuracy, Bytes, ContentHash, Estimate, Macs};
use serde::{Deserialize, Serialize};

use super::{BlockFacts, DeviceLatency};

/// What a finalist was found for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Role {
    /// The best for one device alone.
    Device {
        /// The device's name.
        name: String,
    },
    /// The best for the mean of r over the devices.
    Average,
    /// The best for the largest r over the devices.
    WorstCase,
    /// The best under some other objective.
    Other {
        /// The objective in words.
        name: String,
    },
    /// A known network to compare with.
    Reference {
        /// Its name.
        name: String,
    },
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::Device { name } => write!(f, "{name} alone"),
            Role::Average => f.write_str("average"),
            Role::WorstCase => f.write_str("worst case"),
            Role::Other { name } => f.write_str(name),
            Role::Reference { name } => write!(f, "reference ({name})"),
        }
    }
}

/// A network that was tuned, judged on the test split, measured again and exported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finalist {
    /// What it was found for; several when searches agree.
    pub roles: Vec<Role>,
    /// The genotype's text.
    pub genotype: String,
    /// The network's content hash.
    pub hash: ContentHash,
    /// Accuracy with the supernet's weights on the search's own images, where known.
    pub search_accuracy: Option<Estimate<Accuracy>>,
    /// Accuracy on the test split, 0 to 1.
    pub test_accuracy: Estimate<Accuracy>,
    /// One entry a device.
    pub latency: Vec<DeviceLatency>,
    /// Multiply-accumulates of an image.
    pub macs: Macs,
    /// Trainable parameters.
    pub parameters: u64,
    /// The network's blocks, input to output; see [`super::blocks_of`].
    pub blocks: Vec<BlockFacts>,
    /// The exported file, if there is one.
    pub export: Option<ExportFacts>,
}

impl Finalist {
    /// Every role, joined by commas.
    pub fn label(&self) -> String {
        let roles: Vec<String> = self.roles.iter().map(Role::to_string).collect();
        roles.join(", ")
    }
}

/// An exported file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportFacts {
    /// Its path, relative to the report where possible.
    pub file: String,
    /// BLAKE3 of its bytes.
    pub file_hash: ContentHash,
    /// Its size.
    pub bytes: Bytes,
    /// Each runtime that ran it against the training engine.
    pub checks: Vec<ExportCheck>,
}

/// One comparison of an exported file with the training engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportCheck {
    /// Name and version of the runtime.
    pub runtime: String,
    /// Number of real images that went through both.
    pub images: u32,
    /// Largest difference of a logit, as a share of the largest logit; `None` when the runtime gave no finite answer.
    pub worst_difference: Option<f64>,
    /// The largest such share that passes.
    pub tolerance: f64,
    /// Whether it passed.
    pub passed: bool,
}
