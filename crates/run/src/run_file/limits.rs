//! `[limits]`: what a network may have at most, whatever is searched for.

use panarch_graph::{Bytes, Energy, Latency, Macs};
use panarch_study::{Amount, Limit, Quantity};
use panarch_toml::{Key, Table, Unit, did_you_mean};

use super::write::Writer;

/// What the section's keys mean.
pub(super) const KEYS: &[Key] = &[
    Key::new(
        "limits",
        "Hard limits, in every search: a network that does not keep all of them is never recommended. A section \
         `[limits.DEVICE]` limits what that device takes.",
    )
    .known_as(&["constraints", "constraint", "limit", "hard_limits"]),
    Key::new("limits.macs", "Multiply-accumulates of one image.")
        .with_default("no limit")
        .known_as(&["flops", "mac", "multiply_accumulates"]),
    Key::new("limits.parameters", "Trained parameters.")
        .with_default("no limit")
        .known_as(&["params", "size"]),
    Key::new("limits.DEVICE", "Hard limits on that device."),
    Key::new(
        "limits.DEVICE.latency",
        "Time of one inference. Where the device is asked through a table or a model, its answer is what counts while searching, \
         and a measurement in the end.",
    )
    .with_default("no limit")
    .known_as(&["time", "latency_ms"]),
    Key::new("limits.DEVICE.energy", "Energy of one inference.")
        .with_default("no limit")
        .known_as(&["joules", "power"]),
    Key::new(
        "limits.DEVICE.peak_memory",
        "The most memory for activations that is in use at once: RAM.",
    )
    .with_default("no limit")
    .known_as(&["ram", "memory", "sram"]),
    Key::new(
        "limits.DEVICE.weights",
        "Bytes of all weights at the device's precision, with four bytes of bias for each output channel: flash.",
    )
    .with_default("no limit")
    .known_as(&["flash", "rom", "weight_bytes", "model_size"]),
];

/// How the limit on a quantity is written.
type Read = (&'static str, Unit, fn(f64) -> Amount);

const OF_NETWORK: [Read; 2] = [
    ("macs", Unit::Macs, |count| Amount::Macs(Macs(count.floor() as u64))),
    ("parameters", Unit::Count, |count| {
        Amount::Parameters(count.floor() as u64)
    }),
];

const ON_DEVICE: [Read; 4] = [
    ("latency", Unit::Seconds, |it| {
        Amount::Latency(Latency::from_seconds(it))
    }),
    ("energy", Unit::Joules, |it| Amount::Energy(Energy::from_joules(it))),
    ("peak_memory", Unit::Bytes, |it| {
        Amount::PeakMemory(Bytes(it.floor() as u64))
    }),
    ("weights", Unit::Bytes, |it| {
        Amount::WeightBytes(Bytes(it.floor() as u64))
    }),
];

/// The hard limits of a run, those on the network first, then by device in the order of the run; none by default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LimitsSection(Vec<Limit>);

impl LimitsSection {
    /// The limits.
    pub fn iter(&self) -> std::slice::Iter<'_, Limit> {
        self.0.iter()
    }

    pub(super) fn read(table: Table<'_>, devices: Option<&[String]>) -> Self {
        let mut limits = read(&table, &OF_NETWORK, Limit::of_network);
        for device in devices.unwrap_or_default() {
            let own = table.table_or_empty(device);
            limits.extend(read(&own, &ON_DEVICE, |most| Limit::on(device, most)));
            own.finish();
        }
        if let Some(devices) = devices {
            let strange = |key: &str| {
                !devices.iter().any(|device| device == key) && !OF_NETWORK.iter().any(|(known, ..)| *known == key)
            };
            // A device that the run does not have, rather than a key that does not exist.
            for key in table.keys().iter().filter(|key| strange(&key.value)) {
                if table.peek(&key.value).is_some_and(|value| value.table().is_some()) {
                    let message = format!("`limits` has limits on {}, which is not in `devices.names`", key.value);
                    table.problem_at(key.at, message, did_you_mean(&key.value, devices).as_deref());
                    table.has(&key.value);
                }
            }
        }
        table.finish();
        Self(limits)
    }

    /// Nothing where nothing is limited, so that a run without limits is written as it always was.
    pub(super) fn write(&self, writer: &mut Writer) {
        let mut section = None;
        for limit in &self.0 {
            if section != Some(limit.device()) {
                let name = limit.device().map_or_else(|| "limits".to_owned(), Writer::below_limits);
                writer.section(&name);
                section = Some(limit.device());
            }
            let (key, text) = written(limit.most());
            writer.text(key, &text);
        }
    }
}

