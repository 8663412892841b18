//! Small spaces that only tests use, because they can be enumerated.

use panarch_space::Space;

macro_rules! fixtures {
    ($($name:literal),*) => {
        const FIXTURES: &[(&str, &str)] = &[$(($name, include_str!(concat!("fixtures/", $name, ".toml")))),*];
    };
}
fixtures!("blocks", "everything", "neighbours", "tied");

/// The spaces that can be enumerated.
pub const SMALL: [&str; 5] = ["blocks", "everything", "nas-bench-macro", "neighbours", "tied"];

/// A fixture, or a preset of that name.
pub fn space(name: &str) -> Space {
    match text(name) {
        Some(text) => Space::from_toml(name, text).unwrap_or_else(|error| panic!("{error}")),
        None => Space::preset(name).unwrap(),
    }
}

/// The text of a fixture.
pub fn text(name: &str) -> Option<&'static str> {
    FIXTURES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// All presets and all fixtures.
pub fn all() -> Vec<Space> {
    let fixtures = FIXTURES.iter().map(|(name, _)| *name);
    panarch_space::preset_names()
        .into_iter()
        .chain(fixtures)
        .map(space)
        .collect()
}
