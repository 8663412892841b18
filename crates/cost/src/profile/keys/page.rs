//! The reference page of a profile's keys: what the reader asks for, beside what is declared.

use std::collections::BTreeMap;

use panarch_toml::AskedKey;

use super::{KEYS, without_positions};
use crate::profile::read;
use crate::{preset_names, preset_text};

/// Profiles of what no preset has, as far as its keys go; it does not matter that they are not real devices.
const SAMPLES: [&str; 9] = [
    "kind = \"table\"\n[table]\n",
    "kind = \"linear\"\n[linear]\n[error]\n",
    "kind = \"command\"\n[command]\n[command.error]\n[command.result]\nfrom = \"file\"\nparser = \"csv\"\nunit = \"cycles\"\n\
     [command.energy]\n[command.memory]\n",
    "kind = \"command\"\n[command]\nprepare = []\ncleanup = []\nversion = []\n[command.result]\nparser = \"regex\"\n\
     pattern = \"(x)\"\n",
    "kind = \"command\"\n[command]\n[command.result]\nparser = \"json\"\n",
    "base = \"systolic-32\"\nfallback = 1\n[change]\n",
    "kind = \"accelerator\"\n[array]\nkind = \"lanes\"\n[array.padding]\n[blocking]\n[energy]\nweight_byte_j = {}\naccumulator_byte_j = {}\n[memory]\n\
     weight_stream_bytes_per_s = {}\nhost_link_bytes_per_s = {}\naccumulator_bytes_per_s = {}\n[vector]\ngroup_passes = {}\n\
     [vector.activation_passes]\nrelu = {}\nrelu6 = {}\nhard_swish = {}\nhard_sigmoid = {}\nsigmoid = {}\nswish = {}\nleaky_relu = {}\ngelu = {}\n",
    "kind = \"accelerator\"\n[array]\nkind = \"systolic\"\ncount = {}\npartial = {}\naccumulator_bytes = {}\n",
    "kind = \"accelerator\"\n[depthwise]\nmapping = { value = \"simd_lanes\", assumption = \"all\" }\n",
];

const INTRODUCTION: &str = "\
# Keys of a device profile

A profile is one TOML file that describes a device; `panarch device new` writes one, [your own device](../concepts/your-own-device.md) shows how.
Every figure says where it comes from: `{ value = …, source = \"…\" }` or `{ value = …, assumption = \"…\" }`.
A quantity is a plain number in the unit that its key names, or a text with a unit: `\"800 MHz\"`, `\"1 MiB\"`, `\"12.8 GB/s\"`, `\"100 ns\"`, `\"0.2 pJ\"`, `\"2 W\"`, `\"85 %\"`. A quantity with a unit may be written without a source, as in `frequency_hz = \"800 MHz\"`; it then counts as an assumption. In a profile with a `base`, so may every value.
A required key is required where its section is present and its kind has it.
\"Usual\" is the range outside of which commands print a note, never an error; 0 is usual wherever it is allowed.

*This page is made from the code by `cargo xtask docs`.*

";

const TABLE_HEAD: &str = "| key | value | default | usual | meaning |\n|---|---|---|---|---|\n";

/// The reference page of a profile's keys, in Markdown.
///
/// Types, units and ranges are what the reader asks for; meanings and defaults are declared.
#[must_use]
pub fn reference() -> String {
    let asked = asked();
    let mut page = String::from(INTRODUCTION);
    page.push_str(TABLE_HEAD);
    let is_section = |path: &str| KEYS.iter().any(|other| other.key.section() == path);
    let rows = |section: &str| -> String {
        let within = KEYS
            .iter()
            .filter(|it| it.key.section() == section && !is_section(it.key.path));
        within.map(|key| row(key, &asked)).collect()
    };
    page.push_str(&rows(""));
    for section in KEYS.iter().filter(|it| is_section(it.key.path)) {
        let path = section.key.path;
        let list = asked.get(path).is_some_and(|it| it.expected == "a list of tables");
        let (open, close) = if list { ("[[", "]]") } else { ("[", "]") };
        let absent = match section.key.default {
            "" => String::new(),
            default => format!(" Where it is absent: {default}."),
        };
        page.push_str(&format!(
            "\n## `{open}{path}{close}`\n\n{}{absent}\n\n{TABLE_HEAD}{}",
            section.key.meaning,
            rows(path)
        ));
    }
    page
}

