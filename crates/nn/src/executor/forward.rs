//! The forward pass of one group over some images: the same code trains and evaluates.

use std::ops::Range;

use super::expansion::{Expand, Pieces};
use super::operand::{Block, Destination, Operand};
use crate::kernels::depthwise::{Depthwise, convolve};
use crate::kernels::elementwise::{Affine, Rows, RowsIn, RowsOut, affine, column_sum, keep, multiply};
use crate::kernels::layer_norm::layer_norm;
use crate::kernels::pooling;
use crate::kernels::prefetch::Prefetch;
use crate::kernels::product::{Ends, Product, product};
use crate::kernels::saved::SavedRows;
use crate::plan::{Convolution, Form, Group, Source, block_rows, lines};
use crate::simd::Level;

/// Where a group's forward pass finds and puts things.
pub(crate) struct Forward<'a> {
    pub(crate) level: Level,
    pub(crate) group: &'a Group,
    /// The k-th input.
    pub(crate) operand: &'a dyn Fn(usize) -> Operand,
    /// What computes the input of a depthwise convolution again, where it is not kept.
    pub(crate) expand: Option<Expand>,
    /// Raw value of image 0.
    pub(crate) out: Destination,
    /// Packed weights of a convolution, and where its sums begin and what they are limited to.
    pub(crate) packed: *const f32,
    /// Scale and shift of a scaling.
    pub(crate) scale: [*const f32; 2],
    pub(crate) ends: Ends,
    pub(crate) images: Range<usize>,
    pub(crate) scratch: *mut f32,
    /// The inputs lie in far memory: ask for the next ones early.
    pub(crate) is_far: bool,
}

