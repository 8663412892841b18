use std::fmt;

/// The type of the elements of a [`TorchTensor`], as the file has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TorchType {
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

impl TorchType {
    /// Bytes of one element in the file.
    pub fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    /// Bytes of one element in [`TorchData`].
    pub(super) fn bytes_in_memory(self) -> usize {
        match self {
            Self::F16 | Self::BF16 | Self::F64 => size_of::<f32>(),
            other => other.bytes(),
        }
    }
}

impl fmt::Display for TorchType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The elements of a [`TorchTensor`], the last axis running fastest.
///
/// F16 and BF16 become f32 exactly; F64 is rounded to the nearest f32 (a value beyond its range becomes an infinity).
/// Integers and truth values are kept as they are.
#[derive(Debug, Clone, PartialEq)]
pub enum TorchData {
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

/// A tensor of a PyTorch checkpoint. It owns its elements in row-major order, whatever view of a storage the file has.
#[derive(Debug, Clone, PartialEq)]
pub struct TorchTensor {
    /// The type of the elements in the file.
    pub dtype: TorchType,
    /// The axes; none for a single value, such as `num_batches_tracked`.
    pub shape: Vec<usize>,
    /// As many elements as the product of the axes.
    pub data: TorchData,
}

impl TorchTensor {
    /// How many elements there are.
    pub fn elements(&self) -> usize {
        match &self.data {
            TorchData::F32(values) => values.len(),
            TorchData::I8(values) => values.len(),
            TorchData::U8(values) => values.len(),
            TorchData::I16(values) => values.len(),
            TorchData::I32(values) => values.len(),
            TorchData::I64(values) => values.len(),
            TorchData::Bool(values) => values.len(),
        }
    }

    /// The elements as f32: integers rounded to the nearest, truth values as zero and one.
    pub fn to_f32(&self) -> Vec<f32> {
        match &self.data {
            TorchData::F32(values) => values.clone(),
            TorchData::I8(values) => values.iter().map(|value| f32::from(*value)).collect(),
            TorchData::U8(values) => values.iter().map(|value| f32::from(*value)).collect(),
            TorchData::I16(values) => values.iter().map(|value| f32::from(*value)).collect(),
            TorchData::I32(values) => values.iter().map(|value| *value as f32).collect(),
            TorchData::I64(values) => values.iter().map(|value| *value as f32).collect(),
            TorchData::Bool(values) => values.iter().map(|value| f32::from(u8::from(*value))).collect(),
        }
    }
}
