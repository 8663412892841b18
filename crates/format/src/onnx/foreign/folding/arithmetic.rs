//! Arithmetic on constants, value by value.

use super::super::super::attributes::Attributes;
use super::super::super::limits;
use super::super::super::messages::FLOAT;
use super::super::allowance::Allowance;
use super::super::array::{Array, Values, product};
use super::super::site::Site;
use super::super::view::position;
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

/// Batch normalisation of a constant, as weights are standardised: with its own statistics in training mode, else with those
/// given.
pub fn normalise(
    attributes: &mut Attributes<'_>,
    array: &Array,
    inputs: &[Option<&Array>],
    allowance: &mut Allowance,
) -> Result<Option<Array>, FormatError> {
    let own = attributes.flag("training_mode", false)?;
    let eps = f64::from(attributes.float("epsilon", 1e-5)?);
    for name in ["momentum", "spatial", "is_test"] {
        attributes.ignore(name);
    }
    let (&[images, channels, ..], Some(values)) = (&array.shape[..], array.as_floats()) else {
        return Ok(None);
    };
    let each = array.len().checked_div(images.saturating_mul(channels)).unwrap_or(0);
    let given: Option<Vec<&[f32]>> = (1..5)
        .map(|at| {
            inputs
                .get(at)
                .copied()
                .flatten()?
                .as_floats()
                .filter(|values| values.len() == channels)
        })
        .collect();
    let (Some(given), 1..) = (given, each) else {
        return Ok(None);
    };
    allowance.take(array.len(), 4)?;
    let mut made = values.to_vec();
    for channel in 0..channels {
        let at = |index: usize| (index / each * channels + channel) * each + index % each;
        let count = images * each;
        let of = |which: usize| {
            given
                .get(which)
                .and_then(|values| values.get(channel))
                .map_or(0.0, |value| f64::from(*value))
        };
        let value = |index: usize| values.get(at(index)).map_or(0.0, |value| f64::from(*value));
        let (mean, variance) = if own {
            let mean = (0..count).map(value).sum::<f64>() / count as f64;
            let squares: f64 = (0..count).map(|index| (value(index) - mean).powi(2)).sum();
            (mean, squares / count as f64)
        } else {
            (of(2), of(3))
        };
        let scale = of(0) / (variance + eps).sqrt();
        for index in 0..count {
            if let Some(made) = made.get_mut(at(index)) {
                *made = ((value(index) - mean) * scale + of(1)) as f32;
            }
        }
    }
    Ok(Some(Array::floats(array.shape.clone(), made)))
}

/// A constant repeated along axes until it has, or is broadcast with, this shape.
pub fn expand(array: &Array, shape: &Array, allowance: &mut Allowance) -> Result<Option<Array>, FormatError> {
    let wanted = shape.as_integers().unwrap_or_default();
    let wanted: Option<Vec<usize>> = wanted.iter().map(|length| usize::try_from(*length).ok()).collect();
    let Some(shape) = wanted.and_then(|wanted| broadcast(&array.shape, &wanted)) else {
        return Ok(None);
    };
    let Some(count) = product(&shape).filter(|_| shape.len() <= limits::AXES) else {
        return Ok(None);
    };
    allowance.take(count, 8)?;
    let places = (0..count).map(|index| place(index, &shape, &array.shape));
    let values = match &array.values {
        Values::Floats(values) => places
            .map(|at| values.get(at).copied())
            .collect::<Option<_>>()
            .map(Values::Floats),
        Values::Integers(values) => places
            .map(|at| values.get(at).copied())
            .collect::<Option<_>>()
            .map(Values::Integers),
    };
    Ok(values.map(|values| Array {
        shape,
        values,
        element: array.element,
    }))
}

/// A mean, sum, product, maximum or minimum over some axes, or over all.
pub fn reduce(site: &Site<'_>, array: &Array, axes: Option<&[i64]>, keep: bool) -> Option<Array> {
    let rank = array.shape.len();
    if array.len() == 0 {
        return None;
    }
    let mut reduced = vec![axes.is_none_or(<[i64]>::is_empty); rank];
    for axis in axes.unwrap_or_default() {
        *reduced.get_mut(position(*axis, rank)?)? = true;
    }
    let whole: Vec<usize> = array
        .shape
        .iter()
        .zip(&reduced)
        .map(|(length, gone)| if *gone { 1 } else { *length })
        .collect();
    let count = product(&whole)?;
    let each = array.len().checked_div(count)?;
    let mut sums: Vec<Option<f64>> = vec![None; count];
    for index in 0..array.len() {
        let value = array.number(index)?;
        let sum = sums.get_mut(place(index, &array.shape, &whole))?;
        *sum = Some(match (*sum, site.operator) {
            (None, _) => value,
            (Some(sum), "ReduceMax") => sum.max(value),
            (Some(sum), "ReduceMin") => sum.min(value),
            (Some(sum), "ReduceProd") => sum * value,
            (Some(sum), _) => sum + value,
        });
    }
    let scale = if site.operator == "ReduceMean" {
        1.0 / each.max(1) as f64
    } else {
        1.0
    };
    let made: Vec<f64> = sums
        .into_iter()
        .map(|sum| sum.map(|sum| sum * scale))
        .collect::<Option<_>>()?;
    let values = match &array.values {
        Values::Floats(_) => Values::Floats(made.iter().map(|value| *value as f32).collect()),
        // Beyond these a float does not tell integers apart.
        Values::Integers(_) if made.iter().all(|value| value.abs() < 9e15) && site.operator != "ReduceMean" => {
            Values::Integers(made.iter().map(|value| *value as i64).collect())
        }
        Values::Integers(_) => return None,
    };
    let kept = whole.iter().zip(&reduced).filter(|(_, gone)| keep || !**gone);
    Some(Array {
        shape: kept.map(|(length, _)| *length).collect(),
        values,
        element: array.element,
    })
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
