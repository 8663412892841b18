use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use panarch_cost::profile::command::FilePattern;

/// Largest file that an answer is read from.
const LARGEST: u64 = 16 << 20;
/// Most entries of a folder that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// The text of the one file below a folder that fits a pattern, with its path.
///
/// Links are not followed: a command writes its answer into the folder or not at all.
///
/// # Errors
/// In words: when no file fits or several do, or the one that fits is too large, no plain file, or not readable.
pub fn read(folder: &Path, pattern: &FilePattern) -> Result<(PathBuf, Vec<u8>), String> {
    let mut found = vec![folder.to_path_buf()];
    for name in pattern.names() {
        let mut next = Vec::new();
        for folder in found {
            let entries = fs::read_dir(&folder).into_iter().flatten().take(MOST_ENTRIES).flatten();
            let fits = entries.filter(|entry| {
                entry
                    .file_name()
                    .to_str()
                    .is_some_and(|file| FilePattern::fits(name, file))
            });
            next.extend(fits.map(|entry| entry.path()));
        }
        // Every folder on the way must be one of its own, not a link to another.
        next.retain(|path| path.symlink_metadata().is_ok_and(|data| !data.is_symlink()));
        next.truncate(MOST_ENTRIES);
        found = next;
    }
    found.retain(|path| path.is_file());
    found.sort();
    let path = match found.as_slice() {
        [] => return Err(format!("it wrote no file `{pattern}` into its output folder")),
        [one] => one.clone(),
        [first, second, ..] => {
            let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let (first, second) = (name(first), name(second));
            return Err(format!(
                "{} files fit `{pattern}`, {first} and {second} among them",
                found.len()
            ));
        }
    };
    let unreadable = |error: std::io::Error| format!("its file `{pattern}` cannot be read: {error}");
    let mut bytes = Vec::new();
    let file = fs::File::open(&path).map_err(unreadable)?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!(
            "its file `{pattern}` has {} bytes, more than the {LARGEST} that are read",
            size.max(bytes.len() as u64)
        ));
    }
    Ok((path, bytes))
}
