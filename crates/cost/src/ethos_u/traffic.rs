//! What a job reads and writes.

use super::block::LARGEST_WINDOW;
use super::cycles::{Operand, Run};
use super::extent::ceil;
use super::job::Work;

/// Elements of a job's operands that cross a memory's port, each as often as it does.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Elements {
    pub input: i64,
    pub second: i64,
    pub output: i64,
    /// How often the weights are read.
    pub weight_passes: i64,
}

impl Run<'_> {
    /// Elements that a run reads and writes.
    pub(super) fn elements(&self) -> Elements {
        let output = self.output.tensor.stored(self.output.extent).volume();
        if self.job.work.is_elementwise() {
            return self.elementwise_elements(output);
        }
        let block = self.output.extent.within(self.block.output);
        let read = self.input.extent.within(self.block.input);
        let blocks = self.output.extent.covered_by(block);
        let depths = if self.job.work == Work::Convolution {
            blocks.depth
        } else {
            1
        };
        let depth = self.input.tensor.stored(self.input.extent).depth;
        Elements {
            input: read.area() * depth * windows_of(self.job.kernel) * blocks.area() * depths,
            second: 0,
            output,
            weight_passes: blocks.area(),
        }
    }

    fn elementwise_elements(&self, output: i64) -> Elements {
        let single = |operand: Operand<'_>| operand.extent.volume() == 1;
        // Of a tensor that is spread over positions, each result reads its own; the larger members read it once.
        let of = |operand: Operand<'_>, other: Option<Operand<'_>>| {
            if single(operand) && (operand.tensor.element == 1 || other.is_none()) {
                0
            } else if single(operand) || self.machine.is_u85() {
                self.input.tensor.stored(operand.extent).volume()
            } else {
                self.input.tensor.stored(self.output.extent).volume()
            }
        };
        Elements {
            input: of(self.input, self.second),
            second: self.second.map_or(0, |second| of(second, Some(self.input))),
            output,
            weight_passes: 0,
        }
    }

    /// The same in bytes of the memories' time.
    pub(super) fn occupied_by(&self, elements: &Elements) -> Elements {
        let bytes = |operand: Operand<'_>, read: bool, elements: i64| {
            self.occupied(operand, read, elements * operand.tensor.element)
        };
        Elements {
            input: bytes(self.input, true, elements.input),
            second: self.second.map_or(0, |second| bytes(second, true, elements.second)),
            output: bytes(self.output, false, elements.output),
            weight_passes: elements.weight_passes,
        }
    }
}

fn windows_of(kernel: [i64; 2]) -> i64 {
    kernel.map(|side| ceil(side, LARGEST_WINDOW)).iter().product()
}
