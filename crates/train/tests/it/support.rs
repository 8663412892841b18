//! Synthetic datasets on disk and in memory.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use panarch_graph::{Shape, random};
use panarch_train::data::{Dataset, ImageSet};
use rand::RngExt as _;

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

/// Images of `classes` classes that a small network can tell apart: a bright square whose place is the class, in noise.
pub fn squares(train: usize, test: usize, side: u32, classes: u16) -> Dataset {
    let set = |count: usize, index: u64| {
        let mut rng = random::stream(5, "squares", index);
        let labels: Vec<u16> = (0..count).map(|i| (i % usize::from(classes)) as u16).collect();
        let mut pixels = Vec::new();
        for &label in &labels {
            let across = side / 2;
            let (top, left) = (u32::from(label) / 2 % 2 * across, u32::from(label) % 2 * across);
            for y in 0..side {
                for x in 0..side {
                    let inside = (top..top + across).contains(&y) && (left..left + across).contains(&x);
                    pixels.push(rng.random_range(0..90_u8) + if inside { 90 } else { 0 });
                }
            }
        }
        ImageSet::new(Shape::new(1, side, side), pixels, labels).unwrap()
    };
    let names = (0..classes).map(|class| format!("square {class}")).collect();
    Dataset::new("squares", names, set(train, 0), None, set(test, 1)).unwrap()
}
