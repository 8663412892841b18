//! The backward pass of one group over some images.

use std::ops::Range;

use super::forward::{clear, load_padded, next_block};
use super::operand::Operand;
use crate::kernels::ahead::Ahead;
use crate::kernels::depthwise::{Depthwise, DepthwiseWeights, convolve, weight_gradient};
use crate::kernels::elementwise::{Affine, From, Rows, To, affine, column_dot, column_sum, combine, finish, multiply};
use crate::kernels::kept::Kept;
use crate::kernels::pooling;
use crate::kernels::product::{Ends, Product, product};
use crate::kernels::reduction::{Reduction, reduce};
use crate::plan::{Convolution, Form, Group, Source, block_rows, lines};
use crate::simd::Level;

/// The gradient of a group's raw value: the gradient of its map's argument, carried through batch normalisation when
/// there is one.
#[derive(Clone, Copy)]
pub(crate) struct OwnGradient {
    /// Gradient of image 0.
    pub(crate) data: *const f32,
    /// Raw value of image 0.
    pub(crate) value: Kept,
    /// dz = a·g + b·z + c, or null without batch normalisation.
    pub(crate) coefficients: [*const f32; 3],
}

impl OwnGradient {
    /// The gradient as rows of so many channels.
    const fn g(&self, channels: usize) -> Kept {
        Kept::new(self.data, channels, false)
    }
}

/// Where the gradient of an input goes.
#[derive(Clone, Copy)]
pub(crate) struct Edge {
    /// Gradient of image 0 of the input.
    pub(crate) data: *mut f32,
    /// Another reader has written already.
    pub(crate) accumulate: bool,
    /// This is the last reader and the input has a map: carry the gradient back through activation and sum it up.
    pub(crate) finish: Option<Finish>,
}

/// What carrying a gradient back through an input's map needs.
#[derive(Clone, Copy)]
pub(crate) struct Finish {
    /// Raw value of image 0 of the input.
    pub(crate) value: Kept,
    pub(crate) map: Affine,
    /// Batch mean, or null.
    pub(crate) mean: *const f32,
    /// f64 sums of this share: Σ g and Σ g·(z − mean), channels apart.
    pub(crate) sums: *mut f64,
}

/// Channels `channel..channel + channels` of `rows` rows from `row` on, rows `stride` values apart.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) stride: usize,
    pub(crate) row: usize,
    pub(crate) rows: usize,
    pub(crate) channel: usize,
    pub(crate) channels: usize,
}

/// Rows that are summed up in f32 before the sum goes on in f64: few, because the gradient of a shift that the next
/// batch normalisation takes away is 0, and what rounding leaves of it is noise that an optimiser follows.
const SHORT: usize = 64;

impl Finish {
    /// Carries a place of the gradient `data` back through the map, and sums it up.
    ///
    /// # Safety
    /// The place must be valid, `head` hold two vectors, and no other thread touch either or the sums.
    pub(crate) unsafe fn run(&self, level: Level, data: *mut f32, place: Place, head: *mut f32) {
        let Place {
            stride,
            channel,
            channels,
            ..
        } = place;
        let shift = |vector: *const f32| {
            if vector.is_null() {
                vector
            } else {
                vector.wrapping_add(channel)
            }
        };
        let map = Affine {
            scale: shift(self.map.scale),
            shift: shift(self.map.shift),
            activation: self.map.activation,
        };
        for start in (0..place.rows).step_by(SHORT) {
            let size = Rows {
                rows: SHORT.min(place.rows - start),
                channels,
            };
            let at = (place.row + start) * stride + channel;
            unsafe {
                std::ptr::write_bytes(head, 0, 2 * channels);
                let g = To {
                    data: data.add(at),
                    stride,
                };
                let z = self.value.at(at);
                finish(level, size, g, z, &map, shift(self.mean), head);
                for index in 0..channels {
                    let sums = self.sums.add(channel + index);
                    *sums += f64::from(*head.add(index));
                    *sums.add(stride) += f64::from(*head.add(channels + index));
                }
            }
        }
    }
}

