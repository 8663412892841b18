//! Backward through dense and grouped convolutions.

use super::super::forward::{clear, load_padded};
use super::{Backward, Edge};
use crate::kernels::elementwise::{Rows, RowsIn};
use crate::kernels::prefetch::Prefetch;
use crate::kernels::product::{Ends, Product, product};
use crate::kernels::reduction::{Reduction, reduce};
use crate::plan::{Convolution, lines};

impl Backward<'_> {
    pub(super) unsafe fn dense(&self, conv: &Convolution) {
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
                    let from = RowsIn {
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
                            &mut Prefetch::none(),
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
                            &mut Prefetch::none(),
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
}
