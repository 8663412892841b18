//! Quantities with units: one table of units and one parser, for files and for the command line.

use std::fmt;
use std::ops::RangeBounds;

use crate::bounds;
use crate::suggestion::did_you_mean;

/// What a number without a unit is counted in, and with that which units may stand behind one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Time, in seconds.
    Seconds,
    /// Frequency, in hertz.
    Hertz,
    /// An amount of data, in bytes.
    Bytes,
    /// An amount of data, in bits.
    Bits,
    /// A data rate, in bytes a second.
    BytesPerSecond,
    /// Energy, in joules.
    Joules,
    /// Energy, in picojoules.
    Picojoules,
    /// Power, in watts.
    Watts,
    /// A share, from 0 to 1 where it is one of a whole.
    Share,
    /// Clock cycles.
    Cycles,
    /// Multiply-accumulates.
    Macs,
    /// A number of things.
    Count,
}

/// Why a text is no quantity of the unit that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuantityError {
    /// It does not begin with a number, or with one that is not finite.
    NoNumber {
        /// The text.
        text: String,
        /// The unit that was asked for.
        unit: Unit,
    },
    /// There is nothing behind the number.
    NoUnit {
        /// The number.
        number: String,
        /// The unit that was asked for.
        unit: Unit,
    },
    /// Nobody knows the unit.
    UnknownUnit {
        /// What stands behind the number.
        found: String,
        /// The unit that was asked for.
        unit: Unit,
        /// The unit that was probably meant.
        meant: Option<String>,
    },
    /// It is a unit of something else.
    WrongDimension {
        /// What stands behind the number.
        found: String,
        /// What that is a unit of.
        is: &'static str,
        /// The unit that was asked for.
        unit: Unit,
    },
}