fn row(key: &super::ProfileKey, asked: &BTreeMap<String, AskedKey>) -> String {
    let expected = asked.get(key.key.path).map_or("", |it| it.expected.as_str());
    let default = match key.key.default {
        "" => "*required*",
        default => default,
    };
    let usual = key.usual.map_or_else(String::new, |usual| {
        let show = |value: f64| usual.unit.map_or_else(|| value.to_string(), |unit| unit.show(value));
        format!("{} to {}", show(usual.low), show(usual.high))
    });
    let cell = |text: &str| text.replace('|', r"\|");
    format!(
        "| `{}` | {} | {} | {} | {} |\n",
        key.key.name(),
        cell(expected),
        cell(default),
        cell(&usual),
        cell(key.key.meaning)
    )
}

/// What the reader asks for, by path, figures as one key: of presets of every kind, and of the samples.
fn asked() -> BTreeMap<String, AskedKey> {
    let presets = preset_names().iter().filter_map(|name| preset_text(name));
    let all: Vec<AskedKey> = presets.chain(SAMPLES).flat_map(read::keys_of).collect();
    let mut asked: BTreeMap<String, AskedKey> = BTreeMap::new();
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for mut key in all {
        key.path = without_positions(&key.path);
        // The two ways to say where a figure is from, and its value, are no keys of their own.
        match key.path.rsplit_once('.') {
            Some((figure, "value")) => {
                values.insert(figure.to_owned(), key.expected);
                continue;
            }
            Some((_, "source" | "assumption")) => continue,
            // These two have the keys of the latency.
            Some(("command.energy" | "command.memory", _)) => continue,
            _ => {}
        }
        match asked.get_mut(&key.path) {
            Some(known) => {
                known.required &= key.required;
                if known.expected.is_empty() {
                    known.expected = key.expected;
                }
            }
            None => {
                asked.insert(key.path.clone(), key);
            }
        }
    }
    for (figure, expected) in values {
        if let Some(key) = asked.get_mut(&figure) {
            key.expected = expected;
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_is_read_is_declared_and_every_declared_one_is_read() {
        let read: Vec<String> = asked()
            .into_keys()
            .filter(|path| !path.starts_with("sources.") && !path.starts_with("change."))
            .collect();
        let mut declared: Vec<String> = KEYS.iter().map(|it| it.key.path.to_owned()).collect();
        declared.sort();
        assert_eq!(read, declared);
    }

    #[test]
    fn a_key_has_a_meaning_and_a_default_exactly_where_it_may_be_absent() {
        let asked = asked();
        for key in KEYS {
            let path = key.key.path;
            assert!(key.key.meaning.ends_with(['.', ')']), "{path}: {}", key.key.meaning);
            // A list of tables that is absent is an empty one, which is refused as such.
            let required = asked[path].required || asked[path].expected == "a list of tables";
            assert_eq!(required, key.key.default.is_empty(), "{path}: {:?}", asked[path]);
        }
    }

    #[test]
    fn the_page_shows_types_units_ranges_and_defaults() {
        let page = reference();
        for row in [
            "| `frequency_hz` | a number from 1000 to 1000000000000 (in Hz), or a text with its unit such as \"800 MHz\" | *required* | 10 MHz to 10 GHz |",
            "| `batch` | a whole number from 1 to 65536 | 1 |",
            "## `[memory]`",
            "## `[[memories.ports]]`",
            "| `weight_stream_bytes_per_s` | a number from 1 to",
        ] {
            assert!(page.contains(row), "no {row} in\n{page}");
        }
    }
}
