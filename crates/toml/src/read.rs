//! What a value can be read as.

use std::fmt::Display;
use std::ops::RangeBounds;

use crate::bounds;
use crate::quantity::Unit;
use crate::source::At;
use crate::tree::{Kind, Node};
use crate::value::Value;

/// A type that a TOML value can be read as.
///
/// Implemented for strings, booleans, numbers, lists (`Vec<T>`) and values with their places ([`Spanned<T>`]);
/// implement it for a type of your own with [`Value::text`], [`Value::items`] and [`Value::mismatch`].
pub trait FromValue: Sized {
    /// What the value must be, with its article: "a whole number of 0 or more".
    fn expected() -> String;

    /// Reads the value, or reports why that is impossible and returns `None`.
    fn read(value: &Value<'_>) -> Option<Self>;
}

/// A type with an order, so that a range can be asked for.
pub trait Bounded: FromValue + PartialOrd + Display {
    /// What the value must be when a range is given: "a whole number".
    const NOUN: &'static str;

    /// Reads the value without reporting anything.
    fn convert(value: &Value<'_>) -> Option<Self>;
}

/// A value together with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place, for a complaint found later.
    pub at: At,
}

/// "a whole number from 1 to 1000".
pub(crate) fn expected_in<T: Bounded>(range: &impl RangeBounds<T>) -> String {
    format!("{}{}", T::NOUN, bounds::describe(range))
}

pub(crate) fn read_in<T: Bounded>(value: &Value<'_>, range: &impl RangeBounds<T>) -> Option<T> {
    let read = T::convert(value).filter(|read| range.contains(read));
    if read.is_none() {
        value.mismatch(&expected_in(range));
    }
    read
}

/// A number of these units, or a text with a unit of its own.
pub(crate) fn read_quantity(value: &Value<'_>, unit: Unit, range: &impl RangeBounds<f64>) -> Option<f64> {
    let read = match value.text().map(|text| unit.parse(text)) {
        Some(Err(error)) => {
            value.problem(format!("`{}`: {error}", value.path()), None);
            return None;
        }
        Some(Ok(number)) => Some(number),
        None => f64::convert(value),
    };
    let read = read.filter(|read| range.contains(read));
    if read.is_none() {
        value.mismatch(&unit.expected(range));
    }
    read
}

macro_rules! whole_numbers {
    ($($type:ty),*) => {$(
        impl FromValue for $type {
            fn expected() -> String {
                let sign = if <$type>::MIN == 0 { " of 0 or more" } else { "" };
                format!("{}{sign}", Self::NOUN)
            }
            fn read(value: &Value<'_>) -> Option<Self> {
                let read = Self::convert(value);
                match &value.node.kind {
                    _ if read.is_some() => {}
                    Kind::Integer(Some(integer), _) if <$type>::MIN != 0 || *integer >= 0 => {
                        value.mismatch(&expected_in(&(<$type>::MIN..=<$type>::MAX)));
                    }
                    _ => value.mismatch(&Self::expected()),
                }
                read
            }
        }
        impl Bounded for $type {
            const NOUN: &'static str = "a whole number";
            fn convert(value: &Value<'_>) -> Option<Self> {
                match &value.node.kind {
                    Kind::Integer(Some(integer), _) => <$type>::try_from(*integer).ok(),
                    _ => None,
                }
            }
        }
    )*};
}
whole_numbers!(u8, u16, u32, u64, usize, i64);

macro_rules! plain {
    ($type:ty, $noun:literal, $pattern:pat => $result:expr) => {
        impl FromValue for $type {
            fn expected() -> String {
                $noun.to_string()
            }
            fn read(value: &Value<'_>) -> Option<Self> {
                let read = match &value.node.kind {
                    $pattern => $result,
                    _ => None,
                };
                if read.is_none() {
                    value.mismatch($noun);
                }
                read
            }
        }
    };
}
plain!(String, "a string", Kind::String(text) => Some(text.clone()));
plain!(bool, "`true` or `false`", Kind::Bool(value) => Some(*value));

impl FromValue for f64 {
    fn expected() -> String {
        Self::NOUN.to_string()
    }
    fn read(value: &Value<'_>) -> Option<Self> {
        read_in(value, &(..))
    }
}

/// Whole numbers are numbers; infinities and `nan` are not.
impl Bounded for f64 {
    const NOUN: &'static str = "a number";
    fn convert(value: &Value<'_>) -> Option<Self> {
        match &value.node.kind {
            Kind::Float(float, _) => Some(*float).filter(|float| float.is_finite()),
            Kind::Integer(Some(integer), _) => Some(*integer as f64),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn expected() -> String {
        format!("a list, each item {}", T::expected())
    }
    fn read(value: &Value<'_>) -> Option<Self> {
        read_list(value, &Self::expected(), T::read)
    }
}

impl<T: FromValue> FromValue for Spanned<T> {
    fn expected() -> String {
        T::expected()
    }
    fn read(value: &Value<'_>) -> Option<Self> {
        T::read(value).map(|read| Spanned {
            value: read,
            at: value.at(),
        })
    }
}

/// Reads every item, so that every wrong item is reported.
pub(crate) fn read_list<'doc, T>(
    value: &Value<'doc>,
    expected: &str,
    read: impl Fn(&Value<'doc>) -> Option<T>,
) -> Option<Vec<T>> {
    let Some(items) = value.items() else {
        value.mismatch_of_list(expected);
        return None;
    };
    let read: Vec<Option<T>> = items.iter().map(read).collect();
    read.into_iter().collect()
}

/// The items of a list, or none.
pub(crate) fn items(node: &Node) -> Option<&[Node]> {
    match &node.kind {
        Kind::Array(items) => Some(items),
        _ => None,
    }
}
