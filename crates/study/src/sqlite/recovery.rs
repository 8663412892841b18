//! What can be saved of a damaged study.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use panarch_graph::{ContentHash, Inputs};
use panarch_space::Genotype;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

use crate::basis::UNSTATED;
use crate::{
    Basis, Change, CostRecord, Evaluation, Event, EventKind, Finalist, Header, Outcome, Storage, StudyError, Subject,
    Timestamp, Trial, TrialState,
};

use super::row::{self, BasisRow, Fields, Keyed, Record};
use super::{SqliteStorage, failure, file, migration, objects, read_only};

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
    bases: Vec<BasisRow>,
    evaluations: Vec<Keyed<Evaluation>>,
    costs: Vec<CostRecord>,
    trials: Vec<Keyed<Trial>>,
    finalists: Vec<Keyed<Finalist>>,
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
        let format = super::check_format(damaged, &connection)?;
        objects::check(damaged, &connection, format)?;
        // Nothing of this copy is damaged: what cannot be read is not in it.
        let salvaged = migration::copy(format, |table, insert| salvage(&connection, table, insert));
        let (rows, mut senseless) = salvaged.map_err(|refusal| refusal.into_error(failed))?;
        let header = read::<Header, _>(&rows, Header::COLUMNS, Header::read, &mut senseless)
            .into_iter()
            .next();
        Ok(Self {
            header: header.ok_or_else(|| StudyError::Damaged {
                path: damaged.to_owned(),
                detail: "not even its header can be read".into(),
            })?,
            bases: read::<BasisRow, _>(&rows, BasisRow::COLUMNS, BasisRow::read, &mut senseless),
            evaluations: keyed(&rows, &mut senseless),
            costs: read::<CostRecord, _>(&rows, CostRecord::COLUMNS, CostRecord::read, &mut senseless),
            trials: keyed(&rows, &mut senseless),
            finalists: keyed(&rows, &mut senseless),
            events: read::<Event, _>(&rows, Event::COLUMNS, Event::read, &mut senseless),
            senseless,
        })
    }

    /// Writes every row under its own key: for each set of inputs that the pool has had, the present one last, its
    /// evaluations and the searches that were made with them. Rows whose inputs are lost come first, as those of which
    /// nobody has said what they were made of.
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
        let mut changes: Vec<Change> = self.costs.into_iter().map(Change::Costed).collect();
        let bases: Vec<Known> = self.bases.iter().filter_map(Known::of).collect();
        let of = |subject: &Subject| {
            bases
                .iter()
                .filter(move |it| it.subject == *subject)
                .collect::<Vec<_>>()
        };
        let known = |key: &str, subject: &Subject| of(subject).iter().any(|it| it.key == key);
        let mut pools = of(&Subject::Evaluations);
        pools.sort_by_key(|pool| pool.present);
        for pool in std::iter::once(None).chain(pools.into_iter().map(Some)) {
            let pool_key = pool.map_or(UNSTATED, |pool| &pool.key);
            changes.extend(pool.map(Known::based));
            let here = |key: &str| key == pool_key || (pool.is_none() && !known(key, &Subject::Evaluations));
            let own = self.evaluations.iter().filter(|keyed| here(&keyed.key));
            let own: Vec<&Evaluation> = own.map(|keyed| &keyed.record).collect();
            let evaluated: BTreeSet<(Genotype, ContentHash)> = own
                .iter()
                .map(|evaluation| (evaluation.genotype.clone(), evaluation.protocol.key()))
                .collect();
            changes.extend(own.into_iter().cloned().map(Change::Evaluated));
            let mut seen = BTreeSet::new();
            for Keyed { key, record: trial } in &self.trials {
                let subject = Subject::Search(trial.search.clone());
                let search = of(&subject).into_iter().find(|it| it.key == *key);
                let inputs = search.map(|it| &it.inputs);
                let made_with = inputs.map(|inputs| inputs.iter().any(|(_, hash)| hash.to_string() == pool_key));
                // A search whose pool is not known any more goes with the rows that nobody claims.
                let claimed = inputs.is_some_and(|inputs| {
                    let mut hashes = inputs.iter().map(|(_, hash)| hash.to_string());
                    hashes.any(|hash| known(&hash, &Subject::Evaluations))
                });
                let place = (trial.search.clone(), search.map(|it| it.key.clone()), trial.number);
                let belongs = made_with.unwrap_or(false) || (pool.is_none() && !claimed);
                if !belongs || !seen.insert(place) {
                    continue;
                }
                changes.extend(search.map(Known::based));
                let finished = finish(trial, &evaluated);
                recovery.to_run_again += usize::from(finished.is_none() && trial.state != TrialState::Running);
                changes.push(Change::Started {
                    search: trial.search.clone(),
                    number: trial.number,
                    genotype: trial.genotype.clone(),
                    seed: trial.seed,
                    at: trial.started,
                });
                changes.extend(finished);
            }
        }
        for Keyed { key, record: finalist } in self.finalists {
            let own = of(&Subject::Finalist(finalist.genotype.clone()));
            changes.extend(own.into_iter().find(|it| it.key == key).map(Known::based));
            changes.push(Change::Chosen(finalist));
        }
        for known in bases.iter().filter(|known| known.present > 0) {
            changes.push(known.based());
            if known.present == 2 {
                changes.push(Change::Based(Basis {
                    subject: known.subject.clone(),
                    inputs: None,
                }));
            }
        }
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

