//! A position in bytes; nothing is read beyond their end.

/// Reads forward; `None` when fewer bytes are left than asked for, and then the position stays.
#[derive(Clone)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// At `offset`, if the bytes reach that far.
    pub fn starting_at(bytes: &'a [u8], offset: u64) -> Option<Self> {
        let at = usize::try_from(offset).ok().filter(|at| *at <= bytes.len())?;
        Some(Self { bytes, at })
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let length = usize::try_from(length).ok()?;
        let taken = self.rest().get(..length)?;
        self.at += length;
        Some(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = *self.rest().first_chunk()?;
        self.at += N;
        Some(array)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A line of text, without the line feed that ends it.
    pub fn line(&mut self) -> Option<&'a [u8]> {
        let length = self.rest().iter().position(|byte| *byte == b'\n')?;
        let line = self.take(length as u64);
        self.at += 1;
        line
    }
}
