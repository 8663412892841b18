//! Movement: which weights stay on chip, which rows of activations leave it, and what that takes.

use panarch_graph::{Layer, Network, NodeId, Op, Precision};

use super::blocking::input_reads;
use super::part::{Carried, Part};
use super::values::{ChainRoom, Values};
use crate::profile::{Accelerator, Blocking, Memory};

/// What one layer asks of the memories for one image, in bytes, before it is decided how often it goes over its input and
/// over its weights.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Demand {
    /// Activations read on chip, rereads included.
    pub read: f64,
    /// Activations written on chip, in the same count.
    pub written: f64,
    /// All its weights.
    pub weights: f64,
    /// The part of them that the array multiplies by.
    pub kernel: f64,
    /// One element.
    pub element: f64,
    /// What it reads of activations, once.
    pub inputs: f64,
    /// The image, when this layer is the first to read it.
    pub image: f64,
    /// Rows of the image that have left the chip since, or that it has to read again when it goes over its input again.
    pub image_again: f64,
    /// Rows of other activations that have left the chip.
    pub spilled: f64,
    /// Rows of its output that leave the chip.
    pub stored: f64,
    /// The result.
    pub result: f64,
    /// What it reads of the value that enters the layers planned, where that is no image.
    pub entering: f64,
    /// What it makes of the value that leaves them, where that is no result.
    pub leaving: f64,
    /// How many times the memory the activations alive here would fill; at least 1.
    pub crowding: f64,
    /// Whether the input comes tile by tile out of the layer before.
    pub chained: bool,
}

/// What the layers of a network ask of the memories.
#[derive(Debug, Clone)]
pub(crate) struct Demands {
    /// One entry a layer.
    pub layers: Vec<Demand>,
    /// Largest amount of activations of one image alive at once.
    pub peak_bytes: u64,
    /// The share of the input that does not fit with what is alive beside it here.
    pub input_spilled: f64,
    /// The same of the output.
    pub output_spilled: f64,
}

/// What is before and behind the layers that are planned; by default nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Surroundings {
    /// Whether there are layers before: the input is then no image.
    pub before: bool,
    /// Whether there are layers behind: the output is then no result.
    pub behind: bool,
}

/// Counts what every layer of a network asks of the memories, when `together` images are taken through each layer together;
/// those that run elsewhere ask nothing.
///
/// The image comes from the host's link, or else from main memory, once; a row of it that is not kept comes from there again.
/// The result goes the same way, once.
pub(super) fn demands(
    machine: &Accelerator,
    precision: Precision,
    together: u32,
    network: &Network,
    part: &Part,
    surroundings: Surroundings,
    chains: Option<ChainRoom>,
) -> Demands {
    let Part { layers, here } = part;
    let memory = &machine.memory;
    let together = f64::from(together);
    let mut values = Values::new(precision, network, layers);
    let weights: Vec<f64> = layers
        .iter()
        .zip(here)
        .map(|(layer, here)| match here {
            true => weight_bytes(machine, precision, network, layer),
            false => 0.0,
        })
        .collect();
    if let Some(room) = chains {
        // No chain goes through a layer that runs elsewhere.
        let within = weights.iter().zip(here);
        let within: Vec<f64> = within
            .map(|(weights, here)| if *here { *weights } else { f64::INFINITY })
            .collect();
        values.chain(room, precision, network, layers, &within);
    }
    let carried = Carried::new(network, part);
    // A result that nothing reads leaves as it is made.
    let alive = values.alive(layers.len(), |value| {
        surroundings.behind || !value.is_output || value.first_read.is_some()
    });
    values.spill(&alive, memory.activation_bytes.value, together);
    let mut demands = Vec::with_capacity(layers.len());
    for (position, ((layer, weights), here)) in layers.iter().zip(&weights).zip(here).enumerate() {
        if !here {
            demands.push(Demand::default());
            continue;
        }
        let mut demand = Demand {
            weights: *weights,
            kernel: (parameters(network, layer)[0] * precision.bytes()) as f64,
            element: precision.bytes() as f64,
            crowding: alive
                .get(position)
                .map_or(1.0, |alive| alive.crowding(memory.activation_bytes.value, together)),
            ..Demand::default()
        };
        let node = network.node(layer.anchor);
        if !node.op.only_reshapes() {
            let blocking = machine.blocking.as_ref();
            let reads = blocking.map_or(1.0, |blocking| times_read(blocking, network, layer));
            for value in node.inputs.iter().filter_map(|input| values.of(*input)) {
                if value.stripe.is_some() {
                    demand.chained = true;
                    continue;
                }
                let bytes = value.bytes as f64;
                demand.inputs += bytes;
                demand.read += bytes * memory.activation_rereads.value * reads;
                if !value.is_input {
                    // What is carried here has just come.
                    let comes = carried.comes_with(value.node, position);
                    demand.spilled += if comes { 0.0 } else { bytes * value.spilled };
                } else if surroundings.before {
                    demand.entering += bytes;
                } else {
                    // An operator may read the image twice over; it comes once.
                    if value.first_read == Some(position) && demand.image == 0.0 {
                        demand.image = bytes;
                    }
                    demand.image_again = bytes * value.spilled;
                }
            }
            if let Some(value) = values.of(layer.output).filter(|value| value.stripe.is_none()) {
                let bytes = value.bytes as f64;
                demand.written += bytes * memory.activation_rereads.value;
                if !value.is_output {
                    // What only others read is carried to them.
                    let leaves = carried.only_leaves(value.node);
                    demand.stored += if leaves { 0.0 } else { bytes * value.spilled };
                } else if surroundings.behind {
                    demand.leaving += bytes;
                } else {
                    demand.result += bytes;
                }
            }
        }
        demands.push(demand);
    }
    let spilled = |node: NodeId| values.of(node).map_or(0.0, |value| value.spilled);
    Demands {
        layers: demands,
        peak_bytes: values
            .alive(layers.len(), |_| true)
            .iter()
            .map(|alive| alive.whole.saturating_add(alive.stripes))
            .max()
            .unwrap_or(0),
        input_spilled: spilled(NodeId::default()),
        output_spilled: spilled(network.output()),
    }
}

