use panarch_graph::Tensor;

use super::messages::{EXTERNAL, FLOAT, INT64, TensorProto};
use crate::FormatError;

/// A constant of f32 values, little-endian.
pub fn from_f32(name: &str, shape: &[usize], data: &[f32]) -> TensorProto {
    let raw = data.iter().flat_map(|value| value.to_le_bytes()).collect();
    raw_tensor(name, shape, FLOAT, raw)
}

/// A constant vector of 64-bit integers.
pub fn from_i64(name: &str, data: &[i64]) -> TensorProto {
    let raw = data.iter().flat_map(|value| value.to_le_bytes()).collect();
    raw_tensor(name, &[data.len()], INT64, raw)
}

fn raw_tensor(name: &str, shape: &[usize], data_type: i32, raw: Vec<u8>) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: shape.iter().map(|axis| *axis as i64).collect(),
        data_type: Some(data_type),
        raw_data: Some(raw),
        ..TensorProto::default()
    }
}

/// The values of a constant, checked against its axes.
pub fn to_f32(tensor: &TensorProto) -> Result<Tensor, FormatError> {
    let (shape, elements) = checked_shape(tensor, FLOAT, "f32")?;
    let data = match raw(tensor) {
        Some(raw) if tensor.float_data.is_empty() => {
            expect_length(tensor, elements, raw.len(), 4)?;
            raw.as_chunks()
                .0
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect()
        }
        None => {
            expect_length(tensor, elements, tensor.float_data.len(), 1)?;
            tensor.float_data.clone()
        }
        Some(_) => return Err(error(tensor, "has its values twice")),
    };
    Ok(Tensor { shape, data })
}

/// The only value of a constant, looked at without copying a large one.
pub fn to_scalar(tensor: &TensorProto) -> Result<f32, FormatError> {
    let (_, elements) = checked_shape(tensor, FLOAT, "f32")?;
    if elements != 1 {
        return Err(error(tensor, format!("must be one value, found {elements}")));
    }
    match to_f32(tensor)?.data[..] {
        [value] => Ok(value),
        _ => Err(error(tensor, "must be one value")),
    }
}

/// The values of a constant of 64-bit integers.
pub fn to_i64(tensor: &TensorProto) -> Result<Vec<i64>, FormatError> {
    let (_, elements) = checked_shape(tensor, INT64, "int64")?;
    match raw(tensor) {
        Some(raw) if tensor.int64_data.is_empty() => {
            expect_length(tensor, elements, raw.len(), 8)?;
            Ok(raw
                .as_chunks()
                .0
                .iter()
                .map(|bytes| i64::from_le_bytes(*bytes))
                .collect())
        }
        None => {
            expect_length(tensor, elements, tensor.int64_data.len(), 1)?;
            Ok(tensor.int64_data.clone())
        }
        Some(_) => Err(error(tensor, "has its values twice")),
    }
}

fn raw(tensor: &TensorProto) -> Option<&[u8]> {
    tensor.raw_data.as_deref().filter(|raw| !raw.is_empty())
}

fn checked_shape(tensor: &TensorProto, data_type: i32, type_name: &str) -> Result<(Vec<usize>, usize), FormatError> {
    if !tensor.external_data.is_empty() || tensor.data_location == Some(EXTERNAL) {
        return Err(error(
            tensor,
            "keeps its values in another file, which is not supported",
        ));
    }
    if tensor.data_type != Some(data_type) {
        let found = tensor.data_type.unwrap_or(0);
        return Err(error(
            tensor,
            format!("must hold {type_name} values, found data type {found}"),
        ));
    }
    let shape: Option<Vec<usize>> = tensor.dims.iter().map(|axis| usize::try_from(*axis).ok()).collect();
    let elements = shape.as_ref().and_then(|shape| {
        shape
            .iter()
            .try_fold(1_usize, |product, axis| product.checked_mul(*axis))
    });
    match (shape, elements) {
        (Some(shape), Some(elements)) => Ok((shape, elements)),
        _ => Err(error(tensor, format!("has impossible axes {:?}", tensor.dims))),
    }
}

fn expect_length(tensor: &TensorProto, elements: usize, found: usize, unit: usize) -> Result<(), FormatError> {
    if elements.checked_mul(unit) == Some(found) {
        return Ok(());
    }
    Err(error(
        tensor,
        format!("axes {:?} need {elements} values, found {}", tensor.dims, found / unit),
    ))
}

fn error(tensor: &TensorProto, reason: impl Into<String>) -> FormatError {
    FormatError::tensor(tensor.name.clone().unwrap_or_default(), reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor() -> TensorProto {
        from_f32("w", &[2, 2], &[1.0, -2.0, 3.5, f32::MIN_POSITIVE])
    }

    #[test]
    fn values_come_back_from_either_field() {
        let expected = Tensor {
            shape: vec![2, 2],
            data: vec![1.0, -2.0, 3.5, f32::MIN_POSITIVE],
        };
        assert_eq!(to_f32(&tensor()).unwrap(), expected);
        let listed = TensorProto {
            raw_data: None,
            float_data: expected.data.clone(),
            ..tensor()
        };
        assert_eq!(to_f32(&listed).unwrap(), expected);
        assert_eq!(to_i64(&from_i64("axes", &[2, -3])).unwrap(), [2, -3]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let cases: [(&str, TensorProto); 7] = [
            (
                "another file",
                TensorProto {
                    data_location: Some(EXTERNAL),
                    ..tensor()
                },
            ),
            (
                "data type",
                TensorProto {
                    data_type: Some(10),
                    ..tensor()
                },
            ),
            (
                "need 6",
                TensorProto {
                    dims: vec![2, 3],
                    ..tensor()
                },
            ),
            (
                "impossible",
                TensorProto {
                    dims: vec![-1, 4],
                    ..tensor()
                },
            ),
            (
                "impossible",
                TensorProto {
                    dims: vec![i64::MAX, i64::MAX],
                    ..tensor()
                },
            ),
            (
                "twice",
                TensorProto {
                    float_data: vec![0.0; 4],
                    ..tensor()
                },
            ),
            (
                "need 4",
                TensorProto {
                    raw_data: Some(vec![0; 15]),
                    ..tensor()
                },
            ),
        ];
        for (expected, tensor) in cases {
            let error = to_f32(&tensor).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("`w`"), "{error}");
        }
    }
}
