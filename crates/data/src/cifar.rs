//! The binary version of CIFAR-10 and CIFAR-100.
//!
//! A record is one label byte (CIFAR-100: coarse, then fine) and 3,072 bytes: the red, green and blue planes of a
//! 32 × 32 image, each row by row. Source: the description on the dataset's own page.

use std::path::Path;

use panarch_format::{FileKind, read_text};
use panarch_graph::Shape;

use super::dataset::{Dataset, ImageSet};
use crate::{DataError, KnownDataset};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const IMAGE_BYTES: usize = 3 * PLANE;
/// The largest file accepted, in bytes; the real ones have at most 154 MB.
const FILE_LIMIT: u64 = 1 << 30;

/// CIFAR-10.
pub const TEN: KnownDataset = KnownDataset {
    name: Cifar::Ten.name(),
    is_in: |folder| Cifar::Ten.is_in(folder),
    read: |folder| read(folder, Cifar::Ten),
    fetch: None,
    files: FILES,
};
/// CIFAR-100.
pub const HUNDRED: KnownDataset = KnownDataset {
    name: Cifar::Hundred.name(),
    is_in: |folder| Cifar::Hundred.is_in(folder),
    read: |folder| read(folder, Cifar::Hundred),
    fetch: None,
    files: FILES,
};
const FILES: &str = "its binary files (*.bin)";

/// Which of the two datasets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cifar {
    /// Ten classes, files `data_batch_1.bin` … `data_batch_5.bin` and `test_batch.bin`.
    Ten,
    /// A hundred (fine) classes, files `train.bin` and `test.bin`.
    Hundred,
}

impl Cifar {
    fn train_files(self) -> &'static [&'static str] {
        match self {
            Self::Ten => &[
                "data_batch_1.bin",
                "data_batch_2.bin",
                "data_batch_3.bin",
                "data_batch_4.bin",
                "data_batch_5.bin",
            ],
            Self::Hundred => &["train.bin"],
        }
    }

    fn test_file(self) -> &'static str {
        match self {
            Self::Ten => "test_batch.bin",
            Self::Hundred => "test.bin",
        }
    }

    fn names_file(self) -> &'static str {
        match self {
            Self::Ten => "batches.meta.txt",
            Self::Hundred => "fine_label_names.txt",
        }
    }

    fn label_bytes(self) -> usize {
        match self {
            Self::Ten => 1,
            Self::Hundred => 2,
        }
    }

    fn classes(self) -> usize {
        match self {
            Self::Ten => 10,
            Self::Hundred => 100,
        }
    }

    /// The dataset's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ten => "cifar-10",
            Self::Hundred => "cifar-100",
        }
    }

    /// Whether a folder looks like this dataset.
    pub(super) fn is_in(self, folder: &Path) -> bool {
        folder.join(self.test_file()).is_file() && folder.join(self.train_files()[0]).is_file()
    }
}

/// Reads a folder of CIFAR binaries. Training files may be fewer than published (but at least the first), so that
/// a part of the dataset can be used.
///
/// # Errors
/// Any of the file variants of [`DataError`].
pub fn read(folder: &Path, which: Cifar) -> Result<Dataset, DataError> {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for (index, name) in which.train_files().iter().enumerate() {
        let file = folder.join(name);
        if index == 0 || file.is_file() {
            read_file(&file, which, &mut pixels, &mut labels)?;
        }
    }
    let shape = Shape::new(3, SIDE as u32, SIDE as u32);
    let train = ImageSet::new(shape, pixels, labels)?;
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    read_file(&folder.join(which.test_file()), which, &mut pixels, &mut labels)?;
    let test = ImageSet::new(shape, pixels, labels)?;
    Dataset::new(which.name(), class_names(folder, which)?, train, None, test)
}