/// Bytes of weights that stay on chip beside a peak of activations.
pub(crate) fn weight_cache(memory: &Memory, peak_bytes: f64) -> f64 {
    let cache = memory.weight_cache_bytes.value;
    if memory.shared.value {
        cache.min((memory.activation_bytes.value - peak_bytes).max(0.0))
    } else {
        cache
    }
}

/// How many times a layer's inputs are read where its output is made in blocks.
fn times_read(blocking: &Blocking, network: &Network, layer: &Layer) -> f64 {
    let node = network.node(layer.anchor);
    match &node.op {
        Op::Conv2d(conv) => {
            let input = node.inputs.first();
            let input = input.map_or(network.input_shape(), |input| network.shape(*input));
            input_reads(blocking, conv, input, network.shape(layer.anchor))
        }
        Op::Input
        | Op::Slice(_)
        | Op::Shuffle { .. }
        | Op::Resize(_)
        | Op::Pad(_)
        | Op::LayerNorm(_)
        | Op::Affine(_)
        | Op::BatchNorm(_)
        | Op::Activation(_)
        | Op::Add
        | Op::Mul
        | Op::Concat
        | Op::Pool(_)
        | Op::GlobalAvgPool
        | Op::Flatten
        | Op::Linear(_) => 1.0,
    }
}

/// What of a layer's parameters is carried with it: the elements of its kernel, and the channels that have a scale and a
/// shift beside it.
pub(crate) fn parameters(network: &Network, layer: &Layer) -> [u64; 2] {
    let node = network.node(layer.anchor);
    let outputs = u64::from(network.shape(layer.anchor).channels);
    let input = node.inputs.first().map_or(0, |input| network.shape(*input).channels);
    match &node.op {
        Op::Conv2d(conv) => {
            let taps = u64::from(conv.kernel[0]) * u64::from(conv.kernel[1]);
            [outputs * u64::from(input / conv.groups.max(1)) * taps, outputs]
        }
        Op::Linear(_) => [outputs * u64::from(input), outputs],
        Op::BatchNorm(_) | Op::Affine(_) => [0, outputs],
        Op::Input
        | Op::Slice(_)
        | Op::Shuffle { .. }
        | Op::Resize(_)
        | Op::Pad(_)
        | Op::LayerNorm(_)
        | Op::Activation(_)
        | Op::Add
        | Op::Mul
        | Op::Concat
        | Op::Pool(_)
        | Op::GlobalAvgPool
        | Op::Flatten => [0; 2],
    }
}

/// Bytes of a layer's kernel and of what is kept beside it for each output channel; scale and shift where it has none.
fn weight_bytes(machine: &Accelerator, precision: Precision, network: &Network, layer: &Layer) -> f64 {
    let [kernel, channels] = parameters(network, layer);
    (kernel * precision.bytes()) as f64 + channels as f64 * machine.memory.channel_side_bytes.value
}
