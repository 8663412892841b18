//! The IDX format of MNIST and its relatives, gzip-compressed or not.
//!
//! Layout: two zero bytes, a type byte (0x08: unsigned bytes), the number of dimensions, each dimension as a
//! big-endian `u32`, then the values. Images are (count, height, width), labels are (count).

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use panarch_format::{FileKind, open_file};
use panarch_graph::Shape;

use super::dataset::ImageSet;
use super::hash::sha256;
use crate::DataError;

const IMAGES_MAGIC: u32 = 0x0000_0803;
const LABELS_MAGIC: u32 = 0x0000_0801;
/// The largest image side accepted.
const SIDE_LIMIT: u64 = 4096;
/// The largest number of items accepted in one file.
const COUNT_LIMIT: u64 = 1 << 26;
/// The largest content accepted of one file, in bytes.
const CONTENT_LIMIT: u64 = 1 << 32;
/// DEFLATE cannot expand a byte to more than this.
const DEFLATE_RATIO: u64 = 1032;

/// The values of one IDX file, after all checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdxFile {
    /// The dimensions: `[count]` or `[count, height, width]`.
    pub dimensions: Vec<u32>,
    /// The values, in row-major order.
    pub values: Vec<u8>,
    /// SHA-256 of the decompressed file, header included, hexadecimal.
    pub sha256: String,
}

/// Reads images and labels and puts them together. `classes` bounds the labels.
///
/// # Errors
/// Any of the file variants of [`DataError`].
pub fn read_set(images: &Path, labels: &Path, classes: usize) -> Result<ImageSet, DataError> {
    read_pair(images, labels, classes).map(|(set, _)| set)
}

/// As [`read_set`], with the two content hashes (images, labels).
pub(super) fn read_pair(images: &Path, labels: &Path, classes: usize) -> Result<(ImageSet, [String; 2]), DataError> {
    let image_file = read_images(images)?;
    let label_file = read_labels(labels)?;
    let [count, height, width] = image_file.dimensions[..] else {
        return Err(DataError::Magic {
            file: images.into(),
            expected: IMAGES_MAGIC,
            found: LABELS_MAGIC,
        });
    };
    if label_file.values.len() as u64 != u64::from(count) {
        return Err(DataError::CountMismatch {
            labels_file: labels.into(),
            labels: label_file.values.len() as u64,
            images_file: images.into(),
            images: u64::from(count),
        });
    }
    if let Some(index) = label_file
        .values
        .iter()
        .position(|&label| usize::from(label) >= classes)
    {
        let label = u32::from(label_file.values[index]);
        return Err(DataError::Label {
            file: labels.into(),
            index,
            label,
            classes,
        });
    }
    let labels = label_file.values.iter().map(|&label| u16::from(label)).collect();
    let set = ImageSet::new(Shape::new(1, height, width), image_file.values, labels)?;
    Ok((set, [image_file.sha256, label_file.sha256]))
}

/// Reads a file of images: magic 0x00000803, dimensions `[count, height, width]`.
///
/// # Errors
/// Any of the file variants of [`DataError`].
pub fn read_images(file: &Path) -> Result<IdxFile, DataError> {
    read(file, IMAGES_MAGIC)
}

/// Reads a file of labels: magic 0x00000801, dimension `[count]`.
///
/// # Errors
/// Any of the file variants of [`DataError`].
pub fn read_labels(file: &Path) -> Result<IdxFile, DataError> {
    read(file, LABELS_MAGIC)
}

/// The existing one of `folder/name.gz` and `folder/name`.
pub(super) fn locate(folder: &Path, name: &str) -> Option<PathBuf> {
    [folder.join(format!("{name}.gz")), folder.join(name)]
        .into_iter()
        .find(|path| path.is_file())
}

fn read(path: &Path, magic: u32) -> Result<IdxFile, DataError> {
    let mut file = open_file(path, FileKind::new("IDX file", CONTENT_LIMIT))?;
    let on_disk = file.metadata().map_err(DataError::io(path, "inspect"))?.len();
    let mut head = [0; 2];
    let begun = read_up_to(&mut file, &mut head).map_err(DataError::io(path, "read"))?;
    let start = io::Cursor::new(head).take(begun as u64);
    if head == [0x1f, 0x8b] {
        let decoder = flate2::read::GzDecoder::new(io::BufReader::with_capacity(1 << 16, start.chain(file)));
        let limit = on_disk.saturating_mul(DEFLATE_RATIO);
        parse(path, decoder, magic, limit).map_err(|error| match error {
            DataError::Io { path: file, source, .. } => DataError::Compression { file, source },
            other => other,
        })
    } else {
        parse(path, start.chain(file), magic, on_disk)
    }
}

