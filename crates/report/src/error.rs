//! What can go wrong in this crate.

use thiserror::Error;

/// Errors of reading and drawing reports.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A name of an output format that does not exist.
    #[error("unknown format `{0}`: use table, json or csv")]
    UnknownFormat(String),
    /// A report file that is not valid JSON of the expected form.
    #[error("not a report file")]
    Json(#[source] serde_json::Error),
    /// A report file of another version.
    #[error("report file of version {found}, this program reads version {expected}")]
    Version {
        /// The version in the file.
        found: u32,
        /// The version that can be read.
        expected: u32,
    },
}
