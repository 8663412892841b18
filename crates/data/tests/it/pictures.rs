//! Formats, orientations, depths, and pictures that cannot be used.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use panarch_data::DataError;
use panarch_data::image_folder::read;
use panarch_data::{Damaged, Dataset, EvaluationTransform, FolderOptions, HeldOut};
use panarch_graph::{Bytes, Shape};

/// 40 × 24 pixels, made by libjpeg-turbo and libwebp from one picture.
const PROGRESSIVE: &[u8] = include_bytes!("pictures/progressive.jpg");
const GREY_PROGRESSIVE: &[u8] = include_bytes!("pictures/grey_progressive.jpg");
const RESTARTS: &[u8] = include_bytes!("pictures/restarts.jpg");
const CMYK: &[u8] = include_bytes!("pictures/cmyk.jpg");
const LOSSY_WEBP: &[u8] = include_bytes!("pictures/lossy.webp");

/// A picture without symmetry: red above green at the left, blue at the right.
fn upright() -> RgbImage {
    RgbImage::from_fn(8, 8, |x, y| match (x < 4, y < 3) {
        (true, true) => Rgb([250, 0, 0]),
        (true, false) => Rgb([0, 250, 0]),
        (false, _) => Rgb([0, 0, 250]),
    })
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn options(resolution: u32) -> FolderOptions {
    FolderOptions {
        resolution: Some(resolution),
        ..FolderOptions::default()
    }
}

/// A folder with test part; `files` are the training pictures of the first class, by name.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, Vec<u8>)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let plain = encoded(&upright().into(), ImageFormat::Png);
        for place in ["train/b/1.png", "test/a/1.png", "test/b/1.png"] {
            folder.write(place, &plain);
        }
        for (name, bytes) in files {
            folder.write(&format!("train/a/{name}"), bytes);
        }
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, place: &str, bytes: &[u8]) {
        let file = self.path().join(place);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
}

/// The first training image, of the class `a`: the training part in its order.
fn images(dataset: &Dataset) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    // One is held out by a seed; all seeds together show every image.
    let splits = dataset.hold_out(HeldOut::Count(1), 1).unwrap();
    let (mut places, mut found) = (Vec::new(), Vec::new());
    for part in [&splits.train, &splits.validation] {
        for place in 0..part.len() {
            places.push(part.indices()[place]);
            found.push(part.get(place).unwrap().0.to_vec());
        }
    }
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|&at| places[at]);
    all.extend(order.into_iter().map(|at| found[at].clone()));
    all
}

/// The message about damaged training pictures, if there is one.
fn told(folder: &Folder) -> String {
    match read(folder.path(), &options(8)) {
        Err(error @ DataError::Damaged { .. }) => error.to_string(),
        Err(error) => panic!("{error}"),
        Ok(_) => String::new(),
    }
}

#[test]
fn the_content_decides_the_format() {
    let picture = DynamicImage::from(upright());
    let gif = encoded(&picture.to_rgba8().into(), ImageFormat::Gif);
    let files = [
        ("a.JPG", encoded(&picture, ImageFormat::Png)),
        ("b.png", encoded(&picture, ImageFormat::Bmp)),
        ("c.jfif", gif),
        ("d", encoded(&picture, ImageFormat::Tiff)),
        ("e.unknown", encoded(&picture, ImageFormat::WebP)),
        ("f.ppm", encoded(&picture, ImageFormat::Pnm)),
        ("g.BMP", encoded(&picture, ImageFormat::Bmp)),
    ];
    let folder = Folder::new(&files);
    let dataset = read(folder.path(), &options(8)).unwrap();
    let found = images(&dataset);
    assert_eq!(found.len(), files.len() + 1);
    for ((name, _), image) in files.iter().zip(&found) {
        assert_eq!(image, upright().as_raw(), "{name}");
    }
}

