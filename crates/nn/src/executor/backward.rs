//! The backward pass of one group over some images.

mod dense;
mod depthwise;
mod expansion;
mod joining;
mod pointwise;

use std::ops::Range;

use super::operand::Operand;
use crate::kernels::elementwise::{Affine, Rows, RowsIn, RowsOut, affine, column_sum, combine, finish};
use crate::kernels::saved::SavedRows;
use crate::plan::{Convolution, Form, Group, Source};
use crate::simd::Level;
pub(super) use expansion::Expansion;

/// The gradient of a group's raw value: the gradient of its map's argument, carried through batch normalisation when
/// there is one.
#[derive(Clone, Copy)]
pub(crate) struct OwnGradient {
    /// Gradient of image 0.
    pub(crate) data: *const f32,
    /// Raw value of image 0.
    pub(crate) value: SavedRows,
    /// dz = a·g + b·z + c, or null without batch normalisation.
    pub(crate) coefficients: [*const f32; 3],
}

impl OwnGradient {
    /// The gradient as rows of so many channels.
    const fn g(&self, channels: usize) -> SavedRows {
        SavedRows::new(self.data, channels, false)
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

impl Edge {
    /// Ends a block of the gradient that has just been written.
    ///
    /// # Safety
    /// As [`Finish::run`].
    unsafe fn end(
        &self,
        level: Level,
        stride: usize,
        [row, rows]: [usize; 2],
        [channel, channels]: [usize; 2],
        head: *mut f32,
    ) {
        if let Some(last) = &self.finish {
            let place = Place {
                stride,
                row,
                rows,
                channel,
                channels,
            };
            unsafe { last.run(level, self.data, place, head) }
        }
    }
}

/// What carrying a gradient back through an input's map needs.
#[derive(Clone, Copy)]
pub(crate) struct Finish {
    /// Raw value of image 0 of the input.
    pub(crate) value: SavedRows,
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
                let g = RowsOut {
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
    /// What computes the input again, where it is not kept; it has no edge then.
    pub(crate) expansion: Option<Expansion>,
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
                        self.one_image(image);
                    }
                }
            }
        }
    }

    /// Rows of the raw value's gradient, from row `row` and channel `channel` on: in place when there is no batch
    /// normalisation, else computed into `scratch`.
    unsafe fn gradient(&self, row: usize, rows: usize, scratch: RowsOut) -> RowsIn {
        let channels = self.group.channels;
        let g = RowsIn {
            data: self.own.data.wrapping_add(row * channels),
            stride: channels,
        };
        if self.own.coefficients[0].is_null() {
            return g;
        }
        unsafe { self.gradient_block(row, rows, 0, channels, scratch) };
        RowsIn {
            data: scratch.data,
            stride: scratch.stride,
        }
    }

    /// A block of the raw value's gradient, into scratch.
    unsafe fn gradient_block(&self, row: usize, rows: usize, channel: usize, channels: usize, to: RowsOut) {
        let stride = self.group.channels;
        let offset = row * stride + channel;
        let g = RowsIn {
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
        unsafe { edge.end(self.level, stride, [row, rows], [channel, channels], self.head) }
    }

    /// Adds a block's column sums to the bias sums behind the weight sums. A batch normalisation takes a bias before it
    /// away again, so that its gradient is 0 and need not be summed up.
    unsafe fn bias(&self, conv: &Convolution, size: Rows, gradient: RowsIn, channel: usize) {
        if conv.bias.is_some() && self.group.norm.is_none() {
            unsafe {
                column_sum(self.level, size, gradient, self.sums.add(conv.sums + channel));
            }
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
            let to = RowsOut {
                data: scratch.wrapping_add(line * conv.gradient_pixel),
                stride: conv.gradient_pixel,
            };
            unsafe { self.gradient_block(row, width, channel, channels, to) }
        }
    }
}
