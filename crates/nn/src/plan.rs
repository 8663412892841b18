//! What is worked out once for a network: which nodes run together, the geometry of each, and where everything lies in
//! memory.

mod convolution;
mod gather;
mod group;
mod memory;
mod window;

pub(crate) use convolution::{Convolution, Form};
pub(crate) use gather::{Bilinear, Gather};
pub(crate) use group::{Group, Norm, Scaling, Source, groups};
pub(crate) use memory::{EvaluationMemory, ExpansionMemory, GroupMemory, TrainingMemory, block_rows, head};
pub(crate) use window::Window;

/// Floats are laid out in whole cache lines.
pub(crate) const LINE: usize = 16;

/// A number of floats rounded up to whole cache lines.
pub(crate) const fn lines(floats: usize) -> usize {
    floats.next_multiple_of(LINE)
}
