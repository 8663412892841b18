//! Arithmetic: how layers are dealt to the array and the vector unit.

use panarch_graph::{Layer, LayerNorm, Network, Op, Precision, Shape};

use super::deal::{deals, powers};
use super::folds::{Folded, OnChip, PARTIAL_SUM_BYTES, fewest_cycles};
use crate::profile::{Accelerator, DepthwiseMapping, OutputStage, PixelOrder, Pooling, Systolic};
use crate::systolic::{ArrayAccesses, Gemm};
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
    /// Share of the cycles that the array works, beside its own.
    utilisation: f64,
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
    /// What systolic arrays read and write on chip, in elements; `None` where the machine's memories say it.
    pub accesses: Option<ArrayAccesses>,
}

/// The arithmetic of a layer.
///
/// # Errors
/// Matrix products of which the cycles do not fit 64 bits.
pub(super) fn of_layer(
    machine: &Accelerator,
    precision: Precision,
    batch: u32,
    network: &Network,
    layer: &Layer,
    operator: Operator,
) -> Result<Arithmetic, CostError> {
    let anchor = network.node(layer.anchor);
    let output = network.shape(layer.anchor);
    let input = anchor.inputs.first().map_or(output, |input| network.shape(*input));
    let vector = &machine.vector;
    let machine = &Dealt {
        machine,
        precision,
        batch,
        output,
    };
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
                    utilisation: 1.0,
                })?;
                machine.put_together(dense, groups)
            }
        }
        Op::Linear(_) => machine.dense(Reduction {
            groups: 1,
            channels: input.elements(),
            taps: 1,
            outputs: u64::from(output.channels),
            utilisation: 1.0,
        })?,
        Op::BatchNorm(_) | Op::Affine(_) => machine.vector(1.0),
        // Whoever reads a part finds it where it lies, as the parts of a concatenation are written where they belong.
        Op::Slice(_) => machine.vector(vector.concat_passes.value),
        Op::Shuffle { .. } | Op::Pad(_) => machine.vector(1.0),
        Op::Resize(resize) => {
            let taps = if resize.interpolation.is_nearest() { 1.0 } else { 4.0 };
            machine.vector(taps * vector.tap_passes.value)
        }
        Op::LayerNorm(_) => machine.vector(LayerNorm::OPERATIONS as f64),
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
        let passes = match &network.node(*id).op {
            Op::Activation(activation) => machine.vector(vector.passes_behind(*activation)).vector,
            // Scale and shift belong to the output stage, and nothing else joins a layer ([`Op::joins_layer_before`]).
            Op::BatchNorm(_)
            | Op::Affine(_)
            | Op::Input
            | Op::Slice(_)
            | Op::Shuffle { .. }
            | Op::Resize(_)
            | Op::Pad(_)
            | Op::LayerNorm(_)
            | Op::Conv2d(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::Pool(_)
            | Op::GlobalAvgPool
            | Op::Flatten
            | Op::Linear(_) => continue,
        };
        // Lanes that also multiply take their turn.
        if arithmetic.after > 0.0 && machine.machine.array.output_stage.value == OutputStage::After {
            arithmetic.after += passes;
        } else {
            arithmetic.vector += passes;
        }
    }
    Ok(arithmetic)
}

