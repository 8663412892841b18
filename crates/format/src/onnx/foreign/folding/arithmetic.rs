//! Arithmetic on constants, value by value.

use super::super::super::attributes::Attributes;
use super::super::super::messages::FLOAT;
use super::super::allowance::Allowance;
use super::super::array::{Array, Values, product};
use super::super::site::Site;
use crate::FormatError;

pub fn unary(site: &Site<'_>, array: &Array) -> Option<Array> {
    let values = match &array.values {
        Values::Floats(values) => {
            let f = |x: &f32| match site.operator {
                "Ceil" => x.ceil(),
                "Floor" => x.floor(),
                "Sqrt" => x.sqrt(),
                "Reciprocal" => 1.0 / x,
                "Exp" => x.exp(),
                "Abs" => x.abs(),
                _ => -x,
            };
            Values::Floats(values.iter().map(f).collect())
        }
        Values::Integers(values) => match site.operator {
            "Neg" => Values::Integers(values.iter().map(|x| x.checked_neg()).collect::<Option<_>>()?),
            "Abs" => Values::Integers(values.iter().map(|x| x.checked_abs()).collect::<Option<_>>()?),
            _ => return None,
        },
    };
    Some(Array {
        values,
        ..array.clone()
    })
}

pub fn binary(site: &Site<'_>, a: &Array, b: &Array, allowance: &mut Allowance) -> Result<Option<Array>, FormatError> {
    let Some(shape) = broadcast(&a.shape, &b.shape) else {
        return Ok(None);
    };
    let Some(count) = product(&shape) else { return Ok(None) };
    allowance.take(count, 8)?;
    let pairs = (0..count).map(|index| (place(index, &shape, &a.shape), place(index, &shape, &b.shape)));
    let values = match (&a.values, &b.values) {
        (Values::Integers(a), Values::Integers(b)) => {
            let f = |(i, j): (usize, usize)| {
                let (x, y) = (*a.get(i)?, *b.get(j)?);
                match site.operator {
                    "Add" => x.checked_add(y),
                    "Sub" => x.checked_sub(y),
                    "Mul" => x.checked_mul(y),
                    "Div" => x.checked_div(y),
                    "Max" => Some(x.max(y)),
                    "Min" => Some(x.min(y)),
                    _ => None,
                }
            };
            pairs.map(f).collect::<Option<_>>().map(Values::Integers)
        }
        (Values::Floats(a), Values::Floats(b)) => {
            let f = |(i, j): (usize, usize)| {
                let (x, y) = (*a.get(i)?, *b.get(j)?);
                Some(match site.operator {
                    "Add" => x + y,
                    "Sub" => x - y,
                    "Mul" => x * y,
                    "Div" => x / y,
                    "Max" => x.max(y),
                    "Min" => x.min(y),
                    _ => x.powf(y),
                })
            };
            pairs.map(f).collect::<Option<_>>().map(Values::Floats)
        }
        _ => None,
    };
    Ok(values.map(|values| Array {
        shape,
        values,
        element: a.element,
    }))
}

fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let axis = |shape: &[usize], from_end: usize| shape.len().checked_sub(from_end).map_or(1, |place| shape[place]);
    (0..rank)
        .map(|place| match (axis(a, rank - place), axis(b, rank - place)) {
            (x, y) if x == y || y == 1 => Some(x),
            (1, y) => Some(y),
            _ => None,
        })
        .collect()
}

/// Where the value at `index` of `shape` lies in an array of `own` axes that is broadcast to it.
fn place(mut index: usize, shape: &[usize], own: &[usize]) -> usize {
    let (mut at, mut stride) = (0, 1);
    let skipped = shape.len() - own.len();
    for axis in (0..shape.len()).rev() {
        let here = index % shape[axis];
        index /= shape[axis];
        if axis >= skipped {
            let length = own[axis - skipped];
            if length > 1 {
                at += here * stride;
            }
            stride *= length;
        }
    }
    at
}

pub fn clip(
    attributes: &mut Attributes<'_>,
    array: &Array,
    inputs: &[Option<&Array>],
) -> Result<Option<Array>, FormatError> {
    let bound = |position: usize| inputs.get(position).copied().flatten().and_then(Array::scalar);
    let low = attributes.optional_float("min")?.map(f64::from).or(bound(1));
    let high = attributes.optional_float("max")?.map(f64::from).or(bound(2));
    let (low, high) = (low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY));
    let values = match &array.values {
        Values::Floats(values) => {
            let f = |x: &f32| f64::from(*x).max(low).min(high) as f32;
            Values::Floats(values.iter().map(f).collect())
        }
        Values::Integers(values) => {
            let f = |x: &i64| (*x as f64).max(low).min(high) as i64;
            Values::Integers(values.iter().map(f).collect())
        }
    };
    Ok(Some(Array {
        values,
        ..array.clone()
    }))
}

pub fn cast(site: &Site<'_>, array: &Array, attributes: &mut Attributes<'_>) -> Result<Array, FormatError> {
    attributes.ignore("saturate");
    attributes.ignore("round_mode");
    let to = attributes.int("to", i64::from(FLOAT))?;
    let is_float = matches!(to, 1 | 10 | 11 | 16);
    let values = match (&array.values, is_float) {
        (Values::Integers(values), true) => Values::Floats(values.iter().map(|value| *value as f32).collect()),
        (Values::Floats(values), false) if matches!(to, 2..=7) => {
            Values::Integers(values.iter().map(|value| *value as i64).collect())
        }
        (Values::Integers(values), false) if matches!(to, 2..=7 | 9) => Values::Integers(values.clone()),
        (values @ Values::Floats(_), true) => values.clone(),
        _ => return Err(site.error(format!("casts to data type {to}, which is not supported"))),
    };
    Ok(Array {
        shape: array.shape.clone(),
        values,
        element: to as i32,
    })
}
