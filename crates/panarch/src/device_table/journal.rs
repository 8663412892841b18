//! The files of a table that is being built.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use panarch_cost::DeviceProfile;
use panarch_format::atomic_write;
use panarch_graph::Latency;
use panarch_predict::{LatencyTable, TableEntry, TableHeader};
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

impl Journal {
    /// The files beside a profile. A finished table is not written over.
    pub(super) fn of(profile: &Path) -> Result<Self, Error> {
        let table = profile.with_extension("csv");
        let partial = profile.with_extension("csv.partial");
        for done in [profile, &table] {
            if done.exists() && !partial.exists() {
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

    /// The anchor's latency that an earlier process measured with.
    pub(super) fn anchor(&self) -> Result<Option<Latency>, Error> {
        if !self.partial.exists() {
            return Ok(None);
        }
        Ok(LatencyTable::anchor_of(&lookup::read_text(&self.partial)?))
    }

    /// The entries that an earlier process has kept; begins the file where there is none.
    pub(super) fn begin(&mut self, header: &TableHeader) -> Result<Vec<(String, TableEntry)>, Error> {
        let entries = if self.partial.exists() {
            let text = lookup::read_text(&self.partial)?;
            LatencyTable::unfinished(&text, header).map_err(|error| {
                let path = self.partial.display();
                Error::Input(format!(
                    "{path}: {error}; remove it to begin anew, or take another --output"
                ))
            })?
        } else {
            Vec::new()
        };
        // Without what was cut off at its end.
        let mut text = LatencyTable::csv_beginning(header);
        text.extend(entries.iter().map(|(key, entry)| LatencyTable::csv_line(key, entry)));
        atomic_write(&self.partial, text.as_bytes())?;
        let file = OpenOptions::new().append(true).open(&self.partial);
        self.file = Some(file.map_err(Error::writing(&self.partial))?);
        Ok(entries)
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
            "# Written by `panarch device table build`; the table says how it came about.\n\
             format = 1\nname = \"{name}\"\n\
             description = \"Latency table of {} over {} at {resolution} pixels, one entry a block.\"\n\
             class = \"{}\"\nkind = \"table\"\nprecision = \"{}\"\nbatch = {}\n\n\
             [table]\nfile = \"{file}\"\ndialect = \"panarch\"\nentries = {}\n",
            of.name(),
            space.name().replace(['"', '\\', '\n'], " "),
            of.class(),
            of.precision(),
            of.batch(),
            table.len(),
        );
        atomic_write(&self.profile, profile.as_bytes())?;
        self.file = None;
        std::fs::remove_file(&self.partial).map_err(Error::writing(&self.partial))
    }
}
