use panarch_graph::Tensor;

use super::super::data_files::DataFiles;
use super::super::limits;
use super::super::messages::{
    BFLOAT16, BOOL, DOUBLE, FLOAT, FLOAT16, INT8, INT16, INT32, INT64, TensorProto, UINT8, UINT16,
};
use super::allowance::Allowance;
use crate::FormatError;

/// A constant: its axes, its values in row-major order, and the ONNX number of its element type.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Values,
    pub element: i32,
}

/// The values of a constant. All kinds of integers and truth values are held as 64 bits, all kinds of floats as 32.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    Floats(Vec<f32>),
    Integers(Vec<i64>),
}

impl Array {
    /// Floats of these axes, which must fit.
    pub fn floats(shape: Vec<usize>, values: Vec<f32>) -> Self {
        Self {
            shape,
            values: Values::Floats(values),
            element: FLOAT,
        }
    }

    /// Integers of these axes, which must fit.
    pub fn integers(shape: Vec<usize>, values: Vec<i64>) -> Self {
        Self {
            shape,
            values: Values::Integers(values),
            element: INT64,
        }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Floats(values) => values.len(),
            Values::Integers(values) => values.len(),
        }
    }

    /// The value at a position, as a float.
    pub fn number(&self, position: usize) -> Option<f64> {
        match &self.values {
            Values::Floats(values) => values.get(position).map(|value| f64::from(*value)),
            Values::Integers(values) => values.get(position).map(|value| *value as f64),
        }
    }

    /// The only value.
    pub fn scalar(&self) -> Option<f64> {
        if self.len() == 1 { self.number(0) } else { None }
    }

    /// The values, if they are integers.
    pub fn as_integers(&self) -> Option<&[i64]> {
        match &self.values {
            Values::Integers(values) => Some(values),
            Values::Floats(_) => None,
        }
    }

    /// The values, if they are floats.
    pub fn as_floats(&self) -> Option<&[f32]> {
        match &self.values {
            Values::Floats(values) => Some(values),
            Values::Integers(_) => None,
        }
    }

    /// Reads a constant of a file.
    pub fn read(tensor: &TensorProto, files: &DataFiles, allowance: &mut Allowance) -> Result<Self, FormatError> {
        Self::read_as(tensor.name.as_deref().unwrap_or_default(), tensor, files, allowance)
    }

    /// Reads a constant that is known by this name.
    pub fn read_as(
        name: &str,
        tensor: &TensorProto,
        files: &DataFiles,
        allowance: &mut Allowance,
    ) -> Result<Self, FormatError> {
        let name = name.to_owned();
        let fail = |reason: String| Err(FormatError::tensor(name.clone(), reason));
        let raw = files.raw(tensor)?;
        let shape: Option<Vec<usize>> = tensor.dims.iter().map(|axis| usize::try_from(*axis).ok()).collect();
        let elements = shape.as_ref().and_then(|shape| product(shape));
        let (Some(shape), Some(elements)) = (shape, elements) else {
            return fail(format!("has impossible axes {:?}", tensor.dims));
        };
        if shape.len() > limits::AXES {
            return fail(format!("has {} axes, more than {}", shape.len(), limits::AXES));
        }
        let element = tensor.data_type.unwrap_or(0);
        allowance.take(stored_values(tensor, raw, element), 8)?;
        if let Some(value) = out_of_range(&tensor.int32_data, element) {
            return fail(format!("holds {value}, which is no value of data type {element}"));
        }
        let Some(values) = values(tensor, raw, element) else {
            return fail(format!("holds values of data type {element}, which is not supported"));
        };
        let array = Self { shape, values, element };
        if array.len() != elements {
            return fail(format!(
                "axes {:?} need {elements} values, found {}",
                array.shape,
                array.len()
            ));
        }
        array.check_numbers(&name)?;
        Ok(array)
    }

    /// Fails on what no weight may be: a value that is no number, or an infinite one unless it stands alone, as the bound
    /// of a clip does. Infinities that stand alone and become weights are found when the network is built.
    pub fn check_numbers(&self, name: &str) -> Result<(), FormatError> {
        let Values::Floats(values) = &self.values else {
            return Ok(());
        };
        let bad = |value: &f32| value.is_nan() || (value.is_infinite() && values.len() > 1);
        if !values.iter().any(bad) {
            return Ok(());
        }
        let values = values
            .iter()
            .map(|value| if bad(value) { *value } else { 0.0 })
            .collect();
        Ok(Tensor::new(self.shape.clone(), values)?.check_numbers(name, None)?)
    }
}

/// The product of some axes, unless it overflows.
pub fn product(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1_usize, |product, axis| product.checked_mul(*axis))
}

/// At most how many values a tensor stores.
fn stored_values(tensor: &TensorProto, raw: &[u8], element: i32) -> usize {
    let size = match element {
        INT64 | DOUBLE => 8,
        FLOAT | INT32 => 4,
        FLOAT16 | BFLOAT16 | INT16 | UINT16 => 2,
        _ => 1,
    };
    let raw = raw.len().div_ceil(size);
    raw + tensor.float_data.len() + tensor.int32_data.len() + tensor.int64_data.len() + tensor.double_data.len()
}

/// The first value that the small types, which a file may list as 32-bit integers, do not have.
fn out_of_range(listed: &[i32], element: i32) -> Option<i32> {
    let range = match element {
        UINT8 => 0..=255,
        INT8 => -128..=127,
        UINT16 | FLOAT16 | BFLOAT16 => 0..=65_535,
        INT16 => -32_768..=32_767,
        BOOL => 0..=1,
        _ => return None,
    };
    listed.iter().copied().find(|value| !range.contains(value))
}

