use crate::layer_time::LayerTime;
use crate::plan::{Ahead, LayerWork, Rates};

/// Cycles of a layer, without simulating anything.
///
/// A layer of n equal tiles is a flow shop: each tile goes from memory to the matrix unit, the vector unit and back, and a
/// part r of the machine that is busy for X_r in all is the bottleneck when the rest hides behind it:
///
/// T = max over r of (what the first tile needs before r + X_r + what the last tile needs after r)
pub(super) fn layer_time(rates: &Rates, layer: &LayerWork, ahead: Ahead, next_is_chained: bool) -> LayerTime {
    let tiles = f64::from(layer.tiles());
    let blocks = f64::from(layer.blocks);
    let first = |total: f64| total / tiles;
    let fetched = ahead.fetched(rates, layer);
    // Before the first tile runs.
    let (shared_host, own_host) = if rates.host_shares {
        (layer.host_in, 0.0)
    } else {
        (0.0, layer.host_in)
    };
    let from_memory = first(layer.load + shared_host);
    let incoming = from_memory.max(first(own_host)) + layer.latency;
    // When so many cycles' worth of the first weights are there.
    let arrival = |cycles: f64| {
        if cycles <= 0.0 {
            0.0
        } else if fetched >= cycles {
            ahead.arrival(rates, cycles)
        } else {
            let behind = if rates.weights_share { from_memory } else { 0.0 };
            behind + cycles - fetched + rates.latency
        }
    };
    let first_block = arrival(layer.weights / blocks);
    let head = (incoming + first(layer.feed)).max(first_block);
    // After the last has.
    let outgoing = first(layer.drain) + first(layer.store) + first(layer.host_out);
    let tail = first(layer.vector) + if next_is_chained { 0.0 } else { outgoing };
    let through = first(layer.feed) + first(layer.matrix) + tail;

    let by_matrix = head + layer.matrix + tail;
    let by_vector = head + first(layer.matrix) + layer.vector + outgoing;
    let by_port = incoming + layer.feed + layer.drain + first(layer.matrix) + first(layer.vector);
    let own_host = if rates.host_shares {
        0.0
    } else {
        layer.host_in + layer.host_out + through
    };
    let shared = if rates.weights_share {
        layer.weights - fetched + layer.weights_again
    } else {
        0.0
    };
    let outside = layer.outside(rates);
    let by_outside = if outside > 0.0 {
        outside + shared + layer.latency + through
    } else {
        0.0
    };
    let by_weights = if layer.weights > 0.0 {
        // What the last weights are for.
        let of_last = if layer.weights_first {
            layer.matrix * (tiles - blocks + 1.0) / tiles
        } else {
            layer.matrix / blocks
        };
        let again = if layer.weights_again > 0.0 {
            layer.weights_again + first(layer.matrix)
        } else {
            0.0
        };
        let side_by_side = arrival(layer.weights) + of_last.max(again);
        // A block that leaves no room for the next is fetched while nothing runs, each time that it comes. What shares its way
        // waits for it: only the loads of a block's later tiles overlap with its earlier tiles.
        let in_turns = if layer.held_blocks(rates.weight_buffer) < 2.0 && layer.blocks > 1 {
            let load = if rates.weights_share { first(outside) } else { 0.0 };
            let exposed = load * blocks + (load - first(layer.matrix)).max(0.0) * (tiles - blocks).max(0.0);
            layer.weights - fetched + layer.weights_again + layer.matrix + exposed + rates.latency * blocks
        } else {
            0.0
        };
        side_by_side.max(in_turns) + tail
    } else {
        0.0
    };
    // A tile comes into the buffer of the one two before it.
    let trip = layer.latency_behind + first(layer.load) + first(layer.feed);
    let by_round_trips = head + 0.5 * (tiles - 2.0).max(0.0) * trip + through;
    let by_outside = by_outside.max(own_host).max(by_round_trips);
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
        fill: layer.fill,
        vector: layer.after,
        compute: (layer.matrix - layer.fill - layer.after).max(0.0),
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