fn read_file(file: &Path, which: Cifar, pixels: &mut Vec<u8>, labels: &mut Vec<u16>) -> Result<(), DataError> {
    let record = which.label_bytes() + IMAGE_BYTES;
    let bytes = panarch_format::read_file(file, FileKind::new("CIFAR file", FILE_LIMIT))?;
    if bytes.is_empty() || bytes.len() % record != 0 {
        return Err(DataError::Length {
            file: file.into(),
            expected_bytes: (bytes.len().div_ceil(record).max(1) * record) as u64,
            found_bytes: bytes.len() as u64,
            more: false,
        });
    }
    pixels.reserve(bytes.len() / record * IMAGE_BYTES);
    for (index, record) in bytes.chunks_exact(record).enumerate() {
        let (label, planes) = record.split_at(which.label_bytes());
        let label = u16::from(label.last().copied().unwrap_or(u8::MAX));
        if usize::from(label) >= which.classes() {
            let (label, classes) = (u32::from(label), which.classes());
            return Err(DataError::Label {
                file: file.into(),
                index,
                label,
                classes,
            });
        }
        labels.push(label);
        let (red, rest) = planes.split_at(PLANE);
        let (green, blue) = rest.split_at(PLANE);
        for ((&red, &green), &blue) in red.iter().zip(green).zip(blue) {
            pixels.extend([red, green, blue]);
        }
    }
    Ok(())
}

/// The names from the dataset's own list where it lies beside the binaries, else the class numbers.
fn class_names(folder: &Path, which: Cifar) -> Result<Vec<String>, DataError> {
    let file = folder.join(which.names_file());
    if !file.is_file() {
        return Ok((0..which.classes()).map(|class| format!("class {class}")).collect());
    }
    let text = read_text(&file, FileKind::TEXT)?;
    let names: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    if names.len() != which.classes() {
        let reason = format!(
            "{} lists {} classes, expected {}",
            which.names_file(),
            names.len(),
            which.classes()
        );
        return Err(DataError::Layout {
            folder: folder.into(),
            reason,
        });
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn record(which: Cifar, label: u8) -> Vec<u8> {
        let mut bytes = vec![0; which.label_bytes() - 1];
        bytes.push(label);
        for plane in [10_u8, 20, 30] {
            bytes.extend(vec![plane + label; PLANE]);
        }
        bytes
    }

    #[test]
    fn both_datasets_are_read_as_interleaved_channels() {
        for which in [Cifar::Ten, Cifar::Hundred] {
            let folder = tempfile::tempdir().unwrap();
            let train = [record(which, 1), record(which, 3)].concat();
            fs::write(folder.path().join(which.train_files()[0]), train).unwrap();
            fs::write(folder.path().join(which.test_file()), record(which, 2)).unwrap();
            assert!(which.is_in(folder.path()));
            let dataset = read(folder.path(), which).unwrap();
            assert_eq!((dataset.train_len(), dataset.test_len()), (2, 1));
            assert_eq!(dataset.classes().len(), which.classes());
            let test = dataset.test_split();
            let (image, label) = test.images().get(0).unwrap();
            assert_eq!((&image[..4], label), (&[12, 22, 32, 12][..], 2));
        }
    }

    #[test]
    fn damaged_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data_batch_1.bin");
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        fs::write(&file, vec![0; 3072]).unwrap();
        let error = read_file(&file, Cifar::Ten, &mut pixels, &mut labels).unwrap_err();
        assert!(
            matches!(
                error,
                DataError::Length {
                    expected_bytes: 3073,
                    found_bytes: 3072,
                    ..
                }
            ),
            "{error}"
        );
        fs::write(&file, record(Cifar::Ten, 10)).unwrap();
        let error = read_file(&file, Cifar::Ten, &mut pixels, &mut labels).unwrap_err();
        assert!(
            matches!(
                error,
                DataError::Label {
                    label: 10,
                    classes: 10,
                    ..
                }
            ),
            "{error}"
        );
        fs::write(&file, []).unwrap();
        assert!(read_file(&file, Cifar::Ten, &mut pixels, &mut labels).is_err());
    }
}
