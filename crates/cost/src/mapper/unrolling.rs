use super::machine::{MOST_LEVELS, Machine};
use super::nest::{DIMS, LoopNest, Operand, Relevance};
use crate::mapper::LoopDim;

/// How much data a tile is taken to have where a loop does not fill its array dimension evenly.
///
/// 14 columns over 4 lanes take 4 steps of 3.5 columns on average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// 3 columns a step, and 12 of the 14 in the end: what ZigZag 3.9.1 moves. Only for comparing with it.
    Down,
    /// 4 columns a step, and never more than 14: every element moves.
    Up,
}

/// A nest laid over the array: what each array dimension unrolls, and what is left to run in time.
#[derive(Debug, Clone)]
pub struct Unrolling {
    /// Iterations left in time for each dimension, rounded up.
    pub temporal: [u64; DIMS],
    /// Cycles from the last product to the last result of a systolic array.
    pub drain: u64,
    /// Extents side by side in one instance of memory level l − 1, for transfers; index 0 is one multiplier.
    pub moved: [[[f64; DIMS]; MOST_LEVELS + 1]; 3],
    /// The same on average, for energy and room.
    pub exact: [[[f64; DIMS]; MOST_LEVELS + 1]; 3],
    /// Distinct elements that level l feeds below for each one that the level below holds, for transfers.
    pub fan: [[u64; MOST_LEVELS]; 3],
    /// The same on average.
    pub fan_exact: [[u64; MOST_LEVELS]; 3],
    /// Instances of memory level l, on average.
    pub instances: [[f64; MOST_LEVELS]; 3],
    /// Whether instances are rounded to whole ones, as ZigZag does.
    whole_instances: bool,
    /// Whether partial sums meet between level l and the level below it.
    pub reduces: [bool; MOST_LEVELS + 1],
}

impl Unrolling {
    /// Lays a nest over a machine's array.
    #[must_use]
    pub fn new(machine: &Machine, nest: &LoopNest, rounding: Rounding) -> Self {
        let mut it = Self {
            temporal: nest.sizes,
            drain: 0,
            moved: [[[1.0; DIMS]; MOST_LEVELS + 1]; 3],
            exact: [[[1.0; DIMS]; MOST_LEVELS + 1]; 3],
            fan: [[1; MOST_LEVELS]; 3],
            fan_exact: [[1; MOST_LEVELS]; 3],
            instances: [[1.0; MOST_LEVELS]; 3],
            whole_instances: rounding == Rounding::Down,
            reduces: [false; MOST_LEVELS + 1],
        };
        // Of each array dimension: the loop, lanes for transfers, lanes on average.
        let mut lanes: Vec<(LoopDim, f64, f64)> = Vec::with_capacity(machine.array.len());
        for (size, dim, systolic) in &machine.array {
            let iterations = nest.sizes[dim.index()];
            let steps = iterations.div_ceil(*size.min(&iterations).max(&1));
            let mean = iterations as f64 / steps as f64;
            let whole = match rounding {
                Rounding::Down => mean.floor(),
                Rounding::Up => mean.ceil(),
            };
            it.temporal[dim.index()] = steps;
            if *systolic {
                it.drain += size.min(&iterations).saturating_sub(1);
            }
            lanes.push((*dim, whole, mean));
        }
        for operand in Operand::ALL {
            it.lay(machine, nest, operand, &lanes);
        }
        it
    }

    fn lay(&mut self, machine: &Machine, nest: &LoopNest, operand: Operand, lanes: &[(LoopDim, f64, f64)]) {
        let o = operand.index();
        let mut inside = vec![false; lanes.len()];
        for (level, store) in machine.path[o].iter().enumerate() {
            let (mut moved, mut exact) = (self.moved[o][level], self.exact[o][level]);
            for served in &machine.stores[*store].serves {
                if let (Some(done), Some((dim, whole, mean))) = (inside.get_mut(*served), lanes.get(*served))
                    && !*done
                {
                    *done = true;
                    moved[dim.index()] *= whole;
                    exact[dim.index()] *= mean;
                    let reduction = operand == Operand::Output && operand.relevance(*dim) == Relevance::Irrelevant;
                    self.reduces[level] |= reduction && *whole > 1.0;
                }
            }
            self.moved[o][level + 1] = moved;
            self.exact[o][level + 1] = exact;
            let ratio = |above: &[f64; DIMS], below: &[f64; DIMS]| {
                (nest.elements(operand, above) / nest.elements(operand, below))
                    .round_ties_even()
                    .max(1.0) as u64
            };
            self.fan[o][level] = ratio(&moved, &self.moved[o][level]);
            self.fan_exact[o][level] = ratio(&exact, &self.exact[o][level]);
            let outside = lanes.iter().zip(&inside).filter(|(_, done)| !**done);
            self.instances[o][level] = outside.map(|((_, _, mean), _)| *mean).product();
            if self.whole_instances {
                self.instances[o][level] = self.instances[o][level].round_ties_even();
            }
        }
        // What no memory serves lies beyond the outermost one.
        let top = machine.levels(o);
        if operand == Operand::Output {
            let mut beyond = lanes.iter().zip(&inside).filter(|(_, done)| !**done);
            self.reduces[top] |=
                beyond.any(|((dim, whole, _), _)| operand.relevance(*dim) == Relevance::Irrelevant && *whole > 1.0);
        }
    }
}
