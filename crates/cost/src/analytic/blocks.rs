use panarch_graph::{Latency, Network};

use super::AnalyticModel;
use super::closed_form::layer_time;
use crate::CostError;
use crate::layer_time::LayerTime;
use crate::plan::{
    Ahead, LayerWork, Moved, NetworkPlan, Order, Run, Surroundings, Taken, choose, in_turn, plan, ways_to_plan,
    weight_cache,
};

/// What a block of a network costs on a device, as far as that does not hang on the blocks around it.
///
/// Made by [`AnalyticModel::block`]; [`AnalyticModel::latency_of_blocks`] puts blocks together.
#[derive(Debug, Clone)]
pub struct BlockCost {
    /// One entry for each part of a batch that may be taken together, and each dataflow.
    parts: Vec<Part>,
    /// Bytes of all weights, and of the layer that has most.
    weights: f64,
    largest: f64,
}

/// A block's plan for so many images together.
#[derive(Debug, Clone)]
struct Part {
    together: f64,
    plan: NetworkPlan,
    /// Whether something inside it comes onto the chip more than once.
    spills: bool,
}

/// How a block is run among others.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Way {
    order: Order,
    /// The shares of its input and output that leave the chip.
    entering: f64,
    leaving: f64,
    /// Whether all its weights stay on chip, or else none.
    resident: bool,
    ahead: Ahead,
}

/// Room for sums over blocks, so that none is allocated for each network, and what has been found of blocks. It belongs to
/// one model and one list of blocks.
#[derive(Debug, Clone, Default)]
pub struct BlockSum {
    work: Vec<LayerWork>,
    times: Vec<LayerTime>,
    /// For each block and part of a batch: the ways met and what they take.
    seen: Vec<Vec<(Way, OfBlock)>>,
    taken: Vec<Taken>,
}

/// What a block takes that is run in some way: cycles of all images, bytes of one across the border of the chip, and what is
/// fetched ahead at the end.
#[derive(Debug, Clone, Copy)]
struct OfBlock {
    cycles: f64,
    traffic: f64,
    after: Ahead,
}

/// As many ways of a block are remembered: the buffer's size leaves few beginnings, the neighbours few shares.
const MOST_SEEN: usize = 64;

impl AnalyticModel {
    /// The cost of a block, given as a network from what enters it to what leaves it. `first` and `last` say whether it
    /// stands at the begin or the end of its network.
    ///
    /// # Errors
    /// The first operator that the device cannot run; a profile that fuses chains of layers, because chains do not end
    /// with blocks; a block that begins with what the layer before would take along, or that has several outputs.
    pub fn block(&self, network: &Network, first: bool, last: bool) -> Result<BlockCost, CostError> {
        let refuse = |reason: &str| CostError::Failed {
            device: self.profile.name().to_owned(),
            reason: reason.to_owned(),
        };
        if self.machine.memory.chain_fusion.value {
            return Err(refuse(
                "chains of layers are fused across blocks; ask for whole networks",
            ));
        }
        if network.outputs().len() > 1 {
            return Err(refuse("the block has several outputs; ask for whole networks"));
        }
        let anchor = network.nodes().get(1);
        if !first && anchor.is_some_and(|node| node.op.joins_layer_before()) {
            return Err(refuse(
                "the block begins with what the layer before takes along; ask for whole networks",
            ));
        }
        let around = Surroundings {
            before: !first,
            behind: !last,
        };
        let whole = crate::plan::Part::whole(network);
        let mut parts = Vec::new();
        for (machine, together) in ways_to_plan(&self.machine, self.profile.batch()) {
            let plan = plan(&self.profile, &machine, together, network, &whole, around)?;
            let mut layers = plan.demands.layers.iter();
            parts.push(Part {
                together: f64::from(together),
                spills: layers.any(|demand| demand.spilled + demand.image_again > 0.0),
                plan,
            });
        }
        let weights = || {
            let layers = parts.first().map(|part| part.plan.demands.layers.iter());
            layers.into_iter().flatten().map(|demand| demand.weights)
        };
        Ok(BlockCost {
            weights: weights().sum(),
            largest: weights().fold(0.0, f64::max),
            parts,
        })
    }

    /// The latency of a network that consists of these blocks, each given by its number in `known`: what
    /// [`AnalyticModel::cost`] says of it, without lowering and planning it again.
    ///
    /// A block's cycles hang on what of its ends and of its weights is on chip, and on what of them has been fetched when it
    /// begins; the ways that have been met are remembered in `sum`.
    #[must_use]
    pub fn latency_of_blocks(&self, known: &[BlockCost], blocks: &[u32], sum: &mut BlockSum) -> Latency {
        let parts = known.first().map_or(0, |block| block.parts.len());
        sum.taken.clear();
        for part in 0..parts {
            self.try_part(known, blocks, part, sum);
        }
        let chosen = choose(&sum.taken).and_then(|place| sum.taken.get(place));
        let cycles = chosen.map_or(0.0, |taken| taken.cycles);
        let fixed = Latency::from_seconds(self.machine.overhead.inference_s.value);
        fixed + Latency::from_seconds(cycles / self.machine.clock_hz.value)
    }

