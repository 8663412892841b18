use super::nest::{LoopDim, Operand};
use crate::profile::{Hierarchy, Transfer};

/// Levels of memory that an operand may pass.
pub const MOST_LEVELS: usize = 6;

/// One way of an operand over a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// The operand.
    pub operand: usize,
    /// Its memory level, 0 nearest the array.
    pub level: usize,
    /// The direction.
    pub transfer: Transfer,
}

/// A physical port.
#[derive(Debug, Clone)]
pub struct Port {
    /// Bits a cycle.
    pub width: u64,
    /// Smallest access, in bits; counts for energy.
    pub least: u64,
    /// What passes over it.
    pub ways: Vec<Way>,
    /// Whether weights and inputs both pass over it.
    pub shared_by_inputs: bool,
}

/// One memory.
#[derive(Debug, Clone)]
pub struct Store {
    /// Size in bits.
    pub bits: u64,
    /// Picojoules of an access of a port's width.
    pub read_pj: f64,
    /// Picojoules of an access of a port's width.
    pub write_pj: f64,
    /// The operands that live there, with their levels.
    pub holds: Vec<(usize, usize)>,
    /// Array dimensions that one instance serves.
    pub serves: Vec<usize>,
}

/// A hierarchy profile in plain numbers, indexed for the evaluator.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Array dimensions: size, loop, whether results ripple along it.
    pub array: Vec<(u64, LoopDim, bool)>,
    /// Memories, from the array outwards.
    pub stores: Vec<Store>,
    /// Ports of all memories.
    pub ports: Vec<Port>,
    /// Store of each operand's levels, by [`Operand::index`].
    pub path: [Vec<usize>; 3],
    /// Port of each operand, level and transfer.
    pub port_of: [[[Option<usize>; 4]; MOST_LEVELS]; 3],
    /// Bits of a weight, an input, a finished output.
    pub bits: [u64; 3],
    /// Bits of a partial sum.
    pub partial_bits: u64,
    /// Picojoules of one multiply-accumulate.
    pub mac_pj: f64,
}

impl Machine {
    /// The plain numbers of a profile that reading has checked.
    #[must_use]
    pub fn new(hierarchy: &Hierarchy, value_bits: u64) -> Self {
        let array: Vec<_> = hierarchy
            .array
            .iter()
            .map(|it| (u64::from(it.size.value), it.unrolls.value, it.systolic.value))
            .collect();
        let mut machine = Self {
            stores: Vec::new(),
            ports: Vec::new(),
            path: Default::default(),
            port_of: [[[None; 4]; MOST_LEVELS]; 3],
            bits: [value_bits; 3],
            partial_bits: u64::from(hierarchy.partial_sum_bits.value),
            mac_pj: hierarchy.mac_pj.value,
            array,
        };
        for memory in &hierarchy.memories {
            let index = machine.stores.len();
            let mut holds = Vec::new();
            for operand in &memory.operands.value {
                let path = &mut machine.path[operand.index()];
                if path.len() < MOST_LEVELS {
                    holds.push((operand.index(), path.len()));
                    path.push(index);
                }
            }
            for port in &memory.ports {
                machine.add_port(port, &holds);
            }
            machine.stores.push(Store {
                bits: memory.bits.value as u64,
                read_pj: memory.read_pj.value,
                write_pj: memory.write_pj.value,
                holds,
                serves: memory.serves.value.clone(),
            });
        }
        machine
    }

    fn add_port(&mut self, port: &crate::profile::MemoryPort, holds: &[(usize, usize)]) {
        let index = self.ports.len();
        let mut ways = Vec::new();
        for (operand, transfer) in &port.carries.value {
            let operand = operand.index();
            if let Some((_, level)) = holds.iter().find(|(held, _)| *held == operand) {
                ways.push(Way {
                    operand,
                    level: *level,
                    transfer: *transfer,
                });
                self.port_of[operand][*level][*transfer as usize] = Some(index);
            }
        }
        let carries = |operand: Operand| ways.iter().any(|way| way.operand == operand.index());
        self.ports.push(Port {
            width: u64::from(port.bits_per_cycle.value),
            least: u64::from(port.least_bits.value),
            shared_by_inputs: carries(Operand::Weight) && carries(Operand::Input),
            ways,
        });
    }

    /// Levels of an operand.
    #[must_use]
    pub fn levels(&self, operand: usize) -> usize {
        self.path[operand].len()
    }

    /// Multipliers of the array.
    #[must_use]
    pub fn multipliers(&self) -> u64 {
        self.array
            .iter()
            .fold(1, |product: u64, (size, ..)| product.saturating_mul(*size))
    }
}
