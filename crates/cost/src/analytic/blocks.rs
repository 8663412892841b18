use panarch_graph::{Latency, Network};

use super::AnalyticModel;
use super::closed_form::{Ahead, closed_form};
use crate::layer_time::LayerTime;
use crate::plan::{LayerWork, Surroundings, plan, weight_cache};
use crate::{CostError, Operator};

/// Whether the values at a block's two ends are spilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    input: bool,
    output: bool,
}

impl Ends {
    const ALL: [Self; 4] = [
        Self::new(false, false),
        Self::new(false, true),
        Self::new(true, false),
        Self::new(true, true),
    ];

    const fn new(input: bool, output: bool) -> Self {
        Self { input, output }
    }

    const fn index(self) -> usize {
        self.input as usize * 2 + self.output as usize
    }
}

/// The layers of a block with its weights on chip or all of them streamed, and the sum of their cycles.
#[derive(Debug, Clone, Default)]
struct Variant {
    resident: Vec<LayerWork>,
    streamed: Vec<LayerWork>,
    resident_cycles: f64,
    /// Where nothing is fetched ahead.
    streamed_cycles: f64,
}

/// What a block of a network costs on a device, as far as that does not hang on the blocks around it.
///
/// Made by [`AnalyticModel::block`]; [`AnalyticModel::latency_of_blocks`] puts blocks together.
#[derive(Debug, Clone)]
pub struct BlockCost {
    variants: [Variant; 4],
    /// Bytes of each layer's weights, and all of them.
    weights: Vec<f64>,
    all_weights: f64,
    peak_bytes: f64,
    input_spills: bool,
    output_spills: bool,
}

/// Room for sums over blocks, so that none is allocated for each network, and what has been found of blocks where weights
/// are fetched ahead. It belongs to one model and one list of blocks.
#[derive(Debug, Clone, Default)]
pub struct BlockSum {
    work: Vec<LayerWork>,
    times: Vec<LayerTime>,
    /// For each block and variant: what was fetched ahead at its begin, its cycles, what is fetched ahead at its end.
    seen: Vec<Vec<(Ahead, f64, Ahead)>>,
}

/// As many beginnings of a block are remembered: the buffer's size leaves few.
const MOST_SEEN: usize = 16;

