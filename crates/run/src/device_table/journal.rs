//! The files of a table that is being built.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use panarch_cost::{DeviceKind, DeviceProfile};
use panarch_format::atomic_write;
use panarch_graph::{ContentHash, Latency};
use panarch_predict::{Dialect, LatencyTable, TableEntry, TableHeader};
use panarch_space::Space;

use crate::{Error, lookup};

/// Keeps entries as they come, and writes table and profile at the end.
pub(super) struct Journal {
    /// The profile.
    pub profile: PathBuf,
    /// The table.
    pub table: PathBuf,
    /// What is known so far; gone when all is done.
    partial: PathBuf,
    file: Option<File>,
}

/// What lies where a table is to be.
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// The very table that is to be built.
    Same(Box<LatencyTable>),
    /// A table of ours that is made of something else, or damaged; why, in words.
    Other(String),
}

/// How a table differs from the one that is to be built.
const OTHER: &str = "the device, the space, the resolution, the classes or the number of repeats changed";
/// How a profile begins that is written here.
const MARK: &str = "# Written by `panarch device table build`";

/// What there was of a table when it was begun.
pub(super) struct Begun {
    /// The entries that an earlier process has kept.
    pub(super) entries: Vec<(String, TableEntry)>,
    /// Why those of the file are none, where they are of another table.
    pub(super) other: Option<String>,
}

impl Journal {
    /// The files beside a profile. What was not written here is not written over.
    pub(super) fn of(profile: &Path) -> Result<Self, Error> {
        let table = profile.with_extension("csv");
        let partial = profile.with_extension("csv.partial");
        let ours = |path: &Path| match lookup::read_text(path) {
            Ok(text) => text.starts_with(MARK) || path == table && text.starts_with(LatencyTable::MARK),
            Err(_) => false,
        };
        for done in [profile, table.as_path()] {
            if done.exists() && !partial.exists() && !ours(done) {
                let advice = "remove it, or take another --output";
                return Err(Error::Input(format!("there is {} already; {advice}", done.display())));
            }
        }
        Ok(Self {
            profile: profile.to_owned(),
            table,
            partial,
            file: None,
        })
    }

    /// The anchor's latency that an earlier process measured with, be its table finished or not.
    pub(super) fn anchor(&self) -> Result<Option<Latency>, Error> {
        let left = [&self.partial, &self.table].into_iter().find(|file| file.exists());
        match left {
            Some(file) => Ok(LatencyTable::anchor_of(&lookup::read_text(file)?)),
            None => Ok(None),
        }
    }

    /// What an earlier process has left as a whole; `header` is that of the table that is to be built.
    pub(super) fn found(&self, header: &TableHeader) -> Result<Found, Error> {
        if self.partial.exists() || !self.table.exists() || !self.profile.exists() {
            return Ok(Found::Nothing);
        }
        let profile = lookup::device(&self.profile.to_string_lossy())?;
        let target = match profile.kind() {
            DeviceKind::Table(target) => target,
            _ => return Ok(Found::Other("its profile is of something else".to_owned())),
        };
        let text = lookup::read_text(&self.table)?;
        if target.checksum != Some(ContentHash::plain(text.as_bytes())) {
            let name = self.table.display();
            return Ok(Found::Other(match target.checksum {
                Some(_) => format!("{name} was damaged, or changed after it was built"),
                None => format!("{name} has no checksum in its profile"),
            }));
        }
        let table = LatencyTable::read(&text, Dialect::Panarch)?;
        let bare = |header: &TableHeader| {
            let mut bare = header.clone();
            (bare.fixed, bare.check, bare.anchor_spread) = (Latency::ZERO, None, None);
            LatencyTable::csv_beginning(&bare)
        };
        let same = table.header().is_some_and(|built| bare(built) == bare(header));
        Ok(match same {
            true => Found::Same(Box::new(table)),
            false => Found::Other(OTHER.to_owned()),
        })
    }

    /// Goes on with the file that an earlier process has begun; begins it where there is none.
    pub(super) fn begin(&mut self, header: &TableHeader) -> Result<Begun, Error> {
        let mut other = None;
        let entries = if self.partial.exists() {
            let text = lookup::read_text(&self.partial)?;
            LatencyTable::unfinished(&text, header).unwrap_or_else(|error| {
                other = Some(error.to_string());
                Vec::new()
            })
        } else {
            Vec::new()
        };
        // Without what was cut off at its end.
        let mut text = LatencyTable::csv_beginning(header);
        text.extend(entries.iter().map(|(key, entry)| LatencyTable::csv_line(key, entry)));
        atomic_write(&self.partial, text.as_bytes())?;
        let file = OpenOptions::new().append(true).open(&self.partial);
        self.file = Some(file.map_err(Error::writing(&self.partial))?);
        Ok(Begun { entries, other })
    }

    /// Brings an entry to the disk.
    pub(super) fn keep(&mut self, key: &str, entry: &TableEntry) -> Result<(), Error> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let line = LatencyTable::csv_line(key, entry);
        file.write_all(line.as_bytes())
            .and_then(|()| file.sync_data())
            .map_err(Error::writing(&self.partial))
    }

    /// Writes the finished table and its profile, and removes what was kept on the way.
    pub(super) fn finish(
        &mut self,
        name: &str,
        of: &DeviceProfile,
        space: &Space,
        resolution: u32,
        table: &LatencyTable,
    ) -> Result<(), Error> {
        let text = table.to_csv().unwrap_or_default();
        atomic_write(&self.table, text.as_bytes())?;
        let file = self.table.file_name().unwrap_or_default().to_string_lossy();
        let profile = format!(
            "{MARK}; the table says how it came about.\n\
             format = 1\nname = \"{name}\"\n\
             description = \"Latency table of {} over {} at {resolution} pixels, one entry a block.\"\n\
             class = \"{}\"\nkind = \"table\"\nprecision = \"{}\"\nbatch = {}\n\n\
             [table]\nfile = \"{file}\"\ndialect = \"panarch\"\nentries = {}\nchecksum = \"{}\"\n",
            of.name(),
            space.name().replace(['"', '\\', '\n'], " "),
            of.class(),
            of.precision(),
            of.batch(),
            table.len(),
            ContentHash::plain(text.as_bytes()),
        );
        atomic_write(&self.profile, profile.as_bytes())?;
        self.file = None;
        std::fs::remove_file(&self.partial).map_err(Error::writing(&self.partial))
    }
}
