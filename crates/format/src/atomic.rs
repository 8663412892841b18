use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::{FormatError, outside, temporary};

/// Writes a file so that at every instant its path holds either the old content or all of the new.
///
/// The bytes go to a new name in the same folder, are brought to the disk, and the name is then moved over `path`; on
/// Unix the folder is brought to the disk too, so that the new content survives a power cut after success is reported.
/// Nothing is left behind when an error is returned; what a killed process leaves is removed when a later one writes into
/// the same folder. A device such as `/dev/stdout`, which nothing can be moved over, is written to as it is.
///
/// # Errors
/// When the operating system refuses any of these steps, or there is a folder, a pipe or a socket at the path.
pub fn atomic_write(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), FormatError> {
    let path = path.as_ref();
    if path.file_name().is_none() {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "the path names no file");
        return Err(io_error("write", path, source));
    }
    let old = fs::metadata(path).ok();
    if let Some(old) = old.as_ref().filter(|old| !old.is_file()) {
        outside::writable(path, old.file_type())?;
        let file = OpenOptions::new().write(true).open(path);
        return file
            .and_then(|mut file| file.write_all(bytes))
            .map_err(|source| io_error("write", path, source));
    }
    let (mut file, partial) = temporary::file(folder_of(path)).map_err(|error| meant(error, path))?;
    let written = file
        .write_all(bytes)
        .and_then(|()| match old {
            Some(old) => fs::set_permissions(&partial, old.permissions()),
            None => temporary::permit(&partial, 0o666),
        })
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&partial, path));
    drop(file);
    if let Err(source) = written {
        let _ = fs::remove_file(&partial);
        return Err(io_error("write", path, source));
    }
    sync_folder(folder_of(path))
}

/// The error of the temporary file as one of the file that it was to become.
fn meant(error: FormatError, path: &Path) -> FormatError {
    match error {
        FormatError::Io { source, .. } => io_error("write", path, source),
        other => other,
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
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), b"old").unwrap();
        let error = atomic_write(&path, b"new").unwrap_err();
        assert!(
            matches!(error, FormatError::NotAFile { found: "a folder", .. }),
            "{error}"
        );
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
