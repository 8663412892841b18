//! Backward through depthwise convolutions.

use super::super::forward::{clear, load_padded, next_block};
use super::super::operand::Operand;
use super::Backward;
use crate::kernels::depthwise::{Depthwise, DepthwiseWeights, convolve, weight_gradient};
use crate::kernels::elementwise::{Affine, Rows, RowsIn};
use crate::kernels::prefetch::Prefetch;
use crate::kernels::product::Ends;
use crate::kernels::saved::SavedRows;
use crate::plan::{Convolution, lines};

impl Backward<'_> {
    /// Asks for the next block of a depthwise convolution's input and gradient while one is at work.
    fn prefetch_of_block(&self, conv: &Convolution, operand: &Operand, image: usize, channel: usize) -> Prefetch {
        let channels = conv.pixel.min(conv.inputs - channel);
        let calls = Depthwise::calls(self.level, conv.window.input, channels)
            + DepthwiseWeights::calls(self.level, conv.window.output, channels, conv.taps());
        let own = |from: SavedRows| Operand {
            data: from,
            channels: conv.outputs,
            pixels: self.group.pixels(),
            map: Affine::IDENTITY,
        };
        let next = |operand: &Operand| next_block(conv, operand, &self.images, image, channel);
        let [g, value] = [self.own.g(conv.outputs), self.own.value].map(|from| next(&own(from)));
        let places = [next(operand), g, value];
        Prefetch::new(
            if self.group.norm.is_some() {
                &places
            } else {
                &places[..2]
            },
            calls,
        )
    }

    pub(super) unsafe fn depthwise(&self, conv: &Convolution) {
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
                    let mut prefetch = self.prefetch_of_block(conv, &operand, image, channel);
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
                        &mut prefetch,
                    );
                    for y in 0..window.output[0] {
                        let from = RowsIn {
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
                                &mut prefetch,
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
}
