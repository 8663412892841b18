//! What can go wrong in this crate.

use thiserror::Error;

/// Errors of reading and drawing reports.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A name of an output format that does not exist.
    #[error("unknown format `{0}`: use table, json or csv")]
    UnknownFormat(String),
}
