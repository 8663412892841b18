//! The directory of a zip archive whose entries are stored as they are.
//!
//! PKWARE's APPNOTE 6.3, sections 4.3 to 4.5: the central directory, and the local header before each entry; the end
//! records that say where the directory is are in [`super::zip_end`]. Everything else that a zip archive can be (compressed, encrypted, in several parts) is refused.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::ops::Range;

use super::cursor::Cursor;
use super::readable;
use super::zip_end::extent;
use crate::FormatError;

const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";

/// Flags of encrypted entries and of patches.
const REFUSED_FLAGS: u16 = 0x2061;
/// The flag of entries whose local header lacks sizes and sum, because they were not known yet.
const SIZES_LATER: u16 = 0x0008;
/// The extra field with 64-bit sizes.
const EXTRA_64: u16 = 0x0001;

/// The entries of an archive by name.
pub struct Archive<'a> {
    bytes: &'a [u8],
    entries: BTreeMap<&'a [u8], Entry>,
}

struct Entry {
    content: Range<usize>,
    sum: u32,
}

impl<'a> Archive<'a> {
    /// Reads the directory and the header of every entry.
    pub fn read(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let (extent, end) = extent(bytes)?;
        let stop = extent
            .offset
            .checked_add(extent.bytes)
            .filter(|stop| *stop <= end as u64);
        let begin = usize::try_from(extent.offset).ok();
        let stop = stop.and_then(|stop| usize::try_from(stop).ok());
        let range = begin.zip(stop).and_then(|(begin, stop)| bytes.get(begin..stop));
        let Some(directory) = range else {
            return Err(damaged("its directory lies outside the file"));
        };
        let mut archive = Self {
            bytes,
            entries: BTreeMap::new(),
        };
        let mut extents = Vec::new();
        let mut cursor = Cursor::new(directory);
        for _ in 0..extent.entries {
            let whole = archive.entry(&mut cursor)?;
            if whole.end as u64 > extent.offset {
                return Err(damaged("an entry reaches into its directory"));
            }
            extents.push(whole);
        }
        if !cursor.rest().is_empty() {
            return Err(damaged("its directory is longer than its entries"));
        }
        extents.sort_by_key(|whole| whole.start);
        let mut pairs = extents.iter().zip(extents.iter().skip(1));
        if pairs.any(|(this, next)| this.end > next.start) {
            return Err(damaged("two entries share bytes"));
        }
        Ok(archive)
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'a [u8]> {
        self.entries.keys().copied()
    }

    /// The content of an entry, after its CRC-32 was checked; `None` when there is no such entry.
    pub fn content(&self, name: &[u8]) -> Result<Option<&'a [u8]>, FormatError> {
        let Some(entry) = self.entries.get(name) else {
            return Ok(None);
        };
        let content = self.bytes.get(entry.content.clone()).unwrap_or_default();
        let sum = crc32fast::hash(content);
        if sum != entry.sum {
            let reason = format!(
                "zip entry `{}` is damaged: its CRC-32 is {sum:08x}, recorded is {:08x}",
                readable(name),
                entry.sum
            );
            return Err(FormatError::torch(reason));
        }
        Ok(Some(content))
    }

    /// Reads one entry of the directory and its local header; the range is that of header and content.
    fn entry(&mut self, directory: &mut Cursor<'a>) -> Result<Range<usize>, FormatError> {
        let central = Central::read(directory).ok_or_else(|| damaged("its directory is cut short or malformed"))?;
        let name = central.name;
        let wrong = |reason: &str| FormatError::torch(format!("zip entry `{}`: {reason}", readable(name)));
        if central.flags & REFUSED_FLAGS != 0 {
            return Err(wrong("is encrypted or patched"));
        }
        if central.method != 0 {
            return Err(wrong(&format!(
                "is compressed (method {}); PyTorch stores its entries as they are, so the file was packed anew",
                central.method
            )));
        }
        if central.packed != central.size {
            return Err(wrong("is stored, yet has two sizes"));
        }
        let start = usize::try_from(central.offset).map_err(|_| wrong("lies outside the file"))?;
        let content = central.local(self.bytes).map_err(wrong)?;
        let whole = start..content.end;
        let entry = Entry {
            content,
            sum: central.sum,
        };
        match self.entries.entry(name) {
            btree_map::Entry::Occupied(_) => Err(wrong("occurs twice")),
            btree_map::Entry::Vacant(vacant) => {
                vacant.insert(entry);
                Ok(whole)
            }
        }
    }
}

