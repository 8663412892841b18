//! The threads that all computation shares.

use crate::Error;

/// Starts the threads, one a core unless `RAYON_NUM_THREADS` says otherwise; later calls find them running.
///
/// Without this, whatever computes first starts them, and panics where the machine gives none.
///
/// # Errors
/// [`Error::Environment`] when the operating system refuses them.
pub fn start() -> Result<(), Error> {
    use std::sync::OnceLock;
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    let started = STARTED.get_or_init(|| {
        let built = rayon::ThreadPoolBuilder::new().build_global();
        built.map_err(|error| std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string))
    });
    started.clone().map_err(|reason| {
        Error::Environment(format!(
            "cannot start the threads that compute: {reason}; raise the limit on processes (`ulimit -u`), or ask for \
             fewer with RAYON_NUM_THREADS=1"
        ))
    })
}
