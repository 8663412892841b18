//! Profiles that name others: the `base` that they lie over and the `fallback` beside them.

use std::path::{Component, Path, PathBuf};

use panarch_toml::{Diagnostic, Diagnostics, Document, Layering, did_you_mean};

use crate::profile::presets::{self, preset_names, preset_text};

/// Profiles that lie over one another; more is a mistake.
const MOST_LAYERS: usize = 8;
/// Profiles that stand behind one another as fallbacks; more is a mistake.
pub(super) const MOST_FALLBACKS: usize = 4;

/// Gives the text of the profile at a path, or says why there is none; for profiles that name others by their paths.
pub type ReadProfile<'a> = &'a dyn Fn(&Path) -> Result<String, String>;

/// How a profile lies over its base.
const LAYERING: Layering<'_> = Layering {
    own: &["name", "description"],
    dependent: &[],
    appended: &[],
    change: "change",
    chosen: &[("array", "kind")],
    // A figure is changed as a whole: a new value has not the source of the old one.
    values: Some(&["value", "source", "assumption", "parser"]),
    item: |list, _, name| (list == "memories").then(|| name.map(str::to_owned)).flatten(),
};

/// The text of a profile and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// What messages call it: its path, or `devices/NAME.toml` of a preset.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The folder that paths in it are relative to; none of a preset, which has no paths.
    pub folder: Option<PathBuf>,
}

impl Source {
    pub fn file(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: text.to_owned(),
            folder: Some(Path::new(name).parent().unwrap_or(Path::new("")).to_owned()),
        }
    }

    /// The profile that this one calls `name`: a preset, or a file relative to its own folder.
    ///
    /// # Errors
    /// Why there is none, in words, and the preset that was probably meant.
    pub fn named(&self, name: &str, files: ReadProfile<'_>) -> Result<Self, (String, Option<String>)> {
        if !is_path(name) {
            return match preset_text(name) {
                Some(text) => Ok(Self {
                    name: presets::file_name(name),
                    text: text.to_owned(),
                    folder: None,
                }),
                None => Err((
                    format!("`{name}` is neither a built-in device nor a path of a .toml file"),
                    did_you_mean(name, preset_names()),
                )),
            };
        }
        let Some(folder) = &self.folder else {
            return Err(("a built-in device can name only another one".to_owned(), None));
        };
        let path = if name.starts_with('~') {
            PathBuf::from(name)
        } else {
            plain(&folder.join(name))
        };
        let text = files(&path).map_err(|reason| (format!("`{name}` cannot be read: {reason}"), None))?;
        Ok(Self::file(&path.display().to_string(), &text))
    }
}

/// Whether a name is a path: it has the ending or a separator of folders.
pub(in crate::profile) fn is_path(name: &str) -> bool {
    let ending = Path::new(name).extension();
    name.contains('/') || ending.is_some_and(|ending| ending.eq_ignore_ascii_case("toml"))
}

/// The path without `.` and, where that needs no look at the disk, `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// A document with all that it lies over.
pub(super) struct Derived {
    pub document: Document,
    /// The bases, the nearest first.
    pub bases: Vec<Source>,
}

impl Derived {
    /// The source of this name among the profile itself and its bases.
    pub fn source<'a>(&'a self, own: &'a Source, name: &str) -> &'a Source {
        self.bases.iter().find(|base| base.name == name).unwrap_or(own)
    }
}

/// Parses a profile and the chain of its bases.
///
/// # Errors
/// A text that is no TOML, a base that is not there, one that leads back to a profile over it, and too many of them.
pub(super) fn derived(own: &Source, files: ReadProfile<'_>) -> Result<Derived, Diagnostics> {
    let document = Document::parse(&own.name, &own.text)?;
    let Some(mut next) = base_of(&document) else {
        return Ok(Derived {
            document,
            bases: Vec::new(),
        });
    };
    let mut chain: Vec<Source> = vec![own.clone()];
    loop {
        let nearest = chain.last().unwrap_or(own);
        let base = match nearest.named(&next, files) {
            Ok(base) => base,
            Err((message, meant)) => return Err(at_base(nearest, &format!("`base`: {message}"), meant.as_deref())),
        };
        if chain.iter().any(|known| known.name == base.name) {
            let names: Vec<&str> = chain.iter().map(|known| known.name.as_str()).collect();
            let message = format!(
                "`base` leads back to a profile that lies over it: {} → {}",
                names.join(" → "),
                base.name
            );
            return Err(at_base(nearest, &message, None));
        }
        if chain.len() >= MOST_LAYERS {
            let message = format!("more than {MOST_LAYERS} profiles lie over one another");
            return Err(at_base(nearest, &message, None));
        }
        let further = base_of(&Document::parse(&base.name, &base.text)?);
        chain.push(base);
        match further {
            Some(further) => next = further,
            None => break,
        }
    }
    let bases: Vec<Source> = chain.into_iter().skip(1).collect();
    let texts: Vec<(&str, &str)> = bases
        .iter()
        .map(|base| (base.name.as_str(), base.text.as_str()))
        .collect();
    let document = Document::parse_over(&own.name, &own.text, &texts, &LAYERING)?;
    Ok(Derived { document, bases })
}

/// The base that a document names. A value that is no string is reported when the profile is read.
fn base_of(document: &Document) -> Option<String> {
    let root = document.root();
    let base = root.value("base");
    base.and_then(|value| value.text()).map(str::to_owned)
}

/// A problem at the base that a text names.
fn at_base(source: &Source, message: &str, meant: Option<&str>) -> Diagnostics {
    let problem = |document: Document| {
        document.root().problem("base", message, meant);
        document.finish::<()>(None).err()
    };
    let found = Document::parse(&source.name, &source.text).ok().and_then(problem);
    found.unwrap_or_else(|| Diagnostic::new(&source.name, message).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_plain_where_that_changes_nothing() {
        for (path, expected) in [
            ("a/./b.toml", "a/b.toml"),
            ("a/../b.toml", "b.toml"),
            ("../a/../b.toml", "../b.toml"),
            ("../../b.toml", "../../b.toml"),
            ("./b.toml", "b.toml"),
            ("/a/../b.toml", "/b.toml"),
        ] {
            assert_eq!(plain(Path::new(path)), Path::new(expected), "{path}");
        }
    }
}
