use std::path::PathBuf;

use panarch_graph::ContentHash;
use panarch_toml::Table;
use serde::Serialize;

use super::ModelError;

/// A device that answers from a table of block latencies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableTarget {
    /// The table's file, relative to the profile.
    pub file: PathBuf,
    /// Whose keys and file format it has.
    pub dialect: TableDialect,
    /// How many entries it must have: says that a file that cannot tell itself was not cut.
    pub entries: Option<u32>,
    /// The BLAKE3 hash that the file's bytes must have: says that it is the table that was built.
    pub checksum: Option<ContentHash>,
}

/// Whose keys and file format a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableDialect {
    /// Once-for-All's YAML.
    Ofa,
    /// NSGANetV2's YAML.
    Nsganetv2,
    /// Our own CSV.
    Panarch,
}

/// A device that answers by a published linear model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinearTarget {
    /// The model's file (JSON), relative to the profile.
    pub file: PathBuf,
    /// The space whose members it is of: a preset's name.
    pub space: String,
    /// How far off its answers may be.
    pub error: ModelError,
}

/// `[table]`.
pub(super) fn table(root: &Table<'_>) -> Option<TableTarget> {
    let table = root.table("table")?;
    let file = file(&table);
    let dialects = [
        ("ofa", TableDialect::Ofa),
        ("nsganetv2", TableDialect::Nsganetv2),
        ("panarch", TableDialect::Panarch),
    ];
    let dialect = table.one_of("dialect", &dialects);
    let entries = table.optional_u32_in("entries", 1..=200_000);
    let checksum = table.optional_string("checksum").and_then(|text| {
        let parsed = text.parse();
        if parsed.is_err() {
            table.problem(
                "checksum",
                "`checksum` must be a BLAKE3 hash, 64 hexadecimal digits",
                None,
            );
        }
        parsed.ok()
    });
    table.finish();
    Some(TableTarget {
        file: file?,
        dialect: dialect?,
        entries,
        checksum,
    })
}

/// `[linear]`, with the `[error]` that the caller has read.
pub(super) fn linear(root: &Table<'_>, error: Option<ModelError>) -> Option<LinearTarget> {
    let table = root.table("linear")?;
    let file = file(&table);
    let space = table.string("space");
    table.finish();
    Some(LinearTarget {
        file: file?,
        space: space?,
        error: error?,
    })
}

fn file(table: &Table<'_>) -> Option<PathBuf> {
    let file = table.string("file")?;
    if file.is_empty() || file.contains('\0') {
        table.problem("file", format!("`{}` names no file", table.path_of("file")), None);
        return None;
    }
    Some(PathBuf::from(file))
}
