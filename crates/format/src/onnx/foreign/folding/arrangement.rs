//! Constants in another arrangement: parts of them, several in one, with other axes.

use super::super::super::attributes::Attributes;
use super::super::super::limits;
use super::super::array::{Array, Values, product};
use super::super::view::position;
use crate::FormatError;

/// Takes the values at some positions of the whole array.
fn pick(array: &Array, shape: Vec<usize>, positions: impl Iterator<Item = Option<usize>>) -> Option<Array> {
    let values = match &array.values {
        Values::Floats(values) => Values::Floats(positions.map(|at| values.get(at?).copied()).collect::<Option<_>>()?),
        Values::Integers(values) => {
            Values::Integers(positions.map(|at| values.get(at?).copied()).collect::<Option<_>>()?)
        }
    };
    Some(Array {
        shape,
        values,
        element: array.element,
    })
}

/// Gather from vectors, which is how single lengths are taken out of a shape.
pub fn gather(data: &Array, indices: &Array, axis: i64) -> Option<Array> {
    let (&[length], 0) = (&data.shape[..], position(axis, data.shape.len())?) else {
        return None;
    };
    let wanted = indices.as_integers()?;
    if wanted.len() > 1 << 12 {
        return None;
    }
    pick(
        data,
        indices.shape.clone(),
        wanted.iter().map(|index| position(*index, length)),
    )
}

/// Slice along the first axis, or of a vector.
pub fn slice(
    attributes: &mut Attributes<'_>,
    data: &Array,
    inputs: &[Option<&Array>],
) -> Result<Option<Array>, FormatError> {
    let mut bound = |name: &str, place: usize| -> Result<Option<Vec<i64>>, FormatError> {
        let listed = attributes.ints(name)?.map(<[i64]>::to_vec);
        let given = inputs.get(place).copied().flatten().and_then(Array::as_integers);
        Ok(listed.or_else(|| given.map(<[i64]>::to_vec)))
    };
    let (starts, ends) = (bound("starts", 1)?, bound("ends", 2)?);
    let (axes, steps) = (bound("axes", 3)?, bound("steps", 4)?);
    let (Some([start]), Some([end])) = (starts.as_deref(), ends.as_deref()) else {
        return Ok(None);
    };
    let step = match steps.as_deref() {
        None => 1,
        Some([step]) => *step,
        Some(_) => return Ok(None),
    };
    let Some(length) = data.shape.first().copied() else {
        return Ok(None);
    };
    if !matches!(axes.as_deref(), None | Some([0])) || step == 0 || step == i64::MIN {
        return Ok(None);
    }
    let count = length as i64;
    let wrap = |at: i64| if at < 0 { at.saturating_add(count) } else { at };
    let mut rows = Vec::new();
    if step > 0 {
        let (mut at, end) = (wrap(*start).clamp(0, count), wrap(*end).clamp(0, count));
        while at < end {
            rows.push(at as usize);
            at = at.saturating_add(step);
        }
    } else {
        let (mut at, end) = (wrap(*start).clamp(-1, count - 1), wrap(*end).clamp(-1, count - 1));
        while at > end {
            rows.push(at as usize);
            at = at.saturating_add(step);
        }
    }
    let row = data.len().checked_div(length).unwrap_or(0);
    let mut shape = data.shape.clone();
    shape[0] = rows.len();
    let positions = rows
        .iter()
        .flat_map(|at| (0..row).map(move |column| Some(at * row + column)));
    Ok(pick(data, shape, positions))
}