#[test]
fn jpegs_of_all_kinds_are_read() {
    for (name, bytes) in [
        ("a.jpe", PROGRESSIVE),
        ("b.jpeg", RESTARTS),
        ("c.jpg", CMYK),
        ("d.webp", LOSSY_WEBP),
    ] {
        let folder = Folder::new(&[(name, bytes.to_vec())]);
        let dataset = read(folder.path(), &options(24)).unwrap();
        let image = &images(&dataset)[0];
        // The picture that they were made of, in its middle 24 columns.
        let expected = |x: u32, y: u32| {
            [
                (x * 13 + y * 3) % 256,
                if (x / 4 + y / 4) % 2 == 1 { 255 } else { 20 },
                y * 9,
            ]
        };
        let mut difference = 0;
        for (index, pixel) in image.chunks_exact(3).enumerate() {
            let (x, y) = (index as u32 % 24 + 8, index as u32 / 24);
            for (value, expected) in pixel.iter().zip(expected(x, y)) {
                difference += u32::from(*value).abs_diff(expected);
            }
        }
        let mean = f64::from(difference) / image.len() as f64;
        assert!(mean < 30.0, "{name}: {mean}");
    }
    // Two grey pictures beside grey ones: one channel.
    let folder = tempfile::tempdir().unwrap();
    for place in ["train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "test/b/1.jpg"] {
        fs::create_dir_all(folder.path().join(place).parent().unwrap()).unwrap();
        fs::write(folder.path().join(place), GREY_PROGRESSIVE).unwrap();
    }
    assert_eq!(read(folder.path(), &options(8)).unwrap().shape().channels, 1);
}

/// A JPEG's EXIF segment with an orientation and a thumbnail's end marker in it.
fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0]);
    tiff.extend(b"\xff\xd8\xff\xd9");
    let length = (tiff.len() as u16 + 2).to_be_bytes();
    [&[0xff, 0xe1], length.as_slice(), &tiff].concat()
}

fn jpeg_with_orientation(picture: &RgbImage, orientation: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 100);
    encoder.encode_image(picture).unwrap();
    [&bytes[..2], &exif(orientation), &bytes[2..]].concat()
}

/// How a camera stores what is to be shown as `picture` (EXIF 2.3, table of orientations).
fn stored(picture: &RgbImage, orientation: u8) -> RgbImage {
    use image::imageops::{flip_horizontal, flip_vertical, rotate90, rotate180, rotate270};
    match orientation {
        2 => flip_horizontal(picture),
        3 => rotate180(picture),
        4 => flip_vertical(picture),
        5 => flip_horizontal(&rotate90(picture)),
        6 => rotate270(picture),
        7 => flip_horizontal(&rotate270(picture)),
        8 => rotate90(picture),
        _ => picture.clone(),
    }
}

#[test]
fn all_orientations_come_upright_in_training_and_in_classification() {
    let picture = DynamicImage::from(upright())
        .resize_exact(32, 32, image::imageops::FilterType::Nearest)
        .into_rgb8();
    let mut transform = EvaluationTransform::imagenet();
    transform.central = 1.0;
    transform.normalisation.mean = vec![0.0; 3];
    transform.normalisation.deviation = vec![1.0; 3];
    for orientation in 1..=8 {
        let folder = Folder::new(&[(
            "x.jpg",
            jpeg_with_orientation(&stored(&picture, orientation), orientation),
        )]);
        let dataset = read(folder.path(), &options(32)).unwrap();
        let trained = &images(&dataset)[0];
        let seen = transform
            .picture(&folder.path().join("train/a/x.jpg"), Shape::new(3, 32, 32))
            .unwrap();
        for (index, expected) in picture.as_raw().iter().enumerate() {
            let (trained, seen) = (f32::from(trained[index]), seen.data[index] * 255.0);
            assert!((trained - f32::from(*expected)).abs() < 40.0, "{orientation}: {index}");
            assert!((trained - seen).abs() < 0.01, "{orientation}: {index}");
        }
    }
}

