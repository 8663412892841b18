use std::fmt;

use crate::view::View;

/// The type of the elements of a [`TypedTensor`], as the file has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// IEEE 754, 32 bits.
    F32,
    /// IEEE 754, 64 bits.
    F64,
    /// IEEE 754, 16 bits.
    F16,
    /// The upper half of an f32.
    BF16,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 16 bits.
    I16,
    /// Signed, 32 bits.
    I32,
    /// Signed, 64 bits.
    I64,
    /// One byte, true unless zero.
    Bool,
}

impl ElementType {
    /// Every type.
    pub const ALL: [Self; 10] = [
        Self::F32,
        Self::F64,
        Self::F16,
        Self::BF16,
        Self::I8,
        Self::U8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::Bool,
    ];

    /// The name in a safetensors file.
    pub(crate) const fn safetensors_name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F64 => "F64",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::I8 => "I8",
            Self::U8 => "U8",
            Self::I16 => "I16",
            Self::I32 => "I32",
            Self::I64 => "I64",
            Self::Bool => "BOOL",
        }
    }

    /// Bytes of one element in the file.
    pub fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    /// Bytes of one element in [`TypedData`].
    pub(crate) fn bytes_in_memory(self) -> usize {
        match self {
            Self::F16 | Self::BF16 | Self::F64 => size_of::<f32>(),
            other => other.bytes(),
        }
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The elements of a [`TypedTensor`], the last axis running fastest.
///
/// F16 and BF16 become f32 exactly; F64 is rounded to the nearest f32 (a value beyond its range becomes an infinity).
/// Integers and truth values are kept as they are.
#[derive(Debug, Clone, PartialEq)]
pub enum TypedData {
    /// From F32, F64, F16 or BF16.
    F32(Vec<f32>),
    /// From I8.
    I8(Vec<i8>),
    /// From U8.
    U8(Vec<u8>),
    /// From I16.
    I16(Vec<i16>),
    /// From I32.
    I32(Vec<i32>),
    /// From I64.
    I64(Vec<i64>),
    /// From Bool.
    Bool(Vec<bool>),
}

/// A tensor of a checkpoint with elements of any type. It owns them in row-major order, whatever view of a storage the
/// file has.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedTensor {
    /// The type of the elements in the file.
    pub element_type: ElementType,
    /// The axes; none for a single value, such as `num_batches_tracked`.
    pub shape: Vec<usize>,
    /// As many elements as the product of the axes.
    pub data: TypedData,
}

impl TypedTensor {
    /// A tensor from its elements as they lie in a file, little-endian and row-major.
    pub(crate) fn from_bytes(element_type: ElementType, shape: Vec<usize>, bytes: &[u8]) -> Result<Self, String> {
        let mut strides = vec![1_usize; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
        }
        Ok(View::new(element_type, bytes, 0, shape, &strides)?.tensor())
    }

    /// How many elements there are.
    pub fn elements(&self) -> usize {
        match &self.data {
            TypedData::F32(values) => values.len(),
            TypedData::I8(values) => values.len(),
            TypedData::U8(values) => values.len(),
            TypedData::I16(values) => values.len(),
            TypedData::I32(values) => values.len(),
            TypedData::I64(values) => values.len(),
            TypedData::Bool(values) => values.len(),
        }
    }

    /// The elements as f32: integers rounded to the nearest, truth values as zero and one.
    pub fn to_f32(&self) -> Vec<f32> {
        match &self.data {
            TypedData::F32(values) => values.clone(),
            TypedData::I8(values) => values.iter().map(|value| f32::from(*value)).collect(),
            TypedData::U8(values) => values.iter().map(|value| f32::from(*value)).collect(),
            TypedData::I16(values) => values.iter().map(|value| f32::from(*value)).collect(),
            TypedData::I32(values) => values.iter().map(|value| *value as f32).collect(),
            TypedData::I64(values) => values.iter().map(|value| *value as f32).collect(),
            TypedData::Bool(values) => values.iter().map(|value| f32::from(u8::from(*value))).collect(),
        }
    }
}
