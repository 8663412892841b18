use panarch_graph::Cycles;
use serde::Serialize;

/// A part of the machine that does one thing at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The matrix unit.
    Matrix,
    /// The vector unit.
    Vector,
    /// The port of the on-chip memory.
    OnChip,
    /// The way to main memory.
    OffChip,
    /// The way of streamed weights, where it is not the main memory's.
    Weights,
    /// The link to the host, where there is one.
    Host,
}

impl Unit {
    /// Every part, in the order in which traces show them.
    pub const ALL: [Self; 6] = [
        Self::Matrix,
        Self::Vector,
        Self::OnChip,
        Self::OffChip,
        Self::Weights,
        Self::Host,
    ];

    /// Its name in traces.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Matrix => "matrix unit",
            Self::Vector => "vector unit",
            Self::OnChip => "on-chip memory",
            Self::OffChip => "main memory",
            Self::Weights => "weight stream",
            Self::Host => "host link",
        }
    }
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Fetching a block of weights.
    FetchWeights,
    /// Loading spilled activations, or the image.
    Load,
    /// Feeding the units from on-chip memory.
    Feed,
    /// Working.
    Work,
    /// Writing results to on-chip memory.
    Drain,
    /// Storing spilled activations, or the result.
    Store,
}

/// Something that a part of the machine does for a tile, or for a block of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Job {
    /// Who does it.
    pub unit: Unit,
    /// What it is.
    pub task: Task,
    /// Position of the layer, as in [`crate::Cost::per_layer`].
    pub layer: usize,
    /// Number of the tile in the layer, or of the block for weights.
    pub tile: u32,
    /// Cycle in which it begins, counted from the start of the first layer.
    pub start: Cycles,
    /// Cycles that it takes.
    pub cycles: Cycles,
}
