use std::collections::VecDeque;

use super::Unit;
use super::timeline::{Shares, Units};
use crate::plan::{LayerWork, Rates};

/// The blocks of streamed weights of a whole network: fetched in order, ahead of their use, as far as the buffer goes.
pub(super) struct StreamedWeights<'a> {
    work: &'a [LayerWork],
    unit: Unit,
    latency: u64,
    buffer: u64,
    /// The next block to be fetched: its layer and its number there.
    next: (usize, u32),
    /// The last layer whose weights may be fetched for now.
    limit: usize,
    /// Bytes that are in the buffer or on their way.
    held: u64,
    /// When room was given back last.
    freed: u64,
    /// When the blocks that are held and not yet asked for are there, in order.
    arriving: VecDeque<u64>,
    /// When the block asked for last was there.
    arrived: u64,
    /// The block asked for last.
    asked: Option<(usize, u32)>,
}

impl<'a> StreamedWeights<'a> {
    pub fn new(rates: &Rates, work: &'a [LayerWork]) -> Self {
        let mut weights = Self {
            work,
            unit: if rates.weights_share {
                Unit::OffChip
            } else {
                Unit::Weights
            },
            latency: rates.latency.ceil() as u64,
            // As large as can be counted when it is infinite.
            buffer: rates.weight_buffer.ceil() as u64,
            next: (0, 0),
            limit: 0,
            held: 0,
            freed: 0,
            arriving: VecDeque::with_capacity(64),
            arrived: 0,
            asked: None,
        };
        weights.skip_layers_without();
        weights
    }

    /// Lets the weights up to a layer be fetched. Later ones must not get in the way of what that layer loads and stores.
    pub fn allow(&mut self, units: &mut Units<'_>, limit: usize) {
        self.limit = limit;
        self.fetch_ahead(units);
    }

    /// Lets nothing be fetched before a cycle.
    pub fn wait_until(&mut self, cycle: u64) {
        self.freed = self.freed.max(cycle);
    }

    /// Fetches what fits into the buffer.
    fn fetch_ahead(&mut self, units: &mut Units<'_>) {
        let from = self.freed;
        while let Some(layer) = self.work.get(self.next.0) {
            let (position, block) = self.next;
            if position > self.limit {
                return;
            }
            let bytes = Shares::new(layer.weight_bytes, layer.blocks).of(block);
            // A block larger than the whole buffer passes through it alone.
            if self.held > 0 && self.held.saturating_add(bytes) > self.buffer {
                return;
            }
            let cycles = Shares::new(layer.weights, layer.blocks).of(block);
            let end = units.serve_for(position, self.unit, block, from, cycles);
            let latency = if cycles > 0 { self.latency } else { 0 };
            self.arriving.push_back(end.saturating_add(latency));
            self.held = self.held.saturating_add(bytes);
            self.next.1 += 1;
            self.skip_layers_without();
        }
    }

    /// When a block is there; blocks are asked for in order, any number of times.
    pub fn ready(&mut self, layer: usize, block: u32) -> u64 {
        if self.work.get(layer).is_none_or(|work| work.weight_bytes == 0.0) {
            return 0;
        }
        if self.asked != Some((layer, block)) {
            self.arrived = self.arriving.pop_front().unwrap_or(self.arrived);
            self.asked = Some((layer, block));
        }
        self.arrived
    }

    /// Gives the room of a block back, or of all blocks of a layer that holds them to its end.
    pub fn free(&mut self, units: &mut Units<'_>, layer: usize, block: u32, at: u64) {
        let Some(work) = self.work.get(layer).filter(|work| work.weight_bytes > 0.0) else {
            return;
        };
        let shares = Shares::new(work.weight_bytes, work.blocks);
        let bytes = if work.weights_first {
            (0..work.blocks).map(|block| shares.of(block)).sum()
        } else {
            shares.of(block)
        };
        self.held = self.held.saturating_sub(bytes);
        self.freed = self.freed.max(at);
        self.fetch_ahead(units);
    }

    fn skip_layers_without(&mut self) {
        while let Some(layer) = self.work.get(self.next.0) {
            if layer.weight_bytes > 0.0 && self.next.1 < layer.blocks {
                return;
            }
            self.next = (self.next.0 + 1, 0);
        }
    }
}
