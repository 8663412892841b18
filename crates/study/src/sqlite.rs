//! A study in one SQLite file.

mod change;
mod file;
mod migration;
mod objects;
mod read_only;
mod recovery;
mod row;
mod schema;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use panarch_format::TemporaryFolder;
use panarch_graph::{ContentHash, Inputs};
use panarch_space::Genotype;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Params, TransactionBehavior, params};

use crate::{Change, CostRecord, Evaluation, Event, Finalist, Header, Storage, StudyError, Subject, Trial};
pub use recovery::{Recovery, recover};
use row::{Fields, Record};

/// How long a statement waits for another process that holds the file.
const BUSY: Duration = Duration::from_secs(30);

/// A study in one SQLite file.
///
/// The file appears whole or not at all: it is made under another name and renamed. It is written in WAL mode with
/// `synchronous = FULL`, so that a commit that was acknowledged survives the death of the process and of the machine;
/// that costs one flush of the log for each commit, milliseconds against the seconds of an evaluation. While the study is
/// open, and after a kill, `PATH-wal` and `PATH-shm` belong to it: move or copy all of them together.
///
/// One process writes at a time, which an advisory lock on `PATH.lock` holds up: the system gives it back when the
/// process ends in whatever way, so that no lock outlives a kill. Any number of processes may read. Files on network
/// drives are not supported: neither SQLite's locks nor ours can be relied on there.
#[derive(Debug)]
pub struct SqliteStorage {
    path: PathBuf,
    connection: Mutex<Connection>,
    /// Held for as long as this storage may write.
    lock: Option<File>,
    /// The copy that is read where the study's own medium cannot be used.
    _copy: Option<TemporaryFolder>,
}

impl SqliteStorage {
    /// Creates a study file for writing. Folders on the way to it are created as needed.
    ///
    /// # Errors
    /// [`StudyError::Exists`] when there is a file, [`StudyError::InUse`] when another process is at it,
    /// [`StudyError::Io`] and [`StudyError::Sqlite`] when it cannot be written.
    pub fn create(path: impl AsRef<Path>, header: &Header) -> Result<Self, StudyError> {
        let path = path.as_ref();
        let lock = file::lock(path)?;
        if path.exists() {
            return Err(StudyError::Exists { path: path.to_owned() });
        }
        Self::create_locked(path, header, lock)
    }

