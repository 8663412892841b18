//! The frame of a JPEG: its components, and what of their coefficients has been seen.

use super::{PictureFault, cut_off};

/// One component of the frame.
pub(super) struct Component {
    pub(super) id: u8,
    /// Blocks side by side and above each other in one minimum coded unit.
    pub(super) in_unit: (usize, usize),
    /// Blocks a row and a column, of a scan that holds this component alone.
    pub(super) blocks: (usize, usize),
    /// For each coefficient, the lowest bit that has come; none before the first scan with it.
    pub(super) lowest_bit: [Option<u8>; 64],
    /// For each block, padded to whole units, a bit for each coefficient that is not zero. Empty in sequential frames.
    pub(super) nonzero: Vec<u64>,
    /// Blocks a row of `nonzero`.
    pub(super) stride: usize,
}

/// A frame header (T.81, B.2.2).
pub(super) struct Frame {
    pub(super) progressive: bool,
    pub(super) components: Vec<Component>,
    /// Minimum coded units a row and a column.
    pub(super) units: (usize, usize),
}

impl Frame {
    /// Reads the segment; `None` when it makes no sense, which the decoder will say.
    pub(super) fn read(segment: &[u8], progressive: bool) -> Option<Self> {
        let [_, h1, h0, w1, w0, count, components @ ..] = segment else {
            return None;
        };
        let height = usize::from(u16::from_be_bytes([*h1, *h0]));
        let width = usize::from(u16::from_be_bytes([*w1, *w0]));
        let components = components.get(..usize::from(*count) * 3)?;
        let factors = || {
            components
                .chunks_exact(3)
                .map(|c| (usize::from(c[1] >> 4), usize::from(c[1] & 15)))
        };
        let (across, down) = (factors().map(|f| f.0).max()?, factors().map(|f| f.1).max()?);
        if width == 0
            || height == 0
            || *count > 4
            || factors().any(|(h, v)| !(1..=4).contains(&h) || !(1..=4).contains(&v))
        {
            return None;
        }
        let units = (width.div_ceil(8 * across), height.div_ceil(8 * down));
        let component = |(content, (h, v)): (&[u8], (usize, usize))| {
            let stride = units.0 * h;
            Component {
                id: content[0],
                in_unit: (h, v),
                blocks: (
                    (width * h).div_ceil(across).div_ceil(8),
                    (height * v).div_ceil(down).div_ceil(8),
                ),
                lowest_bit: [None; 64],
                nonzero: if progressive {
                    vec![0; stride * units.1 * v]
                } else {
                    Vec::new()
                },
                stride,
            }
        };
        Some(Self {
            progressive,
            components: components.chunks_exact(3).zip(factors()).map(component).collect(),
            units,
        })
    }

    /// Whether every component has come, with all of its bits.
    pub(super) fn is_complete(&self) -> Result<(), PictureFault> {
        for component in &self.components {
            let unfinished = component.lowest_bit.iter().flatten().any(|&bit| bit > 0);
            if unfinished || component.lowest_bit[0].is_none() {
                return Err(cut_off("scans are missing before the end marker"));
            }
        }
        Ok(())
    }
}
