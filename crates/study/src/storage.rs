use panarch_graph::{ContentHash, Inputs};
use panarch_space::Genotype;

use crate::{
    Change, CostRecord, Evaluation, Event, Finalist, Header, MemoryStorage, SqliteStorage, StudyError, Subject, Trial,
};

/// Where a study is kept.
///
/// Any number of threads may use one storage. Writing is [`Storage::commit`] alone; when it returns, the changes survive
/// the death of the process (if the storage outlives processes at all), and other readers see all of them or none.
/// Every implementation passes the conformance suite in `panarch-testkit`.
///
/// Evaluations, trials and finalists belong to the inputs that their subject had when they were added ([`Change::Based`]);
/// every method here is about those of the present inputs.
pub trait Storage: Send + Sync {
    /// What the study is about.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn header(&self) -> Result<Header, StudyError>;

    /// Makes all of the changes, in order, or none of them.
    ///
    /// # Errors
    /// [`StudyError::TrialExists`], [`StudyError::NotRunning`] or [`StudyError::NotEvaluated`] for a change that does not
    /// fit the trial's state, [`StudyError::NotFinite`] for a value that is not a number, [`StudyError::Outcome`] for an
    /// outcome that contradicts itself; when the storage fails.
    fn commit(&self, changes: &[Change]) -> Result<(), StudyError>;

    /// What a subject is made of, or was made of when it was closed; none when nobody has said so.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn inputs(&self, subject: &Subject) -> Result<Option<Inputs>, StudyError>;

    /// The evaluation of a genotype by the protocol of this key, if there is one.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn evaluation(&self, genotype: &Genotype, protocol: ContentHash) -> Result<Option<Evaluation>, StudyError>;

    /// All evaluations, by whatever protocol, in the order in which they were added.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn evaluations(&self) -> Result<Vec<Evaluation>, StudyError>;

    /// The costs of one genotype, or all, in the order in which they were added.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn costs(&self, genotype: Option<&Genotype>) -> Result<Vec<CostRecord>, StudyError>;

    /// The trials of one search, or of all searches in the order in which the searches began; by number in a search.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn trials(&self, search: Option<&str>) -> Result<Vec<Trial>, StudyError>;

    /// The finalists, in the order in which they were first written.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn finalists(&self) -> Result<Vec<Finalist>, StudyError>;

    /// The log, oldest entry first.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn events(&self) -> Result<Vec<Event>, StudyError>;
}

/// Opens the storage that a URL names for writing, creating the study if there is none.
///
/// `sqlite:///PATH` and a bare path name a file (three slashes are followed by a relative path, four make it absolute, as
/// users of other tools know it); `memory:` names a study that ends with the process. A study that exists keeps its own
/// header until [`crate::Study::resume`] renews it.
///
/// # Errors
/// [`StudyError::Url`] for another scheme; those of [`SqliteStorage::open`] and [`SqliteStorage::create`].
pub fn open_or_create(url: &str, header: &Header) -> Result<Box<dyn Storage>, StudyError> {
    if url == "memory:" {
        return Ok(Box::new(MemoryStorage::new(header.clone())));
    }
    let path = sqlite_path(url)?;
    Ok(Box::new(SqliteStorage::open_or_create(path, header)?))
}

/// The path that a URL of the form `sqlite:///PATH` or a bare path names.
///
/// # Errors
/// [`StudyError::Url`] for another scheme or an empty path.
pub fn sqlite_path(url: &str) -> Result<&std::path::Path, StudyError> {
    let path = match url.strip_prefix("sqlite:///") {
        Some(path) => path,
        None if url.contains("://") || url == "memory:" => "",
        None => url,
    };
    if path.is_empty() {
        return Err(StudyError::Url { url: url.to_owned() });
    }
    Ok(std::path::Path::new(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_paths() {
        for (url, path) in [
            ("sqlite:///runs/a.db", Some("runs/a.db")),
            ("sqlite:////tmp/a.db", Some("/tmp/a.db")),
            ("runs/a.db", Some("runs/a.db")),
            ("/tmp/a.db", Some("/tmp/a.db")),
            ("sqlite:///", None),
            ("sqlite://a.db", None),
            ("postgresql://host/a", None),
            ("", None),
        ] {
            assert_eq!(sqlite_path(url).ok(), path.map(std::path::Path::new), "{url}");
        }
    }
}
