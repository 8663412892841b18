//! What a mapping costs in cycles.

use super::flow::{Cuts, Flow};
use super::machine::Machine;
use super::order::TiledOrder;
use super::stall::port_stall;
use super::unrolling::{Rounding, Unrolling};

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
        if sum > self.busiest_port {
            sum
        } else {
            self.busiest_port
        }
    }
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

impl Evaluator<'_> {
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
}
