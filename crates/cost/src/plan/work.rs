use crate::Operator;
use crate::profile::Accelerator;

use super::arithmetic::Arithmetic;
use super::residency::Moved;

/// No layer is cut into more tiles than this, unless it has more blocks of output channels.
const MOST_TILES: u32 = 128;
/// Output channels whose weights are fetched together: an array can begin when the first of them are there, however many
/// lanes it has, so that lanes do not count.
const FETCHED_TOGETHER: u64 = 8;
/// No layer is cut into more blocks of weights than this.
const MOST_BLOCKS: u64 = 1024;

/// Rates of a machine in bytes a cycle, and what it pays besides, in cycles of the whole batch.
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
    /// Cycles to issue a layer.
    pub layer: f64,
    /// Bytes of weights that may wait or be in use.
    pub weight_buffer: f64,
    /// Whether weights of later layers are fetched while a layer runs.
    pub fetch_ahead: bool,
}

impl Rates {
    pub fn new(machine: &Accelerator, batch: u32) -> Self {
        let memory = &machine.memory;
        let clock = machine.clock_hz.value;
        let rate = |bytes_per_s: f64| bytes_per_s / clock;
        let of = |way: &Option<crate::profile::Figure>| {
            rate(way.as_ref().map_or(memory.off_chip_bytes_per_s.value, |it| it.value))
        };
        Self {
            on_chip: rate(memory.on_chip_bytes_per_s.value),
            off_chip: rate(memory.off_chip_bytes_per_s.value),
            weights: of(&memory.weight_stream_bytes_per_s),
            weights_share: memory.weight_stream_bytes_per_s.is_none(),
            host: of(&memory.host_link_bytes_per_s),
            host_shares: memory.host_link_bytes_per_s.is_none(),
            latency: memory.off_chip_latency_s.value * clock,
            layer: machine.overhead.layer_s.value * clock * f64::from(batch),
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

/// Cycles that a layer keeps each part of the machine busy, for a whole batch, and how it is cut into tiles.
///
/// Tiles run block of output channels by block of output channels, and within a block from the first position to the last.
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
    /// Way of streamed weights.
    pub weights: f64,
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
    pub fn new(rates: &Rates, batch: u32, arithmetic: &Arithmetic, moved: &Moved, operator: Operator) -> Self {
        let batch = f64::from(batch);
        let weight_bytes = moved.streamed * batch;
        let blocks = arithmetic.channels.div_ceil(FETCHED_TOGETHER).clamp(1, MOST_BLOCKS) as u32;
        let positions = (MOST_TILES / blocks).clamp(1, arithmetic.rows.max(1));
        Self {
            matrix: (arithmetic.matrix + arithmetic.fill + arithmetic.after) * batch,
            fill: arithmetic.fill * batch,
            after: arithmetic.after * batch,
            vector: arithmetic.vector * batch,
            weights: weight_bytes / rates.weights,
            weight_bytes,
            load: moved.loaded * batch / rates.off_chip,
            store: moved.stored * batch / rates.off_chip,
            host_in: moved.host_in * batch / rates.host,
            host_out: moved.host_out * batch / rates.host,
            feed: (moved.read + moved.weights_read) * batch / rates.on_chip,
            drain: moved.written * batch / rates.on_chip,
            // A change of shape is a matter of addresses.
            issue: if operator == Operator::Flatten {
                0.0
            } else {
                rates.layer
            },
            blocks,
            positions,
            weights_first: moved.loaded > 0.0 && weight_bytes <= rates.weight_buffer,
            chained: moved.chained,
        }
    }

    /// The same layer when no more than so many bytes of weights are to be held at once.
    pub fn holding(self, bytes: f64) -> Self {
        Self {
            weights_first: self.weights_first && self.weight_bytes <= bytes,
            ..self
        }
    }

    /// The same layer, planned with its weights on chip, when some bytes of them are streamed.
    pub fn with_streamed(self, rates: &Rates, bytes: f64) -> Self {
        Self {
            weights: bytes / rates.weights,
            weight_bytes: bytes,
            load: self.load * (bytes / rates.weight_buffer).ceil().max(1.0),
            weights_first: self.load > 0.0 && bytes <= rates.weight_buffer,
            ..self
        }
    }

    /// Number of tiles, at least 1.
    pub const fn tiles(&self) -> u32 {
        self.blocks * self.positions
    }

    /// The block of weights that a tile is the first or not the first to need.
    pub fn block_of(&self, tile: u32) -> u32 {
        if self.weights_first {
            tile.min(self.blocks - 1)
        } else {
            tile / self.positions
        }
    }

    /// Whether weights are done with after a tile: those of its block, or all of the layer's.
    pub const fn frees_block_after(&self, tile: u32) -> bool {
        if self.weights_first {
            tile + 1 == self.tiles()
        } else {
            (tile + 1).is_multiple_of(self.positions)
        }
    }

    /// Whether activations go to or come from main memory.
    pub fn uses_off_chip(&self, rates: &Rates) -> bool {
        let host = if rates.host_shares {
            self.host_in + self.host_out
        } else {
            0.0
        };
        self.load + self.store + host > 0.0
    }

    /// Whether nothing runs or moves.
    pub fn is_empty(&self) -> bool {
        let busy = self.matrix + self.vector + self.weights + self.load + self.store + self.feed + self.drain;
        busy + self.host_in + self.host_out == 0.0
    }
}
