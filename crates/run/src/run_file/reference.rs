//! The reference page of the run file's keys: what the reader asks for, beside what the sections declare.

use std::collections::BTreeMap;

use panarch_toml::{AskedKey, Document, Key};

use super::RunFile;

/// The keys of the top level.
const TOP: &[Key] = &[
    Key::new("format", "The version of this format; a file of another one is refused.").known_as(&["version"]),
    Key::new(
        "name",
        "The name of the study and of the files that the run writes: 1 to 64 letters, digits, `-` or `_`.",
    )
    .known_as(&["run_name", "experiment", "experiment_name", "project", "title"]),
    Key::new(
        "seed",
        "The seed of the split, of training and of everything else that is random, except the searches, which have `search.seeds`.",
    )
    .known_as(&["random_seed", "manual_seed", "rng_seed"]),
];

/// A file in which every key has its default, and whose targets are a reference's.
const LEAST: &str = "name = \"NAME\"\n[data]\ndataset = \"./pictures\"\n[space]\nfile = \"space.toml\"\n\
                     [devices]\nnames = [\"DEVICE.toml\"]\n[devices.targets]\n\"DEVICE.toml\" = \"1 ms\"\n";

/// What a device is called in the paths of its keys.
const ANY_DEVICE: (&str, &str) = ("DEVICE.toml", "DEVICE");

/// Every key of a run file, section by section.
pub(super) fn keys() -> impl Iterator<Item = Key> {
    let declared = [
        TOP,
        super::data::KEYS,
        super::space::KEYS,
        super::devices::KEYS,
        super::limits::KEYS,
        super::train::KEYS,
        super::augmentation::KEYS,
        super::measure::KEYS,
        super::search::KEYS,
        super::finalists::KEYS,
        super::output::KEYS,
    ]
    .into_iter()
    .flatten()
    .copied();
    super::search::strategy_keys().chain(declared)
}

/// The reference page of the run file's keys, in Markdown.
///
/// Types and ranges are what the reader asks for, defaults are those of a file that says no more than it must, meanings
/// are what the sections declare.
#[must_use]
pub fn reference() -> String {
    let asked = asked();
    let defaults = defaults();
    let mut page = String::from(INTRODUCTION);
    let is_section = |path: &str| asked.get(path).is_some_and(|key| key.expected == "a table");
    page.push_str(TABLE_HEAD);
    for key in keys().filter(|key| key.section().is_empty() && !is_section(key.path)) {
        page.push_str(&row(&key, asked.get(key.path), defaults.get(key.path)));
    }
    for section in keys().filter(|key| is_section(key.path)) {
        page.push_str(&format!(
            "\n## `[{}]`\n\n{}\n\n{TABLE_HEAD}",
            section.path, section.meaning
        ));
        let within = |key: &Key| key.section() == section.path && !is_section(key.path);
        for key in keys().filter(within) {
            page.push_str(&row(&key, asked.get(key.path), defaults.get(key.path)));
        }
    }
    page
}

const INTRODUCTION: &str = "\
# Keys of a run file

A run file is one TOML document that decides everything that `panarch run FILE` does; `examples/fashion-mnist.toml` is an example.
Any key can be given on the command line too: `--set train.epochs=5`, with the value as TOML; anything else is taken as text.
Paths are relative to the folder that the command is started in; `~/` at their beginning is the home folder.
Times are texts with a unit: `\"5 ms\"`, `\"800 us\"`.

*This page is made from the code by `cargo xtask docs`.*

";

const TABLE_HEAD: &str = "| key | value | default | meaning |\n|---|---|---|---|\n";

fn row(key: &Key, asked: Option<&AskedKey>, default: Option<&String>) -> String {
    let expected = asked.map_or("", |asked| asked.expected.as_str());
    let default = match (asked.is_some_and(|asked| asked.required), key.default, default) {
        (_, words, _) if !words.is_empty() => words.to_owned(),
        (true, ..) => "*required*".to_owned(),
        (false, _, Some(value)) => format!("`{value}`"),
        (false, _, None) => String::new(),
    };
    let cell = |text: &str| text.replace('|', r"\|");
    format!(
        "| `{}` | {} | {} | {} |\n",
        key.name(),
        cell(expected),
        cell(&default),
        cell(key.meaning)
    )
}

/// What the reader asks for, by path.
fn asked() -> BTreeMap<String, AskedKey> {
    let Ok(document) = Document::parse("run.toml", LEAST) else {
        return BTreeMap::new();
    };
    let document = document.recording();
    let root = document.root();
    let _ = RunFile::read(&root);
    root.finish();
    let mut asked = BTreeMap::new();
    for mut key in document.asked() {
        key.path = key.path.replace(ANY_DEVICE.0, ANY_DEVICE.1);
        asked.insert(key.path.clone(), key);
    }
    asked
}

/// What a file says that fills in every default, by path, as TOML.
fn defaults() -> BTreeMap<String, String> {
    let Ok(run) = RunFile::parse::<&str>("run.toml", LEAST, &[]) else {
        return BTreeMap::new();
    };
    let mut section = String::new();
    let mut defaults = BTreeMap::new();
    for line in run.resolved_toml().lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
        } else if let Some((key, value)) = line.split_once(" = ") {
            defaults.insert(format!("{section}{key}"), value.to_owned());
        }
    }
    defaults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_is_read_is_declared_and_every_declared_one_is_read() {
        let read: Vec<String> = asked().into_keys().collect();
        let mut declared: Vec<String> = keys().map(|key| key.path.to_owned()).collect();
        declared.sort();
        assert_eq!(read, declared);
    }

    #[test]
    fn a_key_has_a_meaning_and_a_default_or_is_required() {
        let (asked, defaults) = (asked(), defaults());
        for key in keys() {
            assert!(key.meaning.ends_with(['.', ')']), "{}: {}", key.path, key.meaning);
            let asked = &asked[key.path];
            let known = asked.required || !key.default.is_empty() || defaults.contains_key(key.path);
            assert!(known || asked.expected == "a table", "{} has no default", key.path);
        }
    }

    /// A word must not be what two keys of one section are called.
    #[test]
    fn other_names_are_unambiguous_in_their_section() {
        let mut seen: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        for key in keys() {
            for name in key.synonyms.iter().chain([&key.name()]) {
                let before = seen.insert((key.section(), name), key.path);
                assert_eq!(before, None, "{name} of {}", key.path);
            }
        }
    }

    #[test]
    fn the_page_shows_types_ranges_and_defaults() {
        let page = reference();
        for row in [
            "| `batch` | a whole number from 1 to 65536 | `32` | Images a step. |",
            "| `name` | a string | *required* |",
            "| `DEVICE` | a time with its unit, such as \"5 ms\" |",
            "`nsga2`, `predictor` or `exact` | `\"evolution\"` |",
            "## `[devices.targets]`",
        ] {
            assert!(page.contains(row), "no {row} in\n{page}");
        }
    }
}