/// A unit's name, its power of ten, and a factor that is none.
type Named = (&'static str, i32, f64);

const TIME: &[Named] = &[
    ("s", 0, 1.0),
    ("ms", -3, 1.0),
    ("us", -6, 1.0),
    ("µs", -6, 1.0),
    ("μs", -6, 1.0),
    ("ns", -9, 1.0),
    ("ps", -12, 1.0),
];
const FREQUENCY: &[Named] = &[("Hz", 0, 1.0), ("kHz", 3, 1.0), ("MHz", 6, 1.0), ("GHz", 9, 1.0)];
const KIBI: f64 = 1024.0;
const DATA: &[Named] = &[
    ("B", 0, 1.0),
    ("kB", 3, 1.0),
    ("MB", 6, 1.0),
    ("GB", 9, 1.0),
    ("TB", 12, 1.0),
    ("KiB", 0, KIBI),
    ("MiB", 0, KIBI * KIBI),
    ("GiB", 0, KIBI * KIBI * KIBI),
    ("TiB", 0, KIBI * KIBI * KIBI * KIBI),
    ("bit", 0, 0.125),
    ("kbit", 3, 0.125),
    ("Mbit", 6, 0.125),
    ("Gbit", 9, 0.125),
    ("Kibit", 0, KIBI / 8.0),
    ("Mibit", 0, KIBI * KIBI / 8.0),
    ("Gibit", 0, KIBI * KIBI * KIBI / 8.0),
];
const ENERGY: &[Named] = &[
    ("J", 0, 1.0),
    ("mJ", -3, 1.0),
    ("uJ", -6, 1.0),
    ("µJ", -6, 1.0),
    ("μJ", -6, 1.0),
    ("nJ", -9, 1.0),
    ("pJ", -12, 1.0),
    ("fJ", -15, 1.0),
];
const POWER: &[Named] = &[
    ("W", 0, 1.0),
    ("mW", -3, 1.0),
    ("uW", -6, 1.0),
    ("µW", -6, 1.0),
    ("μW", -6, 1.0),
    ("kW", 3, 1.0),
];
const SHARE: &[Named] = &[("%", -2, 1.0)];
const CYCLES: &[Named] = &[("cycles", 0, 1.0), ("cycle", 0, 1.0)];
const MACS: &[Named] = &[
    ("MACs", 0, 1.0),
    ("kMACs", 3, 1.0),
    ("MMACs", 6, 1.0),
    ("GMACs", 9, 1.0),
    ("TMACs", 12, 1.0),
];
const COUNT: &[Named] = &[("k", 3, 1.0), ("M", 6, 1.0), ("G", 9, 1.0)];

/// What there are units of; a rate is data with `/s` behind it.
const DIMENSIONS: [(&str, &[Named]); 9] = [
    ("time", TIME),
    ("frequency", FREQUENCY),
    ("data", DATA),
    ("energy", ENERGY),
    ("power", POWER),
    ("a share", SHARE),
    ("cycles", CYCLES),
    ("MACs", MACS),
    ("a count", COUNT),
];
const RATE: &str = "data rate";

impl Unit {
    /// The unit's symbol, as it stands behind a number.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Hertz => "Hz",
            Self::Bytes => "B",
            Self::Bits => "bit",
            Self::BytesPerSecond => "B/s",
            Self::Joules => "J",
            Self::Picojoules => "pJ",
            Self::Watts => "W",
            Self::Share => "share",
            Self::Cycles => "cycles",
            Self::Macs => "MACs",
            Self::Count => "",
        }
    }

    /// A quantity as one writes it, such as `800 MHz`.
    #[must_use]
    pub const fn example(self) -> &'static str {
        match self {
            Self::Seconds => "100 ns",
            Self::Hertz => "800 MHz",
            Self::Bytes => "1 MiB",
            Self::Bits => "64 KiB",
            Self::BytesPerSecond => "12.8 GB/s",
            Self::Joules | Self::Picojoules => "0.2 pJ",
            Self::Watts => "2 W",
            Self::Share => "85 %",
            Self::Cycles => "300 cycles",
            Self::Macs => "5 MMACs",
            Self::Count => "500 k",
        }
    }

    const fn dimension(self) -> &'static str {
        match self {
            Self::Seconds => "time",
            Self::Hertz => "frequency",
            Self::Bytes | Self::Bits => "data",
            Self::BytesPerSecond => RATE,
            Self::Joules | Self::Picojoules => "energy",
            Self::Watts => "power",
            Self::Share => "a share",
            Self::Cycles => "cycles",
            Self::Macs => "MACs",
            Self::Count => "a count",
        }
    }

    /// How many of these the dimension's own unit is.
    const fn in_one(self) -> (i32, f64) {
        match self {
            Self::Bits => (0, 8.0),
            Self::Picojoules => (12, 1.0),
            _ => (0, 1.0),
        }
    }

    /// The units that may stand behind a number, as words.
    #[must_use]
    pub fn known(self) -> String {
        let mut names: Vec<String> = Vec::new();
        // The three ways to write micro are one unit.
        let shown = |name: &&Named| !name.0.starts_with(['µ', 'μ']) && name.0 != "cycle";
        for (name, ..) in table(self.dimension()).iter().filter(shown) {
            names.push(written(name, self.dimension()));
        }
        names.join(", ")
    }

    /// The number of these units that a text with a unit stands for: `12.8 GB/s` is 12.8e9 bytes a second.
    ///
    /// Decimal prefixes move the point of the number as it is written, so that `0.1 ns` and `0.1e-9` are the same value.
    ///
    /// # Errors
    /// A text without a number or a unit, an unknown unit, and a unit of something else.
    pub fn parse(self, text: &str) -> Result<f64, QuantityError> {
        let (number, found) = split(text);
        // As in TOML, digits may be parted.
        let number = &number.replace('_', "");
        let no_number = || QuantityError::NoNumber {
            text: text.trim().to_owned(),
            unit: self,
        };
        if number.is_empty() {
            return Err(no_number());
        }
        if found.is_empty() {
            return match number.parse::<f64>() {
                Ok(_) => Err(QuantityError::NoUnit {
                    number: number.to_owned(),
                    unit: self,
                }),
                Err(_) => Err(no_number()),
            };
        }
        let (power, factor) = self.scale(found)?;
        let (own_power, own_factor) = self.in_one();
        let value = shifted(number, power + own_power).map(|value| value * (factor * own_factor));
        value.filter(|value| value.is_finite()).ok_or_else(no_number)
    }

    /// The same for a flag of a command, where a plain number is one of these units.
    ///
    /// # Errors
    /// As [`Unit::parse`], but for the missing unit.
    pub fn parse_or_plain(self, text: &str) -> Result<f64, QuantityError> {
        match self.parse(text) {
            Err(QuantityError::NoUnit { number, .. }) => number
                .parse()
                .ok()
                .filter(|value: &f64| value.is_finite())
                .ok_or(QuantityError::NoNumber {
                    text: number,
                    unit: self,
                }),
            read => read,
        }
    }

    /// A number of these units as a person would write it: `12.8 GB/s`; sizes that are whole in binary prefixes have those.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        if matches!(self, Self::Share) {
            return format!("{} %", plain_number(value * 100.0));
        }
        let dimension = self.dimension();
        let (own_power, own_factor) = self.in_one();
        let base = value / (10_f64.powi(own_power) * own_factor);
        let size = |(_, power, factor): &Named| 10_f64.powi(*power) * factor;
        let shown = |named: &&Named| !named.0.contains("bit") && !named.0.starts_with(['u', 'μ']) && named.0 != "cycle";
        let units = || table(dimension).iter().filter(shown);
        let of_size = matches!(self, Self::Bytes | Self::Bits);
        let whole = |named: &&Named| {
            let count = base / size(named);
            of_size && named.2 > 1.0 && (1.0..4096.0).contains(&count) && count.fract() == 0.0
        };
        let binary = units().filter(whole).max_by(|a, b| size(a).total_cmp(&size(b)));
        let fitting = || units().filter(|named| named.2 == 1.0 && base.abs() >= size(named) * (1.0 - 1e-9));
        let decimal = || fitting().max_by(|a, b| size(a).total_cmp(&size(b)));
        let least = || units().min_by(|a, b| size(a).total_cmp(&size(b)));
        let own = || units().find(|named| named.1 == 0);
        let chosen = match binary.or_else(decimal) {
            Some(named) => Some(named),
            None if base == 0.0 => own(),
            None => least(),
        };
        match chosen {
            Some(named) => format!("{} {}", plain_number(base / size(named)), written(named.0, dimension)),
            None => format!("{} {}", plain_number(value), self.symbol()),
        }
    }

    fn scale(self, found: &str) -> Result<(i32, f64), QuantityError> {
        let dimension = self.dimension();
        let of = |dimension: &str| {
            let base = match (dimension == RATE, found.strip_suffix("/s")) {
                (true, base) => base?.trim_end(),
                (false, _) => found,
            };
            table(dimension).iter().find(|(name, ..)| *name == base)
        };
        if let Some((_, power, factor)) = of(dimension) {
            return Ok((*power, *factor));
        }
        let all = DIMENSIONS.iter().map(|(dimension, _)| *dimension).chain([RATE]);
        if let Some(is) = all.clone().find(|dimension| of(dimension).is_some()) {
            return Err(QuantityError::WrongDimension {
                found: found.to_owned(),
                is,
                unit: self,
            });
        }
        let names = || table(dimension).iter().map(|(name, ..)| written(name, dimension));
        let same = |name: &String| name.to_lowercase() == found.to_lowercase();
        let meant = names().find(same).or_else(|| did_you_mean(found, names()));
        Err(QuantityError::UnknownUnit {
            found: found.to_owned(),
            unit: self,
            meant,
        })
    }

    /// "a number from 1 to 5 of Hz, or a text with a unit such as …"; the range in words begins with a space.
    pub(crate) fn expected(self, range: &impl RangeBounds<f64>) -> String {
        let range = bounds::describe(range);
        match self {
            Self::Share => format!("a number{range}, or per cent such as \"{}\"", self.example()),
            Self::Count => format!("a number{range}, or a text such as \"{}\"", self.example()),
            _ => format!(
                "a number{range} (in {}), or a text with its unit such as \"{}\"",
                self.symbol(),
                self.example()
            ),
        }
    }
}