    /// Opens a study file for writing and checks that it is whole.
    ///
    /// # Errors
    /// [`StudyError::Missing`], [`StudyError::InUse`], [`StudyError::NotAStudy`], [`StudyError::Format`],
    /// [`StudyError::Damaged`], [`StudyError::Io`] or [`StudyError::Sqlite`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StudyError> {
        let path = path.as_ref();
        file::check_start(path)?;
        let lock = file::lock(path)?;
        Self::connect(path, Some(lock))
    }

    /// Opens the study file for writing, or creates it if there is none.
    ///
    /// # Errors
    /// As [`SqliteStorage::open`] and [`SqliteStorage::create`].
    pub fn open_or_create(path: impl AsRef<Path>, header: &Header) -> Result<Self, StudyError> {
        let path = path.as_ref();
        let lock = file::lock(path)?;
        if path.exists() {
            file::check_start(path)?;
            Self::connect(path, Some(lock))
        } else {
            Self::create_locked(path, header, lock)
        }
    }

    /// Opens a study file for reading, also while another process writes to it, and checks that it is whole.
    ///
    /// # Errors
    /// As [`SqliteStorage::open`], except that the study may be in use, or on a medium that cannot be written; every commit is refused with
    /// [`StudyError::ReadOnly`]. A study of an older format is left as it is, and what it held when it was opened is
    /// read.
    pub fn open_to_read(path: impl AsRef<Path>) -> Result<Self, StudyError> {
        let path = path.as_ref();
        file::check_start(path)?;
        Self::connect(path, None)
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn create_locked(path: &Path, header: &Header, lock: File) -> Result<Self, StudyError> {
        file::create(path, |connection| {
            for statement in schema::statements(schema::FORMAT) {
                connection.execute_batch(statement)?;
            }
            connection.execute(
                "INSERT INTO study VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    header.name,
                    header.run,
                    header.space,
                    header.space_hash.to_string(),
                    header.dataset,
                    header.panarch_version,
                    header.created.unix_millis()
                ],
            )?;
            connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
            connection.pragma_update(None, "user_version", schema::FORMAT)
        })?;
        Self::connect(path, Some(lock))
    }

    fn connect(path: &Path, lock: Option<File>) -> Result<Self, StudyError> {
        let failed = |source| failure(path, source);
        let (mut connection, copy) = match &lock {
            None => read_only::open(path)?,
            Some(_) => {
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
                objects::restrict(&connection).map_err(failed)?;
                connection.busy_timeout(BUSY).map_err(failed)?;
                (connection, None)
            }
        };
        let format = check_format(path, &connection)?;
        objects::check(path, &connection, format)?;
        check_whole(path, &connection)?;
        if lock.is_some() {
            connection
                .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
                .map_err(failed)?;
            connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
            if format < schema::FORMAT {
                migration::migrate(&mut connection, format).map_err(|refusal| refusal.into_error(failed))?;
            }
        } else {
            if format < schema::FORMAT {
                connection = migrated_copy(&mut connection, format).map_err(|refusal| refusal.into_error(failed))?;
            }
            connection.pragma_update(None, "query_only", true).map_err(failed)?;
        }
        let storage = Self {
            path: path.to_owned(),
            connection: Mutex::new(connection),
            lock,
            _copy: copy,
        };
        storage.header()?;
        Ok(storage)
    }

    // A thread that panics while it holds the connection leaves an open transaction at most, which is rolled back when it
    // is dropped.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The condition under which a row belongs to the present inputs of its subject, an SQL expression.
    fn present(subject: &str) -> String {
        // Comparing with NULL is never true: no row of a closed subject is present.
        let key = "CASE b.present WHEN 1 THEN b.key END";
        let own = format!("SELECT {key} FROM basis b WHERE b.subject = {subject} AND b.present > 0");
        let stated = format!("EXISTS (SELECT 1 FROM basis b WHERE b.subject = {subject} AND b.present > 0)");
        format!("key = CASE WHEN {stated} THEN ({own}) ELSE '' END")
    }

    /// The first row of every search, of whatever inputs.
    fn beginnings(&self) -> Result<BTreeMap<String, i64>, StudyError> {
        let read = || -> rusqlite::Result<BTreeMap<String, i64>> {
            let connection = self.connection();
            let mut statement = connection.prepare_cached("SELECT search, MIN(id) FROM trial GROUP BY search")?;
            let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        };
        read().map_err(|source| failure(&self.path, source))
    }

    fn select<R: Record>(&self, rest: &str, parameters: impl Params) -> Result<Vec<R>, StudyError> {
        let failed = |source| failure(&self.path, source);
        let connection = self.connection();
        let sql = format!("SELECT {} FROM {} {rest}", R::COLUMNS, R::TABLE);
        let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
        let mut rows = statement.query(parameters).map_err(failed)?;
        let mut records = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            records.push(R::read(&Fields::new(R::TABLE, row))?);
        }
        Ok(records)
    }
}

impl Storage for SqliteStorage {
    fn header(&self) -> Result<Header, StudyError> {
        let headers: Vec<Header> = self.select("", ())?;
        headers.into_iter().next().ok_or_else(|| StudyError::NotAStudy {
            path: self.path.clone(),
            reason: "it has no header".into(),
        })
    }

    fn commit(&self, changes: &[Change]) -> Result<(), StudyError> {
        if self.lock.is_none() {
            return Err(StudyError::ReadOnly {
                path: self.path.clone(),
            });
        }
        let failed = |source| failure(&self.path, source);
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        for change in changes {
            change::apply(&transaction, change).map_err(|refusal| refusal.into_error(failed))?;
        }
        transaction.commit().map_err(failed)
    }

