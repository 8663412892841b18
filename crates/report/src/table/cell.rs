//! A cell: a raw value for programs and a text for people.

use serde::{Serialize, Serializer};

/// The raw value of a cell, in the unit that the column's key names.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing known: JSON `null`, an empty CSV field.
    Missing,
    /// Yes or no.
    Flag(bool),
    /// A count.
    Count(u64),
    /// A number; one that is not finite is written as missing.
    Number(f64),
    /// Words.
    Text(String),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Missing => serializer.serialize_unit(),
            Value::Flag(flag) => serializer.serialize_bool(*flag),
            Value::Count(count) => serializer.serialize_u64(*count),
            Value::Number(number) => serializer.serialize_f64(*number),
            Value::Text(text) => serializer.serialize_str(text),
        }
    }
}

/// One cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// What people read, without the unit of the column.
    pub text: String,
    /// What programs read.
    pub value: Value,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Cell {
            value: Value::Text(text.clone()),
            text,
        }
    }

    /// A number with the text that shows it, which may be in another unit.
    pub fn number(value: f64, text: impl Into<String>) -> Self {
        Cell {
            text: text.into(),
            value: Value::Number(value),
        }
    }

    /// A number shown with `decimals` places; "–" if it is not finite.
    pub fn decimal(value: f64, decimals: usize) -> Self {
        let text = if value.is_finite() {
            format!("{value:.decimals$}")
        } else {
            "–".to_owned()
        };
        Cell::number(value, text)
    }

    /// A count, shown with a comma between groups of three digits.
    pub fn count(value: u64) -> Self {
        Cell {
            text: grouped(value),
            value: Value::Count(value),
        }
    }

    /// Yes or no.
    pub fn flag(value: bool) -> Self {
        Cell {
            text: if value { "yes" } else { "no" }.to_owned(),
            value: Value::Flag(value),
        }
    }

    /// Nothing known, shown as "–".
    pub fn missing() -> Self {
        Cell {
            text: "–".to_owned(),
            value: Value::Missing,
        }
    }

    /// The same text over another raw value.
    #[must_use]
    pub fn with_value(mut self, value: f64) -> Self {
        self.value = Value::Number(value);
        self
    }

    /// The same value under another text.
    #[must_use]
    pub fn shown_as(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
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
    fn counts_are_grouped() {
        for (value, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567")] {
            assert_eq!(Cell::count(value).text, text);
        }
    }

    #[test]
    fn numbers_that_are_not_finite_show_a_dash() {
        assert_eq!(Cell::decimal(f64::NAN, 2).text, "–");
        assert_eq!(Cell::decimal(1.005, 1).text, "1.0");
    }
}
