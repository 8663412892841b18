//! `[output]`: where the run writes.

use std::path::PathBuf;

use panarch_toml::{Key, Table};

use super::write::Writer;
use crate::lookup;

/// What the section's keys mean.
pub(super) const KEYS: &[Key] = &[
    Key::new("output", "Where the run writes.").known_as(&["out", "outputs", "logging"]),
    Key::new(
        "output.directory",
        "The folder of the study, the checkpoints, the exported networks and the report. It is created if it does not exist.",
    )
    .with_default("`runs/NAME`, NAME being the run's `name`")
    .known_as(&["dir", "folder", "path", "output_dir", "out_dir", "save_dir", "work_dir"]),
];

/// Where the run writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSection {
    /// Folder of the study, the checkpoints, the exported networks and the report. Default `runs/NAME`.
    pub directory: PathBuf,
}

impl OutputSection {
    pub(super) fn read(table: Table<'_>, name: Option<&str>) -> Self {
        let directory = table.optional_string("directory");
        if directory.as_deref().is_some_and(str::is_empty) {
            table.problem("directory", "`output.directory` must not be empty", None);
        }
        table.finish();
        let directory = directory.unwrap_or_else(|| format!("runs/{}", name.unwrap_or_default()));
        Self {
            directory: lookup::expand_home(&directory).into_owned().into(),
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.text("directory", &self.directory.to_string_lossy());
    }
}
