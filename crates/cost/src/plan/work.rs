use crate::Operator;
use crate::profile::{Accelerator, Figure};

use super::arithmetic::Arithmetic;
use super::folds::PARTIAL_SUM_BYTES;
use super::order::Order;
use super::residency::Demand;

/// No layer is cut into more tiles than this, unless it has more blocks of output channels.
pub(super) const MOST_TILES: u32 = 128;
/// Output channels whose weights are fetched together: an array can begin when the first of them are there, however many
/// lanes it has, so that lanes do not count.
const FETCHED_TOGETHER: u64 = 8;
/// No layer is cut into more blocks of weights than this.
const MOST_BLOCKS: u64 = 1024;

/// Rates of a machine in bytes a cycle, and what it pays besides, in cycles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub on_chip: f64,
    pub off_chip: f64,
    /// The way of streamed weights.
    pub weights: f64,
    /// Whether streamed weights share the way of activations.
    pub weights_share: bool,
    /// The way of image and result.
    pub host: f64,
    /// Whether image and result share the way of activations.
    pub host_shares: bool,
    /// Cycles from a request to the first byte.
    pub latency: f64,
    /// Cycles to issue a layer for one image.
    pub layer: f64,
    /// Bytes of weights that may wait or be in use.
    pub weight_buffer: f64,
    /// Whether weights of later layers are fetched while a layer runs.
    pub fetch_ahead: bool,
}

impl Rates {
    pub fn new(machine: &Accelerator) -> Self {
        let memory = &machine.memory;
        let clock = machine.clock_hz.value;
        let rate = |bytes_per_s: f64| bytes_per_s / clock;
        let of = |way: &Option<Figure>| rate(way.as_ref().map_or(memory.off_chip_bytes_per_s.value, |it| it.value));
        Self {
            on_chip: rate(memory.on_chip_bytes_per_s.value),
            off_chip: rate(memory.off_chip_bytes_per_s.value),
            weights: of(&memory.weight_stream_bytes_per_s),
            weights_share: memory.weight_stream_bytes_per_s.is_none(),
            host: of(&memory.host_link_bytes_per_s),
            host_shares: memory.host_link_bytes_per_s.is_none(),
            latency: memory.off_chip_latency_s.value * clock,
            layer: machine.overhead.layer_s.value * clock,
            weight_buffer: memory.weight_buffer_bytes.value,
            fetch_ahead: memory.fetch_ahead.value,
        }
    }

    /// Memories that never make anything wait.
    pub const fn ideal(self) -> Self {
        Self {
            on_chip: f64::INFINITY,
            off_chip: f64::INFINITY,
            weights: f64::INFINITY,
            host: f64::INFINITY,
            latency: 0.0,
            weight_buffer: f64::INFINITY,
            ..self
        }
    }
}

/// What one layer moves for one image, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moved {
    /// Activations read on chip, rereads included.
    pub read: f64,
    /// Activations written on chip, in the same count.
    pub written: f64,
    /// Weights read on chip, on their way to the array, and what is kept beside them.
    pub weights_read: f64,
    /// Partial sums written to the accumulators of a systolic array, and as many read from there.
    pub sums: f64,
    /// Activations that come from main memory.
    pub loaded: f64,
    /// Activations that go there.
    pub stored: f64,
    /// Weights that come from outside the chip.
    pub streamed: f64,
    /// The image.
    pub host_in: f64,
    /// The result.
    pub host_out: f64,
}

impl Moved {
    /// Bytes that cross the border of the chip.
    pub fn across_the_border(&self) -> f64 {
        self.loaded + self.stored + self.streamed + self.host_in + self.host_out
    }
}

/// How a layer is run: what it is given of memories, and in which order it goes over input and weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Images taken through it together.
    pub together: f64,
    /// Bytes of its weights that stay on chip.
    pub kept: f64,
    /// The share of what enters the layers planned that has left the chip before.
    pub entering: f64,
    /// The share of what they yield that has to leave it.
    pub leaving: f64,
    pub order: Order,
}

/// Cycles that a layer keeps each part of the machine busy, for all images taken through it together, and how it is cut into
/// tiles.
///
/// Tiles run block of output channels by block of output channels, and within a block from the first position to the last.
/// Into how many a layer is cut does not depend on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct LayerWork {
    /// Matrix unit, filling and draining and what its lanes do afterwards included.
    pub matrix: f64,
    /// The part of `matrix` that fills and drains.
    pub fill: f64,
    /// The part of `matrix` in which its lanes scale, activate and write.
    pub after: f64,
    /// Vector unit, beside the matrix unit.
    pub vector: f64,
    /// Way of streamed weights, for the first time that they come.
    pub weights: f64,
    /// The same for all further times.
    pub weights_again: f64,
    /// Bytes of streamed weights.
    pub weight_bytes: f64,
    /// Way of spilled activations, coming in.
    pub load: f64,
    /// Way of spilled activations, going out.
    pub store: f64,
    /// Way of the image.
    pub host_in: f64,
    /// Way of the result.
    pub host_out: f64,
    /// Cycles until what comes in for the first two tiles is there, on top of its way: the latency, by the share of tiles that
    /// wait for it.
    pub latency: f64,
    /// The same for a later tile, which was asked for while so many before it were on their way as there is room for.
    pub latency_behind: f64,
    /// On-chip memory, on the way to the array.
    pub feed: f64,
    /// On-chip memory, on the way back.
    pub drain: f64,
    /// Cycles to issue the layer.
    pub issue: f64,
    /// Blocks of output channels, each with weights of its own.
    pub blocks: u32,
    /// Blocks of positions in each of them.
    pub positions: u32,
    /// Whether all weights are fetched with the first block of positions, so that what is loaded is loaded once.
    pub weights_first: bool,
    /// Whether its input comes tile by tile out of the layer before, without a barrier between them.
    pub chained: bool,
}

