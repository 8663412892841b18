//! 1×1 convolutions whose value training does not keep: the depthwise convolution after them computes it again, block by
//! block of channels, while it lies in a near cache.
//!
//! An inverted bottleneck's widest values are those of its expansion z = W·x. Its batch statistics follow from those of
//! x, which is several times narrower: mean(z) = W·mean(x), var(zₒ) = wₒᵀ·cov(x)·wₒ. So z need not be written and read to
//! be normalised, and neither need its gradient; see [`backward`](super::backward) for that.

use super::normalise;
use super::operand::Operand;
use super::pass::Pass;
use super::share::images_of;
use crate::kernels::activation::{Curve, limits};
use crate::kernels::elementwise::{Affine, Rows, RowsIn, RowsOut, affine, column_sum};
use crate::kernels::prefetch::Prefetch;
use crate::kernels::product::{Ends, Product, pack, product};
use crate::kernels::reduction::{Reduction, reduce};
use crate::kernels::saved::SavedRows;
use crate::plan::{Convolution, ExpansionMemory, Group, GroupMemory, block_rows, lines};
use crate::simd::Level;

/// What computes an expansion's value again.
#[derive(Clone, Copy)]
pub(crate) struct Expand {
    pub(crate) level: Level,
    /// The expansion's input.
    pub(crate) x: Operand,
    /// Weights with the normalisation in them, packed block by block, and where the sums begin.
    pub(crate) packed: *const f32,
    pub(crate) shift: *const f32,
    pub(crate) activation: Curve,
}

/// Where the pieces of one image of an expansion lie in a share's scratch.
#[derive(Clone, Copy)]
pub(crate) struct Pieces {
    /// The reader's padded image of a block.
    padded: *mut f32,
    /// The image of the input.
    pub(crate) x: *mut f32,
    /// A block of the normalised value before an activation that does more than cut off, rows close together.
    pub(crate) raw: *mut f32,
    /// A block of the gradient of the value, likewise.
    pub(crate) gradient: *mut f32,
}

impl Pieces {
    /// After the padded images of the reader.
    pub(crate) fn new(scratch: *mut f32, conv: &Convolution, expand: &Expand) -> Self {
        let padded = lines(conv.padded[0] * conv.padded[1] * conv.pixel);
        let gradient = lines(conv.gradient_padded[0] * conv.gradient_padded[1] * conv.gradient_pixel);
        let x = scratch.wrapping_add(padded + gradient);
        let raw = x.wrapping_add(lines(expand.x.elements() + 16));
        let gradient = raw.wrapping_add(lines(expand.x.pixels * conv.pixel + 16));
        Self {
            padded: scratch,
            x,
            raw,
            gradient,
        }
    }
}

impl Expand {
    /// The input of an image, mapped.
    ///
    /// # Safety
    /// As [`Operand::read`].
    pub(crate) unsafe fn read(&self, image: usize, pieces: Pieces) -> RowsIn {
        unsafe { self.x.read(self.level, image * self.x.pixels, self.x.pixels, pieces.x) }
    }

    /// Whether the activation only cuts off, so that its result tells its slope.
    const fn is_cut(&self) -> bool {
        self.activation.is_none() || limits(self.activation).is_some()
    }

    /// Computes a block of channels of an image into the interior of the reader's padded scratch image.
    ///
    /// # Safety
    /// `x` must be the image's, and the scratch of the planned size.
    pub(crate) unsafe fn load(&self, conv: &Convolution, x: RowsIn, [channel, channels]: [usize; 2], pieces: Pieces) {
        let [height, width] = conv.window.input;
        let [top, left] = conv.window.before;
        let interior = |y: usize| RowsOut {
            data: pieces
                .padded
                .wrapping_add(((y + top) * conv.padded[1] + left) * conv.pixel),
            stride: conv.pixel,
        };
        let ends = Ends {
            start: self.shift.wrapping_add(channel),
            limits: limits(self.activation),
        };
        let compute = |row: usize, rows: usize, to: RowsOut| unsafe {
            product(
                self.level,
                &Product {
                    rows,
                    a: x.data.add(row * x.stride),
                    a_stride: x.stride,
                    segments: &[0],
                    segment_length: self.x.channels,
                    b: self.packed.add(channel * self.x.channels),
                    columns: channels,
                    c: to.data,
                    c_stride: to.stride,
                    accumulate: false,
                    ends,
                },
                &mut Prefetch::none(),
            );
        };
        if self.is_cut() {
            for y in 0..height {
                compute(y * width, width, interior(y));
            }
            return;
        }
        let raw = RowsOut {
            data: pieces.raw,
            stride: conv.pixel,
        };
        compute(0, height * width, raw);
        let map = Affine {
            activation: self.activation,
            ..Affine::IDENTITY
        };
        for y in 0..height {
            let from = RowsIn {
                data: raw.data.wrapping_add(y * width * conv.pixel),
                stride: conv.pixel,
            };
            unsafe {
                affine(
                    self.level,
                    Rows { rows: width, channels },
                    from.into(),
                    interior(y),
                    &map,
                    false,
                )
            }
        }
    }

