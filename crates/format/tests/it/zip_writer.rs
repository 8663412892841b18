//! Writes zip archives whose entries are stored, with numbers that can be made to lie.

/// An entry of an archive; the numbers in its headers can be made to lie.
#[derive(Clone)]
pub struct Entry {
    pub name: String,
    pub content: Vec<u8>,
    pub sum: u32,
    pub method: u16,
    pub flags: u16,
    pub size: u32,
    /// Overrides the place of the local header.
    pub offset: Option<u32>,
    /// Extra field of the directory.
    pub extra: Vec<u8>,
}

impl Entry {
    pub fn new(name: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        let content = content.into();
        Self {
            name: name.into(),
            sum: crc32fast::hash(&content),
            method: 0,
            // Sizes and sum stand behind the content, and the name is UTF-8: as PyTorch writes.
            flags: 0x0808,
            size: content.len() as u32,
            content,
            offset: None,
            extra: Vec::new(),
        }
    }
}

/// An archive, with the 64-bit end record that PyTorch always writes, or without.
pub fn zip(entries: &[Entry], wide: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let offset = entry.offset.unwrap_or(bytes.len() as u32);
        let padding = b"FB\x03\x00ZZZ";
        bytes.extend(b"PK\x03\x04\0\0");
        bytes.extend(entry.flags.to_le_bytes());
        bytes.extend(entry.method.to_le_bytes());
        bytes.extend([0; 16]);
        bytes.extend((entry.name.len() as u16).to_le_bytes());
        bytes.extend((padding.len() as u16).to_le_bytes());
        bytes.extend(entry.name.as_bytes());
        bytes.extend(padding);
        bytes.extend(&entry.content);
        bytes.extend(b"PK\x07\x08");
        let numbers = [entry.sum, entry.size, entry.size].map(u32::to_le_bytes).concat();
        bytes.extend(&numbers);
        directory.extend(b"PK\x01\x02\0\0\0\0");
        directory.extend(entry.flags.to_le_bytes());
        directory.extend(entry.method.to_le_bytes());
        directory.extend([0; 4]);
        directory.extend(&numbers);
        directory.extend((entry.name.len() as u16).to_le_bytes());
        directory.extend((entry.extra.len() as u16).to_le_bytes());
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(entry.name.as_bytes());
        directory.extend(&entry.extra);
    }
    let (count, size, offset) = (entries.len() as u64, directory.len() as u64, bytes.len() as u64);
    bytes.extend(directory);
    if wide {
        let record = bytes.len() as u64;
        bytes.extend(b"PK\x06\x06");
        bytes.extend(44_u64.to_le_bytes());
        bytes.extend([0; 12]);
        bytes.extend([count, count, size, offset].map(u64::to_le_bytes).concat());
        bytes.extend(b"PK\x06\x07\0\0\0\0");
        bytes.extend(record.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
    }
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count as u16, count as u16].map(u16::to_le_bytes).concat());
    bytes.extend([size as u32, offset as u32].map(u32::to_le_bytes).concat());
    bytes.extend([0; 2]);
    bytes
}
