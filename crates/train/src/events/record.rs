//! TensorFlow's files of records: length (u64), its checksum, the bytes, their checksum; all little-endian.

use std::io::{self, Read, Write};

use super::crc32c::masked;

/// Lengths and checksums of a record.
const FRAME: u64 = 16;

/// Writes a record, in one piece where the writer has room for it.
pub(super) fn write(writer: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = (bytes.len() as u64).to_le_bytes();
    writer.write_all(&length)?;
    writer.write_all(&masked(&length).to_le_bytes())?;
    writer.write_all(bytes)?;
    writer.write_all(&masked(bytes).to_le_bytes())
}

/// How many of `total` bytes are whole records, from the beginning.
pub(super) fn intact(reader: &mut impl Read, total: u64) -> io::Result<u64> {
    let (mut done, mut bytes) = (0, Vec::new());
    loop {
        let left = total - done;
        if left < FRAME {
            return Ok(done);
        }
        let (mut length, mut checksum) = ([0; 8], [0; 4]);
        reader.read_exact(&mut length)?;
        reader.read_exact(&mut checksum)?;
        let size = u64::from_le_bytes(length);
        // Checked before anything is allocated.
        if u32::from_le_bytes(checksum) != masked(&length) || size > left - FRAME {
            return Ok(done);
        }
        bytes.resize(size as usize, 0);
        reader.read_exact(&mut bytes)?;
        reader.read_exact(&mut checksum)?;
        if u32::from_le_bytes(checksum) != masked(&bytes) {
            return Ok(done);
        }
        done += FRAME + size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_records_are_told_from_torn_and_damaged_ones() {
        let mut file = Vec::new();
        let mut ends = vec![0];
        for record in [&b"one"[..], b"", b"three three"] {
            write(&mut file, record).unwrap();
            ends.push(file.len() as u64);
        }
        let found = |bytes: &[u8]| intact(&mut &*bytes, bytes.len() as u64).unwrap();
        for length in 0..=file.len() {
            let expected = ends.iter().rfind(|end| **end <= length as u64);
            assert_eq!(Some(&found(&file[..length])), expected, "{length} bytes");
        }
        for place in 0..file.len() {
            let mut damaged = file.clone();
            damaged[place] ^= 0x40;
            let expected = ends.iter().rfind(|end| **end <= place as u64);
            assert_eq!(Some(&found(&damaged)), expected, "damaged at {place}");
        }
    }
}
