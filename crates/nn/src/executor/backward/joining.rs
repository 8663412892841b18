//! Backward through everything that is not a convolution.

use super::super::operand::Operand;
use super::{Backward, Edge};
use crate::kernels::elementwise::{Affine, Rows, RowsIn, RowsOut, affine, column_dot, multiply};
use crate::kernels::pooling;
use crate::plan::{Source, lines};

impl Backward<'_> {
    /// Sends rows to an input's gradient: to (+)= from · scale.
    unsafe fn emit(&self, edge: &Edge, operand: &Operand, image: usize, from: RowsIn, scale: *const f32) {
        let (rows, channels) = (operand.pixels, operand.channels);
        let to = RowsOut {
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

    /// Everything that is not a convolution.
    pub(super) unsafe fn one_image(&self, image: usize) {
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
            let to = RowsOut {
                data: to,
                stride: operand.channels,
            };
            affine(self.level, size, operand.image(image), to, &operand.map, false);
        };
        unsafe {
            let dy = self.gradient(
                image * pixels,
                pixels,
                RowsOut {
                    data: own,
                    stride: channels,
                },
            );
            match &group.source {
                // Those of scalings and layer normalisations are refused before.
                Source::Input | Source::Convolution(_) | Source::LayerNorm(_) | Source::Scale(_) => {}
                Source::Gather(_) | Source::Bilinear(_) => {
                    let Some(edge) = (self.edge)(0) else { return };
                    let operand = (self.operand)(0);
                    let dx = std::slice::from_raw_parts_mut(inputs, operand.elements());
                    let dy = std::slice::from_raw_parts(dy.data, group.elements());
                    if let Source::Bilinear(bilinear) = &group.source {
                        bilinear.backward(channels, dy, dx);
                    }
                    if let Source::Gather(gather) = &group.source {
                        gather.backward(dy, dx);
                    }
                    let from = RowsIn {
                        data: inputs,
                        stride: operand.channels,
                    };
                    self.emit(&edge, &operand, image, from, none);
                }
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
                        let from = RowsIn {
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
                                RowsOut {
                                    data: inputs,
                                    stride: channels,
                                },
                            );
                            let from = RowsIn {
                                data: inputs,
                                stride: channels,
                            };
                            self.emit(&edge, &first, image, from, none);
                        }
                    }
                    if let Some(edge) = (self.edge)(1) {
                        load(&first, inputs);
                        let x = RowsIn {
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
                                RowsIn {
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
                                RowsOut {
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
                        RowsIn {
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
                    self.emit(&edge, &operand, image, RowsIn { data: value, stride: 0 }, none);
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
                    let from = RowsIn {
                        data: inputs,
                        stride: operand.channels,
                    };
                    self.emit(&edge, &operand, image, from, none);
                }
            }
        }
    }
}
