//! Whether threads can be had at all: a limit on processes, as `ulimit -u` sets it, counts threads too.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};

/// Starts so many threads at the same time and ends them, before something is used that panics, or silently goes on with
/// fewer, when it gets none.
///
/// # Errors
/// The operating system's reason for refusing one of them.
pub fn can_start(count: u32) -> io::Result<()> {
    let gate = Mutex::new(());
    thread::scope(|scope| {
        // None ends before all have begun.
        let _closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
        (0..count).try_for_each(|_| {
            let wait = || drop(gate.lock().unwrap_or_else(PoisonError::into_inner));
            Builder::new().spawn_scoped(scope, wait).map(drop)
        })
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_few_threads_can_be_had() {
        super::can_start(0).unwrap();
        super::can_start(3).unwrap();
    }
}
