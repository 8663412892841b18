//! Backward through 1×1 convolutions whose value is computed again ([`Expand`]), in two passes over what is narrow.
//!
//! With z = W·x, m the mean of x, n values in a channel, and a·g + b·(z − mean(z)) − a·Σg/n the gradient of z before its
//! batch normalisation, where a and b are vectors over z's channels, a known before the pass and b only after it:
//!
//! - dW = a·(Σ g·xᵀ − Σg·mᵀ) + n·b·W·cov(x);
//! - dx = (a·W)ᵀ·g + M·x + v, with M = Wᵀ·b·W and v = −M·m − Wᵀ·a·Σg/n;
//! - Σ g·(z − mean(z)), which b follows from, is wₒ·(Σ gₒ·x − Σgₒ·m).
//!
//! So the reader's pass has to sum up Σ g and Σ g·xᵀ and to write (a·W)ᵀ·g, and what is left needs x alone.

use super::super::expansion::{Expand, Pieces};
use super::super::normalise;
use super::super::pass::Pass;
use super::super::share::images_of;
use super::{Edge, SHORT};
use crate::kernels::elementwise::{Rows, RowsIn, RowsOut, finish};
use crate::kernels::prefetch::Prefetch;
use crate::kernels::product::{Ends, Product, pack, product};
use crate::kernels::reduction::{Reduction, reduce};
use crate::plan::{Convolution, ExpansionMemory, block_rows};

/// Where the reader's pass puts what it learns about an expansion.
#[derive(Clone, Copy)]
pub(crate) struct Expansion {
    pub(crate) expand: Expand,
    /// Packed (a·W), for the gradient of the input.
    pub(crate) packed: *const f32,
    pub(crate) wide: usize,
    /// The gradient of image 0 of the input, if anybody wants it, and whether it is added to.
    pub(crate) data: *mut f32,
    pub(crate) accumulate: bool,
    /// This share's Σ g·xᵀ, `[inputs, outputs in whole vectors]`, and Σ g.
    pub(crate) products: *mut f32,
    pub(crate) outputs: usize,
    pub(crate) sums: *mut f64,
}

impl Expansion {
    /// Takes the gradient of a block of an image's value.
    ///
    /// # Safety
    /// The block's value must just have been loaded, its gradient lie in `pieces`, and both be this thread's.
    pub(super) unsafe fn take(
        &self,
        conv: &Convolution,
        image: usize,
        x: RowsIn,
        [channel, channels]: [usize; 2],
        pieces: Pieces,
        head: *mut f32,
    ) {
        let expand = &self.expand;
        let [height, width] = conv.window.input;
        let (inputs, gradient) = (expand.x.channels, pieces.gradient);
        unsafe {
            let mut summed = 0;
            head.write_bytes(0, 2 * channels);
            for y in 0..height {
                let g = RowsOut {
                    data: gradient.add(y * width * conv.pixel),
                    stride: conv.pixel,
                };
                let argument = expand.argument(conv, y, pieces);
                let size = Rows { rows: width, channels };
                finish(expand.level, size, g, argument, &expand.slope(), std::ptr::null(), head);
                summed += width;
                if summed >= SHORT || y + 1 == height {
                    for index in 0..channels {
                        *self.sums.add(channel + index) += f64::from(*head.add(index));
                    }
                    head.write_bytes(0, 2 * channels);
                    summed = 0;
                }
            }
            reduce(
                expand.level,
                &Reduction {
                    lines: 1,
                    columns: height * width,
                    a: x.data,
                    a_stride: x.stride,
                    a_line: 0,
                    inner: inputs,
                    b: gradient,
                    b_stride: conv.pixel,
                    b_line: 0,
                    outer: channels,
                    c: self.products.add(channel),
                    c_stride: self.outputs,
                },
                &mut Prefetch::none(),
            );
            if self.data.is_null() {
                return;
            }
            product(
                expand.level,
                &Product {
                    rows: height * width,
                    a: gradient,
                    a_stride: conv.pixel,
                    segments: &[0],
                    segment_length: channels,
                    b: self.packed.add(channel * self.wide),
                    columns: inputs,
                    c: self.data.add(image * height * width * inputs),
                    c_stride: inputs,
                    accumulate: self.accumulate || channel > 0,
                    ends: Ends::NONE,
                },
                &mut Prefetch::none(),
            );
        }
    }
}

