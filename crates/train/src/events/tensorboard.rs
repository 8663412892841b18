//! TensorBoard's files of events.
//!
//! A record is a protobuf `Event` (tensorflow/core/util/event.proto); its few fields that are needed here are written by
//! hand: 1 wall time, 2 step, and one of 3 file version, 5 summary, 7 session log.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{record, seconds};
use crate::TrainError;

const PREFIX: &str = "events.out.tfevents.";
const SUFFIX: &str = ".panarch";
/// More files of one second than this are not made.
const ATTEMPTS: u32 = 10_000;

/// A file of events, a new one each time a training starts or goes on; TensorBoard reads all of a folder, in the order
/// of their names.
#[derive(Debug)]
pub(super) struct EventFile {
    path: PathBuf,
    writer: BufWriter<File>,
    event: Vec<u8>,
}

impl EventFile {
    /// Makes a file that comes after those that are there, and repairs the last of those.
    pub(super) fn create(folder: &Path, resumed_at: Option<u64>, now: SystemTime) -> Result<Self, TrainError> {
        let before = latest(folder).map_err(TrainError::io(folder, "read"))?;
        if let Some((_, name)) = &before {
            let path = folder.join(name);
            cut_torn(&path).map_err(TrainError::io(&path, "repair"))?;
        }
        // A clock that was set back must not bring the new file before the old ones.
        let second = (seconds(now) as u64).max(before.map_or(0, |(second, _)| second));
        let (path, file) = new_file(folder, second)?;
        let mut events = Self {
            path,
            writer: BufWriter::new(file),
            event: Vec::new(),
        };
        events.begin(now, 0);
        bytes(&mut events.event, 3, b"brain.Event:2");
        events.end()?;
        // A start at a step makes TensorBoard forget what was said of it and of all later ones.
        events.begin(now, resumed_at.map_or(0, |done| done.saturating_add(1)));
        bytes(&mut events.event, 7, &[1 << 3, 1]);
        events.end()?;
        events.flush()?;
        Ok(events)
    }

    /// Writes the values of a step as one event.
    pub(super) fn write(&mut self, step: u64, now: SystemTime, values: &[(&str, f64)]) -> Result<(), TrainError> {
        let (mut summary, mut value) = (Vec::new(), Vec::new());
        for (tag, number) in values {
            value.clear();
            bytes(&mut value, 1, tag.as_bytes());
            // A float has wire type 5.
            value.push(2 << 3 | 5);
            value.extend((*number as f32).to_le_bytes());
            bytes(&mut summary, 1, &value);
        }
        self.begin(now, step);
        bytes(&mut self.event, 5, &summary);
        self.end()
    }

    pub(super) fn flush(&mut self) -> Result<(), TrainError> {
        self.writer.flush().map_err(TrainError::io(&self.path, "write"))
    }

    fn begin(&mut self, now: SystemTime, step: u64) {
        self.event.clear();
        // A double has wire type 1, a number 0.
        self.event.push(1 << 3 | 1);
        self.event.extend(seconds(now).to_le_bytes());
        self.event.push(2 << 3);
        number(&mut self.event, step);
    }

    fn end(&mut self) -> Result<(), TrainError> {
        record::write(&mut self.writer, &self.event).map_err(TrainError::io(&self.path, "write"))
    }
}

/// A number in groups of seven bits, the lowest first.
fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A field of bytes: wire type 2.
fn bytes(out: &mut Vec<u8>, field: u8, content: &[u8]) {
    out.push(field << 3 | 2);
    number(out, content.len() as u64);
    out.extend(content);
}

/// The last of our files in a folder, with the second in its name.
fn latest(folder: &Path) -> io::Result<Option<(u64, String)>> {
    let mut last = None;
    for entry in fs::read_dir(folder)? {
        let Ok(name) = entry?.file_name().into_string() else {
            continue;
        };
        let second = name.strip_prefix(PREFIX).and_then(|rest| {
            let (second, rest) = rest.split_once('.')?;
            rest.starts_with(&SUFFIX[1..]).then(|| second.parse().ok())?
        });
        if let Some(second) = second {
            last = last.max(Some((second, name)));
        }
    }
    Ok(last)
}

fn cut_torn(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let total = file.metadata()?.len();
    let intact = record::intact(&mut BufReader::new(&file), total)?;
    if intact < total {
        file.set_len(intact)?;
    }
    Ok(())
}

fn new_file(folder: &Path, second: u64) -> Result<(PathBuf, File), TrainError> {
    let mut attempt = 0;
    loop {
        // Ten and four digits, so that the order of names is that of time.
        let path = folder.join(format!("{PREFIX}{second:010}{SUFFIX}.{attempt:04}"));
        attempt += 1;
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < ATTEMPTS => {}
            Err(error) => return Err(TrainError::io(path, "create")(error)),
        }
    }
}
