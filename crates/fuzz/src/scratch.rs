//! Bytes as a file, for parsers that take a path.

use std::path::Path;

/// Calls `use_file` with a file of this name that holds the bytes, in a folder of its own that is removed afterwards.
///
/// # Panics
/// When no temporary file can be written: that is the machine's fault, not the parser's.
pub fn with_file(name: &str, bytes: &[u8], use_file: impl FnOnce(&Path)) {
    // In memory where there is such a place: a fuzzer writes thousands a second.
    let memory = Path::new("/dev/shm");
    let folder = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
    .expect("a temporary folder");
    let path = folder.path().join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).expect("a folder in the temporary folder");
    }
    std::fs::write(&path, bytes).expect("a temporary file");
    use_file(&path);
}