impl LayerWork {
    pub fn new(
        rates: &Rates,
        arithmetic: &Arithmetic,
        demand: &Demand,
        operator: Operator,
        run: &Run,
    ) -> (Self, Moved) {
        let together = run.together;
        let streamed = (demand.weights - run.kept).max(0.0);
        let spilled = demand.spilled + demand.entering * run.entering;
        let passes = run
            .order
            .passes(rates.weight_buffer, demand, streamed, spilled + demand.image_again);
        // Its first pass over the image is the one in which the image comes.
        let image_passes = passes.over_input - if demand.image > 0.0 { 1.0 } else { 0.0 };
        let moved = Moved {
            // What is passed on inside a chain comes out of the array's own buffers.
            read: match &arithmetic.accesses {
                Some(accesses) if !demand.chained => accesses.inputs * demand.element,
                _ => demand.read,
            },
            weights_read: match &arithmetic.accesses {
                Some(accesses) => {
                    let again = (accesses.weights * demand.element - demand.kernel / together).max(0.0);
                    demand.weights / together + again
                }
                None => demand.weights / together,
            },
            sums: arithmetic
                .accesses
                .map_or(0.0, |accesses| accesses.sums * PARTIAL_SUM_BYTES),
            written: demand.written,
            loaded: spilled * passes.over_input,
            stored: demand.stored + demand.leaving * run.leaving,
            streamed: (streamed + passes.weights_again) / together,
            host_in: demand.image + demand.image_again * image_passes,
            host_out: demand.result,
        };
        let blocks = arithmetic.channels.div_ceil(FETCHED_TOGETHER).clamp(1, MOST_BLOCKS) as u32;
        let positions = (MOST_TILES / blocks).clamp(1, arithmetic.rows.max(1));
        // Of its first pass: further ones ask for no more at once.
        let comes_in = spilled + demand.image.max(demand.image_again);
        let waiting = if comes_in > 0.0 {
            (comes_in / demand.inputs).min(1.0)
        } else {
            0.0
        };
        // As many tiles as the memory holds beside what else is alive; two have buffers of their own.
        let on_their_way = (f64::from(blocks * positions) / demand.crowding).max(2.0);
        let work = Self {
            matrix: (arithmetic.matrix + arithmetic.fill + arithmetic.after) * together,
            fill: arithmetic.fill * together,
            after: arithmetic.after * together,
            vector: arithmetic.vector * together,
            weights: streamed / rates.weights,
            weights_again: passes.weights_again / rates.weights,
            weight_bytes: streamed,
            load: moved.loaded * together / rates.off_chip,
            store: moved.stored * together / rates.off_chip,
            host_in: moved.host_in * together / rates.host,
            host_out: moved.host_out * together / rates.host,
            latency: rates.latency * waiting,
            latency_behind: rates.latency * waiting * 2.0 / on_their_way,
            feed: (moved.read + moved.weights_read) * together / rates.on_chip,
            drain: moved.written * together / rates.on_chip,
            // A change of shape is a matter of addresses.
            issue: if operator == Operator::Flatten {
                0.0
            } else {
                rates.layer * together
            },
            blocks,
            positions,
            weights_first: passes.weights_first,
            chained: demand.chained,
        };
        (work, moved)
    }

    /// Number of tiles, at least 1.
    pub const fn tiles(&self) -> u32 {
        self.blocks * self.positions
    }

    /// The last block of weights that a tile needs.
    pub fn block_of(&self, tile: u32) -> u32 {
        if self.weights_first {
            tile.min(self.blocks - 1)
        } else {
            tile / self.positions
        }
    }

    /// How many blocks of weights a buffer holds at once, at least one; without bound where they are all kept to the end.
    pub fn held_blocks(&self, buffer: f64) -> f64 {
        if self.weights_first && self.weight_bytes <= buffer {
            return f64::INFINITY;
        }
        (buffer * f64::from(self.blocks) / self.weight_bytes).floor().max(1.0)
    }

    /// Whether something other than weights takes the way to main memory.
    pub fn uses_off_chip(&self, rates: &Rates) -> bool {
        self.outside(rates) + self.weights_again > 0.0
    }

    /// Cycles of the way to main memory for what is no weight.
    pub fn outside(&self, rates: &Rates) -> f64 {
        let host = if rates.host_shares {
            self.host_in + self.host_out
        } else {
            0.0
        };
        self.load + self.store + host
    }

    /// Cycles for which the way of weights is busy in all.
    pub fn on_the_way_of_weights(&self, rates: &Rates) -> f64 {
        let shared = if rates.weights_share { self.outside(rates) } else { 0.0 };
        self.weights + self.weights_again + shared
    }

    /// Whether nothing runs or moves.
    pub fn is_empty(&self) -> bool {
        let busy = self.matrix + self.vector + self.weights + self.load + self.store + self.feed + self.drain;
        busy + self.host_in + self.host_out == 0.0
    }
}
