//! Operators on constants: what exporters write to compute shapes, paddings and the parameters of decomposed layers.

mod arithmetic;
mod arrangement;

use super::super::attributes::Attributes;
use super::super::data_files::DataFiles;
use super::super::limits;
use super::allowance::Allowance;
use super::array::{Array, Values, product};
use super::site::Site;
use crate::FormatError;
use arithmetic::{binary, cast, clip, expand, normalise, reduce, unary};
use arrangement::{concat, gather, reshape, slice, squeeze, transpose, unsqueeze};

/// Applies an operator to constants; none when it is not one of those that are folded.
pub fn fold(
    site: &Site<'_>,
    attributes: &mut Attributes<'_>,
    inputs: &[Option<&Array>],
    allowance: &mut Allowance,
) -> Result<Option<Array>, FormatError> {
    let first = inputs.first().copied().flatten();
    let second = inputs.get(1).copied().flatten();
    let made = match (site.operator, first, second) {
        ("Identity" | "Dropout", Some(first), _) => {
            for name in ["ratio", "seed", "is_test"] {
                attributes.ignore(name);
            }
            Some(first.clone())
        }
        ("Shape", Some(first), None) => {
            let lengths: Vec<i64> = first.shape.iter().map(|axis| *axis as i64).collect();
            Some(range(attributes, &lengths)?)
        }
        ("Add" | "Sub" | "Mul" | "Div" | "Pow" | "Max" | "Min", Some(a), Some(b)) if inputs.len() == 2 => {
            binary(site, a, b, allowance)?
        }
        ("ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd", Some(first), _) => {
            let listed = attributes.ints("axes")?.map(<[i64]>::to_vec);
            let axes = listed.or_else(|| second.and_then(|axes| axes.as_integers().map(<[i64]>::to_vec)));
            let keep = attributes.flag("keepdims", true)?;
            let still = attributes.flag("noop_with_empty_axes", false)? && axes.as_ref().is_none_or(Vec::is_empty);
            if still {
                Some(first.clone())
            } else {
                reduce(site, first, axes.as_deref(), keep)
            }
        }
        ("Ceil" | "Floor" | "Sqrt" | "Reciprocal" | "Neg" | "Abs" | "Exp", Some(first), None) => unary(site, first),
        ("Clip", Some(first), _) => clip(attributes, first, inputs)?,
        ("Cast", Some(first), None) => Some(cast(site, first, attributes)?),
        ("Gather", Some(data), Some(indices)) => {
            let axis = attributes.int("axis", 0)?;
            gather(data, indices, axis)
        }
        ("Slice", Some(data), _) => slice(attributes, data, inputs)?,
        ("Concat", Some(_), _) => {
            let axis = attributes.int("axis", 0)?;
            let parts: Option<Vec<&Array>> = inputs.iter().copied().collect();
            for part in parts.iter().flatten() {
                allowance.take(part.len(), 8)?;
            }
            parts.and_then(|parts| concat(&parts, axis))
        }
        ("ConstantOfShape", Some(shape), None) => constant_of_shape(attributes, shape, allowance)?,
        ("Reshape", Some(data), Some(target)) => {
            let zeros = attributes.flag("allowzero", false)?;
            let target = target.as_integers().filter(|target| !zeros || !target.contains(&0));
            target.and_then(|target| reshape(data, target))
        }
        ("Unsqueeze" | "Squeeze" | "Flatten", Some(data), _) => {
            let listed = attributes.ints("axes")?.map(<[i64]>::to_vec);
            let axes = listed.or_else(|| second.and_then(|axes| axes.as_integers().map(<[i64]>::to_vec)));
            match site.operator {
                "Unsqueeze" => axes.and_then(|axes| unsqueeze(data, &axes)),
                "Squeeze" => squeeze(data, axes.as_deref()),
                _ => return Ok(None),
            }
        }
        ("BatchNormalization", Some(data), _) => normalise(attributes, data, inputs, allowance)?,
        ("Expand", Some(data), Some(shape)) => expand(data, shape, allowance)?,
        ("Transpose", Some(data), None) => {
            allowance.take(data.len(), 8)?;
            let order = attributes.ints("perm")?;
            transpose(data, order)
        }
        _ => return Ok(None),
    };
    let Some(made) = made else {
        return Err(site.error("cannot be computed from its constant inputs"));
    };
    allowance.take(made.len(), 8)?;
    // Such as the root of a negative variance.
    made.check_numbers(site.proto.output.first().map_or("", String::as_str))?;
    Ok(Some(made))
}

/// Shape, from the lengths of all axes.
pub fn range(attributes: &mut Attributes<'_>, lengths: &[i64]) -> Result<Array, FormatError> {
    let count = lengths.len() as i64;
    let place = |axis: i64| (if axis < 0 { axis.saturating_add(count) } else { axis }).clamp(0, count) as usize;
    let (start, end) = (attributes.int("start", 0)?, attributes.int("end", count)?);
    let chosen = lengths.get(place(start)..place(end)).unwrap_or_default();
    Ok(Array::integers(vec![chosen.len()], chosen.to_vec()))
}

fn constant_of_shape(
    attributes: &mut Attributes<'_>,
    shape: &Array,
    allowance: &mut Allowance,
) -> Result<Option<Array>, FormatError> {
    let value = match attributes.tensor("value")? {
        Some(value) => Array::read(value, &DataFiles::default(), allowance)?,
        None => Array::floats(vec![1], vec![0.0]),
    };
    let Some(lengths) = shape.as_integers() else {
        return Ok(None);
    };
    let lengths: Option<Vec<usize>> = lengths.iter().map(|length| usize::try_from(*length).ok()).collect();
    let Some((lengths, count)) = lengths.and_then(|lengths| {
        let count = product(&lengths)?;
        Some((lengths, count))
    }) else {
        return Ok(None);
    };
    if lengths.len() > limits::AXES || value.len() != 1 {
        return Ok(None);
    }
    allowance.take(count, 8)?;
    let values = match &value.values {
        Values::Floats(one) => Values::Floats(vec![one.first().copied().unwrap_or(0.0); count]),
        Values::Integers(one) => Values::Integers(vec![one.first().copied().unwrap_or(0); count]),
    };
    Ok(Some(Array {
        shape: lengths,
        values,
        element: value.element,
    }))
}

/// The constant that a Constant node holds.
pub fn constant(
    site: &Site<'_>,
    attributes: &mut Attributes<'_>,
    allowance: &mut Allowance,
) -> Result<Array, FormatError> {
    // The value of a Constant rarely has a name of its own; the value is known by that of the node's output.
    let name = site.proto.output.first().map_or("", String::as_str);
    let checked = |array: Array| array.check_numbers(name).map(|()| array);
    if let Some(tensor) = attributes.tensor("value")? {
        return Array::read_as(name, tensor, &DataFiles::default(), allowance);
    }
    if let Some(value) = attributes.optional_float("value_float")? {
        return checked(Array::floats(Vec::new(), vec![value]));
    }
    if let Some(values) = attributes.floats("value_floats")? {
        allowance.take(values.len(), 8)?;
        return checked(Array::floats(vec![values.len()], values.to_vec()));
    }
    if let Some(values) = attributes.ints("value_ints")? {
        allowance.take(values.len(), 8)?;
        return Ok(Array::integers(vec![values.len()], values.to_vec()));
    }
    if site
        .proto
        .attribute
        .iter()
        .any(|found| found.name.as_deref() == Some("value_int"))
    {
        return Ok(Array::integers(Vec::new(), vec![attributes.int("value_int", 0)?]));
    }
    Err(site.error("holds no value of a kind that is supported"))
}