impl Forward<'_> {
    /// Computes the raw value; calls `after` for every piece of it.
    ///
    /// # Safety
    /// Pointers must be valid for the planned sizes, and no other thread may touch these images of `out` or the
    /// scratch.
    pub(crate) unsafe fn run(&self, after: &mut dyn FnMut(Block)) {
        unsafe {
            match &self.group.source {
                Source::Input => {}
                Source::Convolution(conv) => match conv.form {
                    Form::Pointwise => self.pointwise(conv, after),
                    Form::Dense => self.dense(conv, after),
                    Form::Depthwise => self.depthwise(conv, after),
                },
                Source::Copy
                | Source::Add
                | Source::Multiply(_)
                | Source::Concat
                | Source::MaxPool(_)
                | Source::AveragePool(..)
                | Source::GlobalAverage
                | Source::Flatten
                | Source::Gather(_)
                | Source::Bilinear(_)
                | Source::LayerNorm(_)
                | Source::Scale(_) => {
                    for image in self.images.clone() {
                        self.one_image(image, after);
                    }
                }
            }
        }
    }

    /// Where to compute the piece of the raw value that begins `values` values after image 0: in its place, or in
    /// scratch when it is kept as bf16; and how far apart its rows are, which in scratch are `narrow` apart.
    fn place(&self, values: usize, scratch: *mut f32, narrow: usize) -> RowsOut {
        match self.out {
            Destination::F32(out) => RowsOut {
                data: out.wrapping_add(values),
                stride: self.group.channels,
            },
            Destination::Bf16(_) => RowsOut {
                data: scratch,
                stride: narrow,
            },
        }
    }

    /// Ends the piece of the raw value that begins `values` values after image 0.
    unsafe fn end(&self, block: Block, values: usize, after: &mut dyn FnMut(Block)) {
        unsafe {
            if let Destination::Bf16(out) = self.out {
                let size = self.size(block.rows, block.channels);
                let from = RowsOut {
                    data: block.data,
                    stride: block.stride,
                };
                keep(self.level, size, from, out.add(values), self.group.channels);
            }
        }
        after(block);
    }

    /// Asks for the next piece of an input, if that is worth it.
    fn prefetch(&self, from: SavedRows, size: Rows, calls: usize) -> Prefetch {
        if self.is_far {
            Prefetch::new(&[(from, size)], calls)
        } else {
            Prefetch::none()
        }
    }

    const fn block(&self, data: *mut f32, rows: usize) -> Block {
        Block {
            data,
            stride: self.group.channels,
            rows,
            channels: self.group.channels,
            first_channel: 0,
        }
    }

    const fn size(&self, rows: usize, channels: usize) -> Rows {
        Rows { rows, channels }
    }

    unsafe fn pointwise(&self, conv: &Convolution, after: &mut dyn FnMut(Block)) {
        let operand = (self.operand)(0);
        let pixels = operand.pixels;
        let step = block_rows(conv.inputs, conv.outputs);
        let other = self.scratch.wrapping_add(lines(step * conv.inputs));
        let mut row = self.images.start * pixels;
        let end = self.images.end * pixels;
        while row < end {
            let rows = step.min(end - row);
            unsafe {
                let next = self.size(step.min(end - row - rows), conv.inputs);
                let calls = Product::calls(self.level, rows, conv.outputs);
                let mut prefetch = self.prefetch(operand.rows(row + rows), next, calls);
                let from = operand.read(self.level, row, rows, self.scratch);
                let values = row * conv.outputs;
                let data = self.place(values, other, conv.outputs).data;
                product(
                    self.level,
                    &Product {
                        rows,
                        a: from.data,
                        a_stride: from.stride,
                        segments: &[0],
                        segment_length: conv.inputs,
                        b: self.packed,
                        columns: conv.outputs,
                        c: data,
                        c_stride: conv.outputs,
                        accumulate: false,
                        ends: self.ends,
                    },
                    &mut prefetch,
                );
                self.end(self.block(data, rows), values, after);
            }
            row += rows;
        }
    }

    unsafe fn dense(&self, conv: &Convolution, after: &mut dyn FnMut(Block)) {
        let operand = (self.operand)(0);
        let window = &conv.window;
        let [ins, outs] = conv.group();
        let line = conv.padded[1] * conv.pixel;
        let packed = conv.inner() * outs.next_multiple_of(self.level.lanes());
        let other = self.scratch.wrapping_add(lines(conv.padded[0] * line));
        unsafe {
            clear(self.scratch, conv.padded[0] * line);
            for image in self.images.clone() {
                load_padded(self.level, conv, &operand, image, 0, conv.inputs, self.scratch);
                let values = image * self.group.elements();
                let out = self.place(values, other, conv.outputs).data;
                for y in 0..window.output[0] {
                    for group in 0..conv.groups {
                        product(
                            self.level,
                            &Product {
                                rows: window.output[1],
                                a: self.scratch.add(y * window.stride[0] * line + group * ins),
                                a_stride: window.stride[1] * conv.pixel,
                                segments: &conv.segments,
                                segment_length: conv.segment_length,
                                b: self.packed.add(group * packed),
                                columns: outs,
                                c: out.add(y * window.output[1] * conv.outputs + group * outs),
                                c_stride: conv.outputs,
                                accumulate: false,
                                ends: self.ends.at(group * outs),
                            },
                            &mut Prefetch::none(),
                        );
                    }
                }
                self.end(self.block(out, self.group.pixels()), values, after);
            }
        }
    }

    unsafe fn depthwise(&self, conv: &Convolution, after: &mut dyn FnMut(Block)) {
        let operand = (self.operand)(0);
        let window = &conv.window;
        let line = conv.padded[1] * conv.pixel;
        let other = self.scratch.wrapping_add(lines(conv.padded[0] * line));
        unsafe {
            clear(self.scratch, conv.padded[0] * line);
            for image in self.images.clone() {
                let again = self.expand.map(|expand| {
                    let pieces = Pieces::new(self.scratch, conv, &expand);
                    (expand, expand.read(image, pieces), pieces)
                });
                let mut channel = 0;
                while channel < conv.inputs {
                    let channels = conv.pixel.min(conv.inputs - channel);
                    let mut prefetch = Prefetch::none();
                    if let Some((expand, x, pieces)) = again {
                        expand.load(conv, x, [channel, channels], pieces);
                    } else {
                        load_padded(self.level, conv, &operand, image, channel, channels, self.scratch);
                        let calls = Depthwise::calls(self.level, window.output, channels);
                        let (from, size) = next_block(conv, &operand, &self.images, image, channel);
                        prefetch = self.prefetch(from, size, calls);
                    }
                    let values = image * self.group.elements() + channel;
                    let output = self.place(values, other, conv.pixel);
                    convolve(
                        self.level,
                        &Depthwise {
                            lines: window.output[0],
                            columns: window.output[1],
                            channels,
                            input: self.scratch,
                            input_line: window.stride[0] * line,
                            input_step: window.stride[1] * conv.pixel,
                            taps: &conv.segments,
                            weights: self.packed.add(channel),
                            weight_stride: conv.inputs.next_multiple_of(self.level.lanes()),
                            output: output.data,
                            output_line: window.output[1] * output.stride,
                            output_step: output.stride,
                            accumulate: false,
                            ends: self.ends.at(channel),
                        },
                        &mut prefetch,
                    );
                    let block = Block {
                        data: output.data,
                        stride: output.stride,
                        rows: self.group.pixels(),
                        channels,
                        first_channel: channel,
                    };
                    self.end(block, values, after);
                    channel += channels;
                }
            }
        }
    }

    /// Everything that is not a convolution.
    unsafe fn one_image(&self, image: usize, after: &mut dyn FnMut(Block)) {
        let group = self.group;
        let (pixels, channels) = (group.pixels(), group.channels);
        let size = self.size(pixels, channels);
        let values = image * group.elements();
        let inputs = (0..group.inputs.len()).map(|input| lines((self.operand)(input).elements()));
        let out = self.place(values, self.scratch.wrapping_add(inputs.sum()), channels);
        let first = (self.operand)(0);
        let load = |operand: &Operand, to: RowsOut, accumulate: bool| unsafe {
            let size = self.size(operand.pixels, operand.channels);
            affine(self.level, size, operand.image(image), to, &operand.map, accumulate);
        };
        let scratch = |operand: &Operand| RowsOut {
            data: self.scratch,
            stride: operand.channels,
        };
        let whole = || {
            load(&first, scratch(&first), false);
            // SAFETY: planned sizes, apart from each other.
            unsafe {
                let input = std::slice::from_raw_parts(self.scratch, first.elements());
                let output = std::slice::from_raw_parts_mut(out.data, group.elements());
                (input, output)
            }
        };
        unsafe {
            match &group.source {
                Source::Input | Source::Convolution(_) => {}
                Source::Copy => load(&first, out, false),
                Source::Add => {
                    load(&first, out, false);
                    load(&(self.operand)(1), out, true);
                }
                Source::Multiply(is_gate) => {
                    let second = (self.operand)(1);
                    load(&first, out, false);
                    load(&second, scratch(&second), false);
                    let stride = if *is_gate { 0 } else { channels };
                    multiply(
                        self.level,
                        size,
                        RowsIn {
                            data: self.scratch,
                            stride,
                        },
                        out,
                    );
                }
                Source::Concat => {
                    let mut start = 0;
                    for input in 0..group.inputs.len() {
                        let operand = (self.operand)(input);
                        let to = RowsOut {
                            data: out.data.add(start),
                            stride: channels,
                        };
                        load(&operand, to, false);
                        start += operand.channels;
                    }
                }
                Source::Gather(gather) => {
                    let (input, output) = whole();
                    gather.run(input, output);
                }
                Source::Bilinear(bilinear) => {
                    let (input, output) = whole();
                    bilinear.run(channels, input, output);
                }
                Source::LayerNorm(norm) => {
                    load(&first, out, false);
                    let output = std::slice::from_raw_parts_mut(out.data, group.elements());
                    layer_norm(norm, channels, output);
                }
                Source::Scale(_) => {
                    load(&first, out, false);
                    let [scale, shift] = self.scale;
                    let map = Affine {
                        scale,
                        shift,
                        ..Affine::IDENTITY
                    };
                    let from = RowsIn {
                        data: out.data,
                        stride: out.stride,
                    };
                    affine(self.level, size, from.into(), out, &map, false);
                }
                Source::MaxPool(window) => {
                    let (input, output) = whole();
                    pooling::max(window, channels, input, output);
                }
                Source::AveragePool(window, shares) => {
                    let (input, output) = whole();
                    pooling::average(window, shares, channels, input, output);
                }
                Source::GlobalAverage => {
                    load(&first, scratch(&first), false);
                    let output = std::slice::from_raw_parts_mut(out.data, channels);
                    output.fill(0.0);
                    let from = RowsIn {
                        data: self.scratch,
                        stride: channels,
                    };
                    column_sum(self.level, self.size(first.pixels, channels), from, out.data);
                    for value in output {
                        *value /= first.pixels as f32;
                    }
                }
                Source::Flatten => {
                    load(&first, scratch(&first), false);
                    for pixel in 0..first.pixels {
                        for channel in 0..first.channels {
                            let value = *self.scratch.add(pixel * first.channels + channel);
                            *out.data.add(channel * first.pixels + pixel) = value;
                        }
                    }
                }
            }
            self.end(self.block(out.data, pixels), values, after);
        }
    }
}

