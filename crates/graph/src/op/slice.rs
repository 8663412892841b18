use serde::{Deserialize, Serialize};

use crate::Shape;

/// An axis of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageAxis {
    /// Channels.
    Channels,
    /// Rows.
    Height,
    /// Columns.
    Width,
}

/// A part of an image along one axis: every `step`-th position, without those `before` and `after`.
///
/// Positions are counted from both ends, so that the same operator cuts images of other sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slice {
    /// The axis that is cut.
    pub axis: ImageAxis,
    /// Positions left out at the start.
    pub before: u32,
    /// Positions left out at the end.
    pub after: u32,
    /// Distance between the positions that are taken; 1 takes all.
    pub step: u32,
}

impl Slice {
    /// `length` channels of `channels`, from `start` on; what reaches beyond the last is cut off.
    #[must_use]
    pub const fn channels(start: u32, length: u32, channels: u32) -> Self {
        Self {
            axis: ImageAxis::Channels,
            before: start,
            after: channels.saturating_sub(start.saturating_add(length)),
            step: 1,
        }
    }

    /// The shape of the part, or why there is none.
    pub(crate) fn output(&self, input: Shape) -> Result<Shape, String> {
        let mut output = input;
        let length = match self.axis {
            ImageAxis::Channels => &mut output.channels,
            ImageAxis::Height => &mut output.height,
            ImageAxis::Width => &mut output.width,
        };
        let left = u64::from(*length).checked_sub(u64::from(self.before) + u64::from(self.after));
        match left {
            Some(left @ 1..) if self.step > 0 => {
                *length = left.div_ceil(u64::from(self.step)) as u32;
                Ok(output)
            }
            _ => Err(format!(
                "{} positions before and {} after are left out of {length}, in steps of {}: nothing is left",
                self.before, self.after, self.step
            )),
        }
    }
}
