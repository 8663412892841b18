use serde::{Deserialize, Serialize};

/// What surrounds an image under a sliding window. Pairs are (height, width).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Padding {
    /// Positions above and to the left.
    pub before: [u32; 2],
    /// Positions below and to the right.
    pub after: [u32; 2],
}

impl Padding {
    /// No padding.
    pub const NONE: Self = Self::both([0; 2]);

    /// The same padding before and after, for each axis.
    #[must_use]
    pub const fn both(sides: [u32; 2]) -> Self {
        Self {
            before: sides,
            after: sides,
        }
    }

    /// True when both ends of each axis have the same padding.
    #[must_use]
    pub fn is_symmetric(&self) -> bool {
        self.before == self.after
    }
}
