//! How numbers are written for people.

use panarch_graph::{Accuracy, Estimate, Latency};

use crate::table::Cell;

/// "91.32 ± 0.55" in per cent, where ± is half the width of the interval; without ± if that is nothing.
pub(crate) fn with_half_width(accuracy: &Estimate<Accuracy>) -> Cell {
    let (percent, half) = (
        accuracy.value.percent(),
        (accuracy.high.percent() - accuracy.low.percent()) / 2.0,
    );
    if half == 0.0 {
        return Cell::decimal(percent, 2);
    }
    Cell::number(percent, format!("{percent:.2} ± {half:.2}"))
}

/// "91.32 % (95 % interval 90.75 to 91.86 %)", or the value alone if the interval is the value.
pub(crate) fn accuracy_with_interval(accuracy: &Estimate<Accuracy>) -> String {
    if accuracy.low == accuracy.high {
        return accuracy.value.to_string();
    }
    format!(
        "{:.2} % ({} interval {:.2} to {:.2} %)",
        accuracy.value.percent(),
        level(accuracy.level),
        accuracy.low.percent(),
        accuracy.high.percent()
    )
}

/// "1.23 ms (95 % interval 1.20 to 1.30 ms)", or the value alone if the interval is the value.
pub(crate) fn latency_with_interval(latency: &Estimate<Latency>) -> String {
    let unit = TimeUnit::for_longest(latency.value);
    let value = unit.text(latency.value);
    if latency.low == latency.high {
        return format!("{value} {}", unit.name);
    }
    format!(
        "{value} {} ({} interval {} to {} {})",
        unit.name,
        level(latency.level),
        unit.text(latency.low),
        unit.text(latency.high),
        unit.name
    )
}

/// "95 %".
pub(crate) fn level(level: f64) -> String {
    let text = format!("{:.1}", level * 100.0);
    format!("{} %", text.trim_end_matches(".0"))
}

/// Seconds, milliseconds or microseconds, one for a whole column or axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TimeUnit {
    /// The unit's symbol.
    pub name: &'static str,
    /// How many of it are a second.
    pub per_second: f64,
}

impl TimeUnit {
    /// The unit in which the longest time has one to three digits before the point.
    pub fn for_longest(longest: Latency) -> Self {
        let (name, per_second) = match longest.seconds() {
            s if s >= 1.0 => ("s", 1.0),
            s if s >= 1e-3 => ("ms", 1e3),
            _ => ("µs", 1e6),
        };
        TimeUnit { name, per_second }
    }

    /// The unit for a column of times.
    pub fn for_all(times: impl IntoIterator<Item = Latency>) -> Self {
        TimeUnit::for_longest(times.into_iter().fold(Latency::ZERO, Latency::max))
    }

    /// A time in this unit.
    pub fn of(self, time: Latency) -> f64 {
        time.seconds() * self.per_second
    }

    /// A time in this unit with three significant digits or so.
    pub fn text(self, time: Latency) -> String {
        let value = self.of(time);
        match value.abs() {
            v if v >= 100.0 => format!("{value:.0}"),
            v if v >= 10.0 => format!("{value:.1}"),
            _ => format!("{value:.2}"),
        }
    }

    /// A cell whose raw value is in seconds.
    pub fn cell(self, time: Latency, decimals: usize) -> Cell {
        Cell::decimal(self.of(time), decimals).with_value(time.seconds())
    }

    /// Places after the point that show three digits of the longest time.
    pub fn decimals(self, longest: Latency) -> usize {
        match self.of(longest).abs() {
            v if v >= 100.0 => 1,
            v if v >= 10.0 => 2,
            _ => 3,
        }
    }
}

/// Millions with two places, raw value in units.
pub(crate) fn millions(count: u64) -> Cell {
    Cell::count(count).shown_as(format!("{:.2}", count as f64 / 1e6))
}

/// The words of a list: "a", "a and b", "a, b and c".
pub(crate) fn joined<S: AsRef<str>>(words: &[S]) -> String {
    match words {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", most.join(", "), last.as_ref())
        }
    }
}

/// The digits of a big count with commas; anything that is not digits is left alone.
pub(crate) fn grouped_digits(digits: &str) -> String {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits.to_owned();
    }
    if digits.len() > 21 {
        let (first, rest) = digits.split_at(1);
        return format!("≈ {first}.{} × 10^{}", &rest[..2], rest.len());
    }
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let accuracy = Estimate {
            value: Accuracy::from_share(0.9132),
            low: Accuracy::from_share(0.9075),
            high: Accuracy::from_share(0.9186),
            level: 0.95,
        };
        assert_eq!(
            accuracy_with_interval(&accuracy),
            "91.32 % (95 % interval 90.75 to 91.86 %)"
        );
        let latency = Estimate::exact(Latency::from_millis(1.234));
        assert_eq!(latency_with_interval(&latency), "1.23 ms");
        assert_eq!(level(0.995), "99.5 %");
        assert_eq!(joined(&["a", "b", "c"]), "a, b and c");
        assert_eq!(grouped_digits("1234567"), "1,234,567");
        assert_eq!(grouped_digits("1234567890123456789012"), "≈ 1.23 × 10^21");
        assert_eq!(grouped_digits("at most 7"), "at most 7");
    }
}
