use std::path::PathBuf;

use panarch_format::FormatError;

use crate::Quantity;

/// What can go wrong with a study.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// An objective makes no sense.
    #[error("the objective is wrong: {reason}")]
    Objective {
        /// What is wrong.
        reason: String,
    },
    /// An objective was given latencies for another number of devices.
    #[error("the objective has {expected} device(s), {found} latencies were given")]
    Latencies {
        /// The number of devices.
        expected: usize,
        /// The number of latencies.
        found: usize,
    },
    /// A value that must be a finite number is not.
    #[error("{what} is not a finite number in its range")]
    NotFinite {
        /// Which value.
        what: String,
    },
    /// A storage URL that is not understood.
    #[error("`{url}` names no storage; give a path, `sqlite:///path` or `memory:`")]
    Url {
        /// What was given.
        url: String,
    },
    /// There is no study at the path.
    #[error("there is no study at {}", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// There is a study at the path already.
    #[error("there is a study at {} already; resume it or choose another path", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// Another process writes to the study.
    #[error("another process is working on the study at {}; wait for it or stop it", path.display())]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// The study was opened to be read only.
    #[error("the study at {} was opened to be read; nothing can be written", path.display())]
    ReadOnly {
        /// The path.
        path: PathBuf,
    },
    /// The file is not a study.
    #[error("{} is not a Panarch study: {reason}", path.display())]
    NotAStudy {
        /// The path.
        path: PathBuf,
        /// How one can tell.
        reason: String,
    },
    /// The study was written by a newer version.
    #[error(
        "the study at {} has format {found}, this version of Panarch reads up to {supported}; use a newer Panarch",
        path.display()
    )]
    Format {
        /// The path.
        path: PathBuf,
        /// The file's format.
        found: i64,
        /// The newest format that is known.
        supported: i64,
    },
    /// The file is damaged.
    #[error(
        "the study at {} is damaged: {detail}; keep a copy of it, then save what is readable into a new study with \
         `panarch study recover DAMAGED.db NEW.db`",
        path.display()
    )]
    Damaged {
        /// The path.
        path: PathBuf,
        /// What the check found.
        detail: String,
    },
    /// A stored row does not hold what it should.
    #[error("table `{table}`, row {row}: {reason}")]
    Row {
        /// The table.
        table: &'static str,
        /// The row's key.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A trial was started that exists with another genotype, another seed, or is finished.
    #[error("trial {number} of search `{search}` exists already: {reason}")]
    TrialExists {
        /// The search.
        search: String,
        /// The trial's number.
        number: u64,
        /// In which way it clashes.
        reason: String,
    },
    /// A trial was finished that is not running.
    #[error("trial {number} of search `{search}` is not running: {reason}")]
    NotRunning {
        /// The search.
        search: String,
        /// The trial's number.
        number: u64,
        /// Its state, or that it was never started.
        reason: String,
    },
    /// An outcome contradicts itself.
    #[error("the outcome of a trial is wrong: {reason}")]
    Outcome {
        /// What is wrong.
        reason: String,
    },
    /// A trial was completed whose genotype has no evaluation by the protocol that it names.
    #[error("trial {number} of search `{search}` cannot be complete: genotype {genotype} has no evaluation")]
    NotEvaluated {
        /// The search.
        search: String,
        /// The trial's number.
        number: u64,
        /// The genotype.
        genotype: String,
    },
    /// Two trials of a history have one number.
    #[error("trial {number} is in the history already")]
    TwiceInHistory {
        /// The number.
        number: u64,
    },
    /// A trial of a history was judged by other objectives than the others.
    #[error("trial {number} was judged by other objectives than the trials before it")]
    OtherObjectives {
        /// The trial's number.
        number: u64,
    },
    /// A limit was asked about an amount of something else.
    #[error("the limit is on {expected}, it was asked about {found}")]
    OtherQuantity {
        /// What the limit is on.
        expected: Quantity,
        /// What it was asked about.
        found: Quantity,
    },
    /// A limit is on something that nobody can tell of a network.
    #[error(
        "nothing says the {quantity} of a network{}, so that no limit on it can be kept; take the limit away",
        device.as_ref().map_or_else(String::new, |device| format!(" on device `{device}`"))
    )]
    Unanswered {
        /// The device; none for the network itself.
        device: Option<String>,
        /// What the limit is on.
        quantity: Quantity,
    },
    /// SQLite failed.
    #[error("the study at {}: {source}{}", path.display(), room(source))]
    Sqlite {
        /// The path.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// What was named is no file, too large, the pointer of one, or the operating system refused.
    #[error(transparent)]
    File(#[from] FormatError),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A value could not be written as JSON.
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// SQLite calls a full disk so where the files beside the database are concerned.
fn room(source: &rusqlite::Error) -> &'static str {
    match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::SystemIoFailure) => "; is there room on the disk?",
        _ => "",
    }
}
