//! What a mapping costs in cycles.

use super::machine::{MOST_LEVELS, Machine};
use super::nest::Operand;
use super::order::TiledOrder;
use super::unrolling::{Rounding, Unrolling};
use crate::profile::Transfer;

const OUTPUT: usize = Operand::Output.index();

/// Where each operand's share of the loops ends at each of its memory levels; the outermost holds all.
pub type Cuts = [[u8; MOST_LEVELS]; 3];

/// Cycles outside the loops, of each operand, level and transfer.
pub(super) type Loads = [[[f64; 4]; MOST_LEVELS]; 3];

/// Cycles of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cycles {
    /// Of the loops in time, under-used lanes included.
    pub loops: u64,
    /// The array waits for a port.
    pub stall: u64,
    /// Before the first product: the first tiles on their way in.
    pub onload: u64,
    /// After the last product: the last tile on its way out.
    pub offload: u64,
    /// Results rippling out of a systolic array.
    pub drain: u64,
    /// Cycles that the busiest port works. No layer is faster than that.
    pub busiest_port: u64,
}

impl Cycles {
    /// Of the whole layer, as ZigZag adds them up.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.loops + self.stall + self.onload + self.offload + self.drain
    }

    /// Of the whole layer: the sum, and no less than the busiest port works.
    #[must_use]
    pub const fn total(&self) -> u64 {
        let sum = self.sum();
        if sum > self.busiest_port { sum } else { self.busiest_port }
    }
}

/// One flow over a port: every `period` cycles, `count` times, it takes `real` cycles and may take `allowed`.
#[derive(Debug, Clone, Copy, Default)]
struct Flow {
    real: u64,
    allowed: u64,
    period: u64,
    count: u64,
    /// Bits a cycle that it needs in the mean.
    mean_width: u64,
}

/// A mapping as far as flows see it.
pub struct Evaluator<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// The nest on the array.
    pub unrolling: &'a Unrolling,
    /// How data of uneven loops is counted, and with it how strictly.
    pub rounding: Rounding,
}

/// What follows from an order and cuts before any port is looked at.
struct Shares {
    /// Cuts after loops without data of their own have sunk; index 0 is the array.
    cuts: [[usize; MOST_LEVELS + 1]; 3],
    /// Cycles that a tile of memory level l − 1 lasts; index 0: that an element stays at the multipliers.
    lasts: [[u64; MOST_LEVELS + 1]; 3],
    /// Whether partial sums leave level l − 1 upwards.
    partial: [bool; MOST_LEVELS + 1],
    /// Whether level l − 1 fills one tile while another is used.
    double: [[bool; MOST_LEVELS + 1]; 3],
}

