//! Files and folders of ours that are not finished: only their owner can look into them, and what a killed process left
//! behind is removed by the next one that works in the same place.
//!
//! Each is locked for as long as its process lives, by a lock that the operating system gives back when the process ends
//! in whatever way. What has one of our names and is not locked belongs to nobody.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::FormatError;
use crate::atomic::io_error;

/// How the names of unfinished things begin and end.
const PREFIX: &str = ".panarch-";
const SUFFIX: &str = ".partial";
/// How many names are tried before giving up.
const ATTEMPTS: u32 = 100;

/// A folder that is removed with all that is in it, at the latest by a later process.
#[derive(Debug)]
pub struct TemporaryFolder {
    path: PathBuf,
    /// Holds the lock.
    _open: Option<File>,
}

impl TemporaryFolder {
    /// Makes a folder in another one, which must exist.
    ///
    /// # Errors
    /// [`FormatError::Io`].
    pub fn new(parent: &Path) -> Result<Self, FormatError> {
        remove_leftovers_once(parent);
        attempt(parent, |path| {
            private_folder().create(path)?;
            let open = File::open(path).ok();
            let alone = open.as_ref().is_none_or(|open| locked(open, path));
            Ok(alone.then(|| Self {
                path: path.to_owned(),
                _open: open,
            }))
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves it to a name of its own, under which it stays, with the usual permissions.
    ///
    /// # Errors
    /// The operating system's answer.
    pub fn publish(self, target: &Path) -> io::Result<()> {
        permit(&self.path, 0o777)?;
        fs::rename(&self.path, target)
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // After publishing there is nothing left to remove; what cannot be removed a later process tries again.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Makes an empty file in a folder, open for writing and locked.
pub(crate) fn file(folder: &Path) -> Result<(File, PathBuf), FormatError> {
    remove_leftovers_once(folder);
    attempt(folder, |path| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        private(&mut options);
        let file = options.open(path)?;
        Ok(locked(&file, path).then(|| (file, path.to_owned())))
    })
}

/// Gives a finished file or folder the permissions that it would have had from its beginning: `all` less what the
/// process's mask takes away.
///
/// # Errors
/// The operating system's answer.
#[cfg(unix)]
pub fn permit(path: &Path, all: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(all & !mask()))
}

/// As on Unix, where there is something to do.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn permit(_path: &Path, _all: u32) -> io::Result<()> {
    Ok(())
}

/// The process's mask, asked for once.
#[cfg(unix)]
fn mask() -> u32 {
    use rustix::fs::Mode;
    use rustix::process::umask;
    static MASK: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *MASK.get_or_init(|| {
        // It can only be asked for by setting it; what another thread makes meanwhile is its owner's alone.
        let mask = umask(Mode::RWXG | Mode::RWXO);
        umask(mask);
        mask.bits()
    })
}

/// Removes from a folder what killed processes left there unfinished. What cannot be removed stays.
pub fn remove_leftovers(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let ours = name
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if !ours || !(kind.is_dir() || kind.is_file()) || !is_owned(&path) {
            continue;
        }
        // Whoever made it holds the lock for as long as it lives.
        let Ok(open) = File::open(&path) else { continue };
        if open.try_lock().is_ok() {
            let _ = if kind.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
        }
    }
}

fn remove_leftovers_once(folder: &Path) {
    static DONE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    if done.insert(folder.to_owned()) {
        remove_leftovers(folder);
    }
}

/// Locks what was just made, unless another process took it for a leftover in between. A file system without locks is no
/// obstacle; nothing is ever taken for a leftover there.
fn locked(made: &File, path: &Path) -> bool {
    let _ = made.lock();
    fs::symlink_metadata(path).is_ok()
}

/// Tries names until one is free.
fn attempt<T>(folder: &Path, make: impl Fn(&Path) -> io::Result<Option<T>>) -> Result<T, FormatError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let number = RandomState::new().hash_one(attempt);
        let path = folder.join(format!("{PREFIX}{}-{number:016x}{SUFFIX}", std::process::id()));
        match make(&path) {
            Ok(Some(made)) => return Ok(made),
            Ok(None) if attempt < ATTEMPTS => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < ATTEMPTS => {}
            Ok(None) => return Err(io_error("create", &path, io::ErrorKind::AlreadyExists.into())),
            Err(source) => return Err(io_error("create", &path, source)),
        }
    }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn private(_options: &mut OpenOptions) {}

#[cfg(unix)]
fn private_folder() -> fs::DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700);
    builder
}

#[cfg(not(unix))]
fn private_folder() -> fs::DirBuilder {
    fs::DirBuilder::new()
}

/// Whether something belongs to the user of this process: a folder such as `/tmp` is everybody's.
#[cfg(unix)]
fn is_owned(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    fs::symlink_metadata(path).is_ok_and(|found| found.uid() == own)
}

#[cfg(not(unix))]
fn is_owned(_path: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn leftovers_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let alive = TemporaryFolder::new(root).unwrap();
        let (_open, partial) = file(root).unwrap();
        fs::write(alive.path().join("inside"), "x").unwrap();
        fs::create_dir(root.join(".panarch-1-2.partial")).unwrap();
        fs::write(root.join(".panarch-1-2.partial/inside"), "x").unwrap();
        fs::write(root.join(".panarch-1-3.partial"), "x").unwrap();
        for others in [".panarch-notes", "panarch-1-2.partial", ".panarch-1-2.partial.toml"] {
            fs::write(root.join(others), "x").unwrap();
        }
        remove_leftovers(root);
        let mut expected: Vec<String> = [alive.path(), &partial]
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .into();
        expected.extend([".panarch-1-2.partial.toml", ".panarch-notes", "panarch-1-2.partial"].map(str::to_owned));
        expected.sort();
        assert_eq!(names(root), expected);
        drop(alive);
        assert_eq!(names(root).len(), expected.len() - 1);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_look_into_what_is_not_finished() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let root = tempfile::tempdir().unwrap();
        let folder = TemporaryFolder::new(root.path()).unwrap();
        let (_open, partial) = file(root.path()).unwrap();
        assert_eq!((mode(folder.path()), mode(&partial)), (0o700, 0o600));
        let plain = root.path().join("plain");
        fs::create_dir(&plain).unwrap();
        let target = root.path().join("published");
        folder.publish(&target).unwrap();
        assert_eq!(mode(&target), mode(&plain));
    }
}
