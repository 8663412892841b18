//! Movement: which weights stay on chip, which activations leave it, and what that takes.

use panarch_graph::{Layer, Network, NodeId, Op, Precision};

use super::blocking::input_reads;
use crate::profile::{Accelerator, Memory};

/// What one layer moves for one image, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moved {
    /// Activations read on chip, rereads included, and weights on their way to the array.
    pub read: f64,
    /// Activations written on chip, in the same count.
    pub written: f64,
    /// Activations that come from main memory.
    pub loaded: f64,
    /// Activations that go there.
    pub stored: f64,
    /// Weights that come from outside the chip.
    pub streamed: f64,
    /// The image, over the link to the host.
    pub host_in: f64,
    /// The result, over the link to the host.
    pub host_out: f64,
    /// Whether the input comes tile by tile out of the layer before.
    pub chained: bool,
}

impl Moved {
    fn across_the_border(&self) -> f64 {
        self.loaded + self.stored + self.streamed + self.host_in + self.host_out
    }
}

/// What a whole network moves.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    /// One entry a layer.
    pub layers: Vec<Moved>,
    /// Largest amount of activations of one image alive at once.
    pub peak_bytes: u64,
    /// Bytes of each layer's weights.
    pub weights: Vec<f64>,
    /// Whether the input does not fit with what is alive beside it here.
    pub input_spills: bool,
    /// The same of the output.
    pub output_spills: bool,
}

/// What is before and behind the layers that are planned; by default nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Surroundings {
    /// Whether there are layers before: the input is then no image.
    pub before: bool,
    /// Whether there are layers behind: the output is then no result.
    pub behind: bool,
    /// Whether the input has been spilled before.
    pub input_spilled: bool,
    /// Whether the output has to be spilled for what is behind.
    pub output_spilled: bool,
    /// Bytes of weights that stay on chip, where that is not decided here.
    pub weight_cache: Option<f64>,
}

impl Flow {
    /// Bytes that cross the border of the chip.
    pub fn traffic_bytes(&self) -> f64 {
        self.layers.iter().map(Moved::across_the_border).sum()
    }

    /// Bytes moved on chip.
    pub fn on_chip_bytes(&self) -> f64 {
        self.layers.iter().map(|moved| moved.read + moved.written).sum()
    }
}

/// A value that lives between layers.
struct Value {
    node: NodeId,
    bytes: u64,
    /// Position of the layer that makes it; the network's input is there from the first on.
    first: usize,
    /// Position of the last layer that reads it.
    last: usize,
    spilled: bool,
    /// Passed on tile by tile inside a chain of layers: never in on-chip memory as a whole.
    passed_on: bool,
}