impl Evaluator<'_> {
    /// Bits of an element of an operand that leaves level l − 1 upwards.
    fn precision(&self, shares: &Shares, operand: usize, level: usize) -> u64 {
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
        let bits = if partial { self.machine.partial_bits } else { self.machine.bits[operand] };
        order.held[operand][level][cut] * bits
    }

    /// Bits that cross the ports of the operands' outermost memories.
    #[must_use]
    pub fn main_memory_bits(&self, order: &TiledOrder, cuts: &Cuts) -> u64 {
        let shares = self.shares(order, cuts, [OUTPUT, 0, 1]);
        let flows = self.flows(order, &shares);
        let mut sum = 0;
        for (o, flows) in flows.iter().enumerate() {
            let top = self.machine.levels(o).saturating_sub(1);
            for (transfer, flow) in flows[top].iter().enumerate() {
                if let Some(port) = self.machine.port_of[o][top][transfer] {
                    sum += flow.real * flow.count * self.machine.ports[port].width;
                }
            }
        }
        sum
    }

    /// Picojoules of an order with cuts that fit: multiply-accumulates and accesses of memories.
    #[must_use]
    pub fn picojoules(&self, order: &TiledOrder, cuts: &Cuts, macs: u64) -> f64 {
        let shares = self.shares(order, cuts, [OUTPUT, 0, 1]);
        let flows = self.flows(order, &shares);
        let mut sum = self.machine.mac_pj * macs as f64;
        for port in &self.machine.ports {
            for way in &port.ways {
                let (o, level) = (way.operand, way.level);
                let flow = flows[o][level][way.transfer as usize];
                let lower = matches!(way.transfer, Transfer::ToLower | Transfer::FromLower);
                let border = if lower { level } else { level + 1 };
                let elements = match (lower, border) {
                    (true, 0) => self.unrolling.fan_exact[o][0],
                    (true, _) => order.held[o][border - 1][shares.cuts[o][border]] * self.unrolling.fan_exact[o][level],
                    (false, _) => order.held[o][level][shares.cuts[o][border]],
                };
                let bits = elements * self.precision(&shares, o, border);
                let share = port.least as f64 / port.width as f64;
                let accesses = bits.div_ceil(port.least) as f64 * share * flow.count as f64;
                let store = &self.machine.stores[self.machine.path[o][level]];
                let each = match way.transfer {
                    Transfer::ToHigher | Transfer::ToLower => store.read_pj,
                    Transfer::FromHigher | Transfer::FromLower => store.write_pj,
                };
                sum += (accesses * self.unrolling.instances[o][level]).floor() * each;
            }
        }
        sum
    }

    /// Cycles of an order with cuts that fit.
    ///
    /// Where operands share a memory that has no room to double all their tiles, `first` says who is asked first.
    #[must_use]
    pub fn cycles(&self, order: &TiledOrder, cuts: &Cuts, first: [usize; 3]) -> Cycles {
        let shares = self.shares(order, cuts, first);
        let total = order.total();
        let flows = self.flows(order, &shares);
        let mut stall = 0;
        let mut busiest = 0;
        for port in &self.machine.ports {
            let [mut active, mut at] = [[Flow::default(); 12], [Flow::default(); 12]];
            let mut n = 0;
            for way in &port.ways {
                let flow = flows[way.operand][way.level][way.transfer as usize];
                if flow.count > 0 && n < active.len() {
                    active[n] = flow;
                    n += 1;
                }
            }
            let active = &mut active[..n];
            let at = &mut at[..n];
            stall = stall.max(port_stall(active, at, total));
            busiest = busiest.max(active.iter().map(|flow| flow.real * flow.count).sum());
        }
        let loads = self.loads(order, &shares, &flows, stall);
        Cycles {
            loops: total,
            stall,
            onload: self.onload(&loads),
            offload: self.offload(&loads),
            drain: self.unrolling.drain,
            busiest_port: busiest,
        }
    }

    fn shares(&self, order: &TiledOrder, cuts: &Cuts, first: [usize; 3]) -> Shares {
        let mut it = Shares {
            cuts: [[0; MOST_LEVELS + 1]; 3],
            lasts: [[1; MOST_LEVELS + 1]; 3],
            partial: [false; MOST_LEVELS + 1],
            double: [[false; MOST_LEVELS + 1]; 3],
        };
        for o in 0..3 {
            let levels = self.machine.levels(o);
            if o != OUTPUT {
                it.lasts[o][0] = order.cycles[order.stretched(o, 0)];
            }
            for level in 0..levels {
                let cut = if level + 1 == levels {
                    order.len
                } else {
                    order.stretched(o, usize::from(cuts[o][level]).max(it.cuts[o][level]))
                };
                it.cuts[o][level + 1] = cut;
                it.lasts[o][level + 1] = order.cycles[cut];
            }
        }
        let levels = self.machine.levels(OUTPUT);
        let mut summed_above = false;
        for level in (0..=levels).rev() {
            // What is still added up above: loops in time, or lanes that meet between two higher levels.
            let in_time = order.reuse[OUTPUT] >> it.cuts[OUTPUT][level] != 0;
            it.partial[level] = summed_above || in_time;
            summed_above |= self.unrolling.reduces[level];
        }
        self.decide_double(order, &mut it, first);
        it
    }

    /// A tile can be filled behind the one in use where both fit: all operands of a memory use at most half of it, or
    /// this one fits into what is left.
    fn decide_double(&self, order: &TiledOrder, it: &mut Shares, first: [usize; 3]) {
        let mut own = [[0_u64; MOST_LEVELS]; 3];
        // Sixteen memories at most, see the reader.
        let mut used = [0_u64; 16];
        for o in 0..3 {
            for (level, store) in self.machine.path[o].iter().enumerate() {
                let (from, to) = (it.cuts[o][level], it.cuts[o][level + 1]);
                let bits = order.held[o][level][to] * self.precision(it, o, level + 1);
                own[o][level] = bits / order.run_below(order.distinct[o], from, to);
                used[*store] += own[o][level];
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

    fn flows(&self, order: &TiledOrder, it: &Shares) -> [[[Flow; 4]; MOST_LEVELS]; 3] {
        let mut flows = [[[Flow::default(); 4]; MOST_LEVELS]; 3];
        let total = order.total();
        for o in 0..3 {
            let levels = self.machine.levels(o);
            // A border lies below memory `level`: 0 between array and innermost memory.
            for border in 0..levels {
                let elements = if border == 0 { 1 } else { order.moved[o][border - 1][it.cuts[o][border]] };
                let bits = elements * self.precision(it, o, border);
                let period = it.lasts[o][border];
                let allowed = if it.double[o][border] || border == 0 {
                    period
                } else {
                    period / order.run_below(order.reuse[o], it.cuts[o][border - 1], it.cuts[o][border])
                };
                let count = total / period.max(1);
                let flow = |bits: u64, fan: u64, transfer: Transfer, level: usize| {
                    let width = self.machine.port_of[o][level][transfer as usize].map(|port| self.machine.ports[port].width);
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
        flows
    }

    /// Cycles of each flow outside the loops: of one tile, and less where all of it comes in one tile and the port has
    /// time left during the loops.
    fn loads(
        &self,
        order: &TiledOrder,
        it: &Shares,
        flows: &[[[Flow; 4]; MOST_LEVELS]; 3],
        stall: u64,
    ) -> Loads {
        let mut loads: Loads = Default::default();
        let total = match self.rounding {
            Rounding::Down => order.total() + stall,
            // While the array waits for a port, that port has no time left.
            Rounding::Up => order.total(),
        };
        for port in &self.machine.ports {
            let mut needed = 0;
            // Of flows that come once: operand, level, transfer, cycles, cycles that cannot be hidden.
            let mut once = [(0, 0, 0, 0.0_f64, 0.0_f64); 12];
            let mut n = 0;
            for way in &port.ways {
                let inward = matches!(way.transfer, Transfer::ToLower | Transfer::FromHigher);
                let flow = flows[way.operand][way.level][way.transfer as usize];
                if flow.count == 0 {
                    continue;
                }
                if way.operand == OUTPUT && inward {
                    // Partial sums on their way back are no load; ZigZag forgets that they keep the port busy.
                    if self.rounding == Rounding::Up {
                        needed += flow.mean_width;
                    }
                    continue;
                }
                if flow.count > 1 {
                    needed += flow.mean_width;
                    loads[way.operand][way.level][way.transfer as usize] = flow.real as f64;
                } else if n < once.len() {
                    let tile = order.moved[way.operand][0][it.cuts[way.operand][1]];
                    let least = (tile * self.precision(it, way.operand, 1)).div_ceil(port.width);
                    once[n] = (way.operand, way.level, way.transfer as usize, flow.real as f64, least as f64);
                    n += 1;
                }
            }
            let once = &mut once[..n];
            let free = (port.width as f64 - needed as f64) / port.width as f64;
            let mut left = (free * total as f64).max(0.0);
            // The longest first, as they come where two are equal.
            once.sort_by(|a, b| b.3.total_cmp(&a.3));
            for (operand, level, transfer, cycles, least) in once.iter() {
                let hidden = (cycles - least).max(0.0).min(left);
                left -= hidden;
                loads[*operand][*level][*transfer] = cycles - hidden;
            }
        }
        loads
    }

    /// Weights and inputs come at once where they have ports of their own and one after the other where they share one.
    pub(super) fn onload(&self, loads: &Loads) -> u64 {
        let mut shared = [0.0_f64; 2];
        let mut own = [0.0_f64; 2];
        for o in 0..2 {
            let mut half = 0.0;
            for level in 0..self.machine.levels(o).saturating_sub(1) {
                let write = loads[o][level][Transfer::FromHigher as usize];
                let read = loads[o][level + 1][Transfer::ToLower as usize];
                let is_shared = |level: usize, transfer: Transfer| {
                    self.machine.port_of[o][level][transfer as usize]
                        .is_some_and(|port| self.machine.ports[port].shared_by_inputs)
                };
                let longest = write.max(read);
                match (is_shared(level, Transfer::FromHigher), is_shared(level + 1, Transfer::ToLower)) {
                    (true, true) => shared[o] += longest,
                    (false, false) => own[o] += longest,
                    _ => match self.rounding {
                        Rounding::Down => half = longest,
                        // ZigZag keeps only the outermost of several; there is one in its machines.
                        Rounding::Up => half += longest,
                    },
                }
            }
            own[o] += half;
        }
        let after = |a: usize, b: usize| shared[a] + (shared[b] + own[b]).max(own[a]);
        after(0, 1).min(after(1, 0)).ceil() as u64
    }

    pub(super) fn offload(&self, loads: &Loads) -> u64 {
        let levels = self.machine.levels(OUTPUT).saturating_sub(1);
        (0..levels)
            .map(|level| {
                let read = loads[OUTPUT][level][Transfer::ToHigher as usize];
                read.max(loads[OUTPUT][level + 1][Transfer::FromLower as usize])
            })
            .sum::<f64>()
            .ceil() as u64
    }
}

/// Cycles that the array waits for a port.
///
/// A flow that takes longer than it may stalls by the difference each time but the first. On a shared port all flows
/// together also need as much time as they have: the union of their windows.
fn port_stall(flows: &mut [Flow], sorted: &mut [Flow], total: u64) -> u64 {
    let late = |flow: &Flow| flow.real.saturating_sub(flow.allowed) * (flow.count - 1);
    let alone: u64 = flows.iter().map(late).sum();
    if flows.len() < 2 {
        return alone;
    }
    let work: u64 = flows.iter().map(|flow| flow.real * (flow.count - 1)).sum();
    if work <= alone {
        return alone;
    }
    let window = if flows.iter().any(|flow| flow.period == flow.allowed) {
        total
    } else {
        sorted.copy_from_slice(flows);
        sorted.sort_unstable_by_key(|flow| flow.period);
        match sorted.last() {
            Some(longest) => covered(sorted, longest.period) * longest.count,
            None => 0,
        }
    };
    alone.max(work.saturating_sub(window))
}

/// Cycles among the first `cycles` in which at least one flow may move, flows sorted by period.
///
/// Periods of one order divide each other, and each window opens with its period.
fn covered(flows: &[Flow], cycles: u64) -> u64 {
    let Some((longest, shorter)) = flows.split_last() else { return 0 };
    let within = |part: u64| {
        if part <= longest.allowed {
            part
        } else {
            longest.allowed + covered(shorter, part) - covered(shorter, longest.allowed)
        }
    };
    let period = longest.period.max(1);
    let rest = cycles % period;
    let whole = cycles / period;
    (if whole > 0 { whole * within(period) } else { 0 }) + within(rest)
}
