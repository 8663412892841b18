use crate::kernels::elementwise::{Affine, From};

/// What a group reads: raw values and the map (normalisation and activation) still to be applied to them.
#[derive(Clone, Copy)]
pub(crate) struct Operand {
    /// Raw value of image 0, NHWC, dense.
    pub(crate) data: *const f32,
    pub(crate) map: Affine,
    pub(crate) channels: usize,
    /// Positions of one image.
    pub(crate) pixels: usize,
}

impl Operand {
    /// The rows from `row` on.
    pub(crate) const fn rows(&self, row: usize) -> From {
        From {
            data: self.data.wrapping_add(row * self.channels),
            stride: self.channels,
        }
    }

    /// The rows of an image.
    pub(crate) const fn image(&self, image: usize) -> From {
        self.rows(image * self.pixels)
    }

    /// Values of one image.
    pub(crate) const fn elements(&self) -> usize {
        self.pixels * self.channels
    }
}

/// A piece of a group's fresh raw value, still in a near cache.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    pub(crate) data: *mut f32,
    pub(crate) stride: usize,
    pub(crate) rows: usize,
    pub(crate) channels: usize,
    /// Channel of the group that the block's first channel is.
    pub(crate) first_channel: usize,
}