/// Inputs of a subject that are whole.
struct Known {
    subject: Subject,
    key: String,
    inputs: Inputs,
    present: i64,
}

impl Known {
    /// None where inputs and key do not agree.
    fn of(row: &BasisRow) -> Option<Self> {
        let inputs = row.inputs.clone()?;
        (inputs.key().to_string() == row.key).then_some(Self {
            subject: Subject::parse(&row.subject)?,
            key: row.key.clone(),
            inputs,
            present: row.present,
        })
    }

    fn based(&self) -> Change {
        Change::Based(Basis {
            subject: self.subject.clone(),
            inputs: Some(self.inputs.clone()),
        })
    }
}

/// The change that finishes a trial as it was, if what it needs is there.
fn finish(trial: &Trial, evaluated: &BTreeSet<(Genotype, ContentHash)>) -> Option<Change> {
    let reason = trial.reason.clone().unwrap_or_default();
    let outcome = match trial.state {
        TrialState::Running => return None,
        TrialState::Complete => Outcome::Complete {
            objectives: Some(trial.objectives.clone()).filter(|objectives| !objectives.is_empty())?,
            protocol: trial
                .protocol
                .filter(|protocol| evaluated.contains(&(trial.genotype.clone(), *protocol)))?,
        },
        TrialState::Infeasible => Outcome::Infeasible {
            reason,
            violations: trial.violations.clone(),
            objectives: trial.objectives.clone(),
        },
        TrialState::Failed => Outcome::Failed { reason },
    };
    Some(Change::Finished {
        search: trial.search.clone(),
        number: trial.number,
        outcome,
        at: trial.finished?,
    })
}

/// Hands over every readable row of a damaged table, however much of it is gone: from its beginning up to the damage, and
/// from its end back to it.
fn salvage(
    damaged: &Connection,
    table: &str,
    insert: &mut dyn FnMut(Vec<Value>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut found: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    for order in ["ASC", "DESC"] {
        let sql = format!("SELECT * FROM {table} NOT INDEXED ORDER BY id {order}");
        // An error ends the scan from this side; what was read stays.
        let _ = scan(damaged, &sql, |id, values| match found.entry(id) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(values);
                true
            }
        });
    }
    found.into_values().try_for_each(insert)
}

/// Reads rows until one is known.
fn scan(connection: &Connection, sql: &str, mut take: impl FnMut(i64, Vec<Value>) -> bool) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        if !take(row.get("id")?, row::values(row)?) {
            break;
        }
    }
    Ok(())
}

fn keyed<R: Record>(rows: &Connection, senseless: &mut usize) -> Vec<Keyed<R>> {
    read::<R, _>(rows, &format!("{}, key", R::COLUMNS), Keyed::read, senseless)
}

/// The rows of a table that make sense, and how many do not.
fn read<R: Record, T>(
    connection: &Connection,
    columns: &str,
    read: impl Fn(&Fields<'_, '_>) -> Result<T, StudyError>,
    senseless: &mut usize,
) -> Vec<T> {
    let mut found = Vec::new();
    let sql = format!("SELECT {columns} FROM {} ORDER BY id", R::TABLE);
    let mut every = || -> rusqlite::Result<()> {
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            match read(&Fields::new(R::TABLE, row)) {
                Ok(record) => found.push(record),
                Err(_) => *senseless += 1,
            }
        }
        Ok(())
    };
    // The tables of the copy are whole.
    let _ = every();
    found
}