/// Whatever a picture is cut to, it is refused, or it comes out as it was: nothing is made up.
#[test]
fn cut_pictures_are_refused() {
    let noise = RgbImage::from_fn(40, 24, |x, y| {
        Rgb([(x * 37 + y * 11) as u8, (x * y * 7) as u8, (x ^ y) as u8])
    });
    let noise = DynamicImage::from(noise);
    let baseline = encoded(&noise, ImageFormat::Jpeg);
    let grey = encoded(&noise.to_luma8().into(), ImageFormat::Jpeg);
    let gif = encoded(&noise.to_rgba8().into(), ImageFormat::Gif);
    // (name, bytes, whether every cut must be refused; else some may leave the picture whole)
    let files = [
        ("baseline.jpg", baseline.clone(), true),
        ("grey.jpg", grey, true),
        ("progressive.jpg", PROGRESSIVE.to_vec(), true),
        ("grey_progressive.jpg", GREY_PROGRESSIVE.to_vec(), true),
        ("restarts.jpg", RESTARTS.to_vec(), true),
        ("cmyk.jpg", CMYK.to_vec(), true),
        (
            "thumbnail.jpg",
            [&baseline[..2], &exif(1), &baseline[2..]].concat(),
            true,
        ),
        ("a.png", encoded(&noise, ImageFormat::Png), true),
        ("a.bmp", encoded(&noise, ImageFormat::Bmp), true),
        ("a.webp", encoded(&noise, ImageFormat::WebP), true),
        ("lossy.webp", LOSSY_WEBP.to_vec(), false),
        ("a.ppm", encoded(&noise, ImageFormat::Pnm), true),
        ("a.tiff", encoded(&noise, ImageFormat::Tiff), false),
        ("a.gif", gif, false),
    ];
    let transform = EvaluationTransform::imagenet();
    let folder = tempfile::tempdir().unwrap();
    let look = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        transform.picture(&file, Shape::new(3, 32, 32))
    };
    for (name, bytes, always) in &files {
        let whole = look(name, bytes).unwrap_or_else(|error| panic!("{error}"));
        for kept in (1..40)
            .map(|part| bytes.len() * part / 40)
            .chain([bytes.len() - 1, bytes.len() - 2])
        {
            match look(name, &bytes[..kept]) {
                Err(DataError::Picture { .. }) => {}
                Err(error) => panic!("{error}"),
                Ok(_) if *always => panic!("{name} cut to {kept} of {} bytes is taken as whole", bytes.len()),
                Ok(seen) => assert!(seen.data == whole.data, "{name} cut to {kept} of {}", bytes.len()),
            }
        }
        // What follows the end does not matter, as some cameras and tools leave something there.
        let trailing = look(name, &[bytes.as_slice(), &[0; 700]].concat()).unwrap_or_else(|error| panic!("{error}"));
        assert!(trailing.data == whole.data, "{name}");
    }
}

/// A cut file whose end somebody has put a marker to is found by its data.
#[test]
fn an_end_marker_does_not_make_a_cut_jpeg_whole() {
    let transform = EvaluationTransform::imagenet();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.jpg");
    let baseline = encoded(
        &DynamicImage::from(upright()).resize_exact(64, 64, image::imageops::FilterType::Gaussian),
        ImageFormat::Jpeg,
    );
    for bytes in [&baseline, PROGRESSIVE, RESTARTS, CMYK, GREY_PROGRESSIVE] {
        for kept in [60, 75, 90, 97] {
            let cut = [&bytes[..bytes.len() * kept / 100], b"\xff\xd9"].concat();
            fs::write(&file, cut).unwrap();
            let error = transform.picture(&file, Shape::new(3, 32, 32)).unwrap_err().to_string();
            assert!(error.contains("is cut off") || error.contains("is damaged"), "{error}");
        }
    }
}

