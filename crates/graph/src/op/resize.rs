use serde::{Deserialize, Serialize};

use crate::Shape;

/// Scales an image to another height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resize {
    /// The height and width that it gets.
    pub to: ResizeTo,
    /// How values between positions are found.
    pub interpolation: Interpolation,
    /// Which position of the input a position of the output stands for.
    pub coordinates: Coordinates,
}

/// How large an image becomes; pairs are (height, width).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResizeTo {
    /// So many times as large.
    Factor([u32; 2]),
    /// This large.
    Size([u32; 2]),
}

/// How a value is found that lies between positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The position below.
    NearestFloor,
    /// The nearest position, at ties the one below.
    NearestDown,
    /// The nearest position, at ties the one above.
    NearestUp,
    /// The position above.
    NearestCeil,
    /// The two neighbours along each axis, by their distance.
    Linear,
}

impl Interpolation {
    /// True where values are copied, none computed.
    #[must_use]
    pub const fn is_nearest(self) -> bool {
        !matches!(self, Self::Linear)
    }
}

/// Where position x of the output lies in the input, of n positions where the output has m (ONNX's
/// `coordinate_transformation_mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coordinates {
    /// (x + ½)·n/m − ½.
    HalfPixel,
    /// The same, but 0 where m is 1.
    PytorchHalfPixel,
    /// x·n/m.
    Asymmetric,
    /// x·(n − 1)/(m − 1), and 0 where m is 1.
    AlignCorners,
}

impl Coordinates {
    fn position(self, at: u32, from: u32, to: u32) -> f64 {
        let [at, from, to] = [at, from, to].map(f64::from);
        match self {
            Self::PytorchHalfPixel | Self::AlignCorners if to <= 1.0 => 0.0,
            Self::HalfPixel | Self::PytorchHalfPixel => (at + 0.5) * from / to - 0.5,
            Self::Asymmetric => at * from / to,
            Self::AlignCorners => at * (from - 1.0) / (to - 1.0),
        }
    }
}

/// What a position of a resized axis is made of: `(1 − weight) · first + weight · second`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResizeTap {
    /// The one position of the input.
    pub first: usize,
    /// The other.
    pub second: usize,
    /// The second one's share; 0 for the nearest position.
    pub weight: f32,
}

impl Resize {
    /// Scales to so many times the height and width, to the nearest position.
    #[must_use]
    pub const fn nearest(factor: u32) -> Self {
        Self {
            to: ResizeTo::Factor([factor; 2]),
            interpolation: Interpolation::NearestFloor,
            coordinates: Coordinates::Asymmetric,
        }
    }

    /// Scales to so many times the height and width, between the neighbours.
    #[must_use]
    pub const fn bilinear(factor: u32) -> Self {
        Self {
            to: ResizeTo::Factor([factor; 2]),
            interpolation: Interpolation::Linear,
            coordinates: Coordinates::HalfPixel,
        }
    }

    /// What the `to` positions of an axis are made of that has `from`.
    #[must_use]
    pub fn taps(&self, from: u32, to: u32) -> Vec<ResizeTap> {
        let last = from.saturating_sub(1);
        let tap = |at| {
            let position = self.coordinates.position(at, from, to);
            // As far from rounding's reach as a float's: what is meant to lie on a position does.
            let near = position.round();
            let position = if (position - near).abs() < 1e-9 { near } else { position };
            let place = |position: f64| position.clamp(0.0, f64::from(last)) as usize;
            let nearest = |position: f64| ResizeTap {
                first: place(position),
                second: place(position),
                weight: 0.0,
            };
            match self.interpolation {
                Interpolation::NearestFloor => nearest(position.floor()),
                Interpolation::NearestCeil => nearest(position.ceil()),
                Interpolation::NearestDown => nearest((position - 0.5).ceil()),
                Interpolation::NearestUp => nearest((position + 0.5).floor()),
                Interpolation::Linear => {
                    let position = position.clamp(0.0, f64::from(last));
                    ResizeTap {
                        first: place(position.floor()),
                        second: place(position.floor() + 1.0),
                        weight: (position - position.floor()) as f32,
                    }
                }
            }
        };
        (0..to).map(tap).collect()
    }

    /// The shape of the result.
    pub(crate) fn output(&self, input: Shape) -> Shape {
        let [height, width] = match self.to {
            ResizeTo::Size(size) => size,
            ResizeTo::Factor([high, wide]) => [input.height.saturating_mul(high), input.width.saturating_mul(wide)],
        };
        Shape { height, width, ..input }
    }
}