    /// A line of the block that [`Expand::load`] has computed: from it the activation's slope follows.
    pub(crate) fn argument(&self, conv: &Convolution, y: usize, pieces: Pieces) -> SavedRows {
        let [top, left] = conv.window.before;
        let data = if self.is_cut() {
            pieces
                .padded
                .wrapping_add(((y + top) * conv.padded[1] + left) * conv.pixel)
        } else {
            pieces.raw.wrapping_add(y * conv.window.input[1] * conv.pixel)
        };
        SavedRows::new(data, conv.pixel, false)
    }

    /// The map whose slope the gradient takes.
    pub(crate) const fn slope(&self) -> Affine {
        Affine {
            activation: self.activation,
            ..Affine::IDENTITY
        }
    }
}

impl Pass<'_> {
    /// What computes the input of a group again, where that is not kept.
    pub(super) fn expand(&self, group: &Group) -> Option<Expand> {
        let input = *group.inputs.first()?;
        let expansion = self.groups.get(input).filter(|group| group.is_recomputed)?;
        let place = &self.memory.groups[input];
        Some(Expand {
            level: self.level,
            x: self.operand(expansion.inputs[0]),
            packed: self.floats.at(place.packed),
            shift: normalise::vector(self.floats, expansion, place, normalise::SHIFT),
            activation: expansion.activation,
        })
    }

    /// Takes a share's images of an expansion's input into its sums Σ x and Σ x·xᵀ.
    pub(super) fn observe_input(&self, index: usize, memory: &ExpansionMemory, share: usize) {
        let (inputs, wide) = (memory.inputs, memory.wide);
        let operand = self.operand(self.groups[index].inputs[0]);
        let (head, scratch) = self.scratch(share);
        let step = block_rows(inputs, self.groups[index].channels);
        let square = scratch.wrapping_add(lines(step * inputs + 16));
        let sums = self.doubles.at(memory.doubles + share * ExpansionMemory::sums(inputs));
        let images = images_of(share, self.shares, self.images);
        let (mut row, end) = (images.start * operand.pixels, images.end * operand.pixels);
        while row < end {
            let rows = step.min(end - row);
            // SAFETY: the share's own scratch and sums; few rows are summed up in f32 before the sums go on in f64.
            unsafe {
                let next = Rows {
                    rows: step.min(end - row - rows),
                    channels: inputs,
                };
                let calls = Reduction::calls(self.level, rows, inputs, inputs);
                let mut prefetch = Prefetch::new(&[(operand.rows(row + rows), next)], calls);
                let x = operand.read(self.level, row, rows, scratch);
                head.write_bytes(0, inputs);
                square.write_bytes(0, inputs * wide);
                column_sum(self.level, Rows { rows, channels: inputs }, x, head);
                reduce(
                    self.level,
                    &Reduction {
                        lines: 1,
                        columns: rows,
                        a: x.data,
                        a_stride: x.stride,
                        a_line: 0,
                        inner: inputs,
                        b: x.data,
                        b_stride: x.stride,
                        b_line: 0,
                        outer: inputs,
                        c: square,
                        c_stride: wide,
                    },
                    &mut prefetch,
                );
                for channel in 0..inputs {
                    *sums.add(channel) += f64::from(*head.add(channel));
                    let to = std::slice::from_raw_parts_mut(sums.add((channel + 1) * inputs), inputs);
                    let from = std::slice::from_raw_parts(square.add(channel * wide), inputs);
                    to.iter_mut()
                        .zip(from)
                        .for_each(|(sum, value)| *sum += f64::from(*value));
                }
            }
            row += rows;
        }
    }

    /// From the sums of all shares: the map of an expansion, and its weights with that map in them.
    ///
    /// # Safety
    /// All shares must be done, and nothing may run beside this.
    pub(super) unsafe fn settle_expansion(&self, index: usize, memory: &ExpansionMemory) {
        let (group, place) = (&self.groups[index], &self.memory.groups[index]);
        let (Some(norm), inputs, outputs) = (&group.norm, memory.inputs, group.channels) else {
            return;
        };
        let count = (self.images * group.pixels()) as f64;
        let length = ExpansionMemory::sums(inputs);
        // SAFETY: all shares are done.
        let sums = |share: usize| unsafe {
            let start = self.doubles.at(memory.doubles + share * length);
            std::slice::from_raw_parts_mut(start, length)
        };
        let (means, squares) = sums(0).split_at_mut(inputs);
        for share in 1..self.shares {
            let (others, other_squares) = sums(share).split_at(inputs);
            means.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
            squares
                .iter_mut()
                .zip(other_squares)
                .for_each(|(sum, other)| *sum += other);
        }
        means.iter_mut().for_each(|sum| *sum /= count);
        let means = &*means;
        let covariance =
            |row: usize, column: usize| squares[row * inputs + column] / count - means[row] * means[column];
        // SAFETY: places of their own.
        unsafe {
            let stored = self.slice(memory.mean, inputs);
            stored.iter_mut().zip(means).for_each(|(to, mean)| *to = *mean as f32);
            let square = self.slice(memory.square_packed, inputs * memory.wide);
            pack(self.level, inputs, inputs, square, |row, column| {
                covariance(row, column) as f32
            });
            let weights = self.slice(memory.weights, outputs * inputs);
            let products = self.slice(memory.with_covariance, outputs * inputs);
            self.times_square(memory, outputs, weights.as_ptr(), products.as_mut_ptr());
            normalise::fill(self.floats, group, place, norm.eps, |channel| {
                let own = channel * inputs..(channel + 1) * inputs;
                let (weights, products) = (&weights[own.clone()], &products[own]);
                let dot = |a: f32, b: f64| f64::from(a) * b;
                let mean: f64 = weights.iter().zip(means).map(|(a, b)| dot(*a, *b)).sum();
                let variance: f64 = weights.iter().zip(products).map(|(a, b)| dot(*a, f64::from(*b))).sum();
                (count, mean, variance * count)
            });
            let scale = normalise::slice(self.floats, group, place, normalise::SCALE);
            let scaled = self.slice(memory.scaled, outputs * inputs);
            let rows = scaled.chunks_exact_mut(inputs).zip(weights.chunks_exact(inputs));
            for ((to, from), scale) in rows.zip(scale.iter()) {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from * *scale);
            }
            self.pack_blocks(index, memory, place);
        }
    }

    /// Packs the scaled weights block by block, forward and for the data gradient.
    unsafe fn pack_blocks(&self, index: usize, memory: &ExpansionMemory, place: &GroupMemory) {
        let (inputs, outputs) = (memory.inputs, self.groups[index].channels);
        let block = self.groups[index + 1]
            .source
            .convolution()
            .map_or(outputs, |conv| conv.pixel);
        // SAFETY: places of their own.
        let (weights, forward, backward) = unsafe {
            (
                self.slice(memory.scaled, outputs * inputs),
                self.slice(place.packed, inputs * outputs.next_multiple_of(self.level.lanes())),
                self.slice(place.gradient_packed, outputs * memory.wide),
            )
        };
        for start in (0..outputs).step_by(block) {
            let channels = block.min(outputs - start);
            let weight = |channel: usize, input: usize| weights[(start + channel) * inputs + input];
            pack(
                self.level,
                inputs,
                channels,
                &mut forward[start * inputs..],
                |row, column| weight(column, row),
            );
            pack(
                self.level,
                channels,
                inputs,
                &mut backward[start * memory.wide..],
                weight,
            );
        }
    }

    /// Rows of the input's channels times the packed square matrix.
    unsafe fn times_square(&self, memory: &ExpansionMemory, rows: usize, from: *const f32, to: *mut f32) {
        let matrix = Product {
            rows,
            a: from,
            a_stride: memory.inputs,
            segments: &[0],
            segment_length: memory.inputs,
            b: self.floats.at(memory.square_packed),
            columns: memory.inputs,
            c: to,
            c_stride: memory.inputs,
            accumulate: false,
            ends: Ends::NONE,
        };
        unsafe { product(self.level, &matrix, &mut Prefetch::none()) }
    }
}
