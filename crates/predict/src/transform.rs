use serde::{Deserialize, Serialize};

/// In which form a quantity is a sum: what a model is fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transform {
    /// The value itself, every row as certain as any other.
    Identity,
    /// The value itself, the error of a row in proportion to it: latencies, which are sums of what blocks take.
    Relative,
    /// The logarithm: effects multiply.
    Logarithm,
    /// One over the value, as [`Transform::Relative`]: throughputs, which are one over a latency.
    Reciprocal,
}

impl Transform {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Relative, Self::Logarithm, Self::Reciprocal];

    /// Its name in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Relative => "relative",
            Self::Logarithm => "logarithm",
            Self::Reciprocal => "reciprocal",
        }
    }

    /// Whether it is defined for these values.
    pub(crate) fn suits(self, values: &[f64]) -> bool {
        self == Self::Identity || values.iter().all(|value| *value > 1e-100)
    }

    pub(crate) fn forward(self, value: f64) -> f64 {
        match self {
            Self::Identity | Self::Relative => value,
            Self::Logarithm => value.ln(),
            Self::Reciprocal => 1.0 / value,
        }
    }

    /// The value of what a model says; for a reciprocal that is not positive, as large a value as there is.
    pub(crate) fn back(self, fitted: f64) -> f64 {
        match self {
            Self::Identity | Self::Relative => fitted,
            Self::Logarithm => fitted.min(700.0).exp(),
            Self::Reciprocal => 1.0 / fitted.max(1e-100),
        }
    }

    /// Whether the form of a larger value is smaller.
    pub(crate) const fn is_falling(self) -> bool {
        matches!(self, Self::Reciprocal)
    }

    /// The standard deviation of what is fitted, relative to other rows, where this is its size.
    pub(crate) fn spread(self, fitted: f64) -> f64 {
        match self {
            Self::Identity | Self::Logarithm => 1.0,
            Self::Relative | Self::Reciprocal => fitted.abs().max(1e-100),
        }
    }
}
