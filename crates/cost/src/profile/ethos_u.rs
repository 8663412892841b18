use serde::Serialize;

use super::{Figure, ModelError, Sourced, Support};

/// A member of Arm's Ethos-U family in its system, for the model of the vendor's compiler
/// ([`EthosUModel`](crate::EthosUModel)): the table `[ethos_u]` of a profile.
///
/// What every member of the family has inside (buffers, micro-blocks, output stage) follows from family and multipliers; the
/// table says what surrounds it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EthosU {
    /// Which of the family.
    pub family: Sourced<EthosFamily>,
    /// Multipliers: 32, 64, 128 or 256 for U55, 256 or 512 for U65, 128 to 2048 for U85.
    pub macs: Sourced<u32>,
    /// Clock, in hertz.
    pub frequency_hz: Figure,
    /// Whether tensors live off chip, with SRAM as their cache.
    pub tensors_off_chip: Sourced<bool>,
    /// Bytes of SRAM that the compiler may use; as many as are asked for where it is absent.
    pub cache_bytes: Option<Figure>,
    /// Bytes of a weight after compression.
    pub weight_bytes: Figure,
    /// The same where zeros fill lanes beside it.
    pub weight_bytes_among_zeros: Figure,
    /// Bytes of a zero beside the weights, which fills lanes, after compression.
    pub padding_bytes: Figure,
    /// The port of SRAM.
    pub sram: EthosPort,
    /// The port of the memory off chip, where weights live.
    pub off_chip: EthosPort,
    /// How far the model is off.
    pub error: ModelError,
    /// What the machine can run.
    pub support: Support,
}

/// A generation of the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EthosFamily {
    /// Ethos-U55.
    U55,
    /// Ethos-U65.
    U65,
    /// Ethos-U85.
    U85,
}

impl EthosFamily {
    /// Every generation with its name in profiles.
    pub const NAMES: [(&'static str, Self); 3] = [("u55", Self::U55), ("u65", Self::U65), ("u85", Self::U85)];

    /// The numbers of multipliers that exist.
    #[must_use]
    pub const fn macs(self) -> &'static [u32] {
        match self {
            Self::U55 => &[32, 64, 128, 256],
            Self::U65 => &[256, 512],
            Self::U85 => &[128, 256, 512, 1024, 2048],
        }
    }
}

/// A port to a memory, in cycles of the accelerator.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EthosPort {
    /// Bytes a cycle, all ports together.
    pub bytes_per_cycle: Figure,
    /// Cycles from a request to the first byte.
    pub read_latency_cycles: Figure,
    /// Cycles until a byte is written.
    pub write_latency_cycles: Figure,
    /// Bytes of a burst: shorter ones take as long.
    pub burst_bytes: Sourced<u32>,
    /// Reads that one port may have under way.
    pub reads: Sourced<u32>,
    /// Writes that one port may have under way.
    pub writes: Sourced<u32>,
    /// Ports.
    pub ports: Sourced<u32>,
}
