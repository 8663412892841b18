//! Where datasets lie on disk.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::DataError;

/// The folder that holds fetched datasets, one sub-folder each; it may be that nobody says where it is, which matters only
/// to those who need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataRoot(Option<PathBuf>);

impl DataRoot {
    /// A folder of the caller's choice.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(Some(folder.into()))
    }

    /// `$PANARCH_DATA`, else `$XDG_DATA_HOME/panarch`, else `~/.local/share/panarch`.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::from_variables(|name| env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // The XDG base directory specification says that relative paths are to be ignored; a relative HOME is no home.
        let absolute = |name: &str| set(name).filter(|path| path.is_absolute());
        let folder = set("PANARCH_DATA")
            .or_else(|| absolute("XDG_DATA_HOME").map(|path| path.join("panarch")))
            .or_else(|| absolute("HOME").map(|path| path.join(".local/share/panarch")));
        Self(folder)
    }

    /// The folder itself.
    ///
    /// # Errors
    /// [`DataError::NoDataFolder`] when nobody says where it is.
    pub fn path(&self) -> Result<&Path, DataError> {
        self.0.as_deref().ok_or(DataError::NoDataFolder)
    }

    /// The folder of one dataset.
    ///
    /// # Errors
    /// As [`DataRoot::path`].
    pub fn dataset(&self, name: &str) -> Result<PathBuf, DataError> {
        Ok(self.path()?.join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_asked_in_order() {
        type Variables = [(&'static str, &'static str)];
        let cases: [(&Variables, Option<&str>); 7] = [
            (
                &[("PANARCH_DATA", "d"), ("XDG_DATA_HOME", "/x"), ("HOME", "/h")],
                Some("d"),
            ),
            (
                &[("PANARCH_DATA", ""), ("XDG_DATA_HOME", "/x"), ("HOME", "/h")],
                Some("/x/panarch"),
            ),
            (
                &[("XDG_DATA_HOME", "relative"), ("HOME", "/h")],
                Some("/h/.local/share/panarch"),
            ),
            (&[("HOME", "/h")], Some("/h/.local/share/panarch")),
            (&[("HOME", "")], None),
            (&[("HOME", "relative")], None),
            (&[], None),
        ];
        for (variables, expected) in cases {
            let value = |name: &str| {
                variables
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, v)| OsString::from(v))
            };
            let found = DataRoot::from_variables(value);
            assert_eq!(found.path().ok(), expected.map(Path::new), "{variables:?}");
        }
    }
}
