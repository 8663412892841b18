//! What moves over which port, how often, and how long it may take.

use super::evaluate::Evaluator;
use super::machine::MOST_LEVELS;
use super::nest::Operand;
use super::order::TiledOrder;
use crate::profile::Transfer;

pub(super) const OUTPUT: usize = Operand::Output.index();

/// Where each operand's share of the loops ends at each of its memory levels; the outermost holds all.
pub type Cuts = [[u8; MOST_LEVELS]; 3];

/// One flow over a port: every `period` cycles, `count` times, it takes `real` cycles and may take `allowed`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flow {
    /// Cycles that it takes.
    pub real: u64,
    /// Cycles that it may take.
    pub allowed: u64,
    /// Cycles from one to the next.
    pub period: u64,
    /// How often.
    pub count: u64,
    /// Bits a cycle that it needs on average.
    pub mean_width: u64,
}

/// Flows of each operand, level and transfer.
pub type Flows = [[[Flow; 4]; MOST_LEVELS]; 3];

/// What follows from an order and cuts before any port is looked at.
pub struct Shares {
    /// Cuts after loops without data of their own have sunk; index 0 is the array.
    pub cuts: [[usize; MOST_LEVELS + 1]; 3],
    /// Cycles that a tile of memory level l − 1 lasts; index 0: that an element stays at the multipliers.
    pub lasts: [[u64; MOST_LEVELS + 1]; 3],
    /// Whether partial sums leave level l − 1 upwards.
    pub partial: [bool; MOST_LEVELS + 1],
    /// Whether level l − 1 fills one tile while another is used.
    pub double: [[bool; MOST_LEVELS + 1]; 3],
}

impl Shares {
    pub fn new() -> Self {
        Self {
            cuts: [[0; MOST_LEVELS + 1]; 3],
            lasts: [[1; MOST_LEVELS + 1]; 3],
            partial: [false; MOST_LEVELS + 1],
            double: [[false; MOST_LEVELS + 1]; 3],
        }
    }
}

impl Evaluator<'_> {
    /// Bits of an element of an operand that leaves level l − 1 upwards.
    pub(super) fn precision(&self, shares: &Shares, operand: usize, level: usize) -> u64 {
        if operand == OUTPUT && shares.partial[level] {
            self.machine.partial_bits
        } else {
            self.machine.bits[operand]
        }
    }

    /// Bits that a memory level needs for an operand's tile: partial sums until the last one is added.
    #[must_use]
    pub fn room(&self, order: &TiledOrder, operand: usize, level: usize, from: usize, cut: usize) -> u64 {
        let lanes = self.unrolling.reduces.iter().skip(level + 1).any(|it| *it);
        let partial = operand == OUTPUT && (lanes || order.reuse[OUTPUT] >> from != 0);
        let bits = if partial {
            self.machine.partial_bits
        } else {
            self.machine.bits[operand]
        };
        order.held[operand][level][cut] * bits
    }

    pub(super) fn shares(&self, order: &TiledOrder, cuts: &Cuts, first: [usize; 3]) -> Shares {
        let mut it = Shares::new();
        for (o, cuts) in cuts.iter().enumerate() {
            self.share(order, o, cuts, &mut it);
        }
        self.decide_double(order, &mut it, first);
        it
    }

    /// One operand's part of it, but for doubling.
    pub(super) fn share(&self, order: &TiledOrder, o: usize, cuts: &[u8; MOST_LEVELS], it: &mut Shares) {
        let levels = self.machine.levels(o);
        if o != OUTPUT {
            it.lasts[o][0] = order.cycles[order.stretched(o, 0)];
        }
        for (level, cut) in cuts.iter().enumerate().take(levels) {
            let cut = if level + 1 == levels {
                order.len
            } else {
                order.stretched(o, usize::from(*cut).max(it.cuts[o][level]))
            };
            it.cuts[o][level + 1] = cut;
            it.lasts[o][level + 1] = order.cycles[cut];
        }
        if o != OUTPUT {
            return;
        }
        let mut summed_above = false;
        for level in (0..=levels).rev() {
            // What is still added up above: loops in time, or lanes that meet between two higher levels.
            let in_time = order.reuse[OUTPUT] >> it.cuts[OUTPUT][level] != 0;
            it.partial[level] = summed_above || in_time;
            summed_above |= self.unrolling.reduces[level];
        }
    }

    /// A tile can be filled behind the one in use where both fit: all operands of a memory use at most half of it, or
    /// this one fits into what is left.
    fn decide_double(&self, order: &TiledOrder, it: &mut Shares, first: [usize; 3]) {
        let mut own = [[0_u64; MOST_LEVELS]; 3];
        // Sixteen memories at most, see the reader.
        let mut used = [0_u64; 16];
        for (o, own) in own.iter_mut().enumerate() {
            for (level, store) in self.machine.path[o].iter().enumerate() {
                let (from, to) = (it.cuts[o][level], it.cuts[o][level + 1]);
                let bits = order.held[o][level][to] * self.precision(it, o, level + 1);
                own[level] = bits / order.run_below(order.distinct[o], from, to);
                used[*store] += own[level];
            }
        }
        for o in first {
            for (level, store) in self.machine.path[o].iter().enumerate() {
                let room = self.machine.stores[*store].bits;
                if 2 * used[*store] <= room {
                    it.double[o][level + 1] = true;
                } else if own[o][level] + used[*store] <= room {
                    it.double[o][level + 1] = true;
                    used[*store] += own[o][level];
                }
            }
        }
    }

    pub(super) fn flows(&self, order: &TiledOrder, it: &Shares) -> Flows {
        let mut flows = Flows::default();
        for operand in Operand::ALL {
            self.flows_of(order, it, operand.index(), &mut flows);
        }
        flows
    }

    /// One operand's flows.
    pub(super) fn flows_of(&self, order: &TiledOrder, it: &Shares, o: usize, flows: &mut Flows) {
        let total = order.total();
        // A border lies below memory `level`: 0 between array and innermost memory.
        for border in 0..self.machine.levels(o) {
            let elements = if border == 0 {
                1
            } else {
                order.moved[o][border - 1][it.cuts[o][border]]
            };
            let bits = elements * self.precision(it, o, border);
            let period = it.lasts[o][border];
            let allowed = if it.double[o][border] || border == 0 {
                period
            } else {
                period / order.run_below(order.reuse[o], it.cuts[o][border - 1], it.cuts[o][border])
            };
            let count = total / period.max(1);
            let flow = |bits: u64, fan: u64, transfer: Transfer, level: usize| {
                let width =
                    self.machine.port_of[o][level][transfer as usize].map(|port| self.machine.ports[port].width);
                Flow {
                    real: width.map_or(0, |width| (bits * fan).div_ceil(width)),
                    allowed,
                    period,
                    count,
                    mean_width: (bits as f64 / period as f64 * fan as f64) as u64,
                }
            };
            let fan = self.unrolling.fan[o][border];
            let mut set = |upper: Transfer, lower: Transfer| {
                flows[o][border][upper as usize] = flow(bits, fan, upper, border);
                if border > 0 {
                    flows[o][border - 1][lower as usize] = flow(bits, 1, lower, border - 1);
                }
            };
            if o != OUTPUT {
                set(Transfer::ToLower, Transfer::FromHigher);
                continue;
            }
            set(Transfer::FromLower, Transfer::ToHigher);
            if it.partial[border] {
                set(Transfer::ToLower, Transfer::FromHigher);
            }
        }
    }
}
