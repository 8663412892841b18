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
        "How fast the network should be: a `reference`, a time for every device by its name, or both.",
    )
    .known_as(&["target", "latencies", "limits", "latency", "constraints", "budget"]),
    Key::new(
        "devices.targets.reference",
        "The target on each device is what this member of the space takes there; `panarch space show` names the members.",
    )
    .with_default("none; required where a device has no time of its own"),
    Key::new(
        "devices.targets.DEVICE",
        "The target on that device; beside a `reference` also a share of what that takes there, such as \"80 %\". The ratio r is latency \
         over target. It is a hard limit only with the goal `each` in `search.goals`; other hard limits stand in `[limits]`.",
    )
    .with_default("none; required without `reference`"),
    Key::new(
        "devices.weights",
        "How much a device counts in `average` and `smooth-worst`, by its name.",
    )
    .known_as(&["weight", "importance"]),
    Key::new("devices.weights.DEVICE", "The weight of that device; they need not add up to anything.")
        .with_default("1"),
];

/// The devices of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct DevicesSection {
    /// Names of embedded profiles, or paths of TOML files; none twice.
    pub names: Vec<String>,
    /// What answers for those that are described by their parts.
    pub model: Model,
    /// How fast the network should be.
    pub targets: Targets,
    /// How much each device counts in an average, in the order of [`DevicesSection::names`].
    pub weights: Vec<f64>,
}

/// The latency on each device that the ratio r refers to.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    /// The member of the space whose latencies targets are shares of.
    pub reference: Option<String>,
    /// In the order of [`DevicesSection::names`].
    pub own: Vec<Target>,
}

/// The target on one device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// A time.
    Latency(Latency),
    /// A share of what the reference takes.
    Share(f64),
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
        let weights_table = table.table_or_empty("weights");
        let weights = names.iter().flatten().map(|name| {
            let weight = weights_table.optional_f64_in(name, f64::MIN_POSITIVE..=1e6);
            weight.unwrap_or(1.0)
        });
        let weights = weights.collect();
        weights_table.finish();
        table.finish();
        Some(Self {
            names: names?,
            model,
            targets: targets?,
            weights,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.texts("names", self.names.iter().map(String::as_str));
        writer.text("model", self.model.name());
        let targets = writer.section("devices.targets");
        if let Some(name) = &self.targets.reference {
            targets.text("reference", name);
        }
        for (name, target) in self.names.iter().zip(&self.targets.own) {
            match target {
                Target::Latency(latency) => targets.text(name, &format!("{} s", latency.seconds())),
                // What the reference takes.
                Target::Share(share) if *share == 1.0 => {}
                Target::Share(share) => targets.key(name, share),
            }
        }
        // A run in which all devices count the same is written as it always was.
        if self.weights.iter().any(|weight| *weight != 1.0) {
            let weights = writer.section("devices.weights");
            for (name, weight) in self.names.iter().zip(&self.weights) {
                weights.key(name, weight);
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
    if let Some(reference) = &reference {
        check_reference(&table, "reference", reference, space);
    }
    let given = table.has("reference");
    let own = names?.iter().map(|name| match given {
        // Beside a reference, which is every device's target that has none of its own.
        true => match table.optional::<TimeOrShare>(name) {
            Some(own) => Some(own.0),
            None => (!table.has(name)).then_some(Target::Share(1.0)),
        },
        false => table.required::<Time>(name).map(|time| Target::Latency(time.0)),
    });
    let own: Vec<Option<Target>> = own.collect();
    table.finish();
    let own: Option<Vec<Target>> = own.into_iter().collect();
    Some(Targets {
        reference: match (given, reference) {
            (true, None) => return None,
            (_, reference) => reference.map(|reference| reference.value),
        },
        own: own?,
    })
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

/// A time as text with its unit.
struct Time(Latency);

impl FromValue for Time {
    fn expected() -> String {
        "a time with its unit, such as \"5 ms\"".to_owned()
    }

    fn read(value: &Value<'_>) -> Option<Self> {
        let time = value.text().and_then(parse_latency);
        if time.is_none() {
            value.mismatch(&Self::expected());
        }
        time.map(Self)
    }
}

/// A time, or a share of what the reference takes.
struct TimeOrShare(Target);

impl FromValue for TimeOrShare {
    fn expected() -> String {
        "a time with its unit, such as \"5 ms\", or a share of what the reference takes, such as \"80 %\"".to_owned()
    }

    fn read(value: &Value<'_>) -> Option<Self> {
        let target = match value.text() {
            Some(text) => parse_latency(text).map(Target::Latency).or_else(|| parse_share(text)),
            None if value.is_number() => f64::read(value).and_then(share),
            None => None,
        };
        if target.is_none() {
            value.mismatch(&Self::expected());
        }
        target.map(Self)
    }
}

fn parse_share(text: &str) -> Option<Target> {
    share(Unit::Share.parse(text).ok()?)
}

/// Above nothing, and at most a thousand times as much.
fn share(share: f64) -> Option<Target> {
    (share > 0.0 && share <= 1000.0).then_some(Target::Share(share))
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
