//! The reference data: published tables and the figures of other tools, too large or not ours to commit.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The environment variable that names the folder of the reference data.
pub const REFERENCE_DATA: &str = "PANARCH_REFERENCE_DATA";

/// The environment variable that names a file which gets a line for each thing that a test lacked; `cargo xtask test`
/// counts the tests in it.
pub const LACKED: &str = "PANARCH_TESTS_LACKED";

/// A file or folder of the reference data, by its path in there; none, and one line of output, when it is absent.
///
/// The data lie in `$PANARCH_REFERENCE_DATA`, else in `../shared/data` beside the checkout.
pub fn reference(path: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(REFERENCE_DATA)
        .filter(|folder| !folder.is_empty())
        .map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
            PathBuf::from,
        );
    let found = folder.join(path);
    if found.exists() {
        return Some(found);
    }
    let folder = folder.display();
    println!("skipped: no reference data {path} in {folder} ({REFERENCE_DATA} names another folder)");
    note(path);
    None
}

/// The text of a file of the reference data, likewise.
///
/// # Panics
/// When the file is there and cannot be read.
pub fn reference_text(path: &str) -> Option<String> {
    let found = reference(path)?;
    Some(std::fs::read_to_string(&found).unwrap_or_else(|error| panic!("{}: {error}", found.display())))
}

/// Says in the file that counts them which test lacked what. A test is a thread of its own, named after it.
fn note(path: &str) {
    let Some(file) = std::env::var_os(LACKED) else { return };
    let binary = std::env::current_exe().unwrap_or_default();
    let binary = binary.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let thread = std::thread::current();
    let line = format!("{binary} {}\t{path}\n", thread.name().unwrap_or("?"));
    let file = std::fs::OpenOptions::new().append(true).create(true).open(file);
    // One write, so that lines of several processes do not mix; a file that cannot be written only costs the count.
    let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
}
