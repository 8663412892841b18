use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Sub};

use serde::{Deserialize, Serialize};

/// Time of one inference or one layer, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Latency(f64);

impl Latency {
    /// No time.
    pub const ZERO: Self = Self(0.0);

    /// From seconds.
    #[must_use]
    pub const fn from_seconds(seconds: f64) -> Self {
        Self(seconds)
    }

    /// From milliseconds.
    #[must_use]
    pub const fn from_millis(millis: f64) -> Self {
        Self(millis * 1e-3)
    }

    /// In seconds.
    #[must_use]
    pub const fn seconds(self) -> f64 {
        self.0
    }

    /// In milliseconds.
    #[must_use]
    pub const fn millis(self) -> f64 {
        self.0 * 1e3
    }

    /// The longer of two.
    #[must_use]
    pub const fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }
}

impl Add for Latency {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Latency {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Latency {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Mul<f64> for Latency {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self(self.0 * factor)
    }
}

/// The ratio of two latencies, the r of the multi-device metrics.
impl Div for Latency {
    type Output = f64;
    fn div(self, other: Self) -> f64 {
        self.0 / other.0
    }
}

impl Sum for Latency {
    fn sum<I: Iterator<Item = Self>>(latencies: I) -> Self {
        latencies.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.abs();
        if seconds >= 1.0 {
            write!(f, "{} s", significant(self.0))
        } else if seconds >= 1e-3 {
            write!(f, "{} ms", significant(self.0 * 1e3))
        } else {
            write!(f, "{} µs", significant(self.0 * 1e6))
        }
    }
}

/// Energy of one inference, in joules.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Energy(f64);

impl Energy {
    /// From joules.
    #[must_use]
    pub const fn from_joules(joules: f64) -> Self {
        Self(joules)
    }

    /// In joules.
    #[must_use]
    pub const fn joules(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Energy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joules = self.0.abs();
        if joules >= 1.0 {
            write!(f, "{} J", significant(self.0))
        } else if joules >= 1e-3 {
            write!(f, "{} mJ", significant(self.0 * 1e3))
        } else {
            write!(f, "{} µJ", significant(self.0 * 1e6))
        }
    }
}

macro_rules! count {
    ($(#[$doc:meta])* $name:ident, $base:literal, $steps:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
                counts.fold(Self(0), Add::add)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let steps: [(f64, &str); 3] = $steps;
                for (size, unit) in steps {
                    if self.0 as f64 >= size {
                        return write!(f, "{} {unit}", significant(self.0 as f64 / size));
                    }
                }
                write!(f, "{} {}", self.0, $base)
            }
        }
    };
}

count!(
    /// A number of bytes.
    Bytes, "B", [(1073741824.0, "GiB"), (1048576.0, "MiB"), (1024.0, "KiB")]
);
count!(
    /// Multiply-accumulates (MACs) of one image; see [`crate::Network::node_macs`] for what counts.
    Macs, "MACs", [(1e9, "GMACs"), (1e6, "MMACs"), (1e3, "kMACs")]
);
count!(
    /// Clock cycles of a device.
    Cycles, "cycles", [(1e9, "Gcycles"), (1e6, "Mcycles"), (1e3, "kcycles")]
);
count!(
    /// Values of activations, such as those that an operator reads and writes for one image.
    Elements, "elements", [(1e9, "G elements"), (1e6, "M elements"), (1e3, "k elements")]
);
count!(
    /// Operations on single elements: one is what a vector unit does to one element in one pass.
    ElementOperations, "operations", [(1e9, "G operations"), (1e6, "M operations"), (1e3, "k operations")]
);

/// Share of images classified correctly, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Accuracy(f64);

impl Accuracy {
    /// From a share; clamped to 0..=1, not-a-number becomes 0.
    #[must_use]
    pub fn from_share(share: f64) -> Self {
        Self(if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) })
    }

    /// From a count of correct answers; no images give 0.
    #[must_use]
    pub fn from_counts(correct: usize, images: usize) -> Self {
        Self::from_share(if images == 0 {
            0.0
        } else {
            correct as f64 / images as f64
        })
    }

    /// The share, from 0 to 1.
    #[must_use]
    pub const fn share(self) -> f64 {
        self.0
    }

    /// In per cent.
    #[must_use]
    pub const fn percent(self) -> f64 {
        self.0 * 100.0
    }
}

impl fmt::Display for Accuracy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} %", self.percent())
    }
}

/// Three to four significant digits without an exponent.
fn significant(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 100.0 || magnitude == 0.0 {
        format!("{value:.0}")
    } else if magnitude >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_well() {
        let texts = [
            (Latency::from_millis(2.2).to_string(), "2.20 ms"),
            (Latency::from_seconds(123e-6).to_string(), "123 µs"),
            (Bytes(1536).to_string(), "1.50 KiB"),
            (Bytes(12).to_string(), "12 B"),
            (Macs(300_800_000).to_string(), "301 MMACs"),
            (Accuracy::from_counts(9231, 10_000).to_string(), "92.31 %"),
        ];
        for (text, expected) in texts {
            assert_eq!(text, expected);
        }
    }
}
