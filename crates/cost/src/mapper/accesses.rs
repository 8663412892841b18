//! What a mapping costs in energy and traffic: accesses of memories.
//!
//! Every operand's accesses depend on its own cuts alone, so that energies of a mapping's three operands add up.

use super::evaluate::Evaluator;
use super::flow::{Cuts, Flows, OUTPUT, Shares};
use super::machine::MOST_LEVELS;
use super::nest::Operand;
use super::order::TiledOrder;
use crate::profile::Transfer;

/// What one memory, all its instances together, does for a layer.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StoreTraffic {
    /// Bits read, in accesses as wide as a port or a share of it.
    pub read_bits: f64,
    /// Bits written.
    pub written_bits: f64,
    /// Picojoules of both.
    pub picojoules: f64,
}

impl Evaluator<'_> {
    /// What every memory of the machine does in an order with cuts that fit.
    #[must_use]
    pub fn stores(&self, order: &TiledOrder, cuts: &Cuts) -> Vec<StoreTraffic> {
        let shares = self.shares(order, cuts, [OUTPUT, 0, 1]);
        let flows = self.flows(order, &shares);
        let mut stores = vec![StoreTraffic::default(); self.machine.stores.len()];
        for operand in Operand::ALL {
            self.accesses(
                order,
                &shares,
                &flows,
                operand.index(),
                &mut |store, transfer, bits, pj| {
                    let Some(traffic) = stores.get_mut(store) else { return };
                    match transfer {
                        Transfer::ToHigher | Transfer::ToLower => traffic.read_bits += bits,
                        Transfer::FromHigher | Transfer::FromLower => traffic.written_bits += bits,
                    }
                    traffic.picojoules += pj;
                },
            );
        }
        stores
    }

    /// Picojoules of an order with cuts that fit: multiply-accumulates and accesses of memories.
    #[must_use]
    pub fn picojoules(&self, order: &TiledOrder, cuts: &Cuts, macs: u64) -> f64 {
        let mut ports = vec![0; self.machine.ports.len()];
        let of = Operand::ALL.map(|operand| {
            let o = operand.index();
            self.alone(order, o, &cuts[o], &mut ports)
        });
        self.of_macs(macs) + of.iter().sum::<f64>()
    }

    /// Picojoules of multiply-accumulates.
    pub(super) fn of_macs(&self, macs: u64) -> f64 {
        self.machine.mac_pj * macs as f64
    }

    /// What one operand costs, wherever the others are cut: its picojoules, and its cycles on each port added to `ports`.
    pub(super) fn alone(&self, order: &TiledOrder, o: usize, cuts: &[u8; MOST_LEVELS], ports: &mut [u64]) -> f64 {
        let mut shares = Shares::new();
        self.share(order, o, cuts, &mut shares);
        let mut flows = Flows::default();
        self.flows_of(order, &shares, o, &mut flows);
        for (port, work) in self.machine.ports.iter().zip(ports) {
            for way in port.ways.iter().filter(|way| way.operand == o) {
                let flow = flows[o][way.level][way.transfer as usize];
                *work += flow.real * flow.count;
            }
        }
        let mut picojoules = 0.0;
        self.accesses(order, &shares, &flows, o, &mut |_, _, _, pj| picojoules += pj);
        picojoules
    }

    /// Calls `visit` for every way of an operand with the memory, the direction, the bits and their picojoules.
    fn accesses(
        &self,
        order: &TiledOrder,
        shares: &Shares,
        flows: &Flows,
        o: usize,
        visit: &mut dyn FnMut(usize, Transfer, f64, f64),
    ) {
        for port in &self.machine.ports {
            for way in port.ways.iter().filter(|way| way.operand == o) {
                let level = way.level;
                let flow = flows[o][level][way.transfer as usize];
                let lower = matches!(way.transfer, Transfer::ToLower | Transfer::FromLower);
                let border = if lower { level } else { level + 1 };
                let elements = match (lower, border) {
                    (true, 0) => self.unrolling.fan_exact[o][0],
                    (true, _) => order.held[o][border - 1][shares.cuts[o][border]] * self.unrolling.fan_exact[o][level],
                    (false, _) => order.held[o][level][shares.cuts[o][border]],
                };
                let bits = elements * self.precision(shares, o, border);
                let share = port.least as f64 / port.width as f64;
                let accesses = bits.div_ceil(port.least) as f64 * share * flow.count as f64;
                let store = self.machine.path[o][level];
                let each = match way.transfer {
                    Transfer::ToHigher | Transfer::ToLower => self.machine.stores[store].read_pj,
                    Transfer::FromHigher | Transfer::FromLower => self.machine.stores[store].write_pj,
                };
                let accesses = (accesses * self.unrolling.instances[o][level]).floor();
                visit(store, way.transfer, accesses * port.width as f64, accesses * each);
            }
        }
    }
}
