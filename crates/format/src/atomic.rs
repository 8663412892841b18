use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::FormatError;

/// How many temporary names are tried before giving up.
const ATTEMPTS: u32 = 100;

/// Writes a file so that at every instant its path holds either the old content or all of the new.
///
/// The bytes go to a new name in the same folder, are brought to the disk, and the name is then moved over `path`; on
/// Unix the folder is brought to the disk too, so that the new content survives a power cut after success is reported.
/// Nothing is left behind when an error is returned; a killed process can leave a file that ends in `.partial`.
///
/// # Errors
/// When the operating system refuses any of these steps.
pub fn atomic_write(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), FormatError> {
    let path = path.as_ref();
    let (mut file, partial) = create_partial(path)?;
    let written = write_through(&mut file, &partial, bytes)
        .and_then(|()| fs::rename(&partial, path).map_err(|source| io_error("rename", &partial, source)));
    drop(file);
    if let Err(error) = written {
        let _ = fs::remove_file(&partial);
        return Err(error);
    }
    sync_folder(folder_of(path))
}

fn write_through(file: &mut File, partial: &Path, bytes: &[u8]) -> Result<(), FormatError> {
    file.write_all(bytes)
        .map_err(|source| io_error("write", partial, source))?;
    file.sync_all()
        .map_err(|source| io_error("bring to disk", partial, source))
}

/// Makes a file that did not exist, next to `path`.
fn create_partial(path: &Path) -> Result<(File, PathBuf), FormatError> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "the path names no file");
        return Err(io_error("write", path, source));
    };
    let mut attempt = 0;
    loop {
        attempt += 1;
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let mut partial = std::ffi::OsString::from(".");
        partial.push(name);
        partial.push(format!(".{}-{number}.partial", std::process::id()));
        let partial = folder_of(path).join(partial);
        match OpenOptions::new().write(true).create_new(true).open(&partial) {
            Ok(file) => return Ok((file, partial)),
            // A process of the same number was killed here before.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < ATTEMPTS => {}
            Err(source) => return Err(io_error("create", &partial, source)),
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), FormatError> {
    let opened = File::open(folder).map_err(|source| io_error("open", folder, source))?;
    match opened.sync_all() {
        // Some file systems have no such operation for folders; the rename stands all the same.
        Err(source) if source.kind() != io::ErrorKind::InvalidInput && source.kind() != io::ErrorKind::Unsupported => {
            Err(io_error("bring to disk", folder, source))
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> Result<(), FormatError> {
    Ok(())
}

pub(crate) fn io_error(action: &'static str, path: &Path, source: io::Error) -> FormatError {
    FormatError::Io {
        action,
        path: path.to_path_buf(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_the_old_content_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.bin");
        atomic_write(&path, b"old").unwrap();
        atomic_write(&path, b"new and longer").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new and longer");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_keeps_the_old_content_and_cleans_up() {
        let folder = tempfile::tempdir().unwrap();
        // A folder with something in it cannot be replaced by a file.
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), b"old").unwrap();
        let error = atomic_write(&path, b"new").unwrap_err();
        assert!(matches!(error, FormatError::Io { action: "rename", .. }), "{error}");
        assert_eq!(fs::read(path.join("inside")).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = atomic_write(folder.path().join("absent/weights.bin"), b"x").unwrap_err();
        assert!(error.to_string().contains("absent"), "{error}");
    }
}
