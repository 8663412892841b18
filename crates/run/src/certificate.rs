//! Certificates of exact searches, as files.

use std::path::Path;

use panarch_format::FileKind;
use panarch_search::exact::{Certificate, Claim};

use crate::Error;

/// Larger than any cover that a person would want to keep.
const CERTIFICATE: FileKind = FileKind::new("certificate", 64 << 20);

/// Reads a certificate and computes everything in it anew.
///
/// # Errors
/// A file that cannot be read or is no certificate; a certificate that does not prove what it says.
pub fn check(path: &Path) -> Result<Claim, Error> {
    let text = panarch_format::read_text(path, CERTIFICATE)?;
    Ok(Certificate::from_json(&text)?.check()?)
}
