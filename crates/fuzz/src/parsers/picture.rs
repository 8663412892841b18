//! Pictures and the binary files of datasets.

use std::io::Cursor;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{DynamicImage, ImageFormat, RgbImage};
use panarch_data::cifar::{self, Cifar};
use panarch_data::idx;
use panarch_data::image_folder::{self, FolderOptions};

use super::reference;
use crate::Target;
use crate::scratch::with_file;

/// A small picture in this format.
fn plain(format: ImageFormat) -> Option<Vec<u8>> {
    let picture = RgbImage::from_fn(9, 7, |x, y| image::Rgb([(x * 25) as u8, (y * 30) as u8, 99]));
    let mut bytes = Cursor::new(Vec::new());
    let written = DynamicImage::ImageRgb8(picture).write_to(&mut bytes, format);
    written.ok().map(|()| bytes.into_inner())
}

pub const PICTURE: Target = Target {
    name: "picture",
    seeds: || {
        let formats = [
            ImageFormat::Png,
            ImageFormat::Jpeg,
            ImageFormat::Bmp,
            ImageFormat::Gif,
            ImageFormat::Tiff,
            ImageFormat::WebP,
        ];
        let mut seeds: Vec<Vec<u8>> = formats.into_iter().filter_map(plain).collect();
        let names = ["exif6_shown_upright.jpg", "trunc0.9.jpg", "upright.png"];
        seeds.extend(
            names
                .iter()
                .filter_map(|name| reference(&format!("field_cases/pictures/{name}"))),
        );
        seeds
    },
    run: |bytes| {
        // The ending is that of the most common kind; what a file is, its content says.
        with_file("train/class/picture.png", bytes, |path| {
            let root = path.ancestors().nth(3).unwrap_or(path);
            // A set of one class or of very few pictures is refused before they are decoded.
            let good = plain(ImageFormat::Png).unwrap_or_default();
            for class in ["train/class", "train/other"].map(|class| root.join(class)) {
                let _ = std::fs::create_dir_all(&class);
                for name in ["1.png", "2.png", "3.png", "4.png"] {
                    let _ = std::fs::write(class.join(name), &good);
                }
            }
            let options = FolderOptions {
                resolution: Some(16),
                ..FolderOptions::default()
            };
            if let Err(error) = image_folder::read(root, &options) {
                let _ = error.to_string();
            }
        });
    },
};

/// Images and labels in the format of MNIST.
fn idx_files() -> [Vec<u8>; 2] {
    let images = [
        0_u8, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8,
    ];
    let labels = [0_u8, 0, 8, 1, 0, 0, 0, 2, 0, 1];
    [images.to_vec(), labels.to_vec()]
}

pub const IDX: Target = Target {
    name: "idx",
    seeds: || {
        let mut seeds = idx_files().to_vec();
        let packed = seeds.iter().filter_map(|bytes| {
            let mut writer = GzEncoder::new(Vec::new(), Compression::default());
            writer.write_all(bytes).ok()?;
            writer.finish().ok()
        });
        let packed: Vec<Vec<u8>> = packed.collect();
        seeds.extend(packed);
        seeds
    },
    run: |bytes| {
        for name in ["file", "file.gz"] {
            with_file(name, bytes, |path| {
                let _ = idx::read_images(path);
                let _ = idx::read_labels(path);
            });
        }
    },
};

pub const CIFAR: Target = Target {
    name: "cifar",
    seeds: || vec![vec![1; 3073], [vec![9; 3073], vec![0; 3073]].concat(), vec![5; 3074]],
    run: |bytes| {
        with_file("data_batch_1.bin", bytes, |path| {
            let folder = path.parent().unwrap_or(path);
            let _ = std::fs::write(folder.join("test_batch.bin"), bytes);
            let _ = std::fs::write(folder.join("batches.meta.txt"), bytes);
            let _ = cifar::read(folder, Cifar::Ten);
        });
        with_file("train.bin", bytes, |path| {
            let folder = path.parent().unwrap_or(path);
            let _ = std::fs::write(folder.join("test.bin"), bytes);
            let _ = cifar::read(folder, Cifar::Hundred);
        });
    },
};
