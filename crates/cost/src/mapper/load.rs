//! Loading the first tiles and unloading the last ones.

use super::evaluate::Evaluator;
use super::flow::{Flows, OUTPUT, Shares};
use super::machine::MOST_LEVELS;
use super::order::TiledOrder;
use super::unrolling::Rounding;
use crate::profile::Transfer;

/// Cycles outside the loops, of each operand, level and transfer.
pub type Loads = [[[f64; 4]; MOST_LEVELS]; 3];

impl Evaluator<'_> {
    /// Cycles of each flow outside the loops: of one tile, and less where all of it comes in one tile and the port has
    /// time left during the loops.
    pub(super) fn loads(&self, order: &TiledOrder, it: &Shares, flows: &Flows, stall: u64) -> Loads {
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
                    once[n] = (
                        way.operand,
                        way.level,
                        way.transfer as usize,
                        flow.real as f64,
                        least as f64,
                    );
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
                match (
                    is_shared(level, Transfer::FromHigher),
                    is_shared(level + 1, Transfer::ToLower),
                ) {
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