fn values(tensor: &TensorProto, raw: &[u8], element: i32) -> Option<Values> {
    let small = &tensor.int32_data;
    let floats = |values: Vec<f32>| Some(Values::Floats(values));
    let integers = |values: Vec<i64>| Some(Values::Integers(values));
    match element {
        FLOAT if raw.is_empty() => floats(tensor.float_data.clone()),
        FLOAT => floats(chunks(raw, f32::from_le_bytes)),
        DOUBLE if raw.is_empty() => floats(tensor.double_data.iter().map(|value| *value as f32).collect()),
        DOUBLE => floats(chunks(raw, |bytes| f64::from_le_bytes(bytes) as f32)),
        FLOAT16 if raw.is_empty() => floats(small.iter().map(|bits| half(*bits as u16)).collect()),
        FLOAT16 => floats(chunks(raw, |bytes| half(u16::from_le_bytes(bytes)))),
        BFLOAT16 if raw.is_empty() => floats(small.iter().map(|bits| brain(*bits as u16)).collect()),
        BFLOAT16 => floats(chunks(raw, |bytes| brain(u16::from_le_bytes(bytes)))),
        INT64 if raw.is_empty() => integers(tensor.int64_data.clone()),
        INT64 => integers(chunks(raw, i64::from_le_bytes)),
        UINT8 | INT8 | UINT16 | INT16 | INT32 | BOOL if raw.is_empty() => {
            integers(small.iter().map(|value| i64::from(*value)).collect())
        }
        UINT8 | BOOL => integers(raw.iter().map(|byte| i64::from(*byte)).collect()),
        INT8 => integers(chunks(raw, |bytes| i64::from(i8::from_le_bytes(bytes)))),
        UINT16 => integers(chunks(raw, |bytes| i64::from(u16::from_le_bytes(bytes)))),
        INT16 => integers(chunks(raw, |bytes| i64::from(i16::from_le_bytes(bytes)))),
        INT32 => integers(chunks(raw, |bytes| i64::from(i32::from_le_bytes(bytes)))),
        _ => None,
    }
}

/// Whole values; a rest shows in their number.
fn chunks<const N: usize, T>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (whole, rest) = raw.as_chunks::<N>();
    let mut padded = [0; N];
    if !rest.is_empty() {
        padded[..rest.len()].copy_from_slice(rest);
    }
    let surplus = (!rest.is_empty()).then_some(padded);
    whole.iter().copied().chain(surplus).map(read).collect()
}

/// IEEE 754 half precision.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f32::from(bits & 0x3ff) / 1024.0;
    match exponent {
        0 => sign * fraction * 2.0_f32.powi(-14),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1.0 + fraction) * 2.0_f32.powi(exponent - 15),
    }
}

/// bfloat16: the upper half of an f32.
fn brain(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(element: i32, dims: &[i64], raw: &[u8]) -> Result<Array, FormatError> {
        let tensor = TensorProto {
            name: Some("c".to_owned()),
            dims: dims.to_vec(),
            data_type: Some(element),
            raw_data: Some(raw.to_vec()),
            ..TensorProto::default()
        };
        Array::read(&tensor, &DataFiles::default(), &mut Allowance::of_file(0))
    }

    #[test]
    fn every_kind_of_number_is_read() {
        let floats = |element, raw: &[u8]| read(element, &[1], raw).unwrap().as_floats().map(<[f32]>::to_vec);
        assert_eq!(floats(FLOAT, &1.5_f32.to_le_bytes()), Some(vec![1.5]));
        assert_eq!(floats(DOUBLE, &(-2.25_f64).to_le_bytes()), Some(vec![-2.25]));
        // 0x3555 is the half nearest to a third, 0x0001 the smallest, 0xfc00 minus infinity.
        assert_eq!(floats(FLOAT16, &[0x55, 0x35]), Some(vec![0.333_251_95]));
        assert_eq!(floats(FLOAT16, &[1, 0]), Some(vec![2.0_f32.powi(-24)]));
        assert_eq!(floats(FLOAT16, &[0, 0xfc]), Some(vec![f32::NEG_INFINITY]));
        assert_eq!(floats(BFLOAT16, &[0xc0, 0x3f]), Some(vec![1.5]));
        let integers = |element, raw: &[u8]| read(element, &[1], raw).unwrap().as_integers().map(<[i64]>::to_vec);
        assert_eq!(integers(INT8, &[0xff]), Some(vec![-1]));
        assert_eq!(integers(UINT8, &[0xff]), Some(vec![255]));
        assert_eq!(integers(INT16, &[0xff, 0xff]), Some(vec![-1]));
        assert_eq!(integers(INT32, &[0xfe, 0xff, 0xff, 0xff]), Some(vec![-2]));
        assert_eq!(integers(INT64, &[7, 0, 0, 0, 0, 0, 0, 0]), Some(vec![7]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (dims, raw, expected) in [
            (&[2][..], &[0; 4][..], "need 2 values"),
            (&[1], &[0; 5], "need 1 values"),
            (&[-1], &[0; 4], "impossible"),
            (&[i64::MAX, 3], &[0; 4], "impossible"),
            (&[1; 9], &[0; 4], "9 axes"),
        ] {
            let error = read(FLOAT, dims, raw).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let error = read(14, &[1], &[0; 8]).unwrap_err().to_string();
        assert!(error.contains("data type 14"), "{error}");
    }
}