fn read<E>(table: &Table<'_>, keys: &[Read], limit: impl Fn(Amount) -> Result<Limit, E>) -> Vec<Limit> {
    let limits = keys.iter().filter_map(|(key, unit, amount)| {
        // Above zero; what is counted is at least one.
        let least = if matches!(unit, Unit::Seconds | Unit::Joules) {
            f64::MIN_POSITIVE
        } else {
            1.0
        };
        let most = table.optional_quantity_in(key, *unit, least..=1e18)?;
        limit(amount(most)).ok()
    });
    limits.collect()
}

/// The key of a limit, and its value with every digit.
fn written(most: Amount) -> (&'static str, String) {
    match most.quantity() {
        Quantity::Energy => ("energy", format!("{} J", most.number())),
        Quantity::PeakMemory => ("peak_memory", format!("{} B", most.number())),
        Quantity::WeightBytes => ("weights", format!("{} B", most.number())),
        Quantity::Macs => ("macs", format!("{} MACs", most.number())),
        Quantity::Parameters => ("parameters", format!("{} k", most.number() / 1e3)),
        Quantity::Latency | Quantity::Score | Quantity::Accuracy => ("latency", format!("{} s", most.number())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::RunFile;

    const FILE: &str = r#"
name = "small"
[data]
dataset = "my/pictures"
[space]
preset = "multi-hardware-small"
[devices]
names = ["ethos-u55-128", "own.toml"]
[devices.targets]
reference = "mobilenet-v2-like"
"#;

    fn parse(limits: &str) -> Result<RunFile, String> {
        RunFile::parse::<&str>("run.toml", &format!("{FILE}{limits}"), &[])
            .map_err(|diagnostics| diagnostics.to_string())
    }

    #[test]
    fn limits_are_read_with_their_units_and_written_as_they_were() {
        let text = "[limits]\nmacs = \"5 MMACs\"\nparameters = 123456\n[limits.ethos-u55-128]\nlatency = \"5 ms\"\nweights = \"96 KiB\"\n\
                    [limits.\"own.toml\"]\nenergy = \"0.2 mJ\"\npeak_memory = 65536\n";
        let run = parse(text).unwrap();
        let shown: Vec<String> = run
            .limits
            .iter()
            .map(|it| format!("{:?} {}", it.device(), it.most()))
            .collect();
        assert_eq!(
            shown,
            [
                "None 5.00 MMACs",
                "None 123456 parameters",
                "Some(\"ethos-u55-128\") 5.00 ms",
                "Some(\"ethos-u55-128\") 96.0 KiB",
                "Some(\"own.toml\") 200 µJ",
                "Some(\"own.toml\") 64.0 KiB",
            ]
        );
        let resolved = run.resolved_toml();
        assert_eq!(
            RunFile::parse::<&str>("run.toml", &resolved, &[]).unwrap(),
            run,
            "{resolved}"
        );
        assert!(!parse("").unwrap().resolved_toml().contains("limits"));
    }

    #[test]
    fn what_cannot_be_a_limit_is_said_with_its_place() {
        for (text, expected) in [
            ("[limits]\nmac = 5\n", "did you mean `macs`?"),
            ("[limits]\nflops = 5\n", "macs"),
            ("[limits]\nmacs = \"5 ms\"\n", "time"),
            ("[limits]\nparameters = 0\n", "from 1"),
            ("[limits.ethos-u55-128]\nlatency = \"-5 ms\"\n", "latency"),
            ("[limits.ethos-u55-128]\nram = \"5 KiB\"\n", "peak_memory"),
            ("[limits.ethos-u55-128]\npeak_memory = \"nan B\"\n", "peak_memory"),
            (
                "[limits.ethos-u55-256]\nlatency = \"5 ms\"\n",
                "did you mean `ethos-u55-128`?",
            ),
        ] {
            let problems = parse(text).unwrap_err();
            assert!(problems.contains(expected), "{text}: {problems}");
        }
    }
}
