//! Arithmetic: how layers are dealt to the array and the vector unit.

use panarch_graph::{Layer, Network, Op, Shape};

use crate::profile::{Accelerator, DepthwiseMapping, OutputStage, PixelOrder, Pooling};
use crate::systolic::{ArrayAccesses, Dataflow, Gemm, SystolicArray};
use crate::{CostError, Operator};

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

/// Cycles of a layer's arithmetic for one image of a batch; a fraction where images share something.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Arithmetic {
    /// The matrix unit at work, padding of lanes included.
    pub matrix: f64,
    /// The matrix unit filling and draining.
    pub fill: f64,
    /// The same lanes scaling, activating and writing, on machines without a unit for it.
    pub after: f64,
    /// The vector unit.
    pub vector: f64,
    /// Output channels that have weights of their own.
    pub channels: u64,
    /// Rows of output positions.
    pub rows: u32,
    /// What a systolic array reads and writes on chip, in elements; `None` where the machine's memories say it.
    pub accesses: Option<ArrayAccesses>,
}

/// The arithmetic of a layer.
///
/// # Errors
/// Matrix products of which the cycles do not fit 64 bits.
pub(super) fn of_layer(
    machine: &Accelerator,
    batch: u32,
    network: &Network,
    layer: &Layer,
    operator: Operator,
) -> Result<Arithmetic, CostError> {
    let anchor = network.node(layer.anchor);
    let output = network.shape(layer.anchor);
    let input = anchor.inputs.first().map_or(output, |input| network.shape(*input));
    let vector = &machine.vector;
    let machine = &Dealt { machine, batch, output };
    let mut arithmetic = match &anchor.op {
        Op::Input | Op::Flatten => Arithmetic::default(),
        Op::Conv2d(conv) => {
            let taps = u64::from(conv.kernel[0]) * u64::from(conv.kernel[1]);
            if operator == Operator::DepthwiseConv2d {
                machine.depthwise(taps)?
            } else {
                let groups = u64::from(conv.groups.max(1));
                let dense = machine.dense(Reduction {
                    groups,
                    channels: u64::from(input.channels) / groups,
                    taps,
                    outputs: u64::from(output.channels) / groups,
                })?;
                machine.put_together(dense, groups)
            }
        }
        Op::Linear(_) => machine.dense(Reduction {
            groups: 1,
            channels: input.elements(),
            taps: 1,
            outputs: u64::from(output.channels),
        })?,
        Op::BatchNorm(_) => machine.vector(1.0),
        Op::Activation(activation) => machine.vector(vector.passes_alone(*activation)),
        Op::Add => {
            let summands = anchor.inputs.len().saturating_sub(1) as f64;
            machine.vector(vector.add_passes.value * summands)
        }
        Op::Mul => machine.vector(vector.mul_passes.value),
        Op::Concat => machine.vector(vector.concat_passes.value),
        Op::Pool(pool) => machine.pooling(u64::from(pool.kernel[0]) * u64::from(pool.kernel[1]))?,
        Op::GlobalAvgPool => machine.pooling(input.pixels())?,
    };
    arithmetic.rows = output.height;
    for id in layer.nodes.iter().skip(1) {
        if let Op::Activation(activation) = &network.node(*id).op {
            let passes = machine.vector(vector.passes_behind(*activation)).vector;
            // Lanes that also multiply take their turn.
            if arithmetic.after > 0.0 && machine.machine.array.output_stage.value == OutputStage::After {
                arithmetic.after += passes;
            } else {
                arithmetic.vector += passes;
            }
        }
    }
    Ok(arithmetic)
}

/// A machine and the output that its units share out.
struct Dealt<'a> {
    machine: &'a Accelerator,
    batch: u32,
    output: Shape,
}

