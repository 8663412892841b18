//! The records at the end of a zip archive, which say where its directory is: the one of 32 bits, and before it the one
//! of 64 bits, which PyTorch always writes.

use super::cursor::Cursor;
use super::zip::damaged;
use crate::FormatError;

const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const END_64_LOCATOR: [u8; 4] = *b"PK\x06\x07";

/// Bytes of the end record without its comment.
const END_BYTES: usize = 22;
/// Bytes of the record before it that says where the 64-bit end record is.
const LOCATOR_BYTES: usize = 20;

/// What the end of the file says about the central directory.
pub struct Extent {
    pub entries: u64,
    pub bytes: u64,
    pub offset: u64,
}

/// Finds the end records; also says where they begin.
pub fn extent(bytes: &[u8]) -> Result<(Extent, usize), FormatError> {
    let last = bytes.len().checked_sub(END_BYTES);
    let last = last.ok_or_else(|| damaged("it ends too early"))?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    // The comment behind the record reaches to the end of the file.
    let is_end = |at: &usize| {
        let record = bytes.get(*at..).unwrap_or_default();
        let comment = record.get(END_BYTES - 2..).and_then(|rest| Cursor::new(rest).u16());
        record.starts_with(&END) && comment.is_some_and(|comment| *at + usize::from(comment) == last)
    };
    let Some(at) = (first..=last).rev().find(is_end) else {
        return Err(damaged("it has no directory at its end: it was cut short"));
    };
    let malformed = || damaged("the record at its end is malformed");
    let mut cursor = Cursor::starting_at(bytes, at as u64).ok_or_else(malformed)?;
    let mut narrow = || {
        let _signature = cursor.u32()?;
        let disks = (cursor.u16()?, cursor.u16()?);
        let (here, entries) = (cursor.u16()?, cursor.u16()?);
        let (bytes, offset) = (cursor.u32()?, cursor.u32()?);
        (disks == (0, 0) && here == entries).then_some((entries, bytes, offset))
    };
    let (entries, size, offset) = narrow().ok_or_else(malformed)?;
    let locator = at.checked_sub(LOCATOR_BYTES).and_then(|at| bytes.get(at..));
    let Some(locator) = locator.filter(|locator| locator.starts_with(&END_64_LOCATOR)) else {
        let extent = Extent {
            entries: entries.into(),
            bytes: size.into(),
            offset: offset.into(),
        };
        return Ok((extent, at));
    };
    let (wide, end) = extent_64(bytes, locator).ok_or_else(malformed)?;
    let agrees = (entries == u16::MAX || u64::from(entries) == wide.entries)
        && (size == u32::MAX || u64::from(size) == wide.bytes)
        && (offset == u32::MAX || u64::from(offset) == wide.offset);
    if !agrees {
        return Err(damaged("the two records at its end differ"));
    }
    Ok((wide, end))
}

fn extent_64(bytes: &[u8], locator: &[u8]) -> Option<(Extent, usize)> {
    let mut locator = Cursor::new(locator);
    let (_signature, disk, at, disks) = (locator.u32()?, locator.u32()?, locator.u64()?, locator.u32()?);
    let mut cursor = Cursor::starting_at(bytes, at)?;
    let start = cursor.at();
    let signature: [u8; 4] = cursor.array()?;
    let _length = cursor.u64()?;
    let _versions = cursor.u32()?;
    let record_disks = (cursor.u32()?, cursor.u32()?);
    let (here, entries) = (cursor.u64()?, cursor.u64()?);
    let (bytes, offset) = (cursor.u64()?, cursor.u64()?);
    let sound = signature == END_64 && disk == 0 && disks <= 1 && record_disks == (0, 0) && here == entries;
    let extent = Extent { entries, bytes, offset };
    sound.then_some((extent, start))
}
