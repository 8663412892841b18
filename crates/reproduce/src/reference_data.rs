//! Measurements of others that are not shipped with the project: where they are.

use std::path::PathBuf;

use panarch_run::Error;

/// The environment variable that names the folder of the reference data.
const REFERENCE_DATA: &str = "PANARCH_REFERENCE_DATA";

/// What finds a file of the reference data by its name.
pub(super) type Find = fn(&str) -> Result<PathBuf, Error>;

/// A file in the folder of the reference data.
///
/// # Errors
/// [`Error::Environment`] when it is not there.
pub(super) fn path(name: &str) -> Result<PathBuf, Error> {
    let folder = std::env::var_os(REFERENCE_DATA).filter(|folder| !folder.is_empty());
    let Some(folder) = folder.map(PathBuf::from) else {
        return Err(Error::Environment(format!(
            "{name} is needed, which is not shipped; set {REFERENCE_DATA} to the folder of the reference data"
        )));
    };
    let found = folder.join(name);
    if found.is_file() {
        return Ok(found);
    }
    let folder = folder.display();
    Err(Error::Environment(format!(
        "there is no {name} in {folder}, which {REFERENCE_DATA} names"
    )))
}