impl Dealt<'_> {
    /// A dense or grouped convolution, or a linear layer.
    ///
    /// The weights of one granule stay in the array while all positions pass; the next are loaded meanwhile, so that a
    /// granule takes the longer of the two. Loading and starting are shared by a batch.
    fn dense(&self, reduction: Reduction) -> Result<Arithmetic, CostError> {
        let array = &self.machine.array;
        if let Some(dataflow) = &array.dataflow {
            return self.folds(dataflow.value, reduction);
        }
        let positions = self.position_steps();
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
                (rows * columns) as f64 * work.max(array.weight_load_cycles.value / f64::from(self.batch))
            })
            .fold(f64::INFINITY, f64::min);
        Ok(self.on_array(cheapest / array.utilisation.value, reduction.outputs * reduction.groups))
    }

    /// What a grouped convolution takes besides, where it is run as one convolution for each group.
    fn put_together(&self, dense: Arithmetic, groups: u64) -> Arithmetic {
        match &self.machine.vector.group_passes {
            Some(passes) if groups > 1 => Arithmetic {
                fill: dense.fill * groups as f64,
                after: dense.after + self.vector(passes.value).vector,
                ..dense
            },
            _ => dense,
        }
    }

    /// The same on a systolic array, where the images of a batch are so many more positions.
    fn folds(&self, dataflow: Dataflow, reduction: Reduction) -> Result<Arithmetic, CostError> {
        let array = &self.machine.array;
        let batch = f64::from(self.batch);
        let overlap = array.fold_overlap.as_ref().is_some_and(|it| it.value);
        let systolic = SystolicArray::new(array.reduction_lanes.value, array.output_lanes.value, dataflow)?
            .with_fold_overlap(overlap);
        let positions = self.output.pixels().saturating_mul(u64::from(self.batch));
        let gemm = Gemm::new(
            positions,
            reduction.outputs,
            reduction.channels.saturating_mul(reduction.taps),
        )?;
        let mapping = systolic.map(gemm)?;
        let groups = reduction.groups as f64;
        let cycles = mapping.cycles().0 as f64 * groups / batch;
        let folds = [mapping.row_folds(), mapping.column_folds()];
        let accesses = ArrayAccesses::of(dataflow, gemm, folds, 1.0).times(groups / batch);
        let streaming = (mapping.streaming().0 as f64 * groups / batch).min(cycles);
        let busy = 1.0 / array.utilisation.value;
        Ok(Arithmetic {
            matrix: streaming * busy,
            fill: (cycles - streaming) * busy,
            channels: reduction.outputs * reduction.groups,
            accesses: Some(accesses),
            ..Arithmetic::default()
        })
    }

    fn depthwise(&self, taps: u64) -> Result<Arithmetic, CostError> {
        let array = &self.machine.array;
        let depthwise = &self.machine.depthwise;
        let utilisation = depthwise.utilisation.value;
        let channels = u64::from(self.output.channels);
        let positions = self.position_steps();
        let load = array.weight_load_cycles.value / f64::from(self.batch);
        let cycles = match depthwise.mapping.value {
            DepthwiseMapping::VectorUnit => {
                let mut arithmetic = self.vector(self.machine.vector.tap_passes.value * taps as f64);
                arithmetic.vector /= utilisation;
                return Ok(arithmetic);
            }
            DepthwiseMapping::PerChannel => {
                // The array's own utilisation applies there; only the mapping's is added here.
                let mut arithmetic = self.dense(Reduction {
                    groups: channels,
                    channels: 1,
                    taps,
                    outputs: 1,
                })?;
                arithmetic.matrix /= utilisation;
                return Ok(arithmetic);
            }
            DepthwiseMapping::SimdLanes => {
                let lanes = depthwise.channel_lanes.as_ref().map_or(1, |it| it.value);
                let padding = depthwise.tap_padding.as_ref().map_or(1, |it| it.value);
                let steps = channels.div_ceil(u64::from(lanes)) * taps.div_ceil(u64::from(padding));
                steps as f64 * (positions * f64::from(padding)).max(load)
            }
            DepthwiseMapping::ChannelPacked => {
                if let Some(dataflow) = &array.dataflow {
                    return self.packed_folds(dataflow.value, taps);
                }
                let packed = array.reduction_lanes.value.min(array.output_lanes.value);
                (channels.div_ceil(u64::from(packed)) * taps) as f64 * positions.max(load)
            }
        };
        Ok(self.on_array(cycles / utilisation, channels))
    }

    /// As many channels as rows and columns hold, as one product whose weights are zero off the diagonal.
    fn packed_folds(&self, dataflow: Dataflow, taps: u64) -> Result<Arithmetic, CostError> {
        let array = &self.machine.array;
        let channels = u64::from(self.output.channels);
        let rows = u64::from(array.reduction_lanes.value) / taps.max(1);
        let packed = rows.clamp(1, u64::from(array.output_lanes.value)).min(channels.max(1));
        let mut arithmetic = self.folds(
            dataflow,
            Reduction {
                groups: channels.div_ceil(packed),
                channels: packed,
                taps,
                outputs: packed,
            },
        )?;
        arithmetic.matrix /= self.machine.depthwise.utilisation.value;
        if let Some(accesses) = &mut arithmetic.accesses {
            // Zeros off the diagonal are not kept.
            accesses.weights /= packed as f64;
        }
        Ok(arithmetic)
    }

    fn pooling(&self, taps: u64) -> Result<Arithmetic, CostError> {
        match self.machine.vector.pooling.value {
            Pooling::Depthwise => self.depthwise(taps),
            Pooling::VectorUnit => Ok(self.vector(self.machine.vector.tap_passes.value * taps as f64)),
        }
    }

    fn vector(&self, passes: f64) -> Arithmetic {
        let padding = u64::from(self.machine.vector.channel_padding.value);
        let channels = u64::from(self.output.channels).next_multiple_of(padding);
        let elements = (channels * self.output.pixels()) as f64;
        Arithmetic {
            vector: elements * passes / self.machine.vector.elements_per_cycle.value,
            channels: 1,
            ..Arithmetic::default()
        }
    }

    /// The array's cycles with the output stage beside or after them.
    fn on_array(&self, cycles: f64, channels: u64) -> Arithmetic {
        let array = &self.machine.array;
        let stage = self.output.elements() as f64 / array.output_elements_per_cycle.value;
        let (matrix, after) = match array.output_stage.value {
            OutputStage::Beside => (cycles.max(stage), 0.0),
            OutputStage::After => (cycles, stage),
        };
        Arithmetic {
            matrix,
            after,
            fill: array.startup_cycles.value / f64::from(self.batch),
            channels,
            ..Arithmetic::default()
        }
    }

    /// How many times the pixel lanes have to be filled for all output positions of one image; a fraction where images of
    /// a batch share a filling.
    fn position_steps(&self) -> f64 {
        let array = &self.machine.array;
        let output = self.output;
        let high = u64::from(array.pixel_lanes_high.value);
        let wide = u64::from(array.pixel_lanes_wide.value);
        match array.pixel_order.value {
            PixelOrder::Block => {
                (u64::from(output.height).div_ceil(high) * u64::from(output.width).div_ceil(wide)) as f64
            }
            PixelOrder::Flat => {
                let all = output.pixels() * u64::from(self.batch);
                all.div_ceil(high * wide) as f64 / f64::from(self.batch)
            }
        }
    }
}
