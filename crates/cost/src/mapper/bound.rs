use super::evaluate::Evaluator;
use super::load::Loads;
use super::nest::{DIMS, LoopDim, LoopNest, Operand, Relevance};
use crate::profile::Transfer;

/// Cycles and picojoules that no mapping of a nest with one unrolling goes below.
pub struct Bound {
    /// Loading the first tiles, unloading the last one, draining.
    ends: u64,
    /// Of the port that cannot avoid the most work.
    busiest: u64,
    /// Iterations in time without padding.
    loops: u64,
    /// Of multiply-accumulates and of the accesses that every mapping needs.
    picojoules: f64,
}

impl Bound {
    /// The bound of a nest on the evaluator's machine, when so many multiply-accumulates take energy.
    ///
    /// Every element crosses every border between memories at least once, in transfers that round up to whole cycles.
    /// Between the array and the innermost memory, outputs cross in every cycle, and inputs in every cycle but those that
    /// loops without them lie at the very inside of.
    #[must_use]
    pub fn new(evaluator: &Evaluator<'_>, nest: &LoopNest, macs: u64) -> Self {
        let machine = evaluator.machine;
        let unrolling = evaluator.unrolling;
        let loops: u64 = unrolling.temporal.iter().product();
        let mut work = vec![0_u64; machine.ports.len()];
        let mut picojoules = evaluator.of_macs(macs);
        for (port, work) in machine.ports.iter().zip(&mut work) {
            for way in &port.ways {
                let operand = Operand::ALL[way.operand];
                let outermost = way.level + 1 == machine.levels(way.operand);
                let inward = matches!(way.transfer, Transfer::ToLower | Transfer::FromHigher);
                let lower = matches!(way.transfer, Transfer::ToLower | Transfer::FromLower);
                if inward == (operand == Operand::Output) || (outermost && !lower) {
                    continue;
                }
                let bits = match operand {
                    Operand::Output => machine.bits[way.operand].min(machine.partial_bits),
                    _ => machine.bits[way.operand],
                };
                let each = match way.transfer {
                    Transfer::ToHigher | Transfer::ToLower => {
                        machine.stores[machine.path[way.operand][way.level]].read_pj
                    }
                    _ => machine.stores[machine.path[way.operand][way.level]].write_pj,
                };
                let mut access = |bits: u64, times: u64| {
                    let least = bits.div_ceil(port.least) as f64 * (port.least as f64 / port.width as f64);
                    let accesses = least * times as f64 * unrolling.instances[way.operand][way.level];
                    picojoules += accesses.floor() * each;
                };
                *work += if lower && way.level == 0 {
                    let times = loops / reusing_iterations(operand, &unrolling.temporal);
                    access(bits * unrolling.fan_exact[way.operand][0], times);
                    (bits * unrolling.fan[way.operand][0]).div_ceil(port.width) * times
                } else {
                    // One instance sees what its lanes and all iterations make.
                    let lanes = &unrolling.moved[way.operand][way.level + 1];
                    let extent: [f64; DIMS] =
                        std::array::from_fn(|d| (lanes[d] * unrolling.temporal[d] as f64).min(nest.sizes[d] as f64));
                    let bits = nest.elements(operand, &extent).round() as u64 * bits;
                    access(bits, 1);
                    bits.div_ceil(port.width)
                };
            }
        }
        Self {
            ends: ends(evaluator, nest),
            busiest: work.into_iter().max().unwrap_or(0),
            loops,
            picojoules,
        }
    }

    /// The bound of mappings with so many iterations, padding included.
    #[must_use]
    pub fn of(&self, loops: u64) -> u64 {
        (loops + self.ends).max(self.busiest)
    }

    /// The bound of all mappings, in cycles.
    #[must_use]
    pub fn lowest(&self) -> u64 {
        self.of(self.loops)
    }

    /// The bound of all mappings, in picojoules.
    #[must_use]
    pub const fn picojoules(&self) -> f64 {
        self.picojoules
    }
}

/// Iterations in which an operand can stay at the multipliers.
fn reusing_iterations(operand: Operand, temporal: &[u64; DIMS]) -> u64 {
    if operand == Operand::Output {
        return 1;
    }
    let reuses = LoopDim::NAMES
        .iter()
        .filter(|(_, dim)| operand.relevance(*dim) == Relevance::Irrelevant);
    reuses.map(|(_, dim)| temporal[dim.index()]).product()
}

/// One tile of the innermost memory over every border on its way in and out, and the array's draining: no mapping hides
/// more of its loads than that.
fn ends(evaluator: &Evaluator<'_>, nest: &LoopNest) -> u64 {
    let (machine, unrolling) = (evaluator.machine, evaluator.unrolling);
    let mut loads: Loads = Default::default();
    for port in &machine.ports {
        for way in &port.ways {
            let operand = Operand::ALL[way.operand];
            let inward = matches!(way.transfer, Transfer::ToLower | Transfer::FromHigher);
            if inward == (operand == Operand::Output) {
                continue;
            }
            let tile = nest.elements(operand, &unrolling.moved[way.operand][1]).round() as u64;
            let cycles = (tile * machine.bits[way.operand]).div_ceil(port.width);
            loads[way.operand][way.level][way.transfer as usize] = cycles as f64;
        }
    }
    evaluator.onload(&loads) + evaluator.offload(&loads) + unrolling.drain
}
