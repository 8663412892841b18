use super::super::limits;
use crate::FormatError;

/// How much reading one file may still allocate.
///
/// Several nodes may read the same constant and constants may be computed from others, so that the values made can be
/// more than the bytes of the file. What a real model needs is a small multiple: int8 weights become f32, and some are
/// turned round.
#[derive(Debug)]
pub struct Allowance {
    total: u64,
    left: u64,
}

impl Allowance {
    /// For a file of this many bytes.
    pub fn of_file(bytes: usize) -> Self {
        let total = limits::FOREIGN_FLOOR + limits::FOREIGN_FACTOR * bytes as u64;
        Self { total, left: total }
    }

    /// Takes the room for `elements` values of `size` bytes.
    pub fn take(&mut self, elements: usize, size: usize) -> Result<(), FormatError> {
        let wanted = (elements as u64).saturating_mul(size as u64);
        match self.left.checked_sub(wanted) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(FormatError::too_large(
                "bytes of constants computed from the file",
                (self.total - self.left).saturating_add(wanted),
                self.total,
            )),
        }
    }
}
