//! A small folder of generated pictures: what a run can be tried with where there is no dataset.

use std::fs;
use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage};
use panarch_format::{FileKind, FormatError, read_file};
use panarch_graph::random::stream;
use rand::RngExt;

use crate::DataError;

/// The classes: what is on a picture.
pub const CLASSES: [&str; 4] = ["circle", "cross", "square", "triangle"];

/// Height and width of a picture in pixels.
const SIDE: u32 = 32;
/// The largest file that can be one of these pictures, in bytes.
const LARGEST: u64 = 1 << 20;

/// How many pictures of each class are generated, and from which seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generated {
    /// Training pictures of each class.
    pub train: u32,
    /// Test pictures of each class.
    pub test: u32,
    /// The same seed gives the same pictures.
    pub seed: u64,
}

impl Default for Generated {
    fn default() -> Self {
        Self {
            train: 100,
            test: 25,
            seed: 1,
        }
    }
}

/// Writes `train/CLASS/*.png` and `test/CLASS/*.png` below a folder: a coloured shape on a noisy ground of another colour.
/// A file that is there already must be the same. Gives the number of pictures.
///
/// # Errors
/// [`DataError::Occupied`] where another file has the name of a picture; [`DataError::Io`] when the folder cannot be
/// written.
pub fn generate(folder: &Path, wanted: Generated) -> Result<u32, DataError> {
    let mut count = 0;
    for (part, number) in [("train", wanted.train), ("test", wanted.test)] {
        for (class, name) in CLASSES.iter().enumerate() {
            let place = folder.join(part).join(name);
            fs::create_dir_all(&place).map_err(DataError::io(&place, "create"))?;
            for index in 0..number {
                let label = format!("generated pictures {part} {name}");
                let picture = picture(class, wanted.seed, &label, u64::from(index));
                put(&place.join(format!("{index:04}.png")), &picture)?;
                count += 1;
            }
        }
    }
    Ok(count)
}

fn put(path: &Path, picture: &RgbImage) -> Result<(), DataError> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|error| DataError::io(path, "encode")(std::io::Error::other(error)))?;
    match read_file(path, FileKind::new("picture", LARGEST)) {
        Ok(found) if found == *bytes.get_ref() => Ok(()),
        Ok(_) => Err(DataError::Occupied { path: path.to_owned() }),
        Err(FormatError::MissingFile { .. }) => fs::write(path, bytes.get_ref()).map_err(DataError::io(path, "write")),
        Err(error) => Err(error.into()),
    }
}

fn picture(class: usize, seed: u64, label: &str, index: u64) -> RgbImage {
    let mut rng = stream(seed, label, index);
    let half = SIDE as f32 / 2.0;
    let radius = rng.random_range(0.5..0.85) * half;
    let slack = half - radius;
    let [centre_x, centre_y] = [(); 2].map(|()| half + rng.random_range(-slack..=slack));
    let dark: [u8; 3] = [(); 3].map(|()| rng.random_range(0..110));
    let light: [u8; 3] = [(); 3].map(|()| rng.random_range(145..=255));
    let (ground, ink) = if rng.random_bool(0.5) {
        (dark, light)
    } else {
        (light, dark)
    };
    RgbImage::from_fn(SIDE, SIDE, |x, y| {
        // From -1 to 1 within the shape's box.
        let dx = (x as f32 + 0.5 - centre_x) / radius;
        let dy = (y as f32 + 0.5 - centre_y) / radius;
        let colour = if is_inside(class, dx, dy) { ink } else { ground };
        Rgb(colour.map(|value| {
            let noise = rng.random_range(-20..=20);
            u8::try_from((i32::from(value) + noise).clamp(0, 255)).unwrap_or(value)
        }))
    })
}

/// Whether a point of the shape's box is within the shape.
fn is_inside(class: usize, x: f32, y: f32) -> bool {
    match CLASSES.get(class) {
        Some(&"circle") => x * x + y * y <= 1.0,
        Some(&"cross") => x.abs().max(y.abs()) <= 1.0 && x.abs().min(y.abs()) <= 0.3,
        Some(&"square") => x.abs().max(y.abs()) <= 0.85,
        _ => y.abs() <= 1.0 && x.abs() <= (y + 1.0) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataRoot, DatasetSource, FolderOptions};

    const FEW: Generated = Generated {
        train: 3,
        test: 2,
        seed: 7,
    };

    #[test]
    fn the_pictures_are_a_dataset() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = folder.path().join("pictures");
        assert_eq!(generate(&pictures, FEW).unwrap(), 20);
        let source = DatasetSource::parse(&pictures.display().to_string()).unwrap();
        let dataset = crate::open(&source, &DataRoot::new(folder.path()), &FolderOptions::default()).unwrap();
        let check = crate::check(&dataset);
        assert_eq!((check.channels, check.height, check.width), (3, SIDE, SIDE));
        assert_eq!(check.classes, CLASSES.map(|name| (name.to_owned(), [3, 0, 2])));
    }

    #[test]
    fn the_same_again_changes_nothing_and_another_file_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        generate(folder.path(), FEW).unwrap();
        generate(folder.path(), FEW).unwrap();
        let other = Generated { seed: 8, ..FEW };
        assert!(matches!(
            generate(folder.path(), other),
            Err(DataError::Occupied { .. })
        ));
    }
}