/// Parses one IDX stream that cannot hold more than `most_bytes`.
fn parse(path: &Path, mut source: impl Read, magic: u32, most_bytes: u64) -> Result<IdxFile, DataError> {
    let short = |found_bytes: u64, expected_bytes: u64| DataError::Length {
        file: path.into(),
        expected_bytes,
        found_bytes,
        more: false,
    };
    let dimension_count = (magic & 0xff) as usize;
    let header_bytes = 4 + 4 * dimension_count;
    let mut content = vec![0; header_bytes];
    let got = read_up_to(&mut source, &mut content).map_err(DataError::io(path, "read"))?;
    let number = |at: usize| {
        content
            .get(at..at + 4)
            .and_then(|b| b.try_into().ok())
            .map_or(0, u32::from_be_bytes)
    };
    if got >= 4 && number(0) != magic {
        return Err(DataError::Magic {
            file: path.into(),
            expected: magic,
            found: number(0),
        });
    }
    if got < header_bytes {
        return Err(short(got as u64, header_bytes as u64));
    }
    let dimensions: Vec<u32> = (0..dimension_count).map(|index| number(4 + 4 * index)).collect();
    let mut expected = header_bytes as u64;
    let mut values = 1_u64;
    for (&dimension, (what, limit)) in
        dimensions
            .iter()
            .zip([("count", COUNT_LIMIT), ("height", SIDE_LIMIT), ("width", SIDE_LIMIT)])
    {
        if dimension == 0 || u64::from(dimension) > limit {
            return Err(DataError::Dimension {
                file: path.into(),
                what,
                value: dimension.into(),
                limit,
            });
        }
        values = values.saturating_mul(dimension.into());
    }
    expected = expected.saturating_add(values);
    if expected > CONTENT_LIMIT {
        return Err(DataError::Dimension {
            file: path.into(),
            what: "bytes",
            value: expected,
            limit: CONTENT_LIMIT,
        });
    }
    if expected > most_bytes {
        return Err(DataError::Length {
            file: path.into(),
            expected_bytes: expected,
            found_bytes: most_bytes,
            more: false,
        });
    }
    // One byte beyond the end is asked for, to notice a file that goes on (and, in gzip, to check its trailer).
    content.reserve_exact(values as usize + 1);
    (&mut source)
        .take(values + 1)
        .read_to_end(&mut content)
        .map_err(DataError::io(path, "read"))?;
    if content.len() as u64 != expected {
        let more = content.len() as u64 > expected;
        return Err(DataError::Length {
            file: path.into(),
            expected_bytes: expected,
            found_bytes: content.len() as u64,
            more,
        });
    }
    let sha256 = sha256(&content);
    content.drain(..header_bytes);
    Ok(IdxFile {
        dimensions,
        values: content,
        sha256,
    })
}

/// Reads until the buffer is full or the source ends; the number of bytes read.
fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(count: u32, height: u32, width: u32, values: usize) -> Vec<u8> {
        let mut bytes = IMAGES_MAGIC.to_be_bytes().to_vec();
        for number in [count, height, width] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend((0..values).map(|value| value as u8));
        bytes
    }

    fn parse_bytes(bytes: &[u8]) -> Result<IdxFile, DataError> {
        parse(Path::new("x"), bytes, IMAGES_MAGIC, bytes.len() as u64)
    }

    #[test]
    fn a_well_formed_file_is_read() {
        let found = parse_bytes(&images(2, 2, 3, 12)).unwrap();
        assert_eq!(found.dimensions, [2, 2, 3]);
        assert_eq!(found.values, (0..12).collect::<Vec<u8>>());
    }

    #[test]
    fn ill_formed_files_are_named() {
        let cases: [(Vec<u8>, &str); 7] = [
            (vec![], "0 bytes"),
            (images(2, 2, 3, 11), "its format demands 28"),
            (images(2, 2, 3, 13), "29 bytes or more"),
            (images(0, 2, 3, 0), "count = 0"),
            (images(2, 5000, 3, 12), "height = 5000"),
            (images(u32::MAX, 28, 28, 4), "count = 4294967295"),
            ([8, 1, 0, 0, 0, 0, 0, 0].to_vec(), "magic number 0x08010000"),
        ];
        for (bytes, expected) in cases {
            let error = parse_bytes(&bytes).unwrap_err().to_string();
            assert!(
                error.starts_with("x: ") && error.contains(expected),
                "{error} lacks {expected}"
            );
        }
    }

    #[test]
    fn a_header_that_promises_more_than_the_file_can_hold_does_not_allocate() {
        // 2^26 images of 60 pixels each would be 4 GB; the file has 20 bytes.
        let error = parse_bytes(&images(1 << 26, 6, 10, 4)).unwrap_err();
        assert!(matches!(error, DataError::Length { found_bytes: 20, .. }), "{error}");
    }
}
