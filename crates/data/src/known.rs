//! The datasets that are known by name.

use std::path::{Path, PathBuf};

use crate::{DataError, DataRoot, Dataset, cifar, fashion_mnist};

/// Every dataset that a run file may name. A new one is a file that declares it, and a line here.
pub const DATASETS: [KnownDataset; 3] = [fashion_mnist::DATASET, cifar::TEN, cifar::HUNDRED];

/// Fetches a dataset into the data folder, with a line before each thing that is tried; gives its folder, and where its
/// files came from in words.
pub type Fetch = fn(&DataRoot, &mut dyn FnMut(&str)) -> Result<(PathBuf, String), DataError>;

/// A dataset by name: how its folder is recognised and read, and how it comes there.
#[derive(Debug, Clone, Copy)]
pub struct KnownDataset {
    /// Its name in run files, and that of its folder.
    pub name: &'static str,
    /// Whether a folder holds its files, intact or not.
    pub is_in: fn(&Path) -> bool,
    /// Reads it from its folder.
    pub read: fn(&Path) -> Result<Dataset, DataError>,
    /// How it is fetched; without this, its files are put into the folder by hand.
    pub fetch: Option<Fetch>,
    /// Its files in words, such as `its binary files (*.bin)`.
    pub files: &'static str,
}

impl PartialEq for KnownDataset {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for KnownDataset {}

impl KnownDataset {
    /// The names of all.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        DATASETS.iter().map(|dataset| dataset.name).collect()
    }

    /// The dataset of this name.
    ///
    /// # Errors
    /// [`DataError::UnknownDataset`] with those that there are.
    pub fn named(name: &str) -> Result<Self, DataError> {
        let found = DATASETS.into_iter().find(|dataset| dataset.name == name);
        found.ok_or_else(|| DataError::UnknownDataset {
            name: name.to_owned(),
            known: Self::names(),
        })
    }

    /// What to do when it is not in its folder.
    #[must_use]
    pub fn advice(&self, folder: &Path) -> String {
        match self.fetch {
            Some(_) => format!("fetch it with: panarch data fetch {}", self.name),
            None => format!("put {} into {}", self.files, folder.display()),
        }
    }
}
