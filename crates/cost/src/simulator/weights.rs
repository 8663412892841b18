use super::Unit;
use super::job::Task;
use super::units::Units;
use crate::plan::{Ahead, LayerWork, Rates};

/// In which turns weights come that share their way with activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// A block with each tile, until all are there.
    ByTile,
    /// A block with the tiles of the one before, piece by piece.
    ByBlock,
    /// As many with the first tiles as the buffer holds.
    AtOnce,
}

impl Pace {
    /// Those that a layer may choose from.
    pub fn of(rates: &Rates, layer: &LayerWork) -> &'static [Self] {
        let shared = rates.weights_share && layer.uses_off_chip(rates);
        if layer.weights_first || layer.positions == 1 {
            if shared {
                &[Self::ByTile, Self::AtOnce]
            } else {
                &[Self::ByTile]
            }
        } else if shared && layer.weight_bytes <= rates.weight_buffer {
            &[Self::ByBlock, Self::ByTile, Self::AtOnce]
        } else {
            &[Self::ByBlock]
        }
    }
}

/// The blocks of streamed weights of a layer: fetched in order, as far ahead of their use as their buffer goes.
///
/// Where nothing else takes their way, a block is fetched as soon as there is room. Where activations take it too, they come
/// at a [`Pace`].
pub(super) struct Weights<'a> {
    pace: Pace,
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
    pub fn new(rates: &'a Rates, layer: &'a LayerWork, ahead: Ahead, pace: Pace) -> Self {
        Self {
            pace,
            layer,
            unit: if rates.weights_share {
                Unit::OffChip
            } else {
                Unit::Weights
            },
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

    /// What is asked for when the layer begins.
    pub fn begin(&mut self, units: &mut Units<'_>) {
        if self.pace == Pace::AtOnce {
            self.next_block(units, 0);
        }
        self.ready(units, 0);
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
    /// When the latter is there.
    pub fn turn(&mut self, units: &mut Units<'_>, tile: u32) -> f64 {
        let again = self.layer.weights_again / f64::from(self.layer.tiles());
        let again = units.serve(self.unit, Task::FetchWeights, self.layer.block_of(tile), 0.0, again);
        self.next_block(units, tile);
        again
    }

    fn next_block(&mut self, units: &mut Units<'_>, tile: u32) {
        if !self.between_tiles || self.layer.weights <= 0.0 {
            return;
        }
        if self.pace != Pace::ByBlock {
            // Not before there is room.
            let most = if self.pace == Pace::ByTile { 2.0 } else { f64::INFINITY };
            let ahead = (self.held - 1.0).min(most) as u32;
            self.fetch(units, tile.saturating_add(ahead).min(self.layer.blocks - 1));
            return;
        }
        let next = tile / self.layer.positions + 1;
        if next >= self.layer.blocks || self.held < 2.0 {
            return;
        }
        // The later tiles leave time for the last piece to arrive.
        let pieces = self.layer.positions.div_ceil(2);
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
