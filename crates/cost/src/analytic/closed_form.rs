use crate::layer_time::LayerTime;
use crate::plan::{LayerWork, Rates};

/// Cycles of every layer, in one pass and without simulating anything.
///
/// A layer of n equal tiles is a flow shop: each tile goes from memory to the matrix unit, the vector unit and back, and a
/// part r of the machine that is busy for X_r in all is the bottleneck when the rest hides behind it:
///
/// T = max over r of (what the first tile needs before r + X_r + what the last tile needs after r)
///
/// Streamed weights are fetched ahead while their way is idle, as far as the buffer goes; see [`Ahead`].
///
/// Layers are pushed to `times`. Returns what is fetched ahead at the end, so that the layers of a network can be worked
/// off in parts.
pub(super) fn closed_form(rates: &Rates, work: &[LayerWork], ahead: Ahead, times: &mut Vec<LayerTime>) -> Ahead {
    let mut ahead = ahead;
    for (position, layer) in work.iter().enumerate() {
        let next_is_chained = work.get(position + 1).is_some_and(|next| next.chained);
        let time = layer_time(rates, layer, ahead.of(rates, layer), next_is_chained);
        let mut idle = time.total() - layer.weights;
        if rates.weights_share {
            idle -= layer.load;
            if layer.store > 0.0 {
                // Nothing is fetched ahead past a layer that stores.
                ahead.cycles = 0.0;
                idle = 0.0;
            }
        }
        // What its last block holds of the buffer while the next is fetched.
        let held_blocks = if layer.weights_first { 1 } else { layer.blocks.max(1) };
        ahead.room = (rates.weight_buffer - layer.weight_bytes / f64::from(held_blocks)).max(0.0);
        ahead.cycles = (ahead.cycles + idle).clamp(0.0, ahead.room / rates.weights);
        if !rates.fetch_ahead {
            ahead = Ahead::default();
        }
        times.push(time);
    }
    ahead
}

/// How much of the weights behind is fetched when a layer ends.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Ahead {
    /// Cycles of fetching for which there was time and room.
    pub cycles: f64,
    /// Bytes for which there was room.
    pub room: f64,
}

impl Ahead {
    /// Cycles of fetching that a layer is spared. The last block for which the room does not suffice is not begun.
    fn of(&self, rates: &Rates, layer: &LayerWork) -> f64 {
        if self.room >= layer.weight_bytes {
            return self.cycles;
        }
        let block = layer.weight_bytes / f64::from(layer.blocks.max(1));
        self.cycles.min((self.room / block).floor() * block / rates.weights)
    }
}

fn layer_time(rates: &Rates, layer: &LayerWork, ahead: f64, next_is_chained: bool) -> LayerTime {
    if layer.is_empty() {
        return LayerTime {
            issue: layer.issue,
            ..LayerTime::default()
        };
    }
    let tiles = f64::from(layer.tiles());
    let blocks = f64::from(layer.blocks);
    let first = |total: f64| total / tiles;
    let latency = |busy: f64| if busy > 0.0 { rates.latency } else { 0.0 };
    let ahead = ahead.min(layer.weights);
    // Before the first tile runs.
    let incoming = first(layer.load) + first(layer.host_in) + latency(layer.load + layer.host_in);
    let first_block = (layer.weights / blocks - ahead).max(0.0) + latency(layer.weights - ahead);
    let head = if rates.weights_share && layer.load > 0.0 {
        incoming + first_block + first(layer.feed)
    } else {
        (incoming + first(layer.feed)).max(first_block)
    };
    // After the last has.
    let outgoing = first(layer.drain) + first(layer.store) + first(layer.host_out);
    let tail = if next_is_chained {
        0.0
    } else {
        first(layer.vector) + outgoing
    };
    let of_last_block = layer.matrix / blocks;
    let through = first(layer.feed) + first(layer.matrix) + tail;

    let weights = layer.weights - ahead;
    // A block that leaves no room for the next is fetched while nothing runs.
    let in_turns = layer.blocks > 1 && 2.0 * layer.weight_bytes / blocks > rates.weight_buffer && !layer.weights_first;
    let mut outside = layer.load + layer.store;
    if rates.host_shares {
        outside += layer.host_in + layer.host_out;
    }
    let own_host = if rates.host_shares {
        0.0
    } else {
        (layer.host_in + layer.host_out) + through
    };
    let shared_weights = if rates.weights_share {
        layer.weights - ahead
    } else {
        0.0
    };
    let by_matrix = head + layer.matrix + tail;
    let by_vector = head + first(layer.matrix) + layer.vector + outgoing;
    let by_port = incoming + layer.feed + layer.drain + first(layer.matrix) + first(layer.vector);
    let by_outside = if outside > 0.0 {
        (outside + shared_weights + rates.latency + through).max(own_host)
    } else {
        own_host
    };
    let by_weights = if weights <= 0.0 {
        0.0
    } else if in_turns {
        weights + layer.matrix + rates.latency * blocks + tail
    } else {
        weights + rates.latency + of_last_block + tail
    };
    // Two tiles are on their way at once.
    let by_round_trips = if layer.load > 0.0 {
        head + 0.5 * (tiles - 2.0).max(0.0) * (rates.latency + first(layer.load) + first(layer.feed)) + through
    } else {
        0.0
    };
    let by_outside = by_outside.max(by_round_trips);
    let ruling = by_matrix.max(by_vector).max(by_port).max(by_outside).max(by_weights);
    let reason = if by_weights >= ruling {
        Reason::Weights
    } else if by_vector >= ruling {
        Reason::Vector
    } else {
        Reason::Activations
    };
    attribute(layer, ruling, first_block.min(head), tail, reason)
}

/// What the cycles beyond the matrix unit's are waited for, where head and tail do not say.
enum Reason {
    Weights,
    Activations,
    Vector,
}

fn attribute(layer: &LayerWork, total: f64, head: f64, tail: f64, reason: Reason) -> LayerTime {
    let mut time = LayerTime {
        issue: layer.issue,
        fill: layer.fill,
        vector: layer.after,
        compute: layer.matrix - layer.fill - layer.after,
        ..LayerTime::default()
    };
    let mut left = (total - layer.matrix).max(0.0);
    if layer.matrix == 0.0 {
        let vector = layer.vector.min(left);
        time.vector += vector;
        left -= vector;
    }
    let mut take = |most: f64| {
        let taken = if most > left { left } else { most.max(0.0) };
        left -= taken;
        taken
    };
    if matches!(reason, Reason::Weights) {
        time.weights += take(total);
    } else {
        let tail_vector = if layer.matrix > 0.0 {
            tail.min(layer.vector)
        } else {
            0.0
        };
        time.vector += take(tail_vector);
        time.weights += take(head);
        let rest = take(total);
        match reason {
            Reason::Vector => time.vector += rest,
            _ => time.activations += rest,
        }
    }
    time
}