#[test]
fn all_damaged_pictures_are_named_at_once_or_left_out() {
    let whole = encoded(&upright().into(), ImageFormat::Png);
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n".to_vec();
    let files = [
        ("cut.png", whole[..whole.len() - 20].to_vec()),
        ("cut.jpg", PROGRESSIVE[..PROGRESSIVE.len() * 9 / 10].to_vec()),
        ("empty.jpg", Vec::new()),
        ("heic.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec()),
        ("pointer.png", pointer),
        ("text.jpg", b"<html>404 not found</html>".to_vec()),
        ("whole.png", whole),
    ];
    let folder = Folder::new(&files);
    folder.write("test/a/bad.gif", b"GIF89a");
    let text = told(&folder);
    for said in [
        "7 of 11 pictures cannot be used",
        "cut.jpg is cut off",
        "cut.png ",
        "empty.jpg is empty",
        "heic.jpg is a picture in the format HEIC",
        "pointer.png is a Git-LFS pointer",
        "text.jpg is no picture; it begins with \"<html>404 not found</htm\"",
        "bad.gif ",
        "data.damaged = \"skip\"",
    ] {
        assert!(text.contains(said), "{text} lacks {said}");
    }
    let skipping = FolderOptions {
        damaged: Damaged::Skip,
        ..options(8)
    };
    let dataset = read(folder.path(), &skipping).unwrap();
    assert_eq!((dataset.train_len(), dataset.test_len()), (2, 2));
    let inventory = dataset.inventory().unwrap();
    assert_eq!(inventory.damaged.len(), 7);
    assert!(inventory.train[0].path.ends_with("whole.png") && inventory.train[0].length > 0);
    assert!(
        inventory
            .left_out()
            .unwrap()
            .starts_with("7 damaged pictures are left out")
    );
    // A class of which nothing is left.
    fs::remove_file(folder.path().join("train/a/whole.png")).unwrap();
    let error = read(folder.path(), &skipping).unwrap_err().to_string();
    assert!(
        error.contains("class a has no usable picture in the train part"),
        "{error}"
    );
}

#[test]
fn twelve_bits_in_sixteen_are_not_black() {
    let deep = |samples: [u16; 4]| {
        let picture = ImageBuffer::<Luma<u16>, _>::from_raw(2, 2, samples.to_vec()).unwrap();
        encoded(&DynamicImage::ImageLuma16(picture), ImageFormat::Png)
    };
    let grey = |depth: Option<u8>, files: [Vec<u8>; 4]| {
        let folder = tempfile::tempdir().unwrap();
        for (place, bytes) in ["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/1.png"]
            .into_iter()
            .zip(files)
        {
            fs::create_dir_all(folder.path().join(place).parent().unwrap()).unwrap();
            fs::write(folder.path().join(place), bytes).unwrap();
        }
        read(folder.path(), &FolderOptions { depth, ..options(2) }).unwrap()
    };
    // One scale for the whole dataset, from its largest sample, wherever that is.
    let dark = || {
        [
            deep([0, 100, 200, 1000]),
            deep([1, 2, 3, 4]),
            deep([0; 4]),
            deep([4095, 0, 0, 0]),
        ]
    };
    let dataset = grey(None, dark());
    assert_eq!((dataset.depth(), dataset.shape().channels), (12, 1));
    assert_eq!(images(&dataset)[0], [0, 6, 12, 62]);
    let remarks = dataset.inventory().unwrap().remarks();
    assert!(
        remarks.iter().any(|remark| remark.contains("read as 12-bit data")),
        "{remarks:?}"
    );
    // Stated, it stays as stated.
    assert_eq!(images(&grey(Some(16), dark()))[0], [0, 0, 1, 4]);
    assert_eq!(images(&grey(Some(10), dark()))[0], [0, 25, 50, 249]);
    // A single sample of 16 bits, and it is 16-bit data.
    let dataset = grey(
        None,
        [deep([0, 65_535, 32_768, 257]), deep([0; 4]), deep([0; 4]), deep([0; 4])],
    );
    assert_eq!(dataset.depth(), 16);
    assert_eq!(images(&dataset)[0], [0, 255, 128, 1]);
    // sBIT of a picture with plain 12-bit numbers, among others that use the whole range.
    let mut stated = deep([0, 1001, 2048, 4095]);
    let chunk = [b"sBIT".as_slice(), &[12]].concat();
    let mut checksum = flate2::Crc::new();
    checksum.update(&chunk);
    let chunk = [&1_u32.to_be_bytes(), chunk.as_slice(), &checksum.sum().to_be_bytes()].concat();
    stated.splice(33..33, chunk);
    let dataset = grey(None, [stated, deep([0, 65_535, 0, 0]), deep([0; 4]), deep([0; 4])]);
    assert_eq!(images(&dataset)[0], [0, 62, 128, 255]);
    assert_eq!(images(&dataset)[1], [0, 255, 0, 0]);
}

#[test]
fn transparency_is_ignored_and_palettes_and_greys_are_read() {
    let clear = RgbaImage::from_pixel(8, 8, Rgba([200, 100, 50, 0]));
    let grey = GrayImage::from_pixel(8, 8, Luma([77]));
    let folder = Folder::new(&[
        ("a.png", encoded(&clear.into(), ImageFormat::Png)),
        ("b.png", encoded(&grey.into(), ImageFormat::Png)),
    ]);
    let found = images(&read(folder.path(), &options(8)).unwrap());
    assert_eq!(
        (&found[0][..3], &found[1][..3]),
        (&[200, 100, 50][..], &[77, 77, 77][..])
    );
}

/// Floating-point pictures have no range.
#[test]
fn floating_point_is_refused() {
    let picture = ImageBuffer::<Rgb<f32>, _>::from_pixel(4, 4, Rgb([0.0_f32, 0.5, 4000.0]));
    let folder = Folder::new(&[("a.tif", encoded(&DynamicImage::ImageRgb32F(picture), ImageFormat::Tiff))]);
    assert!(told(&folder).contains("floating-point samples"));
}

/// Pictures that are small as files and large in memory wait for each other, and one that is too large alone is named with
/// its size and the limit.
#[test]
fn memory_for_decoding_is_bounded() {
    let flat = encoded(&RgbImage::new(1000, 1000).into(), ImageFormat::Png);
    assert!(flat.len() < 20_000);
    let names: Vec<String> = (0..6).map(|index| format!("{index}.png")).collect();
    let files: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (name.as_str(), flat.clone())).collect();
    let folder = Folder::new(&files);
    let within = |memory: u64| FolderOptions {
        memory: Bytes(memory),
        ..options(8)
    };
    // Enough for one at a time.
    assert_eq!(read(folder.path(), &within(10 << 20)).unwrap().train_len(), 7);
    let error = read(folder.path(), &within(5 << 20)).unwrap_err().to_string();
    assert!(error.contains("6 of 9 pictures cannot be used"), "{error}");
    assert!(
        error.contains("1000 × 1000 pixels, which take") && error.contains("the limit is 5.00 MiB"),
        "{error}"
    );
}

