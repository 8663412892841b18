//! An image that is being worked on.

/// Bytes of one image in HWC order, and room for the next version of them. Reused from image to image.
#[derive(Debug, Default)]
pub(crate) struct Canvas {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    pub(crate) pixels: Vec<u8>,
    spare: Vec<u8>,
    /// Whatever an operation wants to remember for each column.
    pub(crate) columns: Vec<[u32; 3]>,
}

impl Canvas {
    /// Takes on a size; the pixels are whatever they were.
    pub(crate) fn resize(&mut self, height: usize, width: usize, channels: usize) {
        (self.height, self.width, self.channels) = (height, width, channels);
        self.pixels.resize(height * width * channels, 0);
    }

    /// The pixels, the room for their next version (of the same size, with arbitrary bytes in it) and the columns.
    /// [`Canvas::turn`] makes that version the image.
    pub(crate) fn sides(&mut self) -> (&[u8], &mut [u8], &mut Vec<[u32; 3]>) {
        self.spare.resize(self.pixels.len(), 0);
        (&self.pixels, &mut self.spare, &mut self.columns)
    }

    /// Makes what was written into the room the image.
    pub(crate) fn turn(&mut self) {
        std::mem::swap(&mut self.pixels, &mut self.spare);
    }

    #[cfg(test)]
    pub(crate) fn of(height: usize, width: usize, channels: usize, pixels: &[u8]) -> Self {
        let mut canvas = Self::default();
        canvas.resize(height, width, channels);
        canvas.pixels.copy_from_slice(pixels);
        canvas
    }
}