/// A machine and the output that its units share out.
struct Dealt<'a> {
    machine: &'a Accelerator,
    precision: Precision,
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
        if let Some(systolic) = &array.systolic {
            return self.folds(systolic, reduction);
        }
        let lanes = f64::from(array.reduction_lanes.value);
        let columns = reduction.outputs.div_ceil(u64::from(array.output_lanes.value)) * reduction.groups;
        let cheapest = array
            .padding
            .value
            .iter()
            .map(|granule| {
                let rows = reduction.channels.div_ceil(u64::from(granule.channels))
                    * reduction.taps.div_ceil(u64::from(granule.taps));
                let step = f64::from(granule.channels) * f64::from(granule.taps) / lanes;
                rows as f64 * self.dealt(columns, step)
            })
            .fold(f64::INFINITY, f64::min);
        Ok(self.on_array(cheapest / array.utilisation.value, reduction.outputs * reduction.groups))
    }

    /// Cycles of one image for a granule of each of so many columns, when a step of positions takes `step` cycles and the
    /// arrays share out columns and positions as is best.
    fn dealt(&self, columns: u64, step: f64) -> f64 {
        let load = self.machine.array.weight_load_cycles.value;
        let positions = self.position_steps();
        deals(self.machine.array.count.value)
            .map(|[over_positions, over_columns]| {
                let work = positions.div_ceil(over_positions) as f64 * step;
                columns.div_ceil(over_columns) as f64 * work.max(load)
            })
            .fold(f64::INFINITY, f64::min)
            / f64::from(self.batch)
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

    /// The same on systolic arrays, where the images of a batch are so many more positions.
    fn folds(&self, systolic: &Systolic, reduction: Reduction) -> Result<Arithmetic, CostError> {
        let array = &self.machine.array;
        let batch = f64::from(self.batch);
        let positions = self.output.pixels().saturating_mul(u64::from(self.batch));
        let depth = reduction.channels.saturating_mul(reduction.taps);
        // The whole product first: it says whether its counts fit.
        Gemm::new(positions, reduction.outputs, depth)?;
        let accumulators = systolic.accumulator_bytes.as_ref();
        let accumulators = accumulators.map_or(self.machine.memory.activation_bytes.value, |it| it.value);
        let memory = &self.machine.memory;
        let cycles_of = |bytes: f64, rate: f64| bytes * self.machine.clock_hz.value / rate;
        // In cycles of an array that always works, as folds are counted.
        let working = array.utilisation.value * reduction.utilisation;
        let element = working * cycles_of(self.precision.bytes() as f64, memory.on_chip_bytes_per_s.value);
        let sums = memory.accumulator_bytes_per_s.as_ref();
        let sum = sums.map_or(0.0, |rate| working * cycles_of(PARTIAL_SUM_BYTES, rate.value));
        let mut best: Option<(f64, Folded)> = None;
        for over_groups in powers(array.count.value) {
            let count = u64::from(array.count.value) / over_groups;
            for [over_positions, over_outputs] in deals(count as u32) {
                let used = (over_groups * over_positions * over_outputs) as f64;
                let gemm = Gemm::new(
                    positions.div_ceil(over_positions),
                    reduction.outputs.div_ceil(over_outputs),
                    depth,
                )?;
                let groups = reduction.groups.div_ceil(over_groups) as f64;
                // What all arrays move for what the one moves that has the largest share. Arrays that work on the same inputs,
                // or with the same weights, are fed by one reading.
                let all_groups = reduction.groups as f64 / groups;
                let all_positions = positions as f64 / gemm.m() as f64;
                let all_outputs = reduction.outputs as f64 / gemm.n() as f64;
                let all = ArrayAccesses {
                    inputs: all_groups * all_positions,
                    weights: all_groups * all_outputs,
                    results: all_groups * all_positions * all_outputs,
                    sums: all_groups * all_positions * all_outputs,
                };
                let on_chip = OnChip {
                    input: element * all.inputs,
                    weight: element * all.weights,
                    result: element * all.results,
                    sum: sum * all.sums,
                };
                let (rows, columns) = (array.reduction_lanes.value, array.output_lanes.value);
                let of_group = fewest_cycles(systolic, rows, columns, accumulators / used, &on_chip, gemm)?;
                let judged = of_group.judged(&on_chip) * groups;
                if best.as_ref().is_none_or(|(least, _)| judged < *least) {
                    let one = of_group.accesses.times(groups);
                    let accesses = ArrayAccesses {
                        inputs: one.inputs * all.inputs,
                        weights: one.weights * all.weights,
                        results: one.results * all.results,
                        sums: one.sums * all.sums,
                    };
                    let folded = Folded {
                        cycles: of_group.cycles * groups,
                        streaming: of_group.streaming * groups,
                        accesses,
                    };
                    best = Some((judged, folded));
                }
            }
            if reduction.groups <= over_groups {
                break;
            }
        }
        let Some((_, folded)) = best else {
            return Ok(Arithmetic::default());
        };
        let Folded {
            cycles,
            streaming,
            accesses,
        } = folded;
        let busy = 1.0 / (array.utilisation.value * batch);
        Ok(Arithmetic {
            matrix: streaming * busy,
            fill: (cycles - streaming) * busy,
            channels: reduction.outputs * reduction.groups,
            accesses: Some(accesses.times(1.0 / batch)),
            ..Arithmetic::default()
        })
    }

    fn depthwise(&self, taps: u64) -> Result<Arithmetic, CostError> {
        let array = &self.machine.array;
        let depthwise = &self.machine.depthwise;
        let utilisation = depthwise.utilisation.value;
        let channels = u64::from(self.output.channels);
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
                    utilisation,
                })?;
                arithmetic.matrix /= utilisation;
                if array.systolic.is_some() {
                    arithmetic.fill /= utilisation;
                }
                return Ok(arithmetic);
            }
            DepthwiseMapping::SimdLanes => {
                // A channel's lane is a multiplier: there are no more of them than the array has for one position.
                let multipliers = u64::from(array.reduction_lanes.value) * u64::from(array.output_lanes.value);
                let lanes = depthwise.channel_lanes.as_ref().map_or(1, |it| u64::from(it.value));
                let lanes = lanes.min(multipliers).max(1);
                let padding = depthwise.tap_padding.as_ref().map_or(1, |it| it.value);
                let granules = taps.div_ceil(u64::from(padding)) as f64;
                granules * self.dealt(channels.div_ceil(lanes), f64::from(padding))
            }
            DepthwiseMapping::ChannelPacked => {
                if let Some(systolic) = &array.systolic {
                    return self.packed_folds(systolic, taps);
                }
                let packed = array.reduction_lanes.value.min(array.output_lanes.value);
                taps as f64 * self.dealt(channels.div_ceil(u64::from(packed)), 1.0)
            }
        };
        Ok(self.on_array(cycles / utilisation, channels))
    }

    /// Several channels as one product whose weights are zero off the diagonal: as many as rows and columns hold, or fewer
    /// where that takes fewer cycles and a part of the array may be used.
    fn packed_folds(&self, systolic: &Systolic, taps: u64) -> Result<Arithmetic, CostError> {
        let array = &self.machine.array;
        let channels = u64::from(self.output.channels).max(1);
        let rows = u64::from(array.reduction_lanes.value) / taps.max(1);
        let most = rows.clamp(1, u64::from(array.output_lanes.value)).min(channels);
        let mut best: Option<Arithmetic> = None;
        let mut groups = channels.div_ceil(most);
        loop {
            // The fewest channels a product that make so many products.
            let packed = if systolic.partial.value {
                channels.div_ceil(groups)
            } else {
                most
            };
            let mut found = self.folds(
                systolic,
                Reduction {
                    groups,
                    channels: packed,
                    taps,
                    outputs: packed,
                    utilisation: self.machine.depthwise.utilisation.value,
                },
            )?;
            if let Some(accesses) = &mut found.accesses {
                // Zeros off the diagonal are not kept.
                accesses.weights /= packed as f64;
            }
            if best.is_none_or(|best| found.matrix + found.fill < best.matrix + best.fill) {
                best = Some(found);
            }
            if packed == 1 || !systolic.partial.value {
                break;
            }
            groups = channels.div_ceil(packed - 1);
        }
        let mut arithmetic = best.unwrap_or_default();
        let utilisation = self.machine.depthwise.utilisation.value;
        arithmetic.matrix /= utilisation;
        arithmetic.fill /= utilisation;
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
        let rate = array.output_elements_per_cycle.value * f64::from(array.count.value);
        let stage = self.output.elements() as f64 / rate;
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

    /// How many times the pixel lanes have to be filled for all output positions of a batch.
    fn position_steps(&self) -> u64 {
        let array = &self.machine.array;
        let output = self.output;
        let batch = u64::from(self.batch);
        let high = u64::from(array.pixel_lanes_high.value);
        let wide = u64::from(array.pixel_lanes_wide.value);
        match array.pixel_order.value {
            PixelOrder::Block => {
                u64::from(output.height).div_ceil(high) * u64::from(output.width).div_ceil(wide) * batch
            }
            PixelOrder::Flat => (output.pixels() * batch).div_ceil(high * wide),
        }
    }
}
