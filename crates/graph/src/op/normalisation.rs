use serde::{Deserialize, Serialize};

use crate::Shape;

/// (x − mean) / √(variance + ε) with the statistics of the image itself (Ba et al. 2016; Wu & He 2018). What scales and
/// shifts behind it is an [`Affine`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LayerNorm {
    /// The values that share a mean and a variance.
    pub over: NormOver,
    /// Added to the variance before the square root.
    pub eps: f32,
}

/// Which values of an image share their statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormOver {
    /// All channels of one position.
    Channels,
    /// All positions of so many groups of channels: 1 is the whole image, the number of channels each channel alone.
    Groups(u32),
}

impl LayerNorm {
    /// Operations for each value: a sum; a difference, its square and their sum; a product.
    pub const OPERATIONS: u64 = 5;

    /// The shape of the result, or why there is none.
    pub(crate) fn output(&self, input: Shape) -> Result<Shape, String> {
        if !(self.eps.is_finite() && self.eps >= 0.0) {
            return Err(format!("eps must be finite and not negative, found {}", self.eps));
        }
        match self.over {
            NormOver::Groups(groups) if groups == 0 || !input.channels.is_multiple_of(groups) => {
                Err(format!("{groups} groups do not divide {} channels", input.channels))
            }
            _ => Ok(input),
        }
    }
}

/// x · scale + shift.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Affine {
    /// What values are multiplied by.
    pub scale: Factor,
    /// What is added then.
    pub shift: Factor,
}

/// A scale or shift.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// A constant of the operator.
    Constant(f32),
    /// A parameter with one value a channel.
    Channels,
}

impl Affine {
    /// The shape of the result, or why there is none.
    pub(crate) fn output(&self, input: Shape) -> Result<Shape, String> {
        let is_finite = |factor| !matches!(factor, Factor::Constant(value) if !f32::is_finite(value));
        if is_finite(self.scale) && is_finite(self.shift) {
            Ok(input)
        } else {
            Err("scale and shift must be finite".to_owned())
        }
    }
}