/// The units of a dimension; those of a rate are data's.
fn table(dimension: &str) -> &'static [Named] {
    let named = if dimension == RATE { "data" } else { dimension };
    let found = DIMENSIONS.iter().find(|(of, _)| *of == named);
    found.map_or(&[], |(_, table)| table)
}

fn written(name: &str, dimension: &str) -> String {
    if dimension == RATE {
        format!("{name}/s")
    } else {
        name.to_owned()
    }
}

/// The number at the beginning of a text, and the rest without spaces around it.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(byte) = bytes.get(end) {
        let exponent = matches!(byte, b'e' | b'E')
            && end > 0
            && bytes
                .get(end + 1)
                .is_some_and(|next| next.is_ascii_digit() || matches!(next, b'+' | b'-'));
        let sign = matches!(byte, b'+' | b'-')
            && (end == 0 || bytes.get(end - 1).is_some_and(|before| matches!(before, b'e' | b'E')));
        if !(byte.is_ascii_digit() || matches!(byte, b'.' | b'_') || exponent || sign) {
            break;
        }
        end += 1;
    }
    let (number, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (number, rest.trim())
}

/// At most four significant digits; an exponent only where there is no other way.
fn plain_number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = 3 - value.abs().log10().floor().clamp(-9.0, 9.0) as i32;
    if !(-6..=6).contains(&digits) {
        return format!("{value:e}");
    }
    let scale = 10_f64.powi(digits);
    let rounded = (value * scale).round() / scale;
    format!("{rounded}")
}

