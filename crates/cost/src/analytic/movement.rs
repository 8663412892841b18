//! Movement: which weights stay on chip, which activations leave it, and what that takes.

use panarch_graph::{Layer, Network, NodeId, Op, Precision};

use crate::profile::{Accelerator, Memory};

/// What one layer moves, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moved {
    /// Activations read and written on chip, rereads included, and weights on their way to the array.
    pub on_chip: f64,
    /// Activations to and from main memory.
    pub spilled: f64,
    /// Weights that come from outside the chip.
    pub streamed: f64,
    /// Image and result, over the link to the host.
    pub host: f64,
}

impl Moved {
    /// Time of the movement in seconds: paths of their own work at once, users of one path take turns.
    pub fn time(&self, memory: &Memory) -> f64 {
        let mut main = self.spilled;
        let mut own_path = 0.0_f64;
        match &memory.weight_stream_bytes_per_s {
            Some(rate) => own_path = own_path.max(self.streamed / rate.value),
            None => main += self.streamed,
        }
        match &memory.host_link_bytes_per_s {
            Some(rate) => own_path = own_path.max(self.host / rate.value),
            None => main += self.host,
        }
        own_path
            .max(main / memory.off_chip_bytes_per_s.value)
            .max(self.on_chip / memory.on_chip_bytes_per_s.value)
    }
}

/// What a whole network moves.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    /// One entry a layer.
    pub layers: Vec<Moved>,
    /// Largest amount of activations of one image alive at once.
    pub peak_bytes: u64,
}

impl Flow {
    /// Bytes that cross the border of the chip.
    pub fn traffic_bytes(&self) -> f64 {
        self.layers
            .iter()
            .map(|moved| moved.spilled + moved.streamed + moved.host)
            .sum()
    }

    /// Bytes moved on chip.
    pub fn on_chip_bytes(&self) -> f64 {
        self.layers.iter().map(|moved| moved.on_chip).sum()
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
}

/// Decides residency and counts what every layer moves.
///
/// Weights are kept on chip in the order of the layers until the cache is full; the layer at the border is kept in part. A
/// value is spilled when the values alive together with it, where it is made or read, do not all fit. Both rules only
/// ever keep more when memory grows. A batch is taken through each layer together: it needs the memory of all its images
/// and reads every weight once. All counts are for one image.
pub(super) fn flow(
    machine: &Accelerator,
    precision: Precision,
    batch: u32,
    network: &Network,
    layers: &[Layer],
) -> Flow {
    let memory = &machine.memory;
    let batch = f64::from(batch);
    let (mut values, value_of) = values(precision, network, layers);
    let live = live_bytes(&values, layers.len());
    for value in &mut values {
        value.spilled = (value.first..=value.last)
            .filter_map(|position| live.get(position))
            .any(|bytes| *bytes as f64 * batch > memory.activation_bytes.value);
    }
    let peak_bytes = live.iter().copied().max().unwrap_or(0);
    let mut cache = memory.weight_cache_bytes.value;
    if memory.shared.value {
        cache = cache.min((memory.activation_bytes.value - peak_bytes as f64 * batch).max(0.0));
    }
    let mut moved = Vec::with_capacity(layers.len());
    for layer in layers {
        let mut of_layer = Moved::default();
        let weights = weight_bytes(machine, precision, network, layer);
        let kept = weights.min(cache);
        cache -= kept;
        of_layer.streamed = (weights - kept) / batch;
        of_layer.on_chip = weights / batch;
        if !matches!(network.node(layer.anchor).op, Op::Flatten) {
            let read = network.node(layer.anchor).inputs.iter().copied();
            for node in read.chain([layer.output]) {
                let Some(value) = value_of[node.index()].and_then(|index| values.get(index)) else {
                    continue;
                };
                let bytes = value.bytes as f64;
                of_layer.on_chip += bytes * memory.activation_rereads.value;
                if value.spilled {
                    of_layer.spilled += bytes;
                }
            }
        }
        moved.push(of_layer);
    }
    // A device on its host's memory takes the image from there like any other value.
    if memory.host_link_bytes_per_s.is_some() {
        let bytes = |elements: u64| (elements * precision.bytes()) as f64;
        if let Some(first) = moved.first_mut() {
            first.host += bytes(network.input_shape().elements());
        }
        if let Some(last) = moved.last_mut() {
            last.host += bytes(network.shape(network.output()).elements());
        }
    }
    Flow {
        layers: moved,
        peak_bytes,
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
    for value in values {
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
