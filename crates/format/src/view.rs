//! From a view of a storage (offset, axes, strides) to a tensor that owns its elements.

use crate::typed_tensor::{ElementType, TypedData, TypedTensor};

/// What a tensor shows of a storage, checked to lie in it.
pub struct View<'a> {
    element_type: ElementType,
    storage: &'a [u8],
    offset: usize,
    shape: Vec<usize>,
    /// Length and stride of the axes longer than one, the fastest first.
    steps: Vec<(usize, usize)>,
    elements: usize,
}

impl<'a> View<'a> {
    /// Checks that every element of the view lies in the storage; offset and strides are in elements.
    pub fn new(
        element_type: ElementType,
        storage: &'a [u8],
        offset: usize,
        shape: Vec<usize>,
        strides: &[usize],
    ) -> Result<Self, String> {
        if strides.len() != shape.len() {
            return Err(format!("has {} axes and {} strides", shape.len(), strides.len()));
        }
        // Empty axes count as one, so that no product of some of the axes can overflow later either.
        let most = shape
            .iter()
            .try_fold(1_usize, |product, axis| product.checked_mul((*axis).max(1)));
        let Some(most) = most else {
            return Err(format!("axes {shape:?} overflow a count"));
        };
        let elements = if shape.contains(&0) { 0 } else { most };
        let axes = shape.iter().copied().zip(strides.iter().copied()).rev();
        let steps: Vec<(usize, usize)> = axes.filter(|(axis, _)| *axis > 1).collect();
        let last = steps.iter().try_fold(offset, |last, (axis, stride)| {
            last.checked_add(stride.checked_mul(axis - 1)?)
        });
        let available = storage.len() / element_type.bytes();
        if elements > 0 && last.is_none_or(|last| last >= available) {
            return Err(format!(
                "axes {shape:?} with strides {strides:?} from element {offset} leave its storage of {available} elements"
            ));
        }
        Ok(Self {
            element_type,
            storage,
            offset,
            shape,
            steps,
            elements,
        })
    }

    /// Bytes that the elements take in memory.
    pub fn bytes(&self) -> u64 {
        (self.elements as u64).saturating_mul(self.element_type.bytes_in_memory() as u64)
    }

    /// Copies the elements out.
    pub fn tensor(self) -> TypedTensor {
        let data = match self.element_type {
            ElementType::F32 => TypedData::F32(self.gather(f32::from_le_bytes)),
            ElementType::F64 => TypedData::F32(self.gather(|bytes| f64::from_le_bytes(bytes) as f32)),
            ElementType::F16 => TypedData::F32(self.gather(|bytes| half(u16::from_le_bytes(bytes)))),
            ElementType::BF16 => {
                TypedData::F32(self.gather(|bytes| f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16)))
            }
            ElementType::I8 => TypedData::I8(self.gather(i8::from_le_bytes)),
            ElementType::U8 => TypedData::U8(self.gather(u8::from_le_bytes)),
            ElementType::I16 => TypedData::I16(self.gather(i16::from_le_bytes)),
            ElementType::I32 => TypedData::I32(self.gather(i32::from_le_bytes)),
            ElementType::I64 => TypedData::I64(self.gather(i64::from_le_bytes)),
            ElementType::Bool => TypedData::Bool(self.gather(|bytes: [u8; 1]| bytes != [0])),
        };
        TypedTensor {
            element_type: self.element_type,
            shape: self.shape,
            data,
        }
    }

    fn gather<const N: usize, T>(&self, convert: impl Fn([u8; N]) -> T) -> Vec<T> {
        let storage = self.storage.as_chunks::<N>().0;
        if self.is_contiguous() {
            let range = self.offset..self.offset.saturating_add(self.elements);
            let elements = storage.get(range).unwrap_or_default();
            return elements.iter().map(|element| convert(*element)).collect();
        }
        let mut values = Vec::with_capacity(self.elements);
        let mut index = vec![0; self.steps.len()];
        let mut at = self.offset;
        for _ in 0..self.elements {
            values.extend(storage.get(at).map(|element| convert(*element)));
            for (index, (axis, stride)) in index.iter_mut().zip(&self.steps) {
                *index += 1;
                if *index < *axis {
                    at += stride;
                    break;
                }
                at -= stride * (axis - 1);
                *index = 0;
            }
        }
        values
    }

    fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        let mut dense = |(axis, stride): &(usize, usize)| {
            let same = *stride == expected;
            expected = expected.saturating_mul(*axis);
            same
        };
        self.elements == 0 || self.steps.iter().all(&mut dense)
    }
}

