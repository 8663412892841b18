//! The reference data, which lies beside the checkout.

use std::path::Path;

/// The text of a file of it; `None` and one line of output when it is absent.
pub fn reference(path: &str) -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let found = std::fs::read_to_string(folder.join(path)).ok();
    if found.is_none() {
        println!("skipped: no reference data {path}");
    }
    found
}