/// Sets scratch floats to 0.
pub(crate) unsafe fn clear(scratch: *mut f32, floats: usize) {
    unsafe { std::ptr::write_bytes(scratch, 0, lines(floats)) }
}

/// The block of channels that a depthwise convolution reads after the one at `channel` of `image`; without rows when
/// that was the last.
pub(crate) fn next_block(
    conv: &Convolution,
    operand: &Operand,
    images: &Range<usize>,
    image: usize,
    channel: usize,
) -> (SavedRows, Rows) {
    let (mut image, mut channel) = (image, channel + conv.pixel);
    if channel >= conv.inputs {
        (image, channel) = (image + 1, 0);
    }
    let rows = if image < images.end { operand.pixels } else { 0 };
    let channels = conv.pixel.min(conv.inputs - channel);
    (operand.image(image).at(channel), Rows { rows, channels })
}

/// Copies a block of channels of an image, mapped, into the interior of a padded scratch image.
pub(crate) unsafe fn load_padded(
    level: Level,
    conv: &Convolution,
    operand: &Operand,
    image: usize,
    channel: usize,
    channels: usize,
    scratch: *mut f32,
) {
    let offset = |vector: *const f32| {
        if vector.is_null() {
            vector
        } else {
            vector.wrapping_add(channel)
        }
    };
    let map = Affine {
        scale: offset(operand.map.scale),
        shift: offset(operand.map.shift),
        activation: operand.map.activation,
    };
    let [height, width] = conv.window.input;
    let [top, left] = conv.window.before;
    let from = operand.image(image);
    for y in 0..height {
        let from = from.at(y * width * operand.channels + channel);
        let to = RowsOut {
            data: scratch.wrapping_add(((y + top) * conv.padded[1] + left) * conv.pixel),
            stride: conv.pixel,
        };
        unsafe { affine(level, Rows { rows: width, channels }, from, to, &map, false) }
    }
}