impl AnalyticModel {
    /// The cost of a block, given as a network from what enters it to what leaves it. `first` and `last` say whether it
    /// stands at the begin or the end of its network.
    ///
    /// # Errors
    /// The first operator that the device cannot run; a profile that fuses chains of layers, because chains do not end
    /// with blocks; a block that begins with what the layer before would take along.
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
        let anchor = network.ids().nth(1).and_then(|id| Operator::of(network, id));
        if !first && anchor.is_some_and(|it| it == Operator::BatchNorm || Operator::ACTIVATIONS.contains(&it)) {
            return Err(refuse(
                "the block begins with what the layer before takes along; ask for whole networks",
            ));
        }
        let around = Surroundings {
            before: !first,
            behind: !last,
            ..Surroundings::default()
        };
        let plan_with =
            |surroundings: Surroundings| plan(&self.profile, &self.machine, &self.rates, network, &surroundings);
        let alone = plan_with(around)?;
        let mut variants: [Variant; 4] = Default::default();
        for ends in Ends::ALL {
            let with = |cache: f64| Surroundings {
                input_spilled: ends.input,
                output_spilled: ends.output,
                weight_cache: Some(cache),
                ..around
            };
            let (resident, streamed) = (plan_with(with(f64::INFINITY))?.work, plan_with(with(0.0))?.work);
            variants[ends.index()] = Variant {
                resident_cycles: self.cycles(&resident),
                streamed_cycles: self.cycles(&streamed),
                resident,
                streamed,
            };
        }
        Ok(BlockCost {
            variants,
            all_weights: alone.flow.weights.iter().sum(),
            weights: alone.flow.weights,
            peak_bytes: alone.flow.peak_bytes as f64,
            input_spills: alone.flow.input_spills,
            output_spills: alone.flow.output_spills,
        })
    }

    /// The latency of a network that consists of these blocks, each given by its number in `known`: what
    /// [`AnalyticModel::cost`] says of it, without lowering and planning it again.
    ///
    /// Where all weights stay on chip, or where no weights are fetched ahead, the blocks' sums are added up. Else a block's
    /// cycles hang on what has been fetched when it begins, which the buffer's size leaves few values of: those that have
    /// been met are remembered in `sum`.
    #[must_use]
    pub fn latency_of_blocks(&self, known: &[BlockCost], blocks: &[u32], sum: &mut BlockSum) -> Latency {
        let memory = &self.machine.memory;
        let batch = f64::from(self.profile.batch());
        let block_at = |position: usize| blocks.get(position).and_then(|number| known.get(*number as usize));
        let (mut peak, mut weights) = (0.0_f64, 0.0);
        for block in (0..blocks.len()).filter_map(block_at) {
            peak = peak.max(block.peak_bytes);
            weights += block.all_weights;
        }
        let cache = weight_cache(memory, peak * batch);
        let variants = (0..blocks.len()).filter_map(|position| {
            let block = block_at(position)?;
            let before = position.checked_sub(1).and_then(block_at);
            let behind = block_at(position + 1);
            let ends = Ends::new(
                block.input_spills || before.is_some_and(|before| before.output_spills),
                block.output_spills || behind.is_some_and(|behind| behind.input_spills),
            );
            Some((*blocks.get(position)?, block, ends))
        });
        let mut cycles = 0.0;
        let (mut left, mut ahead) = (cache, Ahead::default());
        let all_fit = weights <= cache;
        for (number, block, ends) in variants {
            let variant = &block.variants[ends.index()];
            let resident = block.all_weights <= left;
            if all_fit || (resident && !self.rates.fetch_ahead) {
                left -= block.all_weights;
                cycles += variant.resident_cycles;
            } else if left == 0.0 && !self.rates.fetch_ahead {
                cycles += variant.streamed_cycles;
            } else if resident || left == 0.0 {
                left -= if resident { block.all_weights } else { 0.0 };
                let work = if resident { &variant.resident } else { &variant.streamed };
                let slot = (number as usize * 4 + ends.index()) * 2 + usize::from(resident);
                let (_, of_block, after) = self.with_ahead(sum, slot, work, ahead);
                (cycles, ahead) = (cycles + of_block, after);
            } else {
                sum.work.clear();
                sum.times.clear();
                self.extend(&mut sum.work, block, variant, &mut left);
                ahead = closed_form(&self.rates, &sum.work, ahead, &mut sum.times);
                cycles += sum.times.iter().map(LayerTime::total).sum::<f64>();
            }
        }
        let fixed = Latency::from_seconds(self.machine.overhead.inference_s.value);
        fixed + Latency::from_seconds(cycles / (self.machine.clock_hz.value * batch))
    }

    /// What was fetched ahead at a block's begin, its cycles, and what is fetched ahead at its end.
    fn with_ahead(&self, sum: &mut BlockSum, slot: usize, work: &[LayerWork], ahead: Ahead) -> (Ahead, f64, Ahead) {
        if sum.seen.len() <= slot {
            sum.seen.resize_with(slot + 1, Vec::new);
        }
        let seen = sum
            .seen
            .get(slot)
            .and_then(|seen| seen.iter().find(|seen| seen.0 == ahead));
        if let Some(seen) = seen {
            return *seen;
        }
        sum.times.clear();
        let after = closed_form(&self.rates, work, ahead, &mut sum.times);
        let found = (ahead, sum.times.iter().map(LayerTime::total).sum(), after);
        if let Some(seen) = sum.seen.get_mut(slot).filter(|seen| seen.len() < MOST_SEEN) {
            seen.push(found);
        }
        found
    }

    /// The layers of a block when `left` bytes of weights may stay on chip.
    fn extend(&self, work: &mut Vec<LayerWork>, block: &BlockCost, variant: &Variant, left: &mut f64) {
        for ((resident, streamed), weights) in variant.resident.iter().zip(&variant.streamed).zip(&block.weights) {
            let kept = weights.min(*left);
            *left -= kept;
            work.push(if kept == *weights {
                *resident
            } else if kept == 0.0 {
                *streamed
            } else {
                resident.with_streamed(&self.rates, weights - kept)
            });
        }
    }

    fn cycles(&self, work: &[LayerWork]) -> f64 {
        let mut times = Vec::with_capacity(work.len());
        closed_form(&self.rates, work, Ahead::default(), &mut times);
        times.iter().map(LayerTime::total).sum()
    }
}
