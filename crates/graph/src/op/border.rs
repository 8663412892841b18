use serde::{Deserialize, Serialize};

use crate::{Padding, Shape};

/// A border around an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Border {
    /// Its width on each side.
    pub padding: Padding,
    /// What it is made of.
    pub fill: BorderFill,
}

/// What a border is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BorderFill {
    /// Zeros.
    Zero,
    /// The image mirrored at its outermost positions, which are not repeated; the border is narrower than the image.
    Reflect,
    /// The outermost positions, repeated.
    Edge,
}

impl BorderFill {
    /// The name used in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::Reflect => "reflect",
            Self::Edge => "edge",
        }
    }
}

impl Border {
    /// For each position of an axis of the result the position of the image that it takes; none is a zero. `axis` is 0 for
    /// height and 1 for width, `size` the image's.
    #[must_use]
    pub fn sources(&self, axis: usize, size: u32) -> Vec<Option<usize>> {
        let side = |sides: [u32; 2]| i64::from(sides.get(axis).copied().unwrap_or(0));
        let (before, after, size) = (side(self.padding.before), side(self.padding.after), i64::from(size));
        let last = size - 1;
        (-before..size + after)
            .map(|at| match self.fill {
                BorderFill::Zero => (0..size).contains(&at).then_some(at as usize),
                BorderFill::Edge => Some(at.clamp(0, last) as usize),
                BorderFill::Reflect => {
                    let mirrored = if at < 0 { -at } else { at };
                    let mirrored = if mirrored > last { 2 * last - mirrored } else { mirrored };
                    Some(mirrored.clamp(0, last) as usize)
                }
            })
            .collect()
    }

    /// The shape of the result, or why there is none.
    pub(crate) fn output(&self, input: Shape) -> Result<Shape, String> {
        let sizes = [input.height, input.width];
        let Padding { before, after } = self.padding;
        let too_wide = |axis: usize| before[axis].max(after[axis]) >= sizes[axis];
        if self.fill == BorderFill::Reflect && (too_wide(0) || too_wide(1)) {
            return Err(format!(
                "a mirrored border of {before:?} before and {after:?} after is not narrower than the image {}×{}",
                input.height, input.width
            ));
        }
        let [height, width] = [0, 1].map(|axis| sizes[axis].saturating_add(before[axis]).saturating_add(after[axis]));
        Ok(Shape { height, width, ..input })
    }
}
