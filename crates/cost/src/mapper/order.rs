use super::machine::{MOST_LEVELS, Machine};
use super::nest::{DIMS, LoopDim, LoopNest, Operand, Relevance};
use super::unrolling::Unrolling;

/// Loops of an order.
pub const MOST_LOOPS: usize = 24;

/// A loop in time: dimension and iterations.
pub type Loop = (LoopDim, u64);

/// An order of loops with everything that depends on where a memory's share of it ends: cycles and tiles.
///
/// A *cut* is a number of loops, counted from the innermost: a memory holds what the loops below its cut touch.
#[derive(Debug, Clone)]
pub struct TiledOrder {
    /// Number of loops.
    pub len: usize,
    /// Iterations of each loop.
    pub sizes: [u64; MOST_LOOPS],
    /// Cycles of the loops below each cut.
    pub cycles: [u64; MOST_LOOPS + 1],
    /// Loops that an operand does not depend on, one bit a loop.
    pub reuse: [u32; 3],
    /// Loops that an operand fully depends on.
    pub distinct: [u32; 3],
    /// Elements in one instance of a memory level at each cut, for transfers.
    pub moved: [[[u64; MOST_LOOPS + 1]; MOST_LEVELS]; 3],
    /// The same on average, for room.
    pub held: [[[u64; MOST_LOOPS + 1]; MOST_LEVELS]; 3],
}

impl TiledOrder {
    /// Nothing yet; filled by [`Self::fill`], so that one allocation serves all orders of a search.
    #[must_use]
    pub fn empty() -> Box<Self> {
        Box::new(Self {
            len: 0,
            sizes: [1; MOST_LOOPS],
            cycles: [1; MOST_LOOPS + 1],
            reuse: [0; 3],
            distinct: [0; 3],
            moved: [[[0; MOST_LOOPS + 1]; MOST_LEVELS]; 3],
            held: [[[0; MOST_LOOPS + 1]; MOST_LEVELS]; 3],
        })
    }

    /// Takes an order, innermost loop first; false when it has more loops than fit.
    pub fn fill(&mut self, machine: &Machine, nest: &LoopNest, unrolling: &Unrolling, order: &[Loop]) -> bool {
        if order.len() > MOST_LOOPS {
            return false;
        }
        self.len = order.len();
        self.reuse = [0; 3];
        self.distinct = [0; 3];
        let mut tile = [1_u64; DIMS];
        let mut cycles = 1_u64;
        for cut in 0..=order.len() {
            self.cycles[cut] = cycles;
            for operand in Operand::ALL {
                let o = operand.index();
                for level in 0..machine.levels(o) {
                    let size = |lanes: &[f64; DIMS]| {
                        // A padded loop runs past the end, where there is no data.
                        let extent = std::array::from_fn(|d| (lanes[d] * tile[d] as f64).min(nest.sizes[d] as f64));
                        nest.elements(operand, &extent).round_ties_even() as u64
                    };
                    let moved = size(&unrolling.moved[o][level + 1]);
                    self.moved[o][level][cut] = moved;
                    self.held[o][level][cut] = if unrolling.moved[o][level + 1] == unrolling.exact[o][level + 1] {
                        moved
                    } else {
                        moved.max(size(&unrolling.exact[o][level + 1]))
                    };
                }
            }
            let Some((dim, size)) = order.get(cut) else { break };
            self.sizes[cut] = *size;
            tile[dim.index()] = tile[dim.index()].saturating_mul(*size);
            cycles = cycles.saturating_mul(*size);
            for operand in Operand::ALL {
                match operand.relevance(*dim) {
                    Relevance::Irrelevant => self.reuse[operand.index()] |= 1 << cut,
                    Relevance::Relevant => self.distinct[operand.index()] |= 1 << cut,
                    Relevance::Partial => {}
                }
            }
        }
        true
    }

    /// Cycles of all loops.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.cycles[self.len]
    }

    /// The cut moved outwards over loops that the operand does not depend on: they cost no room.
    #[must_use]
    pub const fn stretched(&self, operand: usize, cut: usize) -> usize {
        let mut cut = cut;
        while cut < self.len && self.reuse[operand] >> cut & 1 == 1 {
            cut += 1;
        }
        cut
    }

    /// Iterations of the loops directly below `cut` and not below `from` that are in `mask`.
    #[must_use]
    pub const fn run_below(&self, mask: u32, from: usize, cut: usize) -> u64 {
        let mut product = 1;
        let mut at = cut;
        while at > from && mask >> (at - 1) & 1 == 1 {
            at -= 1;
            product *= self.sizes[at];
        }
        product
    }
}
