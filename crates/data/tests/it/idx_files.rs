//! Files in the format of MNIST.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

/// An IDX file: magic, big-endian dimensions, values; compressed when the name ends in `.gz`.
pub fn write_idx(file: &Path, dimensions: &[u32], values: &[u8]) {
    let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
    for dimension in dimensions {
        bytes.extend(dimension.to_be_bytes());
    }
    bytes.extend(values);
    fs::write(
        file,
        if file.extension().is_some_and(|e| e == "gz") {
            gzip(&bytes)
        } else {
            bytes
        },
    )
    .unwrap();
}

/// Gzip-compressed bytes.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
