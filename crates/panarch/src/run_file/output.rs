//! `[output]`: where the run writes.

use std::path::PathBuf;

use panarch_toml::Table;

use super::write::Writer;

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
            directory: directory.into(),
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.text("directory", &self.directory.to_string_lossy());
    }
}
