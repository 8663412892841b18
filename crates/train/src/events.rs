//! What a training says of itself step by step, on disk: for TensorBoard and as JSON lines.

mod crc32c;
mod json_lines;
mod record;
mod tensorboard;

use std::path::Path;
use std::time::SystemTime;

use self::json_lines::JsonLines;
use self::tensorboard::EventFile;
use crate::TrainError;

/// Writes named values of steps to two places in a folder: `events.jsonl`, one JSON object a line, and a file
/// `events.out.tfevents.*` of TensorBoard's.
///
/// It can be killed at any instant: what a later [`EventLog::open`] finds torn at the end it cuts off. What was not
/// flushed may be lost. One writer at a time.
///
/// A line is `{"version":1,"step":5,"wall_time_s":1700000000.5,"values":{"loss":0.25}}`; a value that is no finite
/// number is `null`. TensorBoard's values are `f32`.
#[derive(Debug)]
pub struct EventLog {
    lines: JsonLines,
    tensorboard: EventFile,
}

impl EventLog {
    /// Opens the log of a training in a folder, which is made where it is missing.
    ///
    /// `resumed_at` is the number of steps done by the training that goes on; what the log says of later steps is
    /// dropped from the lines, and TensorBoard is told, in a new file, to forget it. `None` is a training from its
    /// beginning, of which nothing has been said.
    ///
    /// # Errors
    /// [`TrainError::Io`] when a file cannot be read or written, [`TrainError::Events`] when `events.jsonl` is something
    /// else.
    pub fn open(folder: &Path, resumed_at: Option<u64>, now: SystemTime) -> Result<Self, TrainError> {
        std::fs::create_dir_all(folder).map_err(TrainError::io(folder, "create"))?;
        Ok(Self {
            lines: JsonLines::open(folder.join("events.jsonl"), resumed_at)?,
            tensorboard: EventFile::create(folder, resumed_at, now)?,
        })
    }

    /// Adds a value.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn scalar(&mut self, step: u64, now: SystemTime, tag: &str, value: f64) -> Result<(), TrainError> {
        self.scalars(step, now, &[(tag, value)])
    }

    /// Adds the values of a step: one line, one event.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn scalars(&mut self, step: u64, now: SystemTime, values: &[(&str, f64)]) -> Result<(), TrainError> {
        self.lines.write(step, now, values)?;
        self.tensorboard.write(step, now, values)
    }

    /// Hands everything to the operating system: a kill of this process loses none of it.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn flush(&mut self) -> Result<(), TrainError> {
        self.lines.flush()?;
        self.tensorboard.flush()
    }
}

/// Seconds since 1970; 0 for a clock that stands before.
fn seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0.0, |duration| duration.as_secs_f64())
}
