//! One JSON object a line.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;
use std::time::SystemTime;

use panarch_format::{FileKind, FormatError, atomic_write, read_file};
use serde::{Deserialize, Serialize};

use super::seconds;
use crate::TrainError;

const VERSION: u32 = 1;
/// The largest log that is continued, in bytes.
const LARGEST: u64 = 4 << 30;

/// A line, as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    version: u32,
    step: u64,
    wall_time_s: f64,
    values: BTreeMap<String, Option<f64>>,
}

/// A file of lines, open at its end.
#[derive(Debug)]
pub(super) struct JsonLines {
    path: PathBuf,
    writer: BufWriter<File>,
}

impl JsonLines {
    /// Opens a file and drops what it says of steps after `resumed_at`, and a last line without an end.
    pub(super) fn open(path: PathBuf, resumed_at: Option<u64>) -> Result<Self, TrainError> {
        let old = match read_file(&path, FileKind::new("log of events", LARGEST)) {
            Ok(bytes) => bytes,
            Err(FormatError::MissingFile { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let wrong = |reason| TrainError::Events {
            path: path.clone(),
            reason,
        };
        let mut kept = Vec::with_capacity(old.len());
        for (index, line) in old.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if !line.ends_with(b"\n") {
                break;
            }
            let step = step(line).map_err(|reason| wrong(format!("line {}: {reason}", index + 1)))?;
            if resumed_at.is_some_and(|done| step <= done) {
                kept.extend_from_slice(line);
            }
        }
        if kept.len() < old.len() {
            // At any instant the file is the old one or the new one.
            atomic_write(&path, &kept)?;
        }
        let file = OpenOptions::new().append(true).create(true).open(&path);
        let file = file.map_err(TrainError::io(&path, "open"))?;
        let writer = BufWriter::new(file);
        Ok(Self { path, writer })
    }

    pub(super) fn write(&mut self, step: u64, now: SystemTime, values: &[(&str, f64)]) -> Result<(), TrainError> {
        let finite = |value: f64| value.is_finite().then_some(value);
        let line = Line {
            version: VERSION,
            step,
            wall_time_s: seconds(now),
            values: values
                .iter()
                .map(|(tag, value)| ((*tag).to_owned(), finite(*value)))
                .collect(),
        };
        serde_json::to_writer(&mut self.writer, &line)
            .map_err(io::Error::from)
            .and_then(|()| self.writer.write_all(b"\n"))
            .map_err(TrainError::io(&self.path, "write"))
    }

    pub(super) fn flush(&mut self) -> Result<(), TrainError> {
        self.writer.flush().map_err(TrainError::io(&self.path, "write"))
    }
}

/// The step of a line of ours.
fn step(line: &[u8]) -> Result<u64, String> {
    let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if line.version == VERSION {
        Ok(line.step)
    } else {
        Err(format!("version {}, known is {VERSION}", line.version))
    }
}