/// IEEE 754 half precision to single, exactly.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let exponent = u32::from(bits >> 10 & 0x1f);
    let fraction = u32::from(bits & 0x3ff);
    match exponent {
        // Zero and the numbers below 2⁻¹⁴, in steps of 2⁻²⁴.
        0 => {
            let magnitude = fraction as f32 * f32::from_bits((127 - 24) << 23);
            f32::from_bits(magnitude.to_bits() | sign)
        }
        0x1f => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(values: impl IntoIterator<Item = i16>) -> Vec<u8> {
        values.into_iter().flat_map(i16::to_le_bytes).collect()
    }

    fn values(shape: &[usize], strides: &[usize], offset: usize) -> Result<TypedData, String> {
        let storage = bytes(0..12);
        Ok(View::new(ElementType::I16, &storage, offset, shape.to_vec(), strides)?
            .tensor()
            .data)
    }

    #[test]
    fn views_show_the_right_elements() {
        type Case<'a> = (&'a [usize], &'a [usize], usize, &'a [i16]);
        let cases: [Case<'_>; 8] = [
            (&[], &[], 11, &[11]),
            (&[3, 2], &[2, 1], 0, &[0, 1, 2, 3, 4, 5]),
            (&[3, 2], &[2, 1], 6, &[6, 7, 8, 9, 10, 11]),
            (&[2, 3], &[1, 2], 0, &[0, 2, 4, 1, 3, 5]),
            (&[2, 1, 2], &[6, usize::MAX, 3], 1, &[1, 4, 7, 10]),
            (&[4], &[0], 5, &[5, 5, 5, 5]),
            (&[0, 3], &[3, 1], 99, &[]),
            (&[2, 2, 2], &[1, 1, 1], 0, &[0, 1, 1, 2, 1, 2, 2, 3]),
        ];
        for (shape, strides, offset, expected) in cases {
            let data = values(shape, strides, offset).unwrap();
            assert_eq!(
                data,
                TypedData::I16(expected.to_vec()),
                "{shape:?} {strides:?} {offset}"
            );
        }
    }

    #[test]
    fn views_beyond_the_storage_are_refused() {
        let huge = usize::MAX / 2;
        let cases: [(&[usize], &[usize], usize); 8] = [
            (&[], &[], 12),
            (&[3, 2], &[2, 1], 7),
            (&[2], &[12], 0),
            (&[2], &[usize::MAX], 1),
            (&[huge, huge], &[0, 0], 0),
            (&[0, huge, huge], &[1, 1, 1], 0),
            (&[2], &[], 0),
            (&[3], &[huge], 0),
        ];
        for (shape, strides, offset) in cases {
            assert!(
                values(shape, strides, offset).is_err(),
                "{shape:?} {strides:?} {offset}"
            );
        }
    }

    #[test]
    fn half_precision() {
        // IEEE 754-2019: one, -2, the largest, the smallest normal, the smallest, and the special values.
        let cases = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 2.0_f32.powi(-14)),
            (0x0001, 2.0_f32.powi(-24)),
            (0x83ff, -1023.0 * 2.0_f32.powi(-24)),
            (0x7c00, f32::INFINITY),
            (0x3555, 0.333_251_95),
        ];
        for (bits, expected) in cases {
            assert_eq!(half(bits), expected, "{bits:#06x}");
        }
        assert_eq!(half(0x8000).to_bits(), (-0.0_f32).to_bits());
        assert!(half(0x7e00).is_nan());
    }
}