pub fn concat(parts: &[&Array], axis: i64) -> Option<Array> {
    let first = *parts.first()?;
    let axis = position(axis, first.shape.len())?;
    let mut shape = first.shape.clone();
    shape[axis] = 0;
    for part in parts {
        if part.shape.len() != shape.len() {
            return None;
        }
        for (place, length) in part.shape.iter().enumerate() {
            if place == axis {
                shape[axis] = shape[axis].checked_add(*length)?;
            } else if *length != shape[place] {
                return None;
            }
        }
    }
    let outer = product(&shape[..axis])?;
    let chunk = |part: &Array| part.len().checked_div(outer).unwrap_or(0);
    let integers: Option<Vec<&[i64]>> = parts.iter().map(|part| part.as_integers()).collect();
    let floats: Option<Vec<&[f32]>> = parts.iter().map(|part| part.as_floats()).collect();
    let values = match (integers, floats) {
        (Some(all), _) => Values::Integers(interleave(&all, outer, |at| chunk(parts[at]))?),
        (_, Some(all)) => Values::Floats(interleave(&all, outer, |at| chunk(parts[at]))?),
        _ => return None,
    };
    Some(Array {
        shape,
        values,
        element: first.element,
    })
}

fn interleave<T: Copy>(parts: &[&[T]], outer: usize, chunk: impl Fn(usize) -> usize) -> Option<Vec<T>> {
    let mut joined = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    for row in 0..outer {
        for (at, part) in parts.iter().enumerate() {
            let length = chunk(at);
            joined.extend_from_slice(part.get(row * length..(row + 1) * length)?);
        }
    }
    Some(joined)
}

pub fn reshape(data: &Array, target: &[i64]) -> Option<Array> {
    if target.len() > limits::AXES {
        return None;
    }
    let mut shape = Vec::with_capacity(target.len());
    let mut open = None;
    for (place, length) in target.iter().enumerate() {
        shape.push(match length {
            -1 if open.is_none() => {
                open = Some(place);
                1
            }
            0 => *data.shape.get(place)?,
            _ => usize::try_from(*length).ok()?,
        });
    }
    let known = product(&shape)?;
    if let Some(open) = open {
        shape[open] = data.len().checked_div(known)?;
    }
    (product(&shape)? == data.len()).then(|| Array { shape, ..data.clone() })
}

pub fn unsqueeze(data: &Array, axes: &[i64]) -> Option<Array> {
    let count = data.shape.len() + axes.len();
    if count > limits::AXES {
        return None;
    }
    let mut places: Vec<usize> = axes.iter().map(|axis| position(*axis, count)).collect::<Option<_>>()?;
    places.sort_unstable();
    let mut shape = data.shape.clone();
    for place in places {
        if place > shape.len() {
            return None;
        }
        shape.insert(place, 1);
    }
    Some(Array { shape, ..data.clone() })
}

pub fn squeeze(data: &Array, axes: Option<&[i64]>) -> Option<Array> {
    let mut dropped: Vec<bool> = data.shape.iter().map(|length| axes.is_none() && *length == 1).collect();
    for axis in axes.unwrap_or_default() {
        let place = position(*axis, data.shape.len())?;
        if data.shape[place] != 1 {
            return None;
        }
        dropped[place] = true;
    }
    let kept = data.shape.iter().zip(dropped).filter(|(_, dropped)| !dropped);
    let shape = kept.map(|(length, _)| *length).collect();
    Some(Array { shape, ..data.clone() })
}

/// Axes in another order; reversed when none is given.
pub fn transpose(data: &Array, order: Option<&[i64]>) -> Option<Array> {
    let rank = data.shape.len();
    let order: Vec<usize> = match order {
        Some(order) => order
            .iter()
            .map(|axis| usize::try_from(*axis).ok())
            .collect::<Option<_>>()?,
        None => (0..rank).rev().collect(),
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted != (0..rank).collect::<Vec<_>>() {
        return None;
    }
    let shape: Vec<usize> = order.iter().map(|axis| data.shape[*axis]).collect();
    let mut strides = vec![1; rank];
    for axis in (1..rank).rev() {
        strides[axis - 1] = strides[axis] * data.shape[axis];
    }
    let positions = (0..data.len()).map(|mut index| {
        let mut at = 0;
        for axis in (0..rank).rev() {
            at += index % shape[axis] * strides[order[axis]];
            index /= shape[axis];
        }
        Some(at)
    });
    pick(data, shape.clone(), positions)
}
