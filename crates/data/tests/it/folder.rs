use std::fs;
use std::path::Path;

use image::{GrayImage, Luma, Rgb, RgbImage};
use panarch_data::DataError;
use panarch_data::image_folder::{FolderOptions, read};
use panarch_data::{DataRoot, DatasetSource, EvaluationTransform, HeldOut, check, open};
use panarch_graph::Shape;

fn rgb(file: &Path, width: u32, height: u32, colour: [u8; 3]) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    RgbImage::from_pixel(width, height, Rgb(colour)).save(file).unwrap();
}

fn options(resolution: u32) -> FolderOptions {
    FolderOptions {
        resolution: Some(resolution),
        ..FolderOptions::default()
    }
}

/// `count` pictures of each of two classes below `folder`.
fn two_classes(folder: &Path, count: u8) {
    for index in 0..count {
        rgb(&folder.join(format!("b-dogs/{index}.png")), 20, 30, [200, 0, index]);
        rgb(&folder.join(format!("a-cats/{index}.jpeg")), 30, 20, [0, 200, index]);
    }
}

#[test]
fn the_layout_decides_what_is_test() {
    // (folders, training images, test images, validation images when a quarter is held out)
    type Folders = [(&'static str, u8)];
    let cases: [(&Folders, usize, usize, usize); 5] = [
        (&[("train", 8), ("test", 3)], 16, 6, 4),
        (&[("train", 8), ("val", 3)], 16, 6, 4),
        (&[("train", 8), ("val", 2), ("test", 3)], 16, 6, 4),
        (&[("train", 10)], 16, 4, 4),
        (&[("", 10)], 16, 4, 4),
    ];
    for (folders, train, test, validation) in cases {
        let root = tempfile::tempdir().unwrap();
        for (folder, count) in folders {
            two_classes(&root.path().join(folder), *count);
        }
        let dataset = read(root.path(), &options(16)).unwrap();
        assert_eq!(dataset.classes(), ["a-cats", "b-dogs"]);
        assert_eq!((dataset.train_len(), dataset.test_len()), (train, test), "{folders:?}");
        let splits = dataset.hold_out(HeldOut::Fraction(0.25), 1).unwrap();
        assert_eq!(splits.validation.len(), validation, "{folders:?}");
        let (image, label) = splits.validation.get(0).unwrap();
        assert_eq!((image.len(), label), (16 * 16 * 3, 0));
        assert!(image[1] > 150 && image[0] < 50, "the first class is green");
    }
}

#[test]
fn grey_pictures_have_one_channel_and_colour_among_them_makes_three() {
    let root = tempfile::tempdir().unwrap();
    for class in ["x", "y"] {
        fs::create_dir_all(root.path().join(class)).unwrap();
        for index in 0..5 {
            let file = root.path().join(class).join(format!("{index}.png"));
            GrayImage::from_pixel(8, 8, Luma([60])).save(file).unwrap();
        }
    }
    assert_eq!(read(root.path(), &options(8)).unwrap().shape().channels, 1);
    rgb(&root.path().join("y/z.PNG"), 8, 8, [1, 2, 3]);
    let dataset = read(root.path(), &options(8)).unwrap();
    assert_eq!(dataset.shape().channels, 3);
    let found = check(&dataset);
    assert_eq!(found.train_images + found.test_images, 11);
    assert_eq!(found.normalisation.mean.len(), 3);
}

#[test]
fn a_picture_is_scaled_by_its_shorter_side_and_cropped_in_the_middle() {
    let root = tempfile::tempdir().unwrap();
    let wide = RgbImage::from_fn(60, 20, |x, _| {
        if (20..40).contains(&x) {
            Rgb([255; 3])
        } else {
            Rgb([0; 3])
        }
    });
    let train = root.path().join("train");
    for class in ["p", "q"] {
        fs::create_dir_all(train.join(class)).unwrap();
        for index in 0..3 {
            wide.save(train.join(class).join(format!("{index}.png"))).unwrap();
        }
    }
    let dataset = read(root.path(), &options(10)).unwrap();
    assert_eq!(dataset.normalisation().mean, [1.0; 3], "only the white middle is left");
}

#[test]
fn what_is_wrong_with_a_folder_is_said() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path();
    let told = |expected: &str| {
        let error = read(path, &options(8)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} lacks {expected}");
    };
    told("at least two classes");
    two_classes(&path.join("train"), 3);
    fs::create_dir_all(path.join("train/c-empty")).unwrap();
    told("c-empty: holds no picture");
    fs::remove_dir(path.join("train/c-empty")).unwrap();
    rgb(&path.join("test/a-cats/1.png"), 8, 8, [0; 3]);
    rgb(&path.join("test/e/1.png"), 8, 8, [0; 3]);
    told("has the classes e that train/ has not and lacks the classes b-dogs of train/");
    fs::remove_dir_all(path.join("test")).unwrap();
    let broken = path.join("train/a-cats/1.jpeg");
    let whole = fs::read(path.join("train/b-dogs/1.png")).unwrap();
    fs::write(&broken, &whole[..whole.len() / 2]).unwrap();
    let error = read(path, &options(8)).unwrap_err();
    assert!(
        matches!(&error, DataError::Damaged { damaged, .. } if damaged.len() == 1 && damaged[0].path == broken),
        "{error}"
    );
    let error = DatasetSource::parse("fashion-mist").unwrap_err().to_string();
    assert!(error.contains("fashion-mnist"), "{error}");
    let error = open(
        &DatasetSource::Folder(path.join("none")),
        &DataRoot::new("x"),
        &FolderOptions::default(),
    )
    .unwrap_err();
    assert!(error.to_string().contains("train/CLASS"), "{error}");
}

/// A PNG header that states more pixels than the limits allow is refused without decoding.
#[test]
fn oversized_pictures_are_refused() {
    let root = tempfile::tempdir().unwrap();
    two_classes(root.path(), 3);
    let file = root.path().join("a-cats/huge.png");
    rgb(&file, 4, 4, [0; 3]);
    let mut bytes = fs::read(&file).unwrap();
    bytes[16..24].copy_from_slice(&[0, 0, 0x7f, 0xff, 0, 0, 0x7f, 0xff]);
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    fs::write(&file, bytes).unwrap();
    let error = read(root.path(), &options(8)).unwrap_err();
    assert!(
        matches!(&error, DataError::Damaged { damaged, .. } if damaged.len() == 1 && damaged[0].path == file),
        "{error}"
    );
    let text = error.to_string();
    assert!(
        text.contains("32767 × 32767 pixels") && text.contains("limit is 1.00 GiB"),
        "{text}"
    );
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A picture for a network is the middle of it, however long the picture.
#[test]
fn a_very_long_picture_gives_its_middle() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("long.png");
    let mut long = RgbImage::from_pixel(4000, 3, Rgb([255, 255, 255]));
    for (x, _, pixel) in long.enumerate_pixels_mut() {
        if (1990..2010).contains(&x) {
            *pixel = Rgb([0, 0, 0]);
        }
    }
    long.save(&file).unwrap();
    let mut transform = EvaluationTransform::imagenet();
    transform.normalisation.mean = vec![0.0; 3];
    transform.normalisation.deviation = vec![1.0; 3];
    let shape = Shape {
        channels: 3,
        height: 32,
        width: 32,
    };
    let tensor = transform.picture(&file, shape).unwrap();
    assert!(tensor.data.iter().all(|value| *value == 0.0));
}
