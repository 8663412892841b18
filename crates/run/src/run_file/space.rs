//! `[space]`: a preset or a file.

use panarch_space::{Space, preset_names};
use panarch_toml::{Key, Table, did_you_mean};

use super::write::Writer;

/// What the section's keys mean.
pub(super) const KEYS: &[Key] = &[
    Key::new("space", "The search space: a `preset` or a `file`, not both.").known_as(&["search_space"]),
    Key::new(
        "space.preset",
        "A space that comes with Panarch; `panarch space list` shows them.",
    )
    .with_default("none; required without `file`")
    .known_as(&["name", "type"]),
    Key::new("space.file", "The path of a space in a `.toml` file.")
        .with_default("none; required without `preset`")
        .known_as(&["path"]),
];

/// Which search space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceSection {
    /// A preset or a file.
    pub source: SpaceSource,
}

/// Where the space comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpaceSource {
    /// The name of an embedded space.
    Preset(String),
    /// The path of a TOML file.
    File(String),
}

impl SpaceSource {
    /// The name or the path, as the command line takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Preset(name) | Self::File(name) => name,
        }
    }
}

impl SpaceSection {
    /// The section, and the space itself when it is a preset.
    pub(super) fn read(table: Table<'_>) -> (Option<Self>, Option<Space>) {
        let preset = table.optional_string_spanned("preset");
        let file = table.optional_string_spanned("file");
        let mut space = None;
        let source = match (preset, file) {
            (Some(preset), None) => {
                let name = preset.value;
                match Space::preset(&name) {
                    Ok(found) => space = Some(found),
                    Err(_) => {
                        let known = preset_names();
                        let message = format!(
                            "`space.preset` must be one of `{}`, found the string \"{name}\"",
                            known.join("`, `")
                        );
                        table.problem_at(preset.at, message, did_you_mean(&name, known).as_deref());
                    }
                }
                Some(SpaceSource::Preset(name))
            }
            (None, Some(file)) => {
                if !file.value.ends_with(".toml") {
                    table.problem_at(file.at, "`space.file` must be the path of a .toml file", None);
                }
                Some(SpaceSource::File(file.value))
            }
            (Some(_), Some(file)) => {
                let message = "`space.file` and `space.preset` exclude each other";
                table.problem_at(file.at, message, None);
                None
            }
            (None, None) => {
                // A value of the wrong kind has been reported already.
                if !table.has("preset") && !table.has("file") {
                    let message = "`space` must name a `preset` or a `file`";
                    table.problem_at(table.at(), message, None);
                }
                None
            }
        };
        table.finish();
        (source.map(|source| Self { source }), space)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        match &self.source {
            SpaceSource::Preset(name) => writer.text("preset", name),
            SpaceSource::File(path) => writer.text("file", path),
        }
    }
}
