//! What a mapping costs in energy and traffic: accesses of memories.

use super::evaluate::Evaluator;
use super::flow::{Cuts, OUTPUT};
use super::order::TiledOrder;
use crate::profile::Transfer;

impl Evaluator<'_> {
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
                    let bits = flow
                        .real
                        .saturating_mul(flow.count)
                        .saturating_mul(self.machine.ports[port].width);
                    sum = u64::saturating_add(sum, bits);
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
}
