//! What a study file may hold besides rows: the tables of our schema and nothing else.
//!
//! A database is a program too: a view that calls itself never ends, a trigger writes, a generated column computes. The
//! objects of a file are compared with those that SQLite makes of our own schema, before any of them is used.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode};

use super::{failure, schema};
use crate::StudyError;

/// The longest text of a row, in bytes; a run file has 4 MiB at most.
const LONGEST: i32 = 64 << 20;

/// One object: its type, its name, its table, and the statement that made it.
type Object = (String, String, String, Option<String>);

/// Lets a connection do nothing that a schema of ours does not need.
pub(super) fn restrict(connection: &Connection) -> rusqlite::Result<()> {
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        // A damaged file is left as it was found: no page of the log goes into it when a check fails.
        (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
    ] {
        connection.set_db_config(setting, on)?;
    }
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST)?;
    Ok(())
}

/// Refuses a file that holds any object that is not of our schema of this format, by that object's name.
pub(super) fn check(path: &Path, connection: &Connection, format: i64) -> Result<(), StudyError> {
    let known = ours(format).map_err(|source| failure(path, source))?;
    let mut seen = BTreeSet::new();
    let mut look = || -> rusqlite::Result<Option<String>> {
        let mut statement = connection.prepare(OBJECTS)?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(1)?;
            let object = (row.get(0)?, name.clone(), row.get(2)?, row.get(3)?);
            if !known.contains(&object) || !seen.insert(object.clone()) {
                return Ok(Some(format!("the {} `{name}`", object.0)));
            }
        }
        Ok(None)
    };
    let not_a_study = |reason| StudyError::NotAStudy {
        path: path.to_owned(),
        reason,
    };
    match look() {
        Ok(None) => Ok(()),
        Ok(Some(object)) => Err(not_a_study(format!("{object} in it is none that Panarch makes"))),
        Err(source) if source.sqlite_error_code() == Some(ErrorCode::TooBig) => {
            Err(not_a_study("its schema is too long".to_owned()))
        }
        // A text that is no text, a number in the place of a name.
        Err(source) if source.sqlite_error_code().is_none() => Err(StudyError::Damaged {
            path: path.to_owned(),
            detail: format!("its schema: {source}"),
        }),
        Err(source) => Err(failure(path, source)),
    }
}

const OBJECTS: &str = "SELECT type, name, tbl_name, sql FROM sqlite_schema";

/// What SQLite makes of our schema.
fn ours(format: i64) -> rusqlite::Result<BTreeSet<Object>> {
    let connection = Connection::open_in_memory()?;
    for statement in schema::statements(format) {
        connection.execute_batch(statement)?;
    }
    let mut statement = connection.prepare(OBJECTS)?;
    let objects = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    objects.collect()
}
