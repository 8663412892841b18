//! Backward through depthwise convolutions.

use super::super::expansion::Pieces;
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
        let mut places = [g, value, next(operand)];
        if self.group.norm.is_none() {
            // The raw value is not read.
            places[1].1.rows = 0;
        }
        if self.expansion.is_some() {
            places[2].1.rows = 0;
        }
        Prefetch::new(&places, calls)
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
                let again = self.expansion.map(|expansion| {
                    let pieces = Pieces::new(self.scratch, conv, &expansion.expand);
                    (expansion, expansion.expand.read(image, pieces), pieces)
                });
                let mut channel = 0;
                while channel < conv.inputs {
                    let channels = conv.pixel.min(conv.inputs - channel);
                    match again {
                        None => load_padded(self.level, conv, &operand, image, channel, channels, self.scratch),
                        Some((expansion, x, pieces)) => {
                            expansion.expand.load(conv, x, [channel, channels], pieces);
                        }
                    }
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
                    // Where the gradient of the block goes, and how far apart its positions are.
                    let target = match (&again, &edge) {
                        (Some((_, _, pieces)), _) => Some((pieces.gradient, conv.pixel, false)),
                        (None, Some(edge)) => {
                            let first = image * height * width * conv.inputs + channel;
                            Some((edge.data.add(first), conv.inputs, edge.accumulate))
                        }
                        (None, None) => None,
                    };
                    if let Some((target, apart, accumulate)) = target {
                        for phase in &conv.phases {
                            let pixel = phase.start[0] * width + phase.start[1];
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
                                    output: target.add(pixel * apart),
                                    output_line: window.stride[0] * width * apart,
                                    output_step: window.stride[1] * apart,
                                    accumulate,
                                    ends: Ends::NONE,
                                },
                                &mut prefetch,
                            );
                        }
                    }
                    if let Some((expansion, x, pieces)) = again {
                        let block = [channel, channels];
                        expansion.take(conv, image, x, block, pieces, self.head);
                    } else if let Some(edge) = &edge {
                        let rows = height * width;
                        self.end(edge, conv.inputs, image * rows, rows, channel, channels);
                    }
                    channel += channels;
                }
            }
        }
    }
}
