//! Where datasets lie on disk.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::TrainError;

/// The folder that holds fetched datasets, one sub-folder each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataRoot(PathBuf);

impl DataRoot {
    /// A folder of the caller's choice.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// `$PANARCH_DATA`, else `$XDG_DATA_HOME/panarch`, else `~/.local/share/panarch`.
    ///
    /// # Errors
    /// [`TrainError::NoDataFolder`] when none of the variables is set.
    pub fn from_environment() -> Result<Self, TrainError> {
        Self::from_variables(|name| env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, TrainError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // The XDG base directory specification says that relative paths are to be ignored.
        set("PANARCH_DATA")
            .or_else(|| {
                set("XDG_DATA_HOME")
                    .filter(|path| path.is_absolute())
                    .map(|path| path.join("panarch"))
            })
            .or_else(|| set("HOME").map(|path| path.join(".local/share/panarch")))
            .map(Self)
            .ok_or(TrainError::NoDataFolder)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The folder of one dataset.
    pub fn dataset(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_asked_in_order() {
        type Variables = [(&'static str, &'static str)];
        let cases: [(&Variables, Option<&str>); 6] = [
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
            (&[], None),
        ];
        for (variables, expected) in cases {
            let value = |name: &str| {
                variables
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, v)| OsString::from(v))
            };
            let found = DataRoot::from_variables(value).ok();
            assert_eq!(found, expected.map(DataRoot::new), "{variables:?}");
        }
    }
}
