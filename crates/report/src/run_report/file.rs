//! The file form: JSON with a version, unknown fields refused.

use serde::Deserialize;

use super::RunReport;
use crate::ReportError;

/// The version of the file form that this crate writes and reads.
pub const VERSION: u32 = 1;

#[derive(Deserialize)]
struct OnlyVersion {
    version: u32,
}

impl RunReport {
    /// The file form, of an inconsistent report too.
    ///
    /// # Errors
    /// [`ReportError::Json`] when a part has no JSON form.
    pub fn to_json(&self) -> Result<String, ReportError> {
        serde_json::to_string(self).map_err(ReportError::Json)
    }

    /// Reads the file form.
    ///
    /// # Errors
    /// [`ReportError::Json`] with line and column, naming an unknown or missing field;
    /// [`ReportError::Version`] for a file of another version. Whether its parts agree tells
    /// [`RunReport::inconsistencies`].
    pub fn from_json(text: &str) -> Result<Self, ReportError> {
        let OnlyVersion { version } = serde_json::from_str(text).map_err(ReportError::Json)?;
        if version != VERSION {
            return Err(ReportError::Version {
                found: version,
                expected: VERSION,
            });
        }
        serde_json::from_str(text).map_err(ReportError::Json)
    }
}
