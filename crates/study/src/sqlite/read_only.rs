//! Opening a study to read it, also from a medium that cannot be written.
//!
//! SQLite wants files of its own beside a database in WAL mode, even to read it. Where it cannot make them, a database
//! without a log is read as one that nobody changes, and one with a log is copied.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};

use panarch_format::TemporaryFolder;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{failure, file, objects};
use crate::StudyError;

/// A connection, and the folder of the copy that it reads if it reads one.
pub(super) fn open(path: &Path) -> Result<(Connection, Option<TemporaryFolder>), StudyError> {
    let failed = |source| failure(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match connect(path, flags) {
        Ok(connection) => return Ok((connection, None)),
        Err(error)
            if matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
            ) => {}
        Err(error) => return Err(failed(error)),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    if file::has_log(path) {
        let folder = TemporaryFolder::new(&std::env::temp_dir())?;
        let copy = folder.path().join("study.db");
        for suffix in ["", "-wal"] {
            copied(&file::beside(path, suffix), &file::beside(&copy, suffix))?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        return Ok((connect(&copy, flags).map_err(failed)?, Some(folder)));
    }
    let address = immutable(path).map_err(|source| StudyError::Io {
        path: path.to_owned(),
        source,
    })?;
    Ok((connect(&address, flags).map_err(failed)?, None))
}

/// Opens a database and reads a page of it, which is when SQLite says what it lacks.
fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    objects::restrict(&connection)?;
    connection.busy_timeout(super::BUSY)?;
    connection.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0))?;
    Ok(connection)
}

/// The content of a file in a new one, which its owner may write whatever the old one's permissions are.
pub(super) fn copied(from: &Path, to: &Path) -> Result<(), StudyError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        |source| StudyError::Io { path, source }
    };
    let mut source = File::open(from).map_err(io(from))?;
    let mut target = file::private(to).map_err(io(to))?;
    std::io::copy(&mut source, &mut target).map_err(io(to))?;
    Ok(())
}

/// The address by which SQLite reads a file that nobody changes.
fn immutable(path: &Path) -> std::io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut address = String::from("file://");
    for byte in AsRef::<OsStr>::as_ref(&path).as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => address.push(char::from(*byte)),
            byte => address.push_str(&format!("%{byte:02x}")),
        }
    }
    address.push_str("?immutable=1");
    Ok(address.into())
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_address_quotes_what_means_something_in_one() {
        let address = super::immutable("/a b/c?d#e%f/é.db".as_ref()).unwrap();
        assert_eq!(
            address.to_str(),
            Some("file:///a%20b/c%3fd%23e%25f/%c3%a9.db?immutable=1")
        );
    }
}
