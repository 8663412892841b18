//! Arithmetic: how layers are dealt to the array and the vector unit.

use panarch_graph::{Layer, Network, Op, Shape};

use crate::Operator;
use crate::profile::{Accelerator, DepthwiseMapping, OutputStage, PixelOrder, Pooling};

/// A reduction that the array can run: `groups` matrix products.
#[derive(Debug, Clone, Copy)]
struct Reduction {
    groups: u64,
    /// Input channels of one group.
    channels: u64,
    /// Kernel taps.
    taps: u64,
    /// Output channels of one group.
    outputs: u64,
}

/// Time that a layer's arithmetic takes for one image of a batch, in seconds.
pub(super) fn seconds(machine: &Accelerator, batch: u32, network: &Network, layer: &Layer, operator: Operator) -> f64 {
    let anchor = network.node(layer.anchor);
    let output = network.shape(layer.anchor);
    let input = anchor.inputs.first().map_or(output, |input| network.shape(*input));
    let vector = &machine.vector;
    let mut cycles = match &anchor.op {
        Op::Input | Op::Flatten => 0.0,
        Op::Conv2d(conv) => {
            let taps = u64::from(conv.kernel[0]) * u64::from(conv.kernel[1]);
            if operator == Operator::DepthwiseConv2d {
                depthwise_cycles(machine, batch, output, taps)
            } else {
                let groups = u64::from(conv.groups.max(1));
                let reduction = Reduction {
                    groups,
                    channels: u64::from(input.channels) / groups,
                    taps,
                    outputs: u64::from(output.channels) / groups,
                };
                dense_cycles(machine, batch, output, reduction)
            }
        }
        Op::Linear(_) => {
            let reduction = Reduction {
                groups: 1,
                channels: input.elements(),
                taps: 1,
                outputs: u64::from(output.channels),
            };
            dense_cycles(machine, batch, output, reduction)
        }
        Op::BatchNorm(_) => vector_cycles(machine, output, 1.0),
        Op::Activation(activation) => vector_cycles(machine, output, vector.passes_alone(*activation)),
        Op::Add => {
            let summands = anchor.inputs.len().saturating_sub(1) as f64;
            vector_cycles(machine, output, vector.add_passes.value * summands)
        }
        Op::Mul => vector_cycles(machine, output, vector.mul_passes.value),
        Op::Concat => vector_cycles(machine, output, vector.concat_passes.value),
        Op::Pool(pool) => {
            let taps = u64::from(pool.kernel[0]) * u64::from(pool.kernel[1]);
            pooling_cycles(machine, batch, output, taps)
        }
        Op::GlobalAvgPool => pooling_cycles(machine, batch, output, input.pixels()),
    };
    for id in layer.nodes.iter().skip(1) {
        if let Op::Activation(activation) = &network.node(*id).op {
            cycles += vector_cycles(machine, output, vector.passes_behind(*activation));
        }
    }
    cycles / machine.clock_hz.value
}

/// Cycles of a dense or grouped convolution, or of a linear layer.
///
/// The weights of one granule stay in the array while all positions pass; the next are loaded meanwhile, so that a granule
/// takes the longer of the two. Loading and starting are shared by a batch.
fn dense_cycles(machine: &Accelerator, batch: u32, output: Shape, reduction: Reduction) -> f64 {
    let array = &machine.array;
    let positions = position_steps(machine, batch, output);
    let lanes = f64::from(array.reduction_lanes.value);
    let columns = reduction.outputs.div_ceil(u64::from(array.output_lanes.value)) * reduction.groups;
    let cheapest = array
        .padding
        .value
        .iter()
        .map(|granule| {
            let rows = reduction.channels.div_ceil(u64::from(granule.channels))
                * reduction.taps.div_ceil(u64::from(granule.taps));
            let work = positions * f64::from(granule.channels) * f64::from(granule.taps) / lanes;
            (rows * columns) as f64 * work.max(array.weight_load_cycles.value / f64::from(batch))
        })
        .fold(f64::INFINITY, f64::min);
    let busy = with_output_stage(machine, output, cheapest / array.utilisation.value);
    busy + array.startup_cycles.value / f64::from(batch)
}

fn depthwise_cycles(machine: &Accelerator, batch: u32, output: Shape, taps: u64) -> f64 {
    let array = &machine.array;
    let depthwise = &machine.depthwise;
    let channels = u64::from(output.channels);
    let positions = position_steps(machine, batch, output);
    let load = array.weight_load_cycles.value / f64::from(batch);
    let on_array = match depthwise.mapping.value {
        DepthwiseMapping::VectorUnit => {
            let passes = machine.vector.tap_passes.value * taps as f64;
            return vector_cycles(machine, output, passes) / depthwise.utilisation.value;
        }
        DepthwiseMapping::PerChannel => {
            let one = Reduction {
                groups: channels,
                channels: 1,
                taps,
                outputs: 1,
            };
            // The array's own utilisation applies there; only the mapping's is added here.
            return dense_cycles(machine, batch, output, one) / depthwise.utilisation.value;
        }
        DepthwiseMapping::SimdLanes => {
            let lanes = depthwise.channel_lanes.as_ref().map_or(1, |it| it.value);
            let padding = depthwise.tap_padding.as_ref().map_or(1, |it| it.value);
            let blocks = channels.div_ceil(u64::from(lanes)) * taps.div_ceil(u64::from(padding));
            blocks as f64 * (positions * f64::from(padding)).max(load)
        }
        DepthwiseMapping::ChannelPacked => {
            let packed = array.reduction_lanes.value.min(array.output_lanes.value);
            let blocks = channels.div_ceil(u64::from(packed)) * taps;
            blocks as f64 * positions.max(load)
        }
    };
    let busy = with_output_stage(machine, output, on_array / depthwise.utilisation.value);
    busy + array.startup_cycles.value / f64::from(batch)
}

fn pooling_cycles(machine: &Accelerator, batch: u32, output: Shape, taps: u64) -> f64 {
    match machine.vector.pooling.value {
        Pooling::Depthwise => depthwise_cycles(machine, batch, output, taps),
        Pooling::VectorUnit => vector_cycles(machine, output, machine.vector.tap_passes.value * taps as f64),
    }
}

fn vector_cycles(machine: &Accelerator, output: Shape, passes: f64) -> f64 {
    if passes == 0.0 {
        return 0.0;
    }
    let padding = u64::from(machine.vector.channel_padding.value);
    let channels = u64::from(output.channels).next_multiple_of(padding);
    (channels * output.pixels()) as f64 * passes / machine.vector.elements_per_cycle.value
}

fn with_output_stage(machine: &Accelerator, output: Shape, array_cycles: f64) -> f64 {
    let array = &machine.array;
    let stage = output.elements() as f64 / array.output_elements_per_cycle.value;
    match array.output_stage.value {
        OutputStage::Beside => array_cycles.max(stage),
        OutputStage::After => array_cycles + stage,
    }
}

/// How many times the pixel lanes have to be filled for all output positions of one image; a fraction where images of a
/// batch share a filling.
fn position_steps(machine: &Accelerator, batch: u32, output: Shape) -> f64 {
    let array = &machine.array;
    let high = u64::from(array.pixel_lanes_high.value);
    let wide = u64::from(array.pixel_lanes_wide.value);
    match array.pixel_order.value {
        PixelOrder::Block => (u64::from(output.height).div_ceil(high) * u64::from(output.width).div_ceil(wide)) as f64,
        PixelOrder::Flat => {
            let all = output.pixels() * u64::from(batch);
            all.div_ceil(high * wide) as f64 / f64::from(batch)
        }
    }
}
