//! What can go wrong when a dataset is found, read, parted or loaded.

use std::path::PathBuf;

use panarch_format::FormatError;
use panarch_graph::GraphError;

use crate::{DamagedPicture, PictureFault};

/// The error of this crate. Every variant about a file names the file and the reason.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file or folder could not be read or written.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was attempted, as a verb ("read", "create").
        action: &'static str,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A file that is to be written is there already, with other content.
    #[error("{} is there already and is another file; name another folder, or remove it", path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
    },
    /// What was named is no file, too large, the pointer of one, or the operating system refused.
    #[error(transparent)]
    File(#[from] FormatError),
    /// A file does not begin with the expected magic number.
    #[error("{}: not the expected kind of file: magic number {found:#010x}, expected {expected:#010x}", file.display())]
    Magic {
        /// The file.
        file: PathBuf,
        /// The number that the format demands.
        expected: u32,
        /// The number that was found.
        found: u32,
    },
    /// A file ends before, or goes on after, the length that its header states.
    #[error("{}: holds {found_bytes} bytes{}, its format demands {expected_bytes}", file.display(), if *more { " or more" } else { "" })]
    Length {
        /// The file.
        file: PathBuf,
        /// Bytes that the header or the format states.
        expected_bytes: u64,
        /// Bytes that were found.
        found_bytes: u64,
        /// Whether reading stopped at `found_bytes` although the file goes on.
        more: bool,
    },
    /// A header states dimensions that are zero, too large, or impossible for the file's size.
    #[error("{}: its header states {what} = {value}, allowed are 1 to {limit}", file.display())]
    Dimension {
        /// The file.
        file: PathBuf,
        /// The dimension.
        what: &'static str,
        /// The value stated.
        value: u64,
        /// The largest value accepted.
        limit: u64,
    },
    /// A compressed file is damaged.
    #[error("{}: damaged compressed data: {source}", file.display())]
    Compression {
        /// The file.
        file: PathBuf,
        /// The decoder's answer.
        source: std::io::Error,
    },
    /// Two files that belong together disagree on the number of images.
    #[error("{} holds {labels} labels, {} holds {images} images", labels_file.display(), images_file.display())]
    CountMismatch {
        /// The file of labels.
        labels_file: PathBuf,
        /// The number of labels.
        labels: u64,
        /// The file of images.
        images_file: PathBuf,
        /// The number of images.
        images: u64,
    },
    /// A label names a class that does not exist.
    #[error("{}: label {label} of image {index}, but there are only {classes} classes", file.display())]
    Label {
        /// The file.
        file: PathBuf,
        /// Which image of the file, from zero.
        index: usize,
        /// The label found.
        label: u32,
        /// The number of classes.
        classes: usize,
    },
    /// The content of a file is not the published one.
    #[error("{}: SHA-256 of the content is {found}, expected {expected}; remove the file and fetch the dataset again", file.display())]
    Hash {
        /// The file.
        file: PathBuf,
        /// The published hash of the decompressed content, hexadecimal.
        expected: String,
        /// The hash found, hexadecimal.
        found: String,
    },
    /// A file is no picture that can be used.
    #[error("{} {fault}", file.display())]
    Picture {
        /// The file.
        file: PathBuf,
        /// Why not.
        #[source]
        fault: PictureFault,
    },
    /// Pictures of a folder cannot be used. The text names the first few.
    #[error(
        "{}: {} of {pictures} pictures cannot be used: {}. Mend or remove them, or leave them out with \
         data.damaged = \"skip\"; `panarch data check` lists them all",
        folder.display(),
        damaged.len(),
        first_few(damaged)
    )]
    Damaged {
        /// The folder.
        folder: PathBuf,
        /// Every such picture.
        damaged: Vec<DamagedPicture>,
        /// Pictures in all.
        pictures: usize,
    },
    /// There are too few pictures to train on.
    #[error("too few pictures: {reason}")]
    TooFew {
        /// What there is, and what is needed.
        reason: String,
    },
    /// A folder of pictures does not have the expected layout.
    #[error("{}: {reason}", folder.display())]
    Layout {
        /// The folder.
        folder: PathBuf,
        /// What is wrong and what is expected.
        reason: String,
    },
    /// A dataset is not where it should be.
    #[error("the dataset {name} is not at {}; {advice}", looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or "))]
    Missing {
        /// The dataset.
        name: String,
        /// The folders that were looked at.
        looked: Vec<PathBuf>,
        /// What to do.
        advice: String,
    },
    /// No dataset has this name.
    #[error("no dataset is called `{name}`; known are {}, or the path of a folder, with a `/` in it{}", known.join(", "), meant(name, known))]
    UnknownDataset {
        /// The name given.
        name: String,
        /// The names that exist.
        known: Vec<&'static str>,
    },
    /// Neither PANARCH_DATA nor XDG_DATA_HOME nor HOME says where data belongs.
    #[error("no folder for datasets: set PANARCH_DATA to one (HOME and XDG_DATA_HOME are unset or no absolute paths)")]
    NoDataFolder,
    /// Every way of obtaining a dataset failed.
    #[error("cannot obtain {name}:\n  {}\nBy hand: {advice}", attempts.join("\n  "))]
    Fetch {
        /// The dataset.
        name: String,
        /// One line per way that was tried, with its reason.
        attempts: Vec<String>,
        /// How to do it by hand.
        advice: String,
    },
    /// A split has been asked for that leaves too few images.
    #[error("cannot split {total} images: {reason}")]
    Split {
        /// Images available.
        total: usize,
        /// Why not.
        reason: String,
    },
    /// A batch could not be made.
    #[error("loading the images of step {step}: {reason}")]
    Loading {
        /// The step, from zero.
        step: u64,
        /// What went wrong.
        reason: String,
    },
    /// A picture's values do not fill its shape.
    #[error(transparent)]
    Shape(#[from] GraphError),
    /// A network does not fit the images or the classes it is used with.
    #[error("the network `{network}` takes {expects}, the data gives {gives}")]
    Mismatch {
        /// The network.
        network: String,
        /// What the network takes.
        expects: String,
        /// What the data gives.
        gives: String,
    },
    /// A setting of the training has no meaning.
    #[error("training setting `{setting}`: {reason}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// Damaged pictures, cut after a few.
fn first_few(damaged: &[DamagedPicture]) -> String {
    const SHOWN: usize = 10;
    let lines = damaged.iter().take(SHOWN).map(ToString::to_string);
    let more = damaged.len().saturating_sub(SHOWN);
    let more = (more > 0).then(|| format!("and {more} more"));
    lines.chain(more).collect::<Vec<_>>().join("; ")
}

/// "; did you mean `…`?", where a known name is close.
fn meant(name: &str, known: &[&str]) -> String {
    panarch_toml::did_you_mean(name, known).map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}

impl DataError {
    /// A [`DataError::Io`], for `map_err`.
    pub(crate) fn io(path: impl Into<PathBuf>, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, action, source }
    }
}
