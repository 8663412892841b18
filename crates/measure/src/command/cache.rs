use std::path::{Path, PathBuf};

use panarch_cost::Cost;
use panarch_format::{FileKind, FormatError, atomic_write, read_file};
use panarch_graph::ContentHash;
use serde::{Deserialize, Serialize};

use super::place;
use crate::MeasureError;

/// The version of the entries that this code reads and writes.
const FORMAT: u32 = 1;
/// Largest entry that is read.
const LARGEST: u64 = 16 << 20;

/// Answers of commands on disk, each in a file named after what it depends on.
#[derive(Debug)]
pub struct AnswerCache {
    folder: PathBuf,
}

/// What the cache says about a question.
#[derive(Debug, PartialEq)]
pub enum Known {
    /// The answer.
    Answer(Box<Cost>),
    /// Nothing.
    Nothing,
    /// There is an entry that is not what was written; it is not to be trusted.
    Damaged,
}

/// An entry as it lies on disk. The cost is a text, so that its checksum is that of the very bytes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    format: u32,
    key: ContentHash,
    checksum: ContentHash,
    cost: String,
}

impl AnswerCache {
    /// A cache in a folder, which is made when the first answer is kept.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// What is known under a key.
    #[must_use]
    pub fn get(&self, key: ContentHash) -> Known {
        match read_file(self.path(key), FileKind::new("kept answer", LARGEST)) {
            Ok(bytes) => entry(&bytes, key).map_or(Known::Damaged, |cost| Known::Answer(Box::new(cost))),
            Err(error) if error.is_of_the_machine() => Known::Nothing,
            Err(FormatError::MissingFile { .. }) => Known::Nothing,
            Err(_) => Known::Damaged,
        }
    }

    /// Keeps an answer under a key, in one step: an entry is there as a whole or not at all.
    ///
    /// # Errors
    /// When the folder cannot be made or the file not written.
    pub fn put(&self, key: ContentHash, cost: &Cost) -> Result<(), MeasureError> {
        let path = self.path(key);
        let unwritable = |error: serde_json::Error| MeasureError::Folder {
            folder: path.clone(),
            source: error.into(),
        };
        let cost = serde_json::to_string(cost).map_err(unwritable)?;
        let entry = Entry {
            format: FORMAT,
            key,
            checksum: checksum(&cost),
            cost,
        };
        let bytes = serde_json::to_vec(&entry).map_err(unwritable)?;
        place::make(path.parent().unwrap_or(Path::new(".")))?;
        Ok(atomic_write(&path, &bytes)?)
    }

    fn path(&self, key: ContentHash) -> PathBuf {
        let name = key.to_string();
        // Folders of some hundred entries each, not one of all.
        let (start, rest) = name.split_at(2);
        self.folder.join(start).join(format!("{rest}.json"))
    }
}

fn checksum(cost: &str) -> ContentHash {
    ContentHash::of("panarch answer of a command v1", cost.as_bytes())
}

fn entry(bytes: &[u8], key: ContentHash) -> Option<Cost> {
    let entry: Entry = serde_json::from_slice(bytes).ok()?;
    if entry.format != FORMAT || entry.key != key || entry.checksum != checksum(&entry.cost) {
        return None;
    }
    let cost: Cost = serde_json::from_str(&entry.cost).ok()?;
    let latency = cost.latency;
    let [low, value, high] = [latency.low, latency.value, latency.high].map(|it| it.seconds());
    (0.0 < low && low <= value && value <= high && high.is_finite()).then_some(cost)
}
