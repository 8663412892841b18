//! What can be saved of a damaged study.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use panarch_space::Genotype;
use rusqlite::{Connection, OpenFlags};

use crate::{
    Change, CostRecord, Evaluation, Event, EventKind, Finalist, Header, Outcome, Storage, StudyError, Timestamp, Trial,
    TrialState,
};

use super::row::{Fields, Record};
use super::{SqliteStorage, failure, file, objects, read_only};

/// How much of a damaged study was saved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Evaluations saved.
    pub evaluations: usize,
    /// Costs saved.
    pub costs: usize,
    /// Trials saved.
    pub trials: usize,
    /// Of these, trials whose evaluation is lost and which are therefore to be run again, with the same genotype and seed.
    pub to_run_again: usize,
    /// Finalists saved.
    pub finalists: usize,
    /// Entries of the log saved.
    pub events: usize,
    /// Rows that were read but made no sense; rows that could not be read at all are not counted.
    pub senseless: usize,
}

/// Saves every readable row of the study at `damaged` into a new study at `into`; the damaged file stays as it is.
///
/// Each table is read from its beginning up to the damage and from its end back to it. What lies on pages that are gone is
/// lost; a search goes on from what was saved. Rows on pages that were overwritten rather than lost are taken if they still
/// make sense: SQLite keeps no checksums.
///
/// # Errors
/// [`StudyError::Missing`] or [`StudyError::NotAStudy`] when there is no study at `damaged`, [`StudyError::Damaged`] when
/// not even its header can be read, [`StudyError::Exists`] when there is a file at `into`.
pub fn recover(damaged: impl AsRef<Path>, into: impl AsRef<Path>) -> Result<Recovery, StudyError> {
    let (damaged, into) = (damaged.as_ref(), into.as_ref());
    if into.exists() {
        return Err(StudyError::Exists { path: into.to_owned() });
    }
    match file::check_start(damaged) {
        // That it is damaged is why we are here.
        Ok(()) | Err(StudyError::Damaged { .. }) => {}
        Err(error) => return Err(error),
    }
    file::create_folder(into)?;
    let copy = Copy::of(damaged, into)?;
    let saved = Saved::read(damaged, &copy)?;
    let storage = SqliteStorage::create(into, &saved.header)?;
    saved.write(&storage)
}

/// A copy of the damaged file and its log, deleted in the end.
struct Copy {
    path: std::path::PathBuf,
}

impl Copy {
    fn of(damaged: &Path, into: &Path) -> Result<Self, StudyError> {
        let copy = Self {
            path: file::beside(into, ".copy"),
        };
        copy.remove();
        for (suffix, needed) in [("", true), ("-wal", false)] {
            let from = file::beside(damaged, suffix);
            if needed || from.exists() {
                let to = file::beside(&copy.path, suffix);
                read_only::copied(&from, &to)?;
            }
        }
        if file::drop_torn_page(&copy.path)? == 0 {
            // SQLite would see an empty database.
            return Err(StudyError::Damaged {
                path: damaged.to_owned(),
                detail: "not even its first page is left".into(),
            });
        }
        Ok(copy)
    }

    fn remove(&self) {
        for suffix in ["", "-wal", "-shm"] {
            // Nothing to remove is the usual case; a copy that stays behind does no harm.
            let _ = fs::remove_file(file::beside(&self.path, suffix));
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.remove();
    }
}

struct Saved {
    header: Header,
    evaluations: Vec<Evaluation>,
    costs: Vec<CostRecord>,
    trials: Vec<Trial>,
    finalists: Vec<Finalist>,
    events: Vec<Event>,
    senseless: usize,
}

impl Saved {
    fn read(damaged: &Path, copy: &Copy) -> Result<Self, StudyError> {
        let failed = |source| failure(damaged, source);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&copy.path, flags).map_err(failed)?;
        // With this, SQLite opens a file that is shorter than its header says.
        connection
            .pragma_update(None, "writable_schema", true)
            .map_err(failed)?;
        objects::restrict(&connection).map_err(failed)?;
        super::check_format(damaged, &connection)?;
        objects::check(damaged, &connection)?;
        let mut senseless = 0;
        let header = rows::<Header>(&connection, &mut senseless).into_iter().next();
        Ok(Self {
            header: header.ok_or_else(|| StudyError::Damaged {
                path: damaged.to_owned(),
                detail: "not even its header can be read".into(),
            })?,
            evaluations: rows(&connection, &mut senseless),
            costs: rows(&connection, &mut senseless),
            trials: rows(&connection, &mut senseless),
            finalists: rows(&connection, &mut senseless),
            events: rows(&connection, &mut senseless),
            senseless,
        })
    }

