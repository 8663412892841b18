//! Several groups of a grouped layer side by side on an array that unrolls its channels.

use super::machine::Machine;
use super::nest::{LoopDim, LoopNest};
use super::objective::Objective;
use super::search::{Mapping, search};

/// The best mapping of a nest, packed or not, and the nest that it maps.
///
/// A depthwise layer has one input and one output channel a group: of an array that unrolls 32 of each it fills one lane of
/// 1,024. Where both are unrolled, p groups can lie on the diagonal, as one group of p times as many inputs and outputs
/// whose weights are zero elsewhere; then it fills p. The zeros pass the memories like other weights, their products are
/// not counted. Tried are powers of two and the most groups that fit.
///
/// `None` when the smallest tiles do not fit into the memories.
#[must_use]
pub fn best_packed_mapping(machine: &Machine, nest: &LoopNest, objective: Objective) -> Option<(LoopNest, Mapping)> {
    let mut best: Option<(LoopNest, Mapping)> = None;
    for groups in packings(machine, nest) {
        let Some(packed) = nest.packed(groups) else { continue };
        let Some(mapping) = search(machine, &packed, nest.macs(), objective) else {
            continue;
        };
        let rank = |mapping: &Mapping| objective.rank(mapping.cycles.total(), mapping.picojoules);
        if best.as_ref().is_none_or(|(_, best)| rank(&mapping) < rank(best)) {
            best = Some((packed, mapping));
        }
    }
    best
}

/// How many groups may lie side by side: 1, powers of two and the most that fit.
fn packings(machine: &Machine, nest: &LoopNest) -> Vec<u64> {
    let size = |dim: LoopDim| nest.sizes[dim.index()];
    let room = |dim: LoopDim| {
        let lanes = machine.array.iter().find(|(_, unrolled, _)| *unrolled == dim);
        lanes.map_or(1, |(lanes, ..)| lanes / size(dim))
    };
    let most = room(LoopDim::InputChannel)
        .min(room(LoopDim::OutputChannel))
        .min(size(LoopDim::Group));
    let mut packings: Vec<u64> = (0..u64::BITS)
        .map(|bits| 1 << bits)
        .take_while(|it| *it < most)
        .collect();
    packings.push(most.max(1));
    packings
}
