//! A flat buffer read with every offset checked; nothing is copied and nothing trusted.

use super::schema::IDENTIFIER;
use crate::FormatError;

/// A table at a checked place of a file.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    file: &'a [u8],
    start: usize,
    /// The offsets of the fields, by slot, two bytes each.
    fields: &'a [u8],
    /// Bytes of the table itself.
    length: usize,
}

/// A vector at a checked place of a file.
#[derive(Debug, Clone, Copy)]
pub struct Vector<'a> {
    file: &'a [u8],
    start: usize,
    /// The elements.
    data: &'a [u8],
}

fn wrong(offset: usize, reason: &'static str) -> FormatError {
    FormatError::Tflite { offset, reason }
}

fn bytes<const N: usize>(file: &[u8], offset: usize) -> Result<[u8; N], FormatError> {
    file.get(offset..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .ok_or_else(|| wrong(offset, "the file ends here; it was cut short or damaged"))
}

/// The place that an offset at `offset` points to.
fn follow(file: &[u8], offset: usize) -> Result<usize, FormatError> {
    let distance = u32::from_le_bytes(bytes(file, offset)?) as usize;
    offset
        .checked_add(distance)
        .filter(|place| distance != 0 && *place < file.len())
        .ok_or_else(|| wrong(offset, "an offset points out of the file"))
}

impl<'a> Table<'a> {
    /// The root table of a TFLite file.
    pub fn root(file: &'a [u8]) -> Result<Self, FormatError> {
        if bytes::<4>(file, 4)? != IDENTIFIER.as_bytes() {
            return Err(wrong(4, "no identifier `TFL3`; this is not a TFLite file"));
        }
        Self::at(file, follow(file, 0)?)
    }

    fn at(file: &'a [u8], start: usize) -> Result<Self, FormatError> {
        let back = i64::from(i32::from_le_bytes(bytes(file, start)?));
        let list = usize::try_from(start as i64 - back)
            .map_err(|_| wrong(start, "a table's list of fields lies before the file"))?;
        let list_length = usize::from(u16::from_le_bytes(bytes(file, list)?));
        let length = usize::from(u16::from_le_bytes(bytes(file, list + 2)?));
        let fields = file
            .get(list..)
            .and_then(|rest| rest.get(4..list_length))
            .ok_or_else(|| wrong(list, "a table's list of fields does not fit into the file"))?;
        if length < 4 || file.len() - start < length {
            return Err(wrong(start, "a table does not fit into the file"));
        }
        Ok(Self {
            file,
            start,
            fields,
            length,
        })
    }

    /// The value of a slot as bytes; none where the slot is left at its default.
    fn field<const N: usize>(&self, slot: u16) -> Result<Option<(usize, [u8; N])>, FormatError> {
        let entry = self
            .fields
            .get(2 * usize::from(slot)..)
            .and_then(|rest| rest.first_chunk());
        let offset = entry.map_or(0, |entry| usize::from(u16::from_le_bytes(*entry)));
        if offset == 0 {
            return Ok(None);
        }
        if offset < 4 || offset + N > self.length {
            return Err(wrong(self.start, "a field lies outside its table"));
        }
        let place = self.start + offset;
        Ok(Some((place, bytes(self.file, place)?)))
    }

    pub fn u8(&self, slot: u16) -> Result<u8, FormatError> {
        Ok(self.field::<1>(slot)?.map_or(0, |(_, [byte])| byte))
    }

    pub fn i8(&self, slot: u16) -> Result<i8, FormatError> {
        Ok(self.u8(slot)? as i8)
    }

    pub fn i32(&self, slot: u16, default: i32) -> Result<i32, FormatError> {
        Ok(self.field(slot)?.map_or(default, |(_, it)| i32::from_le_bytes(it)))
    }

    pub fn u32(&self, slot: u16, default: u32) -> Result<u32, FormatError> {
        Ok(self.field(slot)?.map_or(default, |(_, it)| u32::from_le_bytes(it)))
    }

    pub fn u64(&self, slot: u16) -> Result<u64, FormatError> {
        Ok(self.field(slot)?.map_or(0, |(_, it)| u64::from_le_bytes(it)))
    }

    pub fn table(&self, slot: u16) -> Result<Option<Self>, FormatError> {
        let Some((place, _)) = self.field::<4>(slot)? else {
            return Ok(None);
        };
        Self::at(self.file, follow(self.file, place)?).map(Some)
    }

    /// The vector in a slot, with elements of this many bytes; an empty one where there is none.
    pub fn vector(&self, slot: u16, element: usize) -> Result<Vector<'a>, FormatError> {
        let Some((place, _)) = self.field::<4>(slot)? else {
            return Ok(Vector {
                file: self.file,
                start: self.start,
                data: &[],
            });
        };
        let start = follow(self.file, place)?;
        let count = u32::from_le_bytes(bytes(self.file, start)?) as usize;
        let data = count
            .checked_mul(element)
            .and_then(|length| self.file.get(start + 4..)?.get(..length))
            .ok_or_else(|| wrong(start, "a vector is longer than the rest of the file"))?;
        Ok(Vector {
            file: self.file,
            start: start + 4,
            data,
        })
    }

    /// The text in a slot; empty where there is none.
    pub fn text(&self, slot: u16) -> Result<&'a str, FormatError> {
        let vector = self.vector(slot, 1)?;
        std::str::from_utf8(vector.data).map_err(|_| wrong(vector.start, "a text is not UTF-8"))
    }

    /// An error about this table.
    pub fn wrong(&self, reason: &'static str) -> FormatError {
        wrong(self.start, reason)
    }
}

impl<'a> Vector<'a> {
    /// The elements' bytes.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The elements, N bytes each.
    pub fn elements<const N: usize>(&self) -> impl ExactSizeIterator<Item = [u8; N]> + use<'a, N> {
        self.data.as_chunks().0.iter().copied()
    }

    /// The tables that the elements point to.
    pub fn tables(&self) -> impl ExactSizeIterator<Item = Result<Table<'a>, FormatError>> + use<'a> {
        let Self { file, start, data } = *self;
        (0..data.len() / 4).map(move |number| Table::at(file, follow(file, start + 4 * number)?))
    }
}
