use super::evaluate::Evaluator;
use super::load::Loads;
use super::nest::{DIMS, LoopDim, LoopNest, Operand, Relevance};
use crate::profile::Transfer;

/// Cycles that no mapping of a nest with one unrolling goes below.
pub struct Bound {
    /// Loading the first tiles, unloading the last one, draining.
    ends: u64,
    /// Of the port that cannot avoid the most work.
    busiest: u64,
    /// Iterations in time without padding.
    loops: u64,
}

impl Bound {
    /// The bound of a nest on the evaluator's machine.
    ///
    /// Every element crosses every border between memories at least once, in transfers that round up to whole cycles.
    /// Between the array and the innermost memory, outputs cross in every cycle, and inputs in every cycle but those that
    /// loops without them lie at the very inside of.
    #[must_use]
    pub fn new(evaluator: &Evaluator<'_>, nest: &LoopNest) -> Self {
        let machine = evaluator.machine;
        let unrolling = evaluator.unrolling;
        let loops: u64 = unrolling.temporal.iter().product();
        let mut work = vec![0_u64; machine.ports.len()];
        for (port, work) in machine.ports.iter().zip(&mut work) {
            for way in &port.ways {
                let operand = Operand::ALL[way.operand];
                let outermost = way.level + 1 == machine.levels(way.operand);
                let inward = matches!(way.transfer, Transfer::ToLower | Transfer::FromHigher);
                let lower = matches!(way.transfer, Transfer::ToLower | Transfer::FromLower);
                if inward == (operand == Operand::Output) || (outermost && !lower) {
                    continue;
                }
                let bits = machine.bits[way.operand];
                *work += if lower && way.level == 0 {
                    let fan = unrolling.fan[way.operand][0];
                    let reuse = reusing_iterations(operand, &unrolling.temporal);
                    (bits * fan).div_ceil(port.width) * (loops / reuse)
                } else {
                    // One instance sees what its lanes and all iterations make.
                    let lanes = &unrolling.moved[way.operand][way.level + 1];
                    let extent: [f64; DIMS] =
                        std::array::from_fn(|d| (lanes[d] * unrolling.temporal[d] as f64).min(nest.sizes[d] as f64));
                    (nest.elements(operand, &extent).round() as u64 * bits).div_ceil(port.width)
                };
            }
        }
        Self {
            ends: ends(evaluator, nest),
            busiest: work.into_iter().max().unwrap_or(0),
            loops,
        }
    }

    /// The bound of mappings with so many iterations, padding included.
    #[must_use]
    pub fn of(&self, loops: u64) -> u64 {
        (loops + self.ends).max(self.busiest)
    }

    /// The bound of all mappings.
    #[must_use]
    pub fn lowest(&self) -> u64 {
        self.of(self.loops)
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