/// number · 10^power, rounded once.
fn shifted(number: &str, power: i32) -> Option<f64> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    format!("{mantissa}e{}", exponent.checked_add(power)?).parse().ok()
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let example = |unit: &Unit| unit.example();
        match self {
            Self::NoNumber { text, unit } => {
                write!(f, "`{text}` is no number with a unit, such as \"{}\"", example(unit))
            }
            Self::NoUnit { number, unit } => write!(
                f,
                "`{number}` has no unit: write one, such as \"{}\", or a plain number without quotes (in {})",
                example(unit),
                unit.symbol()
            ),
            Self::UnknownUnit { found, unit, meant } => {
                write!(f, "`{found}` is not a known unit")?;
                if let Some(meant) = meant {
                    write!(f, " (did you mean `{meant}`?)")?;
                }
                write!(f, "; here it can be {}", unit.known())
            }
            Self::WrongDimension { found, is, unit } => {
                let other = unit.dimension();
                write!(
                    f,
                    "`{found}` is a unit of {is}, where {other} is expected: {}",
                    unit.known()
                )
            }
        }
    }
}

impl std::error::Error for QuantityError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_what_the_same_number_would_be() {
        for (unit, text, expected) in [
            (Unit::Hertz, "800 MHz", 800e6),
            (Unit::Hertz, "800MHz", 800e6),
            (Unit::Hertz, " 1.5GHz ", 1.5e9),
            (Unit::Bytes, "1 MiB", 1_048_576.0),
            (Unit::Bytes, "16 B", 16.0),
            (Unit::Bytes, "1 MB", 1e6),
            (Unit::Bytes, "64 Kibit", 8192.0),
            (Unit::Bits, "16 B", 128.0),
            (Unit::Bits, "64 KiB", 524_288.0),
            (Unit::Bits, "3 bit", 3.0),
            (Unit::BytesPerSecond, "12.8 GB/s", 12.8e9),
            (Unit::BytesPerSecond, "12.8GB/s", 12.8e9),
            (Unit::BytesPerSecond, "480 Mbit/s", 60e6),
            (Unit::Seconds, "100 ns", 100e-9),
            (Unit::Seconds, "0.1 ns", 0.1e-9),
            (Unit::Seconds, "20 µs", 20e-6),
            (Unit::Seconds, "20 μs", 20e-6),
            (Unit::Seconds, "2e1 us", 20e-6),
            (Unit::Joules, "0.2 pJ", 0.2e-12),
            (Unit::Picojoules, "0.2 pJ", 0.2),
            (Unit::Picojoules, "1.5 nJ", 1500.0),
            (Unit::Watts, "2 W", 2.0),
            (Unit::Share, "85 %", 0.85),
            (Unit::Cycles, "300 cycles", 300.0),
            (Unit::Bytes, "1_572_864 B", 1_572_864.0),
            (Unit::Seconds, "-1 ms", -1e-3),
        ] {
            assert_eq!(unit.parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_such_quantity_says_why() {
        for (unit, text, part) in [
            (
                Unit::Bytes,
                "1 MHz",
                "`MHz` is a unit of frequency, where data is expected: B, kB",
            ),
            (Unit::Bytes, "1 MB/s", "is a unit of data rate, where data is expected"),
            (
                Unit::BytesPerSecond,
                "12.8 GB",
                "`GB` is a unit of data, where data rate is expected: B/s",
            ),
            (Unit::Hertz, "800 Mhz", "did you mean `MHz`?"),
            (Unit::Hertz, "800 mhz", "did you mean `MHz`?"),
            (Unit::BytesPerSecond, "3 gb/s", "did you mean `GB/s`?"),
            (Unit::Bytes, "3 MIB", "did you mean `MiB`?"),
            (Unit::Hertz, "800", "has no unit"),
            (Unit::Hertz, "fast", "no number"),
            (Unit::Hertz, "", "no number"),
            (Unit::Hertz, "1.2.3 MHz", "no number"),
            (Unit::Hertz, "e9 Hz", "no number"),
            (Unit::Hertz, "1e400 Hz", "no number"),
            (Unit::Hertz, "inf Hz", "no number"),
            (Unit::Hertz, "1e99999999999 Hz", "no number"),
            (Unit::Bytes, "1 bananas", "here it can be B, kB"),
        ] {
            let error = unit.parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn quantities_are_shown_as_one_writes_them() {
        for (unit, value, expected) in [
            (Unit::BytesPerSecond, 12.8e9, "12.8 GB/s"),
            (Unit::BytesPerSecond, 12.8, "12.8 B/s"),
            (Unit::BytesPerSecond, 2e13, "20 TB/s"),
            (Unit::Hertz, 800e6, "800 MHz"),
            (Unit::Hertz, 1e10, "10 GHz"),
            (Unit::Bytes, 1_048_576.0, "1 MiB"),
            (Unit::Bytes, 1e6, "1 MB"),
            (Unit::Bytes, 16.0, "16 B"),
            (Unit::Bits, 8192.0, "1 KiB"),
            (Unit::Seconds, 100e-9, "100 ns"),
            (Unit::Seconds, 0.0, "0 s"),
            (Unit::Seconds, 2.5e-5, "25 µs"),
            (Unit::Joules, 0.23e-12, "230 fJ"),
            (Unit::Picojoules, 1500.0, "1.5 nJ"),
            (Unit::Share, 0.85, "85 %"),
            (Unit::Cycles, 300.0, "300 cycles"),
            (Unit::Watts, 2.0, "2 W"),
        ] {
            assert_eq!(unit.show(value), expected);
        }
    }

    #[test]
    fn a_flag_may_leave_the_unit_out() {
        assert_eq!(Unit::Hertz.parse_or_plain("8e8"), Ok(8e8));
        assert_eq!(Unit::Hertz.parse_or_plain("800MHz"), Ok(8e8));
        assert!(Unit::Hertz.parse_or_plain("nan").is_err());
        assert!(Unit::Hertz.parse_or_plain("1e999").is_err());
    }
}