/// The cases that were reported: a cut JPEG is refused as a cut PNG is, and a turned one is seen as it is shown.
#[test]
fn reported_pictures() {
    let look = |name: &str| {
        let file = panarch_testkit::reference(&format!("field_cases/pictures/{name}"))?;
        Some(EvaluationTransform::imagenet().picture(&file, Shape::new(3, 64, 64)))
    };
    let cases = [
        "trunc0.9.jpg",
        "trunc.png",
        "upright.png",
        "exif6_shown_upright.jpg",
        "sideways.png",
    ]
    .map(look);
    let [Some(jpeg), Some(png), Some(upright), Some(turned), Some(sideways)] = cases else {
        return;
    };
    assert!(jpeg.unwrap_err().to_string().contains("is cut off"));
    assert!(png.unwrap_err().to_string().contains("is cut off"));
    let (upright, turned, sideways) = (upright.unwrap(), turned.unwrap(), sideways.unwrap());
    let difference = |one: &panarch_graph::Tensor| -> f32 {
        let pairs = one.data.iter().zip(&upright.data);
        pairs.map(|(a, b)| (a - b).abs()).sum::<f32>() / one.data.len() as f32
    };
    assert!(difference(&turned) < 0.2, "{}", difference(&turned));
    assert!(difference(&sideways) > 0.2, "{}", difference(&sideways));
}
