use serde::Serialize;

/// Where a figure comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It was published, measured or fitted; the text says where or to what.
    Source(String),
    /// Nobody published it; the text says why this value is taken.
    Assumption(String),
}

impl Origin {
    /// True when the figure is assumed.
    #[must_use]
    pub const fn is_assumption(&self) -> bool {
        matches!(self, Self::Assumption(_))
    }

    /// The source or the reason.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Source(text) | Self::Assumption(text) => text,
        }
    }
}

/// A value of a profile with its origin. No profile can hold one without the other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sourced<T> {
    /// The value, in the unit that its name says.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

/// A number of a profile with its origin.
pub type Figure = Sourced<f64>;
