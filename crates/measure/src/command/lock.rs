use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::place;
use crate::MeasureError;

/// How long a lock is waited for by default.
pub const PATIENCE: Duration = Duration::from_secs(3600);

/// The sole use of a device, across processes, until it is dropped or the process ends in whatever way.
///
/// An advisory lock of the operating system on an empty file. The file is handed on to the command as its standard input,
/// so that a command that outlives a killed process still keeps others from its device.
#[derive(Debug)]
pub struct DeviceLock(File);

impl DeviceLock {
    /// Waits for the lock of a name, at most for `patience`.
    ///
    /// # Errors
    /// When the file cannot be made, or others hold the lock for too long.
    pub fn take(folder: &Path, name: &str, patience: Duration) -> Result<Self, MeasureError> {
        place::make(folder)?;
        let path = folder.join(format!("{name}.lock"));
        let failed = |source| MeasureError::Folder {
            folder: path.clone(),
            source,
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        let until = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
                Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(Duration::from_millis(20)),
                Err(TryLockError::WouldBlock) => {
                    return Err(MeasureError::DeviceTaken {
                        lock: name.to_owned(),
                        file: path,
                        seconds: patience.as_secs(),
                    });
                }
            }
        }
    }

    /// The lock as the standard input of a command: an empty file.
    ///
    /// # Errors
    /// When the operating system has no more file descriptors.
    pub fn as_input(&self) -> std::io::Result<File> {
        self.0.try_clone()
    }
}
