//! Weights that are fetched ahead, over the borders of layers.

use super::work::{LayerWork, Rates};
use crate::layer_time::LayerTime;

/// How far the weights of the layers behind have been fetched when a layer begins.
///
/// The way of weights is a server that goes on to the next layers' weights whenever nothing of the running layer needs it, as
/// far as there is room. What runs is never kept waiting for what is fetched ahead. A layer that ends some cycles earlier
/// leaves at most as many cycles less fetched, so that no machine gets slower by having a faster layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ahead {
    /// Cycles for which the way was free for these weights.
    pub cycles: f64,
    /// Bytes for which there was room.
    pub room: f64,
}

impl Ahead {
    /// Nothing yet, and an empty buffer.
    pub const fn none(rates: &Rates) -> Self {
        Self {
            cycles: 0.0,
            room: rates.weight_buffer,
        }
    }

    /// The same some idle cycles later.
    pub fn later(self, rates: &Rates, cycles: f64) -> Self {
        if !rates.fetch_ahead {
            return self;
        }
        let most = self.room_cycles(rates) + rates.latency;
        Self {
            cycles: (self.cycles + cycles).clamp(0.0, most),
            ..self
        }
    }

    /// When a layer has taken some cycles, those to issue it included.
    pub fn behind(self, rates: &Rates, layer: &LayerWork, cycles: f64) -> Self {
        if !rates.fetch_ahead {
            return Self::none(rates);
        }
        // What its last block holds of the buffer to the end, or all its weights do.
        let held = if layer.weights_first {
            layer.weight_bytes.min(rates.weight_buffer)
        } else {
            layer.weight_bytes / f64::from(layer.blocks.max(1))
        };
        let room = (rates.weight_buffer - held).max(0.0);
        Self { room, ..self }.later(rates, cycles - layer.on_the_way_of_weights(rates))
    }

    /// Cycles of fetching that a layer is spared.
    pub fn fetched(&self, rates: &Rates, layer: &LayerWork) -> f64 {
        self.cycles.min(self.room_cycles(rates)).min(layer.weights)
    }

    /// When the first weights are there that take so many cycles, if all of them were fetched ahead.
    pub fn arrival(&self, rates: &Rates, cycles: f64) -> f64 {
        (cycles + rates.latency - self.cycles).max(0.0)
    }

    fn room_cycles(&self, rates: &Rates) -> f64 {
        if rates.weights.is_finite() {
            self.room / rates.weights
        } else {
            0.0
        }
    }
}

/// Puts the layers of a network one behind the other, each as long as `layer_time` says; the times are pushed to `times`.
///
/// Returns what is fetched ahead at the end, so that the layers of a network can be worked off in parts.
pub(crate) fn in_turn(
    rates: &Rates,
    work: &[LayerWork],
    ahead: Ahead,
    times: &mut Vec<LayerTime>,
    mut layer_time: impl FnMut(&LayerWork, Ahead, bool) -> LayerTime,
) -> Ahead {
    let mut ahead = ahead;
    for (position, layer) in work.iter().enumerate() {
        let next_is_chained = work.get(position + 1).is_some_and(|next| next.chained);
        let time = if layer.is_empty() {
            LayerTime {
                issue: layer.issue,
                ..LayerTime::default()
            }
        } else {
            LayerTime {
                issue: layer.issue,
                ..layer_time(layer, ahead.later(rates, layer.issue), next_is_chained)
            }
        };
        ahead = ahead.behind(rates, layer, time.total());
        times.push(time);
    }
    ahead
}