    /// Adds what every schedule takes in which a part of a batch is taken through the network together.
    fn try_part(&self, known: &[BlockCost], blocks: &[u32], part: usize, sum: &mut BlockSum) {
        let block_at = |position: usize| {
            let block = known.get(*blocks.get(position)? as usize)?;
            Some((block, block.parts.get(part)?))
        };
        let ends = |position: usize, of: &Part| {
            let (mut entering, mut leaving) = (of.plan.demands.input_spilled, of.plan.demands.output_spilled);
            if let Some((_, before)) = position.checked_sub(1).and_then(block_at) {
                entering = entering.max(before.plan.demands.output_spilled);
            }
            if let Some((_, behind)) = block_at(position + 1) {
                leaving = leaving.max(behind.plan.demands.input_spilled);
            }
            (entering, leaving)
        };
        let (mut peak, mut weights, mut largest, mut spills) = (0_u64, 0.0, 0.0_f64, false);
        let mut together = 1.0;
        for position in 0..blocks.len() {
            let Some((block, of)) = block_at(position) else {
                continue;
            };
            peak = peak.max(of.plan.demands.peak_bytes);
            weights += block.weights;
            largest = largest.max(block.largest);
            let (entering, leaving) = ends(position, of);
            let inner = position > 0 && entering > 0.0 || position + 1 < blocks.len() && leaving > 0.0;
            spills |= of.spills || inner;
            together = of.together;
        }
        let cache = weight_cache(&self.machine.memory, peak as f64 * together);
        let all_fit = weights <= cache;
        for order in Order::all(self.rates.weight_buffer, spills && !all_fit, largest) {
            let (mut cycles, mut traffic, mut left, mut ahead) = (0.0, 0.0, cache, Ahead::none(&self.rates));
            for position in 0..blocks.len() {
                let Some(((block, of), number)) = block_at(position).zip(blocks.get(position)) else {
                    continue;
                };
                let (entering, leaving) = ends(position, of);
                let resident = block.weights <= left;
                let way = Way {
                    order,
                    entering,
                    leaving,
                    resident,
                    // Where nothing streams, nothing is fetched.
                    ahead: if all_fit { Ahead::none(&self.rates) } else { ahead },
                };
                let whole = resident || left == 0.0;
                let of_block = if whole {
                    let slot = *number as usize * block.parts.len() + part;
                    self.remembered(sum, slot, &of.plan, of.together, way, left)
                } else {
                    self.run(sum, &of.plan, of.together, way, left)
                };
                left = (left - block.weights).max(0.0);
                cycles += of_block.cycles;
                traffic += of_block.traffic;
                ahead = of_block.after;
            }
            sum.taken.push(Taken {
                cycles: cycles / together,
                traffic,
            });
        }
    }

    fn remembered(
        &self,
        sum: &mut BlockSum,
        slot: usize,
        plan: &NetworkPlan,
        together: f64,
        way: Way,
        left: f64,
    ) -> OfBlock {
        if sum.seen.len() <= slot {
            sum.seen.resize_with(slot + 1, Vec::new);
        }
        let met = sum
            .seen
            .get(slot)
            .and_then(|seen| seen.iter().find(|seen| seen.0 == way));
        if let Some((_, met)) = met {
            return *met;
        }
        let found = self.run(sum, plan, together, way, left);
        if let Some(seen) = sum.seen.get_mut(slot).filter(|seen| seen.len() < MOST_SEEN) {
            seen.push((way, found));
        }
        found
    }

    /// Cycles of a block when `left` bytes of weights may stay on chip, and what is fetched ahead at its end.
    fn run(&self, sum: &mut BlockSum, plan: &NetworkPlan, together: f64, way: Way, left: f64) -> OfBlock {
        sum.work.clear();
        sum.times.clear();
        let (mut left, mut traffic) = (left, 0.0);
        let layers = plan.demands.layers.iter().zip(&plan.arithmetic).zip(plan.issued());
        for ((demand, arithmetic), operator) in layers {
            let kept = demand.weights.min(left);
            left -= kept;
            let run = Run {
                together,
                kept,
                entering: way.entering,
                leaving: way.leaving,
                order: way.order,
            };
            let (work, moved) = LayerWork::new(&self.rates, arithmetic, demand, operator, &run);
            traffic += Moved::across_the_border(&moved);
            sum.work.push(work);
        }
        let after = in_turn(
            &self.rates,
            &sum.work,
            way.ahead,
            &mut sum.times,
            |layer, ahead, next_is_chained| layer_time(&self.rates, layer, ahead, next_is_chained),
        );
        OfBlock {
            cycles: sum.times.iter().map(LayerTime::total).sum(),
            traffic,
            after,
        }
    }
}
