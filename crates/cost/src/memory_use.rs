//! What memories do, level by level, and where energy goes.

use std::borrow::Cow;

use panarch_graph::{Bytes, Energy};
use serde::{Deserialize, Serialize};

/// What one memory level does for a layer or a whole network, for one image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelTraffic {
    /// The level: [`Self::OFF_CHIP`] and its like, or the name of a memory of a hierarchy.
    pub level: Cow<'static, str>,
    /// What is read there for the levels nearer the array, or the array itself.
    #[serde(rename = "read_bytes")]
    pub read: Bytes,
    /// What comes from there.
    #[serde(rename = "written_bytes")]
    pub written: Bytes,
    /// Energy of both; absent when nothing is known about it.
    #[serde(rename = "energy_j", default, skip_serializing_if = "Option::is_none")]
    pub energy: Option<Energy>,
}

impl LevelTraffic {
    /// Beyond the border of the chip: weights, spilled activations, image and result. What is written on chip for it is
    /// part of the energy of crossing the border.
    pub const OFF_CHIP: &'static str = "off_chip";
    /// On-chip memory of activations: what the array and the vector unit read and write.
    pub const ACTIVATIONS: &'static str = "activations";
    /// Where weights wait, streamed or kept: what the array reads.
    pub const WEIGHTS: &'static str = "weights";
    /// Partial sums below the columns of a systolic array.
    pub const ACCUMULATORS: &'static str = "accumulators";
    /// What is carried between a device and its fallback; its energy is not known.
    pub const CARRIED: &'static str = "carried";

    /// So many bytes carried between two devices, each counted once.
    pub(crate) const fn carried(bytes: Bytes) -> Self {
        Self {
            level: Cow::Borrowed(Self::CARRIED),
            read: bytes,
            written: Bytes(0),
            energy: None,
        }
    }

    /// Bytes read and written.
    #[must_use]
    pub fn moved(&self) -> Bytes {
        self.read + self.written
    }

    /// Adds levels up, each by its name, in the order in which they come.
    pub(crate) fn sum<'a>(all: impl Iterator<Item = &'a Self>) -> Vec<Self> {
        let mut sums: Vec<Self> = Vec::new();
        for one in all {
            let Some(sum) = sums.iter_mut().find(|sum| sum.level == one.level) else {
                sums.push(one.clone());
                continue;
            };
            sum.read = sum.read + one.read;
            sum.written = sum.written + one.written;
            sum.energy = match (sum.energy, one.energy) {
                (Some(a), Some(b)) => Some(Energy::from_joules(a.joules() + b.joules())),
                _ => None,
            };
        }
        sums
    }
}

/// The parts of an energy; they add up to it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnergyParts {
    /// Multiply-accumulates.
    pub macs: Energy,
    /// All memory levels.
    pub memory: Energy,
    /// Power that is drawn all the time.
    #[serde(rename = "static")]
    pub leakage: Energy,
}

impl EnergyParts {
    /// The sum of the parts.
    #[must_use]
    pub fn total(&self) -> Energy {
        Energy::from_joules(self.macs.joules() + self.memory.joules() + self.leakage.joules())
    }

    /// Adds parts up.
    pub(crate) fn sum(all: impl Iterator<Item = Self>) -> Self {
        let add = |a: Energy, b: Energy| Energy::from_joules(a.joules() + b.joules());
        all.fold(Self::default(), |sum, one| Self {
            macs: add(sum.macs, one.macs),
            memory: add(sum.memory, one.memory),
            leakage: add(sum.leakage, one.leakage),
        })
    }
}
