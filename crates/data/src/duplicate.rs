//! Pictures that a dataset has more than once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::dataset::Dataset;
use super::image_folder::{Inventory, PictureFile};

/// Images of the same pixels that lie in different parts, or in different classes: the first tells on an accuracy, the
/// second on labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// Every place: the part, the number of the image in it, the class, and the file if there is one.
    pub places: Vec<Place>,
}

/// Where an image is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// `train`, `validation` or `test`.
    pub part: &'static str,
    /// Its number in the part, from zero.
    pub index: usize,
    /// Its class.
    pub class: String,
    /// Its file.
    pub file: Option<PathBuf>,
}

/// Finds them by the pixels as they are read, at the dataset's image size.
pub(super) fn find(dataset: &Dataset) -> Vec<Duplicate> {
    let mut places: HashMap<&[u8], Vec<(&'static str, usize, u16)>> = HashMap::new();
    for (part, images) in dataset.parts() {
        for (index, &label) in images.labels().iter().enumerate() {
            if let Some(pixels) = images.image(index) {
                places.entry(pixels).or_default().push((part, index, label));
            }
        }
    }
    let tells = |places: &Vec<(&str, usize, u16)>| {
        let pairs = places.windows(2);
        pairs.clone().any(|pair| pair[0].0 != pair[1].0) || pairs.clone().any(|pair| pair[0].2 != pair[1].2)
    };
    let mut found: Vec<_> = places.into_values().filter(tells).collect();
    let order = |part: &str| ["train", "validation", "test"].iter().position(|known| *known == part);
    found.sort_by_key(|places| (order(places[0].0), places[0].1));
    let place = |(part, index, label): (&'static str, usize, u16)| Place {
        part,
        index,
        class: dataset.classes().get(usize::from(label)).cloned().unwrap_or_default(),
        file: dataset
            .inventory()
            .and_then(|inventory| file(inventory, part, index))
            .map(Path::to_owned),
    };
    let duplicate = |places: Vec<_>| Duplicate {
        places: places.into_iter().map(place).collect(),
    };
    found.into_iter().map(duplicate).collect()
}

fn file<'a>(inventory: &'a Inventory, part: &str, index: usize) -> Option<&'a Path> {
    let files: &[PictureFile] = match part {
        "train" => &inventory.train,
        "validation" => &inventory.validation,
        _ => &inventory.test,
    };
    files.get(index).map(|file| file.path.as_path())
}
