//! The file around the database: its lock, its creation, its first bytes.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::StudyError;

/// The first bytes of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// `path` with a suffix to its last part.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> StudyError + '_ {
    |source| StudyError::Io {
        path: path.to_owned(),
        source,
    }
}

/// Takes the writer's lock; the system gives it back when the file is closed or the process ends.
pub(super) fn lock(path: &Path) -> Result<File, StudyError> {
    let folder = folder(path);
    fs::create_dir_all(folder).map_err(io(folder))?;
    let lock_path = beside(path, ".lock");
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(io(&lock_path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StudyError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io(&lock_path)(source)),
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Refuses a file that cannot be a study by its first bytes, which SQLite would take for an empty database or overwrite.
pub(super) fn check_start(path: &Path) -> Result<(), StudyError> {
    let mut start = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(100).read_to_end(&mut start).map_err(io(path))?,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(StudyError::Missing { path: path.to_owned() });
        }
        Err(error) => return Err(io(path)(error)),
    };
    let known = start.len().min(MAGIC.len());
    if start[..known] != MAGIC[..known] {
        return Err(StudyError::NotAStudy {
            path: path.to_owned(),
            reason: "it is not a SQLite file".into(),
        });
    }
    if start.len() < 100 {
        return Err(StudyError::Damaged {
            path: path.to_owned(),
            detail: format!("only {} bytes of it are left", start.len()),
        });
    }
    Ok(())
}

/// Makes a database under another name, flushes it to the disk and renames it; the caller holds the lock.
pub(super) fn create(path: &Path, fill: impl FnOnce(&Connection) -> rusqlite::Result<()>) -> Result<(), StudyError> {
    let new = beside(path, ".new");
    // What a killed creation left behind, and the log of a study that was deleted without its log: SQLite would play the
    // latter into the new file.
    for stale in [
        &new,
        &beside(&new, "-wal"),
        &beside(&new, "-shm"),
        &beside(path, "-wal"),
        &beside(path, "-shm"),
    ] {
        match fs::remove_file(stale) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(stale)(error)),
            _ => {}
        }
    }
    let failed = |source| super::failure(path, source);
    let connection = Connection::open(&new).map_err(failed)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    fill(&connection).map_err(failed)?;
    connection.execute_batch("COMMIT").map_err(failed)?;
    // Closing the only connection moves the log into the file and deletes it.
    connection.close().map_err(|(_, source)| failed(source))?;
    File::open(&new).and_then(|file| file.sync_all()).map_err(io(&new))?;
    fs::rename(&new, path).map_err(io(path))?;
    let folder = folder(path);
    File::open(folder).and_then(|file| file.sync_all()).map_err(io(folder))
}
