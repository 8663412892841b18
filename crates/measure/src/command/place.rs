use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::MeasureError;

/// The folders in which answers and locks lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    answers: Option<PathBuf>,
    locks: Option<PathBuf>,
}

impl Places {
    /// Folders of the caller's choice.
    pub fn new(answers: impl Into<PathBuf>, locks: impl Into<PathBuf>) -> Self {
        Self {
            answers: Some(answers.into()),
            locks: Some(locks.into()),
        }
    }

    /// Below `$XDG_CACHE_HOME/panarch` and `$XDG_STATE_HOME/panarch`, else `~/.cache/panarch` and
    /// `~/.local/state/panarch`. Where no variable says so, there is none: answers are then not kept.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::from_variables(|name| env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        // The XDG base directory specification says that relative paths are to be ignored; a relative HOME is no home.
        let set = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = |name: &str, at_home: &str, last: &str| {
            set(name)
                .or_else(|| set("HOME").map(|home| home.join(at_home)))
                .map(|path| path.join("panarch").join(last))
        };
        Self {
            answers: folder("XDG_CACHE_HOME", ".cache", "answers"),
            locks: folder("XDG_STATE_HOME", ".local/state", "locks"),
        }
    }

    /// Where answers of commands are kept, if anywhere.
    #[must_use]
    pub fn answers(&self) -> Option<&Path> {
        self.answers.as_deref()
    }

    /// Where the locks of devices lie.
    ///
    /// # Errors
    /// [`MeasureError::NoPlace`] when nobody says where.
    pub fn locks(&self) -> Result<&Path, MeasureError> {
        self.locks.as_deref().ok_or(MeasureError::NoPlace)
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
            Places::from_variables(value)
        };
        let all = &[("XDG_CACHE_HOME", "/c"), ("XDG_STATE_HOME", "/s"), ("HOME", "/h")];
        assert_eq!(places(all), Places::new("/c/panarch/answers", "/s/panarch/locks"));
        let home = Places::new("/h/.cache/panarch/answers", "/h/.local/state/panarch/locks");
        assert_eq!(places(&[("XDG_CACHE_HOME", "relative"), ("HOME", "/h")]), home);
        let none = Places {
            answers: None,
            locks: None,
        };
        assert_eq!(places(&[]), none);
        assert_eq!(places(&[("HOME", "")]), none);
        assert_eq!(places(&[("HOME", "relative")]), none);
        let cache = places(&[("XDG_CACHE_HOME", "/c")]);
        assert_eq!(cache.answers(), Some(Path::new("/c/panarch/answers")));
        assert!(matches!(cache.locks(), Err(MeasureError::NoPlace)));
    }
}
