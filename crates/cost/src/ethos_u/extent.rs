//! Heights, widths and depths of tensors and blocks.

/// Height, width and depth of a tensor, a block or a micro-block, in elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Extent {
    pub height: i64,
    pub width: i64,
    pub depth: i64,
}

impl Extent {
    pub(super) const fn new(height: i64, width: i64, depth: i64) -> Self {
        Self { height, width, depth }
    }

    pub(super) const fn area(self) -> i64 {
        self.height * self.width
    }

    pub(super) const fn volume(self) -> i64 {
        self.area() * self.depth
    }

    pub(super) const fn with_depth(self, depth: i64) -> Self {
        Self { depth, ..self }
    }

    pub(super) const fn with_height(self, height: i64) -> Self {
        Self { height, ..self }
    }

    /// The part of it that lies within another.
    pub(super) fn within(self, other: Self) -> Self {
        self.zip(other, i64::min)
    }

    /// How many of a smaller extent cover it, on each axis.
    pub(super) fn covered_by(self, part: Self) -> Self {
        self.zip(part, ceil)
    }

    /// Enlarged to whole multiples of a smaller extent.
    pub(super) fn rounded_up(self, part: Self) -> Self {
        self.zip(part, up)
    }

    fn zip(self, other: Self, of: impl Fn(i64, i64) -> i64) -> Self {
        Self {
            height: of(self.height, other.height),
            width: of(self.width, other.width),
            depth: of(self.depth, other.depth),
        }
    }
}

/// ⌈whole / part⌉; parts of nothing count as 1.
pub(super) fn ceil(whole: i64, part: i64) -> i64 {
    let part = part.max(1);
    (whole + part - 1).div_euclid(part)
}

/// The next multiple of `part`.
pub(super) fn up(value: i64, part: i64) -> i64 {
    ceil(value, part) * part.max(1)
}

/// The multiple of `part` below.
pub(super) fn down(value: i64, part: i64) -> i64 {
    value.div_euclid(part.max(1)) * part.max(1)
}
