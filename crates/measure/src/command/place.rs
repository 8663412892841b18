use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::MeasureError;

/// The folders in which answers and locks lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    answers: PathBuf,
    locks: PathBuf,
}

impl Places {
    /// Folders of the caller's choice.
    pub fn new(answers: impl Into<PathBuf>, locks: impl Into<PathBuf>) -> Self {
        Self {
            answers: answers.into(),
            locks: locks.into(),
        }
    }

    /// Below `$XDG_CACHE_HOME/panarch` and `$XDG_STATE_HOME/panarch`, else `~/.cache/panarch` and
    /// `~/.local/state/panarch`.
    ///
    /// # Errors
    /// When none of the variables is set.
    pub fn from_environment() -> Result<Self, MeasureError> {
        Self::from_variables(|name| env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, MeasureError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // The XDG base directory specification says that relative paths are to be ignored.
        let folder = |name: &str, at_home: &str| {
            set(name)
                .filter(|path| path.is_absolute())
                .or_else(|| set("HOME").map(|home| home.join(at_home)))
                .map(|path| path.join("panarch"))
                .ok_or(MeasureError::NoPlace)
        };
        Ok(Self {
            answers: folder("XDG_CACHE_HOME", ".cache")?.join("answers"),
            locks: folder("XDG_STATE_HOME", ".local/state")?.join("locks"),
        })
    }

    /// Where answers of commands are kept.
    #[must_use]
    pub fn answers(&self) -> &Path {
        &self.answers
    }

    /// Where the locks of devices lie.
    #[must_use]
    pub fn locks(&self) -> &Path {
        &self.locks
    }
}

/// Makes a folder and those above it.
pub fn make(folder: &Path) -> Result<(), MeasureError> {
    fs::create_dir_all(folder).map_err(|source| MeasureError::Folder {
        folder: folder.to_path_buf(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_asked_in_order() {
        let places = |variables: &'static [(&'static str, &'static str)]| {
            let value = move |name: &str| {
                variables
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| value.into())
            };
            Places::from_variables(value).ok()
        };
        let all = &[("XDG_CACHE_HOME", "/c"), ("XDG_STATE_HOME", "/s"), ("HOME", "/h")];
        assert_eq!(places(all), Some(Places::new("/c/panarch/answers", "/s/panarch/locks")));
        let home = Places::new("/h/.cache/panarch/answers", "/h/.local/state/panarch/locks");
        assert_eq!(places(&[("XDG_CACHE_HOME", "relative"), ("HOME", "/h")]), Some(home));
        assert_eq!(places(&[("XDG_CACHE_HOME", "/c")]), None);
    }
}
