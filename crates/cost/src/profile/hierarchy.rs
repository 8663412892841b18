use serde::Serialize;

use super::{Figure, ModelError, Sourced, Support};
use crate::mapper::{LoopDim, Objective, Operand};

/// A machine described as a spatial array and a memory hierarchy for each operand, for the mapper to map layers onto.
///
/// The description of ZigZag (Mei et al. 2021) and Timeloop (Parashar et al. 2019): what the hardware is, not how a layer
/// runs on it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hierarchy {
    /// Clock of array and memories, in hertz.
    pub clock_hz: Figure,
    /// The array's dimensions, each with the loop that it unrolls.
    pub array: Vec<ArrayDimension>,
    /// Energy of one multiply-accumulate, in picojoules.
    pub mac_pj: Figure,
    /// Bits of a sum that is not finished.
    pub partial_sum_bits: Sourced<u32>,
    /// Memories, from the array outwards; the last one of each operand holds whole tensors.
    pub memories: Vec<HierarchyMemory>,
    /// What mappings are chosen for; cycles where it is not said.
    pub objective: Objective,
    /// How far the model is off.
    pub error: ModelError,
    /// What the machine can run.
    pub support: Support,
}

/// One dimension of the array.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArrayDimension {
    /// Name, by which memories say what they serve.
    pub name: String,
    /// Multipliers along it.
    pub size: Sourced<u32>,
    /// The loop whose iterations are laid out along it.
    pub unrolls: Sourced<LoopDim>,
    /// Whether results pass from one unit to the next, so that the last one leaves size − 1 cycles later.
    pub systolic: Sourced<bool>,
}

/// One memory, repeated along the array dimensions that it does not serve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HierarchyMemory {
    /// Name, for people.
    pub name: String,
    /// The operands that live there.
    pub operands: Sourced<Vec<Operand>>,
    /// Size of one instance, in bits.
    pub bits: Figure,
    /// Energy of reading a port's full width, in picojoules.
    pub read_pj: Figure,
    /// Energy of writing a port's full width, in picojoules.
    pub write_pj: Figure,
    /// Array dimensions that one instance serves, as positions in [`Hierarchy::array`].
    pub serves: Sourced<Vec<usize>>,
    /// Its ports, which all work in parallel.
    pub ports: Vec<MemoryPort>,
}

/// A physical port; what passes over it takes turns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryPort {
    /// Bits a cycle.
    pub bits_per_cycle: Sourced<u32>,
    /// The smallest access, in bits, of which a full width costs the energy above.
    pub least_bits: Sourced<u32>,
    /// Which operands in which directions.
    pub carries: Sourced<Vec<(Operand, Transfer)>>,
}

/// A direction of movement at a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transfer {
    /// Written from the memory above, further from the array.
    FromHigher,
    /// Read for the memory above.
    ToHigher,
    /// Written from below: results.
    FromLower,
    /// Read for the level below or the array.
    ToLower,
}

impl Transfer {
    /// Every direction with its name in profiles.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("from_higher", Self::FromHigher),
        ("to_higher", Self::ToHigher),
        ("from_lower", Self::FromLower),
        ("to_lower", Self::ToLower),
    ];
}
