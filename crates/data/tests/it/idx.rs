use std::fs;

use panarch_data::DataError;
use panarch_data::{DataRoot, DatasetSource, FolderOptions, idx, open};
use panarch_graph::random;
use rand::RngExt as _;

use crate::idx_files::{gzip, write_idx};

#[test]
fn a_folder_of_idx_files_opens_compressed_or_not() {
    for ending in ["", ".gz"] {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(format!("{name}{ending}"));
        write_idx(
            &file("train-images-idx3-ubyte"),
            &[4, 2, 2],
            &(0..16).collect::<Vec<u8>>(),
        );
        write_idx(&file("train-labels-idx1-ubyte"), &[4], &[0, 1, 2, 0]);
        write_idx(&file("t10k-images-idx3-ubyte"), &[1, 2, 2], &[7; 4]);
        write_idx(&file("t10k-labels-idx1-ubyte"), &[1], &[1]);
        let source = DatasetSource::parse(folder.path().to_str().unwrap()).unwrap();
        let dataset = open(&source, &DataRoot::new("unused"), &FolderOptions::default()).unwrap();
        assert_eq!(dataset.classes().len(), 3);
        assert_eq!((dataset.train_len(), dataset.test_len()), (4, 1));
        assert_eq!(dataset.train_class_counts(), [2, 1, 1]);
        let eight = FolderOptions {
            resolution: Some(8),
            ..FolderOptions::default()
        };
        let larger = open(&source, &DataRoot::new("unused"), &eight).unwrap();
        assert_eq!((larger.shape().height, larger.shape().width), (8, 8));
    }
}

#[test]
fn images_and_labels_must_belong_together() {
    let folder = tempfile::tempdir().unwrap();
    let (images, labels) = (folder.path().join("i.gz"), folder.path().join("l"));
    write_idx(&images, &[2, 2, 2], &[0; 8]);
    write_idx(&labels, &[3], &[0, 1, 2]);
    let error = idx::read_set(&images, &labels, 10).unwrap_err();
    assert!(
        matches!(
            error,
            DataError::CountMismatch {
                labels: 3,
                images: 2,
                ..
            }
        ),
        "{error}"
    );
    write_idx(&labels, &[2], &[0, 9]);
    let error = idx::read_set(&images, &labels, 9).unwrap_err();
    assert!(
        matches!(
            error,
            DataError::Label {
                index: 1,
                label: 9,
                classes: 9,
                ..
            }
        ),
        "{error}"
    );
}

/// A header that states 4 GB in a file of a few bytes is refused from the sizes alone, compressed or not.
#[test]
fn promises_that_the_file_cannot_keep_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = vec![0, 0, 8, 3];
    for dimension in [1_u32 << 26, 7, 9] {
        bytes.extend(dimension.to_be_bytes());
    }
    let file = folder.path().join("huge.gz");
    fs::write(&file, gzip(&bytes)).unwrap();
    let error = idx::read_images(&file).unwrap_err();
    assert!(matches!(error, DataError::Length { .. }), "{error}");
    assert!(error.to_string().contains("huge.gz"));
}

#[test]
fn files_cut_short_anywhere_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = random::stream(3, "cut", 0);
    let values: Vec<u8> = (0..50 * 64).map(|_| rng.random()).collect();
    for name in ["plain", "packed.gz"] {
        let file = folder.path().join(name);
        write_idx(&file, &[50, 8, 8], &values);
        let whole = fs::read(&file).unwrap();
        assert_eq!(idx::read_images(&file).unwrap().values, values);
        for round in 0..50 {
            let cut = if round == 0 {
                0
            } else {
                rng.random_range(0..whole.len())
            };
            fs::write(&file, &whole[..cut]).unwrap();
            let error = idx::read_images(&file)
                .expect_err("a cut file must not be read")
                .to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}

#[test]
fn a_damaged_byte_in_a_compressed_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("damaged.gz");
    write_idx(&file, &[10, 8, 8], &[17; 640]);
    let mut bytes = fs::read(&file).unwrap();
    // The trailer holds the checksum of the content.
    let place = bytes.len() - 6;
    bytes[place] ^= 1;
    fs::write(&file, bytes).unwrap();
    let error = idx::read_images(&file).unwrap_err();
    assert!(matches!(error, DataError::Compression { .. }), "{error}");
}
