use crate::kernels::elementwise::{Affine, Rows, RowsIn, RowsOut, affine};
use crate::kernels::saved::SavedRows;
use crate::simd::Level;

/// What a group reads: raw values and the map (normalisation and activation) still to be applied to them.
#[derive(Clone, Copy)]
pub(crate) struct Operand {
    /// Raw value of image 0, NHWC, dense.
    pub(crate) data: SavedRows,
    pub(crate) map: Affine,
    pub(crate) channels: usize,
    /// Positions of one image.
    pub(crate) pixels: usize,
}

impl Operand {
    /// The rows from `row` on.
    pub(crate) const fn rows(&self, row: usize) -> SavedRows {
        self.data.at(row * self.channels)
    }

    /// Rows with the map applied: where they lie when that changes nothing, else computed into `scratch`.
    ///
    /// # Safety
    /// The rows must be valid, and `scratch` hold them.
    pub(crate) unsafe fn read(&self, level: Level, row: usize, rows: usize, scratch: *mut f32) -> RowsIn {
        let (from, channels) = (self.rows(row), self.channels);
        if let (true, Some(in_place)) = (self.map.is_identity(), from.as_f32()) {
            return in_place;
        }
        let to = RowsOut {
            data: scratch,
            stride: channels,
        };
        unsafe { affine(level, Rows { rows, channels }, from, to, &self.map, false) };
        RowsIn {
            data: scratch,
            stride: channels,
        }
    }

    /// The rows of an image.
    pub(crate) const fn image(&self, image: usize) -> SavedRows {
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

/// Where a group's raw value goes.
#[derive(Clone, Copy)]
pub(crate) enum Destination {
    F32(*mut f32),
    Bf16(*mut u16),
}