    fn write(self, storage: &SqliteStorage) -> Result<Recovery, StudyError> {
        let mut recovery = Recovery {
            evaluations: self.evaluations.len(),
            costs: self.costs.len(),
            trials: self.trials.len(),
            to_run_again: 0,
            finalists: self.finalists.len(),
            events: self.events.len(),
            senseless: self.senseless,
        };
        let evaluated: BTreeSet<Genotype> = self
            .evaluations
            .iter()
            .map(|evaluation| evaluation.genotype.clone())
            .collect();
        let mut changes: Vec<Change> = self.evaluations.into_iter().map(Change::Evaluated).collect();
        changes.extend(self.costs.into_iter().map(Change::Costed));
        for trial in self.trials {
            let finished = finish(&trial, &evaluated);
            recovery.to_run_again += usize::from(finished.is_none() && trial.state != TrialState::Running);
            changes.push(Change::Started {
                search: trial.search,
                number: trial.number,
                genotype: trial.genotype,
                seed: trial.seed,
                at: trial.started,
            });
            changes.extend(finished);
        }
        changes.extend(self.finalists.into_iter().map(Change::Chosen));
        changes.extend(self.events.into_iter().map(Change::Logged));
        changes.push(Change::Logged(Event {
            phase: "recovery".into(),
            kind: EventKind::Note,
            detail: format!("saved from a damaged file: {recovery:?}"),
            created: Timestamp::now(),
        }));
        storage.commit(&changes)?;
        Ok(recovery)
    }
}

/// The change that finishes a trial as it was, if what it needs is there.
fn finish(trial: &Trial, evaluated: &BTreeSet<Genotype>) -> Option<Change> {
    let reason = trial.reason.clone().unwrap_or_default();
    let outcome = match trial.state {
        TrialState::Running => return None,
        TrialState::Complete => Outcome::Complete {
            reward: trial.reward.filter(|_| evaluated.contains(&trial.genotype))?,
        },
        TrialState::Infeasible => Outcome::Infeasible { reason },
        TrialState::Failed => Outcome::Failed { reason },
    };
    Some(Change::Finished {
        search: trial.search.clone(),
        number: trial.number,
        outcome,
        at: trial.finished?,
    })
}

/// Every readable row of a table, by row number, however much of the table is gone.
fn rows<R: Record>(connection: &Connection, senseless: &mut usize) -> Vec<R> {
    let mut found: BTreeMap<i64, Option<R>> = BTreeMap::new();
    for order in ["ASC", "DESC"] {
        // An error ends the scan from this side; what was read stays.
        let _ = scan(connection, order, &mut found);
    }
    *senseless += found.values().filter(|record| record.is_none()).count();
    found.into_values().flatten().collect()
}

fn scan<R: Record>(connection: &Connection, order: &str, found: &mut BTreeMap<i64, Option<R>>) -> rusqlite::Result<()> {
    let sql = format!(
        "SELECT {} FROM {} NOT INDEXED ORDER BY id {order}",
        R::COLUMNS,
        R::TABLE
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let fields = Fields::new(R::TABLE, row);
        if found.contains_key(&fields.id()) {
            break;
        }
        found.insert(fields.id(), R::read(&fields).ok());
    }
    Ok(())
}
