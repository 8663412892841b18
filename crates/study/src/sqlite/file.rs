//! The file around the database: its lock, its creation, its first bytes.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use panarch_format::{FileKind, FormatError, open_file, permit};
use rusqlite::Connection;

use crate::StudyError;

/// The first bytes of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The largest database that is opened, in bytes.
const LARGEST: u64 = 64 << 30;

/// Bytes of a database's header, at the beginning of its first page.
const HEADER: usize = 100;

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
    create_folder(path)?;
    let lock_path = beside(path, ".lock");
    let lock = File::options()
        .create(true)
        .truncate(false)
        // Both, so that opening a pipe in its place does not wait.
        .read(true)
        .write(true)
        .open(&lock_path)
        .map_err(io(&lock_path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StudyError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io(&lock_path)(source)),
    }
}

/// Makes the folder that a file is to be in.
pub(super) fn create_folder(path: &Path) -> Result<(), StudyError> {
    let folder = folder(path);
    fs::create_dir_all(folder).map_err(io(folder))
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Refuses a file that cannot be a whole study by its first bytes and its length.
///
/// SQLite would take an empty file for an empty database, and a last page that lacks some bytes for one that ends in zeros.
pub(super) fn check_start(path: &Path) -> Result<(), StudyError> {
    let mut start = Vec::new();
    let length = match open_file(path, FileKind::new("study", LARGEST)) {
        Ok(file) => {
            (&file).take(HEADER as u64).read_to_end(&mut start).map_err(io(path))?;
            // After the header: a writer may be making the file longer just now.
            file.metadata().map_err(io(path))?.len()
        }
        Err(FormatError::MissingFile { .. }) => {
            return Err(StudyError::Missing { path: path.to_owned() });
        }
        Err(error) => return Err(error.into()),
    };
    let known = start.len().min(MAGIC.len());
    if start[..known] != MAGIC[..known] {
        return Err(StudyError::NotAStudy {
            path: path.to_owned(),
            reason: "it is not a SQLite file".into(),
        });
    }
    let expected = expected_length(&start);
    // With a log beside it, the file may be shorter until the log is played into it.
    match expected {
        Some(expected) if length >= expected || has_log(path) => Ok(()),
        _ => Err(StudyError::Damaged {
            path: path.to_owned(),
            detail: match expected {
                Some(expected) => format!("it has {length} bytes and should have {expected}"),
                None => format!("the header of its {length} bytes makes no sense"),
            },
        }),
    }
}

/// Whether a log with anything in it lies beside a database.
pub(super) fn has_log(path: &Path) -> bool {
    fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

/// Cuts off a last page that is not whole, which SQLite would read as if it ended in zeros, and counts the others.
pub(super) fn drop_torn_page(path: &Path) -> Result<u64, StudyError> {
    let file = File::options().read(true).write(true).open(path).map_err(io(path))?;
    let mut start = Vec::new();
    (&file).take(HEADER as u64).read_to_end(&mut start).map_err(io(path))?;
    let length = file.metadata().map_err(io(path))?.len();
    let Some(size) = page_size(&start) else {
        return Ok(0);
    };
    file.set_len(length / size * size).map_err(io(path))?;
    Ok(length / size)
}

/// Bytes of a page, by the database's header; none if that makes no sense.
fn page_size(header: &[u8]) -> Option<u64> {
    let size = u16::from_be_bytes(header.get(16..18)?.try_into().ok()?);
    // 1 stands for 65,536.
    let size = if size == 1 { 65_536 } else { u64::from(size) };
    (size >= 512 && size.is_power_of_two()).then_some(size)
}

/// Page size times number of pages, by the database's header; none if that is not whole.
fn expected_length(header: &[u8]) -> Option<u64> {
    let pages = u32::from_be_bytes(header.get(28..32)?.try_into().ok()?);
    let whole = header.len() >= HEADER;
    page_size(header).filter(|_| whole).map(|size| size * u64::from(pages))
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
    // Its owner's alone until it is whole; SQLite gives the files beside it the same permissions.
    private(&new).map_err(io(&new))?;
    let connection = Connection::open(&new).map_err(failed)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    fill(&connection).map_err(failed)?;
    connection.execute_batch("COMMIT").map_err(failed)?;
    // Closing the only connection moves the log into the file and deletes it.
    connection.close().map_err(|(_, source)| failed(source))?;
    permit(&new, 0o666)
        .and_then(|()| File::open(&new))
        .and_then(|file| file.sync_all())
        .map_err(io(&new))?;
    fs::rename(&new, path).map_err(io(path))?;
    let folder = folder(path);
    File::open(folder).and_then(|file| file.sync_all()).map_err(io(folder))
}

/// Makes an empty file that only its owner can read.
pub(super) fn private(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
