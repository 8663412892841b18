//! `[devices]`: what the network must be good on, and how fast it must be there.

use std::collections::BTreeSet;

use panarch_cost::{Model, preset_names};
use panarch_graph::Latency;
use panarch_space::Space;
use panarch_toml::{FromValue, Key, Spanned, Table, Unit, Value, did_you_mean};

use super::write::Writer;

/// What the section's keys mean.
pub(super) const KEYS: &[Key] = &[
    Key::new("devices", "The devices that the network must be good on.").known_as(&["device", "hardware", "targets"]),
    Key::new(
        "devices.names",
        "Devices by name (`panarch device list` shows them) or by the path of a `.toml` file; `host` is this machine.",
    )
    .known_as(&["name", "device", "devices", "list"]),
    Key::new(
        "devices.model",
        "What answers for devices that are described by their parts: the analytic model or the cycle simulator.",
    )
    .known_as(&["cost_model", "simulator"]),
    Key::new(
        "devices.targets",
        "How fast the network must be: either a `reference`, or a limit for every device by its name.",
    )
    .known_as(&["target", "latencies", "limits", "latency", "constraints", "budget"]),
    Key::new(
        "devices.targets.reference",
        "The target on each device is what this member of the space takes there; `panarch space show` names the members.",
    )
    .with_default("none; required without limits"),
    Key::new(
        "devices.targets.DEVICE",
        "The limit on that device. The ratio r is latency over this limit. It is a hard limit only with the goal `each` in `search.goals`.",
    )
    .with_default("none; required without `reference`"),
];

/// The devices of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct DevicesSection {
    /// Names of embedded profiles, or paths of TOML files; none twice.
    pub names: Vec<String>,
    /// What answers for those that are described by their parts.
    pub model: Model,
    /// How fast the network must be.
    pub targets: Targets,
}

/// The latency on each device that the ratio r refers to.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// What this named member of the space takes there.
    Reference(String),
    /// Limits in the order of [`DevicesSection::names`].
    Latencies(Vec<Latency>),
}

impl DevicesSection {
    pub(super) fn read(table: Table<'_>, space: Option<&Space>) -> Option<Self> {
        let names = table.list_of_strings_spanned("names");
        if let Some(names) = &names {
            check_names(&table, names);
        }
        let model = table.optional_one_of("model", &Model::NAMES).unwrap_or(Model::Analytic);
        let targets_table = table.table("targets");
        let names: Option<Vec<String>> = names.map(|names| {
            let mut distinct: Vec<String> = names.into_iter().map(|name| name.value).collect();
            let mut seen = BTreeSet::new();
            distinct.retain(|name| seen.insert(name.clone()));
            distinct
        });
        let targets = targets_table.and_then(|targets| read_targets(targets, names.as_deref(), space));
        table.finish();
        Some(Self {
            names: names?,
            model,
            targets: targets?,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.texts("names", self.names.iter().map(String::as_str));
        writer.text("model", self.model.name());
        let targets = writer.section("devices.targets");
        match &self.targets {
            Targets::Reference(name) => targets.text("reference", name),
            Targets::Latencies(latencies) => {
                for (name, latency) in self.names.iter().zip(latencies) {
                    targets.text(name, &format!("{} s", latency.seconds()));
                }
            }
        }
    }
}

fn check_names(table: &Table<'_>, names: &[Spanned<String>]) {
    if names.is_empty() {
        table.problem("names", "`devices.names` must name at least one device", None);
    }
    for (index, name) in names.iter().enumerate() {
        let text = name.value.as_str();
        if names.iter().take(index).any(|other| other.value == text) {
            table.problem_at(name.at, format!("`devices.names` names {text} twice"), None);
        } else if !text.ends_with(".toml") && !preset_names().contains(&text) {
            let message =
                format!("`devices.names[{index}]` is the name of no device and no path of a .toml file: \"{text}\"");
            table.problem_at(name.at, message, did_you_mean(text, preset_names()).as_deref());
        }
    }
}

fn read_targets(table: Table<'_>, names: Option<&[String]>, space: Option<&Space>) -> Option<Targets> {
    let reference = table.optional_string_spanned("reference");
    let targets = if table.has("reference") {
        if let Some(reference) = &reference {
            check_reference(&table, "reference", reference, space);
        }
        for key in table
            .keys()
            .iter()
            .filter(|key| names.is_some_and(|names| names.contains(&key.value)))
        {
            let message = format!(
                "`{}` and `{}` exclude each other: a reference sets the target of every device",
                table.path_of(&key.value),
                table.path_of("reference")
            );
            table.problem_at(key.at, message, None);
            table.has(&key.value);
        }
        reference.map(|reference| Targets::Reference(reference.value))
    } else {
        let names = names?;
        let limits: Vec<Option<Limit>> = names.iter().map(|name| table.required(name)).collect();
        let limits: Option<Vec<Latency>> = limits.into_iter().map(|limit| limit.map(|limit| limit.0)).collect();
        limits.map(Targets::Latencies)
    };
    table.finish();
    targets
}

/// A name must be a reference of the space, when the space is known.
pub(super) fn check_reference(table: &Table<'_>, key: &str, reference: &Spanned<String>, space: Option<&Space>) {
    let Some(space) = space else { return };
    let name = reference.value.as_str();
    if space.reference(name).is_none() {
        let known: Vec<&str> = space.references().iter().map(|known| known.name.as_str()).collect();
        let path = table.path_of(key);
        let message = match known.as_slice() {
            [] => format!("`{path}` is \"{name}\", the space {} names no reference", space.name()),
            known => format!(
                "`{path}` must be one of `{}`, found the string \"{name}\"",
                known.join("`, `")
            ),
        };
        table.problem_at(reference.at, message, did_you_mean(name, known).as_deref());
    }
}

/// A latency as text with its unit.
struct Limit(Latency);

impl FromValue for Limit {
    fn expected() -> String {
        "a time with its unit, such as \"5 ms\"".to_owned()
    }

    fn read(value: &Value<'_>) -> Option<Self> {
        let limit = value.text().and_then(parse_latency);
        if limit.is_none() {
            value.mismatch(&Self::expected());
        }
        limit.map(Limit)
    }
}

/// A positive time of at most an hour, with its unit.
fn parse_latency(text: &str) -> Option<Latency> {
    let seconds = Unit::Seconds.parse(text).ok()?;
    (seconds > 0.0 && seconds <= 3600.0).then(|| Latency::from_seconds(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_need_a_unit_and_a_sensible_size() {
        let table = [
            ("5 ms", Some(0.005)),
            ("800us", Some(0.0008)),
            (" 1.5 µs ", Some(0.0000015)),
            ("0.25 s", Some(0.25)),
            ("5", None),
            ("0 ms", None),
            ("-1 ms", None),
            ("nan s", None),
            ("inf s", None),
            ("ms", None),
            ("5 hours", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_latency(text).map(Latency::seconds), expected, "{text}");
        }
    }
}