    fn inputs(&self, subject: &Subject) -> Result<Option<Inputs>, StudyError> {
        let connection = self.connection();
        let sql = "SELECT detail FROM basis WHERE subject = ?1 AND present > 0";
        let found: Option<Option<String>> = connection
            .query_row(sql, [subject.to_string()], |row| row.get(0))
            .optional()
            .map_err(|source| failure(&self.path, source))?;
        let inputs = found.flatten().map(|text| row::inputs(&subject.to_string(), &text));
        inputs.transpose()
    }

    fn evaluation(&self, genotype: &Genotype, protocol: ContentHash) -> Result<Option<Evaluation>, StudyError> {
        let present = Self::present("'evaluations'");
        let parameters = [genotype.to_string(), protocol.to_string()];
        let found = self.select(
            &format!("WHERE genotype = ?1 AND protocol = ?2 AND {present}"),
            parameters,
        )?;
        Ok(found.into_iter().next())
    }

    fn evaluations(&self) -> Result<Vec<Evaluation>, StudyError> {
        let present = Self::present("'evaluations'");
        self.select(&format!("WHERE {present} ORDER BY id"), ())
    }

    fn costs(&self, genotype: Option<&Genotype>) -> Result<Vec<CostRecord>, StudyError> {
        match genotype {
            Some(genotype) => self.select("WHERE genotype = ?1 ORDER BY id", [genotype.to_string()]),
            None => self.select("ORDER BY id", ()),
        }
    }

    fn trials(&self, search: Option<&str>) -> Result<Vec<Trial>, StudyError> {
        let present = Self::present("'search ' || trial.search");
        match search {
            Some(search) => self.select(&format!("WHERE search = ?1 AND {present} ORDER BY number"), [search]),
            None => {
                let mut trials: Vec<Trial> = self.select(&format!("WHERE {present} ORDER BY search, number"), ())?;
                let began = self.beginnings()?;
                trials.sort_by_key(|trial| began.get(&trial.search));
                Ok(trials)
            }
        }
    }

    fn finalists(&self) -> Result<Vec<Finalist>, StudyError> {
        let present = Self::present("'finalist ' || finalist.genotype");
        self.select(&format!("WHERE {present} ORDER BY id"), ())
    }

    fn events(&self) -> Result<Vec<Event>, StudyError> {
        self.select("ORDER BY id", ())
    }
}

/// What a study of an older format holds at this moment, in the format that this code reads.
fn migrated_copy(connection: &mut Connection, format: i64) -> Result<Connection, change::Refusal> {
    // One view of all tables, while another process may write.
    let view = connection.transaction()?;
    let (copy, _) = migration::copy(format, |table, insert| {
        let mut statement = view.prepare(&format!("SELECT * FROM {table}"))?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            insert(row::values(row)?)?;
        }
        Ok(())
    })?;
    Ok(copy)
}

/// The format of a study's tables, if it is one that is known.
fn check_format(path: &Path, connection: &Connection) -> Result<i64, StudyError> {
    let number = |name| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .map_err(|source| failure(path, source))
    };
    if number("application_id")? != schema::APPLICATION_ID {
        return Err(StudyError::NotAStudy {
            path: path.to_owned(),
            reason: "it is a SQLite file of another program".into(),
        });
    }
    let found = number("user_version")?;
    if (1..=schema::FORMAT).contains(&found) {
        Ok(found)
    } else {
        Err(StudyError::Format {
            path: path.to_owned(),
            found,
            supported: schema::FORMAT,
        })
    }
}

/// Reads every page of every table and index.
fn check_whole(path: &Path, connection: &Connection) -> Result<(), StudyError> {
    let found: String = connection
        .query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))
        .map_err(|source| failure(path, source))?;
    if found == "ok" {
        Ok(())
    } else {
        Err(StudyError::Damaged {
            path: path.to_owned(),
            detail: found,
        })
    }
}

/// SQLite's complaint as ours.
fn failure(path: &Path, source: rusqlite::Error) -> StudyError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StudyError::Damaged {
            path,
            detail: source.to_string(),
        },
        Some(ErrorCode::TooBig) => StudyError::NotAStudy {
            path,
            reason: "one of its rows is longer than any of a study".into(),
        },
        _ => StudyError::Sqlite { path, source },
    }
}