impl Pass<'_> {
    /// From the sums of all shares: the coefficients of an expansion's batch normalisation, and what its input's gradient
    /// still lacks.
    ///
    /// # Safety
    /// All shares must be done, and nothing may run beside this.
    pub(in super::super) unsafe fn settle_expansion_backward(&self, index: usize, memory: &ExpansionMemory) {
        let (group, place) = (&self.groups[index], &self.memory.groups[index]);
        let Some(conv) = group.source.convolution() else { return };
        let (inputs, wide, outputs) = (memory.inputs, memory.wide, group.channels);
        let count = (self.images * group.pixels()) as f64;
        let sums = self.sums(index, 0);
        unsafe {
            self.join(self.memory.expansion_sums, conv.sums);
            let products = self.slice(self.memory.expansion_sums[0], conv.sums);
            let weights = self.slice(memory.weights, outputs * inputs);
            let mean = self.slice(memory.mean, inputs);
            for channel in 0..outputs {
                let shares = 0..self.shares;
                let total: f64 = shares.map(|share| *self.sums(index, share).add(channel)).sum();
                let own = weights[channel * inputs..].iter().zip(mean.iter()).enumerate();
                let product = own.map(|(input, (weight, mean))| {
                    let product = f64::from(products[input * conv.gradient_pixel + channel]);
                    f64::from(*weight) * (product - total * f64::from(*mean))
                });
                *sums.add(outputs + channel) = product.take(inputs).sum();
            }
            normalise::settle_backward(self.floats, group, place, sums, self.shares, count);
            let coefficient = normalise::slice(self.floats, group, place, normalise::COEFFICIENTS[1]);
            // v from the rounded numbers that the sums were made with, so that rounding does not add up.
            let scaled = self.slice(memory.scaled, outputs * inputs);
            // The sums of the forward pass are of no more use.
            let start = std::slice::from_raw_parts_mut(self.doubles.at(memory.doubles), inputs);
            start.fill(0.0);
            for (channel, row) in scaled.chunks_exact(inputs).enumerate() {
                let share = *sums.add(channel) / count;
                start
                    .iter_mut()
                    .zip(row)
                    .for_each(|(sum, value)| *sum -= f64::from(*value) * share);
            }
            let spread = self.slice(memory.spread, outputs * inputs);
            let rows = spread.chunks_exact_mut(inputs).zip(weights.chunks_exact(inputs));
            for ((to, from), coefficient) in rows.zip(coefficient.iter()) {
                to.iter_mut()
                    .zip(from)
                    .for_each(|(to, from)| *to = *from * *coefficient);
            }
            let square = self.slice(memory.square, inputs * wide);
            square.fill(0.0);
            reduce(
                self.level,
                &Reduction {
                    lines: 1,
                    columns: outputs,
                    a: spread.as_ptr(),
                    a_stride: inputs,
                    a_line: 0,
                    inner: inputs,
                    b: weights.as_ptr(),
                    b_stride: inputs,
                    b_line: 0,
                    outer: inputs,
                    c: square.as_mut_ptr(),
                    c_stride: wide,
                },
                &mut Prefetch::none(),
            );
            for (row, mean) in square.chunks_exact(wide).zip(mean.iter()) {
                let row = start.iter_mut().zip(row);
                row.for_each(|(sum, value)| *sum -= f64::from(*mean) * f64::from(*value));
            }
            let packed = self.slice(memory.square_packed, inputs * wide);
            pack(self.level, inputs, inputs, packed, |row, column| {
                square[row * wide + column]
            });
            let stored = self.slice(memory.start, inputs);
            stored
                .iter_mut()
                .zip(start.iter())
                .for_each(|(to, value)| *to = *value as f32);
        }
    }

    /// Adds what the gradient of an expansion's input still lacks, and finishes it.
    ///
    /// # Safety
    /// Shares have disjoint images, scratch and sums.
    pub(in super::super) unsafe fn complete_gradient(
        &self,
        index: usize,
        memory: &ExpansionMemory,
        share: usize,
        edge: &Edge,
    ) {
        let inputs = memory.inputs;
        let operand = self.operand(self.groups[index].inputs[0]);
        let (head, scratch) = self.scratch(share);
        let step = block_rows(inputs, self.groups[index].channels);
        let images = images_of(share, self.shares, self.images);
        let (mut row, end) = (images.start * operand.pixels, images.end * operand.pixels);
        while row < end {
            let rows = step.min(end - row);
            unsafe {
                let next = Rows {
                    rows: step.min(end - row - rows),
                    channels: inputs,
                };
                let gradient = RowsIn {
                    data: edge.data.add((row + rows) * inputs),
                    stride: inputs,
                };
                let places = [(operand.rows(row + rows), next), (gradient.into(), next)];
                let mut prefetch = Prefetch::new(&places, Product::calls(self.level, rows, inputs));
                let x = operand.read(self.level, row, rows, scratch);
                product(
                    self.level,
                    &Product {
                        rows,
                        a: x.data,
                        a_stride: x.stride,
                        segments: &[0],
                        segment_length: inputs,
                        b: self.floats.at(memory.square_packed),
                        columns: inputs,
                        c: edge.data.add(row * inputs),
                        c_stride: inputs,
                        accumulate: true,
                        ends: Ends {
                            start: self.floats.at(memory.start),
                            limits: None,
                        },
                    },
                    &mut prefetch,
                );
                edge.end(self.level, inputs, [row, rows], [0, inputs], head);
            }
            row += rows;
        }
    }

    /// An expansion's weight gradient, `[outputs, inputs]`.
    pub(in super::super) fn expansion_weights(
        &self,
        index: usize,
        memory: &ExpansionMemory,
        conv: &Convolution,
    ) -> &[f32] {
        let (group, place) = (&self.groups[index], &self.memory.groups[index]);
        let (inputs, outputs) = (memory.inputs, group.channels);
        let count = (self.images * group.pixels()) as f32;
        // SAFETY: nothing runs beside this.
        unsafe {
            let products = self.slice(self.memory.expansion_sums[0], conv.sums);
            let with_covariance = self.slice(memory.with_covariance, outputs * inputs);
            let mean = self.slice(memory.mean, inputs);
            let [factor, spread, _] =
                normalise::COEFFICIENTS.map(|which| normalise::slice(self.floats, group, place, which));
            let staging = self.slice(self.memory.staging, outputs * inputs);
            let rows = staging
                .chunks_exact_mut(inputs)
                .zip(with_covariance.chunks_exact(inputs));
            for (channel, (to, with_covariance)) in rows.enumerate() {
                let total = *self.sums(index, 0).add(channel) as f32;
                let (factor, spread) = (factor[channel], spread[channel] * count);
                for (input, value) in to.iter_mut().enumerate() {
                    let product = products[input * conv.gradient_pixel + channel] - total * mean[input];
                    *value = factor * product + spread * with_covariance[input];
                }
            }
            staging
        }
    }
}
