//! The threads that all computation shares.

use crate::Error;

/// Starts the threads, one a core unless `RAYON_NUM_THREADS` says otherwise; later calls find them running.
///
/// Without this, whatever computes first starts them, and panics where the machine gives none.
///
/// # Errors
/// [`Error::Environment`] when the operating system refuses them.
pub fn start() -> Result<(), Error> {
    use std::error::Error as _;
    use std::sync::OnceLock;

    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    let started = STARTED.get_or_init(|| {
        match rayon::ThreadPoolBuilder::new().build_global() {
            Ok(()) => Ok(()),
            // Without a cause the threads are running already: a caller of this library has started them.
            Err(error) => error.source().map_or(Ok(()), |cause| Err(cause.to_string())),
        }
    });
    started.clone().map_err(|reason| {
        Error::Environment(format!(
            "cannot start the threads that compute: {reason}; raise the limit on processes (`ulimit -u`), or ask for \
             fewer with RAYON_NUM_THREADS=1"
        ))
    })
}
