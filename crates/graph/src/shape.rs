use std::fmt;

/// The shape of an activation of one image: channels, height, width.
///
/// Batch is a run-time matter and never part of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Shape {
    /// Number of channels.
    pub channels: u32,
    /// Height in pixels.
    pub height: u32,
    /// Width in pixels.
    pub width: u32,
}

impl Shape {
    /// A shape from channels, height and width.
    #[must_use]
    pub const fn new(channels: u32, height: u32, width: u32) -> Self {
        Self {
            channels,
            height,
            width,
        }
    }

    /// A vector of `channels` values: height and width 1.
    #[must_use]
    pub const fn vector(channels: u32) -> Self {
        Self::new(channels, 1, 1)
    }

    /// Number of values.
    #[must_use]
    pub const fn elements(self) -> u64 {
        self.channels as u64 * self.pixels()
    }

    /// Number of positions, height times width.
    #[must_use]
    pub const fn pixels(self) -> u64 {
        self.height as u64 * self.width as u64
    }

    /// True for a vector (height and width 1).
    #[must_use]
    pub const fn is_vector(self) -> bool {
        self.height == 1 && self.width == 1
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}", self.channels, self.height, self.width)
    }
}