/// Where a group's backward pass finds and puts things.
pub(crate) struct Backward<'a> {
    pub(crate) level: Level,
    pub(crate) group: &'a Group,
    pub(crate) own: OwnGradient,
    pub(crate) operand: &'a dyn Fn(usize) -> Operand,
    /// Where the k-th input's gradient goes, if anybody wants it.
    pub(crate) edge: &'a dyn Fn(usize) -> Option<Edge>,
    /// Weights packed for the data gradient.
    pub(crate) packed: *const f32,
    /// This share's weight-gradient sums, then its bias sums.
    pub(crate) sums: *mut f32,
    pub(crate) images: Range<usize>,
    /// Head of the scratch (short sums) and the rest of it.
    pub(crate) head: *mut f32,
    pub(crate) scratch: *mut f32,
}

impl Backward<'_> {
    /// Adds to the sums and writes the inputs' gradients.
    ///
    /// # Safety
    /// Pointers must be valid for the planned sizes, and no other thread may touch these images of the inputs'
    /// gradients, the sums or the scratch.
    pub(crate) unsafe fn run(&self) {
        unsafe {
            match &self.group.source {
                Source::Input => {}
                Source::Convolution(conv) => match conv.form {
                    Form::Pointwise => self.pointwise(conv),
                    Form::Dense => self.dense(conv),
                    Form::Depthwise => self.depthwise(conv),
                },
                _ => {
                    for image in self.images.clone() {
                        self.one_image(image);
                    }
                }
            }
        }
    }

    /// Rows of the raw value's gradient, from row `row` and channel `channel` on: in place when there is no batch
    /// normalisation, else computed into `scratch`.
    unsafe fn gradient(&self, row: usize, rows: usize, scratch: To) -> From {
        let channels = self.group.channels;
        let g = From {
            data: self.own.data.wrapping_add(row * channels),
            stride: channels,
        };
        if self.own.coefficients[0].is_null() {
            return g;
        }
        unsafe { self.gradient_block(row, rows, 0, channels, scratch) };
        From {
            data: scratch.data,
            stride: scratch.stride,
        }
    }

    /// A block of the raw value's gradient, into scratch.
    unsafe fn gradient_block(&self, row: usize, rows: usize, channel: usize, channels: usize, to: To) {
        let stride = self.group.channels;
        let offset = row * stride + channel;
        let g = From {
            data: self.own.data.wrapping_add(offset),
            stride,
        };
        let z = self.own.value.at(offset);
        let [a, b, c] = self.own.coefficients;
        let size = Rows { rows, channels };
        unsafe {
            if a.is_null() {
                affine(self.level, size, g.into(), to, &Affine::IDENTITY, false);
            } else {
                let coefficients = [a, b, c].map(|vector| vector.wrapping_add(channel));
                combine(self.level, size, g, z, to, coefficients);
            }
        }
    }

    /// Ends a block of an input's gradient that has just been written.
    unsafe fn end(&self, edge: &Edge, stride: usize, row: usize, rows: usize, channel: usize, channels: usize) {
        if let Some(last) = &edge.finish {
            let place = Place {
                stride,
                row,
                rows,
                channel,
                channels,
            };
            unsafe { last.run(self.level, edge.data, place, self.head) }
        }
    }

    /// Sends rows to an input's gradient: to (+)= from · scale.
    unsafe fn emit(&self, edge: &Edge, operand: &Operand, image: usize, from: From, scale: *const f32) {
        let (rows, channels) = (operand.pixels, operand.channels);
        let to = To {
            data: edge.data.wrapping_add(image * operand.elements()),
            stride: channels,
        };
        let map = Affine {
            scale,
            ..Affine::IDENTITY
        };
        unsafe {
            affine(
                self.level,
                Rows { rows, channels },
                from.into(),
                to,
                &map,
                edge.accumulate,
            );
            self.end(edge, channels, image * rows, rows, 0, channels);
        }
    }

    /// Adds a block's column sums to the bias sums behind the weight sums. A batch normalisation takes a bias before it
    /// away again, so that its gradient is 0 and need not be summed up.
    unsafe fn bias(&self, conv: &Convolution, size: Rows, gradient: From, channel: usize) {
        if conv.bias.is_some() && self.group.norm.is_none() {
            unsafe {
                column_sum(self.level, size, gradient, self.sums.add(conv.sums + channel));
            }
        }
    }

    /// Asks for the next rows of a product's input and gradient while `rows` rows are at work.
    fn ahead_of_rows(&self, conv: &Convolution, operand: &Operand, row: usize, next: usize, rows: usize) -> Ahead {
        let calls = Reduction::calls(self.level, rows, conv.inputs, conv.outputs)
            + Product::calls(self.level, rows, conv.inputs);
        let [x, z] = [conv.inputs, conv.outputs].map(|channels| Rows { rows: next, channels });
        let values = row * conv.outputs;
        let [g, value] = [self.own.g(conv.outputs), self.own.value].map(|from| from.at(values));
        // Without batch normalisation the raw value is not read.
        let places = [(operand.rows(row), x), (g, z), (value, z)];
        Ahead::new(
            if self.group.norm.is_some() {
                &places
            } else {
                &places[..2]
            },
            calls,
        )
    }

    unsafe fn pointwise(&self, conv: &Convolution) {
        let operand = (self.operand)(0);
        let edge = (self.edge)(0);
        let step = block_rows(conv.inputs, conv.outputs);
        let other = self.scratch.wrapping_add(lines(step * conv.inputs));
        let mut row = self.images.start * operand.pixels;
        let end = self.images.end * operand.pixels;
        while row < end {
            let rows = step.min(end - row);
            unsafe {
                let mut ahead = self.ahead_of_rows(conv, &operand, row + rows, step.min(end - row - rows), rows);
                let gradient = self.gradient(
                    row,
                    rows,
                    To {
                        data: other,
                        stride: conv.gradient_pixel,
                    },
                );
                let x = operand.read(self.level, row, rows, self.scratch);
                reduce(
                    self.level,
                    &Reduction {
                        lines: 1,
                        columns: rows,
                        a: x.data,
                        a_stride: x.stride,
                        a_line: 0,
                        inner: conv.inputs,
                        b: gradient.data,
                        b_stride: gradient.stride,
                        b_line: 0,
                        outer: conv.outputs,
                        c: self.sums,
                        c_stride: conv.gradient_pixel,
                    },
                    &mut ahead,
                );
                self.bias(
                    conv,
                    Rows {
                        rows,
                        channels: conv.outputs,
                    },
                    gradient,
                    0,
                );
                if let Some(edge) = &edge {
                    product(
                        self.level,
                        &Product {
                            rows,
                            a: gradient.data,
                            a_stride: gradient.stride,
                            segments: &[0],
                            segment_length: conv.outputs,
                            b: self.packed,
                            columns: conv.inputs,
                            c: edge.data.add(row * conv.inputs),
                            c_stride: conv.inputs,
                            accumulate: edge.accumulate,
                            ends: Ends::NONE,
                        },
                        &mut ahead,
                    );
                    self.end(edge, conv.inputs, row, rows, 0, conv.inputs);
                }
            }
            row += rows;
        }
    }

    /// The output gradient of an image and block of channels, into the interior of the padded scratch image.
    unsafe fn load_gradient(
        &self,
        conv: &Convolution,
        image: usize,
        channel: usize,
        channels: usize,
        scratch: *mut f32,
    ) {
        let [height, width] = conv.window.output;
        for y in 0..height {
            let row = (image * height + y) * width;
            let line = (y + conv.halo[0]) * conv.gradient_padded[1] + conv.halo[1];
            let to = To {
                data: scratch.wrapping_add(line * conv.gradient_pixel),
                stride: conv.gradient_pixel,
            };
            unsafe { self.gradient_block(row, width, channel, channels, to) }
        }
    }

    unsafe fn dense(&self, conv: &Convolution) {
        let operand = (self.operand)(0);
        let edge = (self.edge)(0);
        let window = &conv.window;
        let [ins, outs] = conv.group();
        let lanes = self.level.lanes();
        let line = conv.padded[1] * conv.pixel;
        let gradient_line = conv.gradient_padded[1] * conv.gradient_pixel;
        let interior = conv.halo[0] * gradient_line + conv.halo[1] * conv.gradient_pixel;
        let gradient = self.scratch.wrapping_add(lines(conv.padded[0] * line));
        let outer = outs.next_multiple_of(lanes);
        unsafe {
            clear(self.scratch, conv.padded[0] * line);
            clear(gradient, conv.gradient_padded[0] * gradient_line);
            for image in self.images.clone() {
                load_padded(self.level, conv, &operand, image, 0, conv.inputs, self.scratch);
                self.load_gradient(conv, image, 0, conv.outputs, gradient);
                for y in 0..window.output[0] {
                    let from = From {
                        data: gradient.add(interior + y * gradient_line),
                        stride: conv.gradient_pixel,
                    };
                    self.bias(
                        conv,
                        Rows {
                            rows: window.output[1],
                            channels: conv.outputs,
                        },
                        from,
                        0,
                    );
                }
                for group in 0..conv.groups {
                    for (index, segment) in conv.segments.iter().enumerate() {
                        let at = group * conv.inner() + index * conv.segment_length;
                        reduce(
                            self.level,
                            &Reduction {
                                lines: window.output[0],
                                columns: window.output[1],
                                a: self.scratch.add(segment + group * ins),
                                a_stride: window.stride[1] * conv.pixel,
                                a_line: window.stride[0] * line,
                                inner: conv.segment_length,
                                b: gradient.add(interior + group * outs),
                                b_stride: conv.gradient_pixel,
                                b_line: gradient_line,
                                outer: outs,
                                c: self.sums.add(at * outer),
                                c_stride: outer,
                            },
                            &mut Ahead::none(),
                        );
                    }
                }
                if let Some(edge) = &edge {
                    self.dense_data(conv, edge, image, gradient);
                }
            }
        }
    }

    unsafe fn dense_data(&self, conv: &Convolution, edge: &Edge, image: usize, gradient: *const f32) {
        let [ins, outs] = conv.group();
        let window = &conv.window;
        let gradient_line = conv.gradient_padded[1] * conv.gradient_pixel;
        let [height, width] = window.input;
        let target = edge.data.wrapping_add(image * height * width * conv.inputs);
        for phase in &conv.phases {
            let packed = phase.taps.len() * outs * ins.next_multiple_of(self.level.lanes());
            for y in 0..phase.count[0] {
                let pixel = (phase.start[0] + y * window.stride[0]) * width + phase.start[1];
                for group in 0..conv.groups {
                    unsafe {
                        product(
                            self.level,
                            &Product {
                                rows: phase.count[1],
                                a: gradient.add(y * gradient_line + group * outs),
                                a_stride: conv.gradient_pixel,
                                segments: &phase.offsets,
                                segment_length: outs,
                                b: self.packed.add(phase.packed + group * packed),
                                columns: ins,
                                c: target.add(pixel * conv.inputs + group * ins),
                                c_stride: window.stride[1] * conv.inputs,
                                accumulate: edge.accumulate,
                                ends: Ends::NONE,
                            },
                            &mut Ahead::none(),
                        );
                    }
                }
            }
        }
        unsafe {
            self.end(
                edge,
                conv.inputs,
                image * height * width,
                height * width,
                0,
                conv.inputs,
            );
        }
    }

    /// Asks for the next block of a depthwise convolution's input and gradient while one is at work.
    fn ahead_of_block(&self, conv: &Convolution, operand: &Operand, image: usize, channel: usize) -> Ahead {
        let channels = conv.pixel.min(conv.inputs - channel);
        let calls = Depthwise::calls(self.level, conv.window.input, channels);
        let own = |from: Kept| Operand {
            data: from,
            channels: conv.outputs,
            pixels: self.group.pixels(),
            map: Affine::IDENTITY,
        };
        let next = |operand: &Operand| next_block(conv, operand, &self.images, image, channel);
        let [g, value] = [self.own.g(conv.outputs), self.own.value].map(|from| next(&own(from)));
        let places = [next(operand), g, value];
        Ahead::new(
            if self.group.norm.is_some() {
                &places
            } else {
                &places[..2]
            },
            calls,
        )
    }

    unsafe fn depthwise(&self, conv: &Convolution) {
        let operand = (self.operand)(0);
        let edge = (self.edge)(0);
        let window = &conv.window;
        let lanes = self.level.lanes();
        let stride = conv.inputs.next_multiple_of(lanes);
        let line = conv.padded[1] * conv.pixel;
        let gradient_line = conv.gradient_padded[1] * conv.gradient_pixel;
        let interior = conv.halo[0] * gradient_line + conv.halo[1] * conv.gradient_pixel;
        let gradient = self.scratch.wrapping_add(lines(conv.padded[0] * line));
        let [height, width] = window.input;
        unsafe {
            clear(self.scratch, conv.padded[0] * line);
            clear(gradient, conv.gradient_padded[0] * gradient_line);
            for image in self.images.clone() {
                let mut channel = 0;
                while channel < conv.inputs {
                    let channels = conv.pixel.min(conv.inputs - channel);
                    load_padded(self.level, conv, &operand, image, channel, channels, self.scratch);
                    self.load_gradient(conv, image, channel, channels, gradient);
                    weight_gradient(
                        self.level,
                        &DepthwiseWeights {
                            lines: window.output[0],
                            columns: window.output[1],
                            channels: channels.next_multiple_of(lanes),
                            input: self.scratch,
                            input_line: window.stride[0] * line,
                            input_step: window.stride[1] * conv.pixel,
                            taps: &conv.segments,
                            gradient: gradient.add(interior),
                            gradient_line,
                            gradient_step: conv.gradient_pixel,
                            sums: self.sums.add(channel),
                            sum_stride: stride,
                        },
                    );
                    for y in 0..window.output[0] {
                        let from = From {
                            data: gradient.add(interior + y * gradient_line),
                            stride: conv.gradient_pixel,
                        };
                        self.bias(
                            conv,
                            Rows {
                                rows: window.output[1],
                                channels,
                            },
                            from,
                            channel,
                        );
                    }
                    if let Some(edge) = &edge {
                        let mut ahead = self.ahead_of_block(conv, &operand, image, channel);
                        for phase in &conv.phases {
                            let pixel = phase.start[0] * width + phase.start[1];
                            let at = (image * height * width + pixel) * conv.inputs + channel;
                            convolve(
                                self.level,
                                &Depthwise {
                                    lines: phase.count[0],
                                    columns: phase.count[1],
                                    channels,
                                    input: gradient,
                                    input_line: gradient_line,
                                    input_step: conv.gradient_pixel,
                                    taps: &phase.offsets,
                                    weights: self.packed.add(phase.packed + channel),
                                    weight_stride: stride,
                                    output: edge.data.add(at),
                                    output_line: window.stride[0] * width * conv.inputs,
                                    output_step: window.stride[1] * conv.inputs,
                                    accumulate: edge.accumulate,
                                    ends: Ends::NONE,
                                },
                                &mut ahead,
                            );
                        }
                        let rows = height * width;
                        self.end(edge, conv.inputs, image * rows, rows, channel, channels);
                    }
                    channel += channels;
                }
            }
        }
    }

    /// Everything that is not a convolution.
    unsafe fn one_image(&self, image: usize) {
        let group = self.group;
        let (pixels, channels) = (group.pixels(), group.channels);
        let size = Rows { rows: pixels, channels };
        let none = std::ptr::null();
        // Scratch: this group's gradient, then a copy of its value, then the inputs.
        let own = self.scratch;
        let value = own.wrapping_add(lines(group.elements()));
        let inputs = value.wrapping_add(lines(group.elements()));
        let load = |operand: &Operand, to: *mut f32| unsafe {
            let size = Rows {
                rows: operand.pixels,
                channels: operand.channels,
            };
            let to = To {
                data: to,
                stride: operand.channels,
            };
            affine(self.level, size, operand.image(image), to, &operand.map, false);
        };
        unsafe {
            let dy = self.gradient(
                image * pixels,
                pixels,
                To {
                    data: own,
                    stride: channels,
                },
            );
            match &group.source {
                Source::Input | Source::Convolution(_) => {}
                Source::Copy | Source::Add => {
                    for input in 0..group.inputs.len() {
                        if let Some(edge) = (self.edge)(input) {
                            self.emit(&edge, &(self.operand)(input), image, dy, none);
                        }
                    }
                }
                Source::Concat => {
                    let mut start = 0;
                    for input in 0..group.inputs.len() {
                        let operand = (self.operand)(input);
                        let from = From {
                            data: dy.data.add(start),
                            stride: channels,
                        };
                        if let Some(edge) = (self.edge)(input) {
                            self.emit(&edge, &operand, image, from, none);
                        }
                        start += operand.channels;
                    }
                }
                Source::Multiply(is_gate) => {
                    let (first, second) = ((self.operand)(0), (self.operand)(1));
                    // The edges are taken in order, so that a value times itself gets both parts.
                    if let Some(edge) = (self.edge)(0) {
                        load(&second, inputs);
                        if *is_gate {
                            self.emit(&edge, &first, image, dy, inputs);
                        } else {
                            multiply(
                                self.level,
                                size,
                                dy,
                                To {
                                    data: inputs,
                                    stride: channels,
                                },
                            );
                            let from = From {
                                data: inputs,
                                stride: channels,
                            };
                            self.emit(&edge, &first, image, from, none);
                        }
                    }
                    if let Some(edge) = (self.edge)(1) {
                        load(&first, inputs);
                        let x = From {
                            data: inputs,
                            stride: channels,
                        };
                        if *is_gate {
                            std::ptr::write_bytes(value, 0, channels);
                            column_dot(self.level, size, dy, x, value);
                            self.emit(
                                &edge,
                                &second,
                                image,
                                From {
                                    data: value,
                                    stride: channels,
                                },
                                none,
                            );
                        } else {
                            multiply(
                                self.level,
                                size,
                                dy,
                                To {
                                    data: inputs,
                                    stride: channels,
                                },
                            );
                            self.emit(&edge, &second, image, x, none);
                        }
                    }
                }
                Source::MaxPool(window) | Source::AveragePool(window, _) => {
                    let Some(edge) = (self.edge)(0) else { return };
                    let operand = (self.operand)(0);
                    let target = inputs.wrapping_add(lines(operand.elements()));
                    let dx = std::slice::from_raw_parts_mut(target, operand.elements());
                    if dy.data != own.cast_const() {
                        std::ptr::copy_nonoverlapping(dy.data, own, group.elements());
                    }
                    let dy = std::slice::from_raw_parts_mut(own, group.elements());
                    if let Source::AveragePool(_, shares) = &group.source {
                        pooling::average_backward(window, shares, channels, dy, dx);
                    } else {
                        load(&operand, inputs);
                        let x = std::slice::from_raw_parts(inputs, operand.elements());
                        let y = std::slice::from_raw_parts_mut(value, group.elements());
                        pooling::max(window, channels, x, y);
                        pooling::max_backward(window, channels, x, y, dy, dx);
                    }
                    self.emit(
                        &edge,
                        &operand,
                        image,
                        From {
                            data: target,
                            stride: channels,
                        },
                        none,
                    );
                }
                Source::GlobalAverage => {
                    let Some(edge) = (self.edge)(0) else { return };
                    let operand = (self.operand)(0);
                    for channel in 0..channels {
                        *value.add(channel) = *dy.data.add(channel) / operand.pixels as f32;
                    }
                    self.emit(&edge, &operand, image, From { data: value, stride: 0 }, none);
                }
                Source::Flatten => {
                    let Some(edge) = (self.edge)(0) else { return };
                    let operand = (self.operand)(0);
                    for pixel in 0..operand.pixels {
                        for channel in 0..operand.channels {
                            let from = dy.data.add(channel * operand.pixels + pixel);
                            *inputs.add(pixel * operand.channels + channel) = *from;
                        }
                    }
                    let from = From {
                        data: inputs,
                        stride: operand.channels,
                    };
                    self.emit(&edge, &operand, image, from, none);
                }
            }
        }
    }
}