/// An entry of the central directory.
struct Central<'a> {
    flags: u16,
    method: u16,
    sum: u32,
    packed: u64,
    size: u64,
    offset: u64,
    name: &'a [u8],
}

impl<'a> Central<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        if cursor.array()? != CENTRAL {
            return None;
        }
        let _versions = cursor.u32()?;
        let (flags, method) = (cursor.u16()?, cursor.u16()?);
        let _time = cursor.u32()?;
        let sum = cursor.u32()?;
        let (packed, size) = (cursor.u32()?, cursor.u32()?);
        let (name, extra, comment) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
        let disk = cursor.u16()?;
        let _attributes = cursor.array::<6>()?;
        let offset = cursor.u32()?;
        let name = cursor.take(name.into())?;
        let mut wide = wide_fields(cursor.take(extra.into())?);
        cursor.take(comment.into())?;
        // In this order, and only those that do not fit their 32 bits.
        let size = widen(size, &mut wide)?;
        let packed = widen(packed, &mut wide)?;
        let offset = widen(offset, &mut wide)?;
        (disk == 0).then_some(Self {
            flags,
            method,
            sum,
            packed,
            size,
            offset,
            name,
        })
    }

    /// Where the content is, by the header before it, which must agree.
    fn local(&self, bytes: &[u8]) -> Result<Range<usize>, &'static str> {
        const OUTSIDE: &str = "lies outside the file";
        const DIFFERS: &str = "has a local header that differs from the directory";
        let mut cursor = Cursor::starting_at(bytes, self.offset).ok_or(OUTSIDE)?;
        let mut header = || {
            let signature = cursor.array()?;
            let _version = cursor.u16()?;
            let (flags, method) = (cursor.u16()?, cursor.u16()?);
            let _time = cursor.u32()?;
            let (sum, packed, size) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
            let (name, extra) = (cursor.u16()?, cursor.u16()?);
            let name = cursor.take(name.into())?;
            cursor.take(extra.into())?;
            let start = cursor.at();
            cursor.take(self.size)?;
            Some((signature, flags, method, sum, packed, size, name, start..cursor.at()))
        };
        let (signature, flags, method, sum, packed, size, name, content) = header().ok_or(OUTSIDE)?;
        let later = flags & SIZES_LATER != 0;
        let agrees = |local: u32| u64::from(local) == self.size || local == u32::MAX || later && local == 0;
        if signature != LOCAL || method != self.method || flags != self.flags || name != self.name {
            return Err(DIFFERS);
        }
        if !agrees(packed) || !agrees(size) || !(sum == self.sum || later && sum == 0) {
            return Err(DIFFERS);
        }
        Ok(content)
    }
}

/// The 64-bit numbers among the extra fields of an entry.
fn wide_fields(extra: &[u8]) -> Cursor<'_> {
    let mut cursor = Cursor::new(extra);
    let mut next = || {
        let (kind, length) = (cursor.u16()?, cursor.u16()?);
        Some((kind, cursor.take(length.into())?))
    };
    while let Some((kind, field)) = next() {
        if kind == EXTRA_64 {
            return Cursor::new(field);
        }
    }
    Cursor::new(&[])
}

fn widen(narrow: u32, wide: &mut Cursor<'_>) -> Option<u64> {
    if narrow == u32::MAX {
        wide.u64()
    } else {
        Some(narrow.into())
    }
}

/// An error that the archive as a whole is damaged.
pub fn damaged(reason: &str) -> FormatError {
    FormatError::torch(format!("the zip archive is damaged: {reason}"))
}
