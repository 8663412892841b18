use super::job::Task;
use super::units::Units;
use super::Unit;
use crate::plan::{Ahead, LayerWork, Rates};

/// The blocks of streamed weights of a layer: fetched in order, as far ahead of their use as their buffer goes.
///
/// Where nothing else takes their way, a block is fetched as soon as there is room. Where activations take it too, the next
/// block is fetched piece by piece between the tiles of the one before, so that it keeps none of them waiting for long.
pub(super) struct Weights<'a> {
    layer: &'a LayerWork,
    unit: Unit,
    rates: &'a Rates,
    ahead: Ahead,
    /// Cycles that a block takes.
    block: f64,
    /// Cycles of the first blocks that were fetched before the layer began.
    fetched: f64,
    /// Blocks that the buffer holds at once.
    held: f64,
    between_tiles: bool,
    /// When each block fetched so far is there.
    arrived: Vec<f64>,
    /// When the room of each block worked off so far was given back.
    freed: Vec<f64>,
}

impl<'a> Weights<'a> {
    pub fn new(rates: &'a Rates, layer: &'a LayerWork, ahead: Ahead) -> Self {
        Self {
            layer,
            unit: if rates.weights_share { Unit::OffChip } else { Unit::Weights },
            rates,
            ahead,
            block: layer.weights / f64::from(layer.blocks),
            fetched: ahead.fetched(rates, layer),
            held: layer.held_blocks(rates.weight_buffer),
            between_tiles: rates.weights_share && layer.uses_off_chip(rates),
            arrived: Vec::with_capacity(layer.blocks as usize),
            freed: Vec::with_capacity(layer.blocks as usize),
        }
    }

    /// When the weights of a tile are there.
    pub fn ready(&mut self, units: &mut Units<'_>, tile: u32) -> f64 {
        if self.layer.weights <= 0.0 {
            return 0.0;
        }
        let block = self.layer.block_of(tile);
        self.fetch(units, block);
        self.arrived.get(block as usize).copied().unwrap_or(0.0)
    }

    /// The turn of the weights between two tiles: their way does a tile's share of the next block, and of what comes again.
    pub fn turn(&mut self, units: &mut Units<'_>, tile: u32) {
        let again = self.layer.weights_again / f64::from(self.layer.tiles());
        units.serve(self.unit, Task::FetchWeights, self.layer.block_of(tile), 0.0, again);
        if !self.between_tiles || self.layer.weights <= 0.0 {
            return;
        }
        if self.layer.weights_first {
            // Not before there is room.
            let ahead = (self.held - 1.0).min(2.0) as u32;
            self.fetch(units, tile.saturating_add(ahead).min(self.layer.blocks - 1));
            return;
        }
        let next = tile / self.layer.positions + 1;
        if next >= self.layer.blocks || self.held < 2.0 {
            return;
        }
        // The last tile leaves time for the last piece to arrive.
        let pieces = self.layer.positions.saturating_sub(1).max(1);
        let piece = tile % self.layer.positions;
        if piece < pieces {
            let cycles = self.missing(next) / f64::from(pieces);
            let end = units.serve(self.unit, Task::FetchWeights, next, self.room_for(next), cycles);
            if piece + 1 == pieces {
                self.arrive(next, end);
            }
        }
    }

    /// Gives the room of a tile's block back when it was the last to need it.
    pub fn free_after(&mut self, tile: u32, at: f64) {
        let last = if self.layer.weights_first {
            tile < self.layer.blocks
        } else {
            (tile + 1).is_multiple_of(self.layer.positions)
        };
        if last {
            self.freed.push(at);
        }
    }

    /// Fetches all blocks up to one that have not been asked for.
    fn fetch(&mut self, units: &mut Units<'_>, block: u32) {
        while self.arrived.len() <= block as usize {
            let next = self.arrived.len() as u32;
            let cycles = self.missing(next);
            let end = units.serve(self.unit, Task::FetchWeights, next, self.room_for(next), cycles);
            self.arrive(next, end);
        }
    }

    fn arrive(&mut self, block: u32, end: f64) {
        let whole = self.missing(block) <= 0.0;
        self.arrived.push(if whole {
            self.ahead.arrival(self.rates, self.block * f64::from(block + 1))
        } else {
            end + self.rates.latency
        });
    }

    /// Cycles of a block that are still to be fetched.
    fn missing(&self, block: u32) -> f64 {
        let before = self.block * f64::from(block);
        // All that there is must not leave a rounding error.
        if self.fetched >= self.layer.weights {
            return 0.0;
        }
        (self.block - (self.fetched - before).max(0.0)).max(0.0)
    }

    /// When there is room for a block: when the one was done with whose place it takes.
    fn room_for(&self, block: u32) -> f64 {
        if self.held > f64::from(block) {
            return 0.0;
        }
        let before = block - self.held as u32;
        self.freed.get(before as usize).copied().unwrap_or(0.0)
    }
}
