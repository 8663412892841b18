use std::fmt;

use serde::{Deserialize, Serialize};

/// Element-wise activations, as PyTorch defines them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// x · min(max(x + 3, 0), 6) / 6 (Howard et al. 2019).
    HardSwish,
    /// min(max(x + 3, 0), 6) / 6.
    HardSigmoid,
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// x / (1 + e^−x), also called SiLU.
    Swish,
    /// x where it is positive, else x times the slope (Maas et al. 2013).
    LeakyRelu(Slope),
    /// x · Φ(x) with the distribution function of the normal distribution (Hendrycks & Gimpel 2016).
    Gelu,
    /// x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³))), the approximation of GELU of the same paper.
    GeluTanh,
}

impl Activation {
    /// Every activation, with the usual slope where it has one.
    pub const ALL: [Self; 9] = [
        Self::Relu,
        Self::Relu6,
        Self::HardSwish,
        Self::HardSigmoid,
        Self::Sigmoid,
        Self::Swish,
        Self::LeakyRelu(Slope::USUAL),
        Self::Gelu,
        Self::GeluTanh,
    ];

    /// The name used in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::HardSwish => "hard_swish",
            Self::HardSigmoid => "hard_sigmoid",
            Self::Sigmoid => "sigmoid",
            Self::Swish => "swish",
            Self::LeakyRelu(_) => "leaky_relu",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_tanh",
        }
    }
}

/// The slope of a leaky ReLU below 0: a finite number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct Slope(u32);

impl Slope {
    /// 0.01, as PyTorch and ONNX have it unless told otherwise.
    pub const USUAL: Self = Self(0.01_f32.to_bits());

    /// A slope; none where it is not finite.
    #[must_use]
    pub const fn new(slope: f32) -> Option<Self> {
        if slope.is_finite() {
            Some(Self(slope.to_bits()))
        } else {
            None
        }
    }

    /// The slope as a number.
    #[must_use]
    pub const fn get(self) -> f32 {
        f32::from_bits(self.0)
    }
}

impl fmt::Debug for Slope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl TryFrom<f32> for Slope {
    type Error = &'static str;

    fn try_from(slope: f32) -> Result<Self, Self::Error> {
        Self::new(slope).ok_or("a slope must be finite")
    }
}

impl From<Slope> for f32 {
    fn from(slope: Slope) -> Self {
        slope.get()
    }
}