/// Decides residency and counts what every layer moves.
///
/// Weights are kept on chip in the order of the layers until the cache is full; the layer at the border is kept in part. A
/// value is spilled when the values alive together with it, where it is made or read, do not all fit. Both rules only
/// ever keep more when memory grows. A batch is taken through each layer together: it needs the memory of all its images
/// and reads every weight once. Layers that do not run `here` move nothing. A layer whose input is spilled loads it once for each bufferful of streamed weights, so that
/// weights stream once. All counts are for one image.
pub(super) fn flow(
    machine: &Accelerator,
    precision: Precision,
    batch: u32,
    network: &Network,
    (layers, here): (&[Layer], &[bool]),
    surroundings: &Surroundings,
) -> Flow {
    let memory = &machine.memory;
    let batch = f64::from(batch);
    let (mut values, value_of) = values(precision, network, layers);
    let weights: Vec<f64> = layers
        .iter()
        .zip(here)
        .map(|(layer, here)| {
            if *here {
                weight_bytes(machine, precision, network, layer)
            } else {
                0.0
            }
        })
        .collect();
    if memory.chain_fusion.value {
        chain(memory.weight_buffer_bytes.value, network, layers, &weights, &mut values);
    }
    let live = live_bytes(&values, layers.len());
    for value in &mut values {
        value.spilled = !value.passed_on
            && (value.first..=value.last)
                .filter_map(|position| live.get(position))
                .any(|bytes| *bytes as f64 * batch > memory.activation_bytes.value);
    }
    let spills = |values: &[Value], node: NodeId| {
        let index = value_of.get(node.index()).copied().flatten();
        index
            .and_then(|index| values.get(index))
            .is_some_and(|value| value.spilled)
    };
    let (input, output) = (NodeId::default(), network.output());
    let (input_spills, output_spills) = (spills(&values, input), spills(&values, output));
    for (node, spilled) in [
        (input, surroundings.input_spilled),
        (output, surroundings.output_spilled),
    ] {
        let index = value_of.get(node.index()).copied().flatten();
        if let Some(value) = index.and_then(|index| values.get_mut(index)) {
            value.spilled |= spilled;
        }
    }
    let peak_bytes = live.iter().copied().max().unwrap_or(0);
    let mut cache = surroundings
        .weight_cache
        .unwrap_or_else(|| weight_cache(memory, peak_bytes as f64 * batch));
    let mut moved = Vec::with_capacity(layers.len());
    for ((layer, weights), here) in layers.iter().zip(&weights).zip(here) {
        if !here {
            moved.push(Moved::default());
            continue;
        }
        let weights = *weights;
        let mut of_layer = Moved::default();
        let kept = weights.min(cache);
        cache -= kept;
        of_layer.streamed = (weights - kept) / batch;
        of_layer.read = weights / batch;
        let value = |node: NodeId| value_of[node.index()].and_then(|index| values.get(index));
        if !matches!(network.node(layer.anchor).op, Op::Flatten) {
            let reads = match (&machine.blocking, &network.node(layer.anchor).op) {
                (Some(blocking), Op::Conv2d(conv)) => {
                    let inputs = network.node(layer.anchor).inputs.first();
                    let input = inputs.map_or(network.input_shape(), |input| network.shape(*input));
                    input_reads(blocking, conv, input, network.shape(layer.anchor))
                }
                _ => 1.0,
            };
            for value in network
                .node(layer.anchor)
                .inputs
                .iter()
                .filter_map(|input| value(*input))
            {
                if value.passed_on {
                    of_layer.chained = true;
                    continue;
                }
                of_layer.read += value.bytes as f64 * memory.activation_rereads.value * reads;
                if value.spilled {
                    of_layer.loaded += value.bytes as f64;
                }
            }
            if let Some(value) = value(layer.output).filter(|value| !value.passed_on) {
                of_layer.written += value.bytes as f64 * memory.activation_rereads.value;
                if value.spilled {
                    of_layer.stored += value.bytes as f64;
                }
            }
        }
        let bufferfuls = of_layer.streamed * batch / memory.weight_buffer_bytes.value;
        of_layer.loaded *= bufferfuls.ceil().max(1.0);
        moved.push(of_layer);
    }
    // A device on its host's memory takes the image from there like any other value.
    if memory.host_link_bytes_per_s.is_some() {
        let bytes = |elements: u64| (elements * precision.bytes()) as f64;
        if let Some(first) = moved
            .first_mut()
            .filter(|_| !surroundings.before && here.first() == Some(&true))
        {
            first.host_in += bytes(network.input_shape().elements());
        }
        if let Some(last) = moved
            .last_mut()
            .filter(|_| !surroundings.behind && here.last() == Some(&true))
        {
            last.host_out += bytes(network.shape(network.output()).elements());
        }
    }
    Flow {
        layers: moved,
        peak_bytes,
        weights,
        input_spills,
        output_spills,
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

/// Marks the values that are passed on inside chains of convolutions.
///
/// A value is when the next layer alone reads it, both layers are convolutions, and the weights of the whole chain are in
/// their buffer together. The rows at the borders of tiles that a real machine computes twice or keeps are left out.
fn chain(buffer: f64, network: &Network, layers: &[Layer], weights: &[f64], values: &mut [Value]) {
    let is_convolution = |position: usize| {
        layers
            .get(position)
            .is_some_and(|layer| matches!(network.node(layer.anchor).op, Op::Conv2d(_)))
    };
    let of = |position: usize| weights.get(position).copied().unwrap_or(f64::INFINITY);
    let (mut end, mut held) = (usize::MAX, 0.0);
    for value in values {
        let (made, read) = (value.first, value.last);
        if read != made + 1 || !is_convolution(made) || !is_convolution(read) || value.node == NodeId::default() {
            continue;
        }
        let so_far = if end == made { held } else { of(made) };
        if so_far + of(read) <= buffer {
            value.passed_on = true;
            (end, held) = (read, so_far + of(read));
        }
    }
}

/// The values between layers, and for every node the one that it yields.
fn values(precision: Precision, network: &Network, layers: &[Layer]) -> (Vec<Value>, Vec<Option<usize>>) {
    let mut values: Vec<Value> = Vec::with_capacity(layers.len() + 1);
    let mut value_of: Vec<Option<usize>> = vec![None; network.nodes().len()];
    let mut add = |node: NodeId, first: usize, value_of: &mut Vec<Option<usize>>| {
        value_of[node.index()] = Some(values.len());
        values.push(Value {
            node,
            bytes: network.shape(node).elements() * precision.bytes(),
            first,
            last: first,
            spilled: false,
            passed_on: false,
        });
    };
    for id in network.ids().take(1) {
        add(id, 0, &mut value_of);
    }
    for (position, layer) in layers.iter().enumerate() {
        let node = network.node(layer.anchor);
        // Flattening makes no new value.
        match (&node.op, node.inputs.first()) {
            (Op::Flatten, Some(input)) if layer.output == layer.anchor => {
                value_of[layer.output.index()] = value_of[input.index()];
            }
            _ => add(layer.output, position, &mut value_of),
        }
    }
    for (position, layer) in layers.iter().enumerate() {
        for input in &network.node(layer.anchor).inputs {
            if let Some(value) = value_of[input.index()].and_then(|index| values.get_mut(index)) {
                value.last = value.last.max(position);
            }
        }
    }
    let output = value_of[network.output().index()];
    if let (Some(output), Some(end)) = (output, layers.len().checked_sub(1)) {
        values[output].last = end;
    }
    debug_assert!(values.iter().all(|value| value_of[value.node.index()].is_some()));
    (values, value_of)
}

/// Bytes alive while each layer runs.
fn live_bytes(values: &[Value], layers: usize) -> Vec<u64> {
    let mut change = vec![0_i128; layers + 1];
    for value in values.iter().filter(|value| !value.passed_on) {
        if value.first < layers {
            change[value.first] += i128::from(value.bytes);
            change[value.last + 1] -= i128::from(value.bytes);
        }
    }
    let mut live = 0_i128;
    change
        .iter()
        .take(layers)
        .map(|step| {
            live += step;
            u64::try_from(live).unwrap_or(0)
        })
        .collect()
}

/// Bytes of a layer's kernel and of what is kept beside it for each output channel.
fn weight_bytes(machine: &Accelerator, precision: Precision, network: &Network, layer: &Layer) -> f64 {
    let node = network.node(layer.anchor);
    let output = network.shape(layer.anchor);
    let input = node.inputs.first().map_or(0, |input| network.shape(*input).channels);
    let kernel = match &node.op {
        Op::Conv2d(conv) => {
            u64::from(output.channels)
                * u64::from(input / conv.groups.max(1))
                * u64::from(conv.kernel[0])
                * u64::from(conv.kernel[1])
        }
        Op::Linear(_) => u64::from(output.channels) * u64::from(input),
        // Scale and shift.
        Op::BatchNorm(_) => 0,
        _ => return 0.0,
    };
    (kernel * precision.bytes()) as f64 + f64::from(output.channels) * machine.memory.channel_side_bytes.value
}
