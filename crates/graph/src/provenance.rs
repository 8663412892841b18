use std::fmt;

use serde::{Deserialize, Serialize};

/// A value with an interval around it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate<T> {
    /// The value.
    pub value: T,
    /// Lower end of the interval.
    pub low: T,
    /// Upper end of the interval.
    pub high: T,
    /// How often such an interval is meant to hold the true value, such as 0.95.
    pub level: f64,
}

impl<T: Copy> Estimate<T> {
    /// A value without uncertainty: the interval is the value.
    pub const fn exact(value: T) -> Self {
        Self {
            value,
            low: value,
            high: value,
            level: 1.0,
        }
    }

    /// A value with an interval that was computed apart from it: an end that rounding has put on the wrong side of the
    /// value is the value.
    pub fn around(value: T, low: T, high: T, level: f64) -> Self
    where
        T: PartialOrd,
    {
        Self {
            value,
            low: if low > value { value } else { low },
            high: if high < value { value } else { high },
            level,
        }
    }

    /// The same estimate with value and both ends mapped; the map must be increasing.
    pub fn map<U>(self, map: impl Fn(T) -> U) -> Estimate<U> {
        Estimate {
            value: map(self.value),
            low: map(self.low),
            high: map(self.high),
            level: self.level,
        }
    }
}

/// How a number came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProvenanceKind {
    /// Taken on the device itself.
    Measured,
    /// From a cycle-level simulator.
    Simulated,
    /// From an analytic or learned model.
    Predicted,
    /// From a vendor's own estimator.
    VendorEstimate,
    /// From a publication.
    Quoted,
}

impl fmt::Display for ProvenanceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Measured => "measured",
            Self::Simulated => "simulated",
            Self::Predicted => "predicted",
            Self::VendorEstimate => "estimated by the vendor's tool",
            Self::Quoted => "quoted",
        })
    }
}

/// Number format of weights and activations on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit floating point.
    F32,
    /// 16-bit IEEE floating point.
    F16,
    /// bfloat16.
    Bf16,
    /// 8-bit integers.
    Int8,
}

impl Precision {
    /// Every precision.
    pub const ALL: [Self; 4] = [Self::F32, Self::F16, Self::Bf16, Self::Int8];

    /// Bytes of one value.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Int8 => 1,
        }
    }

    /// The name used in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a number comes from; travels with every number that a person sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Measured, simulated, predicted, estimated by a vendor's tool, or quoted.
    pub kind: ProvenanceKind,
    /// The device profile.
    pub device: String,
    /// What produced the number, such as `analytic model` or `rten`.
    pub tool: String,
    /// That tool's version.
    pub version: String,
    /// Number format on the device.
    pub precision: Precision,
    /// Images per inference.
    pub batch: u32,
    /// How many repeats a measurement took.
    pub repeats: Option<u32>,
    /// Anything else a reader must know: the machine, outliers, what the interval means.
    pub note: Option<String>,
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} on {} by {} {}, {}, batch {}",
            self.kind, self.device, self.tool, self.version, self.precision, self.batch
        )?;
        if let Some(repeats) = self.repeats {
            write!(f, ", {repeats} repeats")?;
        }
        self.note.as_ref().map_or(Ok(()), |note| write!(f, "; {note}"))
    }
}
