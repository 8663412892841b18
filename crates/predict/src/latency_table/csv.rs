//! The file of our own tables: lines `# name = value`, a line of column names, one line an entry.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::str::FromStr;

use panarch_graph::{Latency, Precision, Provenance, ProvenanceKind};

use super::{LatencyTable, MOST_ENTRIES, MOST_KEY_BYTES, TableCheck, TableEntry, TableHeader, format_error};
use crate::PredictError;

/// The version that this code writes, and the only one it reads.
const VERSION: u32 = 1;
pub(super) const TITLE: &str = "# panarch latency table ";
const COLUMNS: &str = "key,count,mean_s,standard_deviation_s";
/// The name of the anchor's latency.
const ANCHOR: &str = "anchor_s";
/// Kinds of provenance by their names in the file.
const KINDS: [(&str, ProvenanceKind); 5] = [
    ("measured", ProvenanceKind::Measured),
    ("simulated", ProvenanceKind::Simulated),
    ("predicted", ProvenanceKind::Predicted),
    ("vendor_estimate", ProvenanceKind::VendorEstimate),
    ("quoted", ProvenanceKind::Quoted),
];

/// Every name of the header.
const NAMES: [&str; 24] = [
    "device",
    "device_hash",
    "kind",
    "tool",
    "tool_version",
    "precision",
    "batch",
    "repeats",
    "note",
    "space",
    "space_hash",
    "resolution",
    "classes",
    "input_channels",
    "asked",
    "fixed_s",
    "model_error",
    ANCHOR,
    "anchor_spread",
    "check_networks",
    "check_mean_error",
    "check_rms_error",
    "check_kendall_tau",
    "entries",
];

/// The header, with the number of entries when it is known.
pub(super) fn beginning(header: &TableHeader, entries: Option<usize>) -> String {
    let origin = &header.origin;
    let kind = KINDS.iter().find(|(_, kind)| *kind == origin.kind);
    let mut text = format!("{TITLE}{VERSION}\n");
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // A value is one line.
        let value = value.to_string().replace(['\n', '\r'], " ");
        let _ = writeln!(text, "# {name} = {}", value.trim());
    };
    line("device", &origin.device);
    line("device_hash", &header.device_hash);
    line("kind", &kind.map_or("predicted", |(name, _)| name));
    line("tool", &origin.tool);
    line("tool_version", &origin.version);
    line("precision", &origin.precision.name());
    line("batch", &origin.batch);
    if let Some(repeats) = origin.repeats {
        line("repeats", &repeats);
    }
    if let Some(note) = &origin.note {
        line("note", note);
    }
    line("space", &header.space);
    line("space_hash", &header.space_hash);
    line("resolution", &header.resolution);
    line("classes", &header.classes);
    line("input_channels", &header.input_channels);
    line("asked", &header.asked);
    line("fixed_s", &header.fixed.seconds());
    line("model_error", &header.model_error);
    if let Some(anchor) = &header.anchor {
        line(ANCHOR, &anchor.seconds());
    }
    if let Some(spread) = &header.anchor_spread {
        line("anchor_spread", spread);
    }
    if let Some(check) = &header.check {
        line("check_networks", &check.networks);
        line("check_mean_error", &check.mean_error);
        line("check_rms_error", &check.rms_error);
        if let Some(tau) = check.kendall_tau {
            line("check_kendall_tau", &tau);
        }
    }
    if let Some(entries) = entries {
        line("entries", &entries);
    }
    text + COLUMNS + "\n"
}

/// One entry.
pub(super) fn line(key: &str, entry: &TableEntry) -> String {
    let count = entry.count.map_or_else(String::new, |count| count.to_string());
    let (mean, deviation) = (entry.mean.seconds(), entry.standard_deviation.seconds());
    format!("{key},{count},{mean:e},{deviation:e}\n")
}

pub(super) fn write(header: &TableHeader, table: &LatencyTable) -> String {
    let mut text = beginning(header, Some(table.len()));
    text.extend(table.entries().map(|(key, entry)| line(key, entry)));
    text
}

pub(super) fn read(text: &str) -> Result<LatencyTable, PredictError> {
    if !text.ends_with('\n') {
        return Err(format_error("its last line is cut off; build it again".to_owned()));
    }
    let mut lines = text.lines().enumerate();
    let fields = Fields::read(&mut lines)?;
    let header = fields.header()?;
    let expected: usize = fields.number("entries")?;
    let mut entries = Vec::new();
    if expected > MOST_ENTRIES {
        let reason = format!("it says that it has {expected} entries, more than the {MOST_ENTRIES} that are read");
        return Err(format_error(reason));
    }
    for (index, line) in lines {
        if entries.len() >= MOST_ENTRIES {
            return Err(format_error(format!(
                "it has more entries than the {expected} that it says, and than the {MOST_ENTRIES} that are read"
            )));
        }
        entries.push(entry(line, index + 1)?);
    }
    if entries.len() != expected {
        return Err(format_error(format!(
            "it announces {expected} entries and has {}; build it again",
            entries.len()
        )));
    }
    LatencyTable::new(header, entries)
}

pub(super) fn unfinished(text: &str, header: &TableHeader) -> Result<Vec<(String, TableEntry)>, PredictError> {
    let other = || {
        let reason = "it was begun for another device, space, resolution or number of repeats";
        format_error(reason.to_owned())
    };
    let rows = text.strip_prefix(&beginning(header, None)).ok_or_else(other)?;
    let first = beginning(header, None).lines().count() + 1;
    let whole = rows.rfind('\n').map_or("", |end| &rows[..end]);
    let lines = whole.lines().enumerate().take(MOST_ENTRIES);
    lines.map(|(index, line)| entry(line, first + index)).collect()
}

/// The anchor's latency in the header of a table that may be unfinished.
pub(super) fn anchor(text: &str) -> Option<Latency> {
    let mut header = text.lines().take_while(|line| line.starts_with('#'));
    let value = header.find_map(|line| line.strip_prefix("# ")?.strip_prefix(ANCHOR)?.strip_prefix(" = "))?;
    let seconds: f64 = value.trim().parse().ok()?;
    (seconds.is_finite() && seconds > 0.0).then(|| Latency::from_seconds(seconds))
}

fn entry(line: &str, number: usize) -> Result<(String, TableEntry), PredictError> {
    let wrong = |reason: &str| format_error(format!("line {number}: {reason}"));
    let fields: Vec<&str> = line.splitn(5, ',').collect();
    let [key, count, mean, deviation] = fields[..] else {
        return Err(wrong(&format!("four fields are expected: {COLUMNS}")));
    };
    if key.is_empty() || key.len() > MOST_KEY_BYTES {
        return Err(wrong("a key has 1 to 480 bytes"));
    }
    let seconds = |text: &str| text.parse().ok().filter(|value: &f64| value.is_finite());
    let count = match count {
        "" => None,
        count => Some(
            count
                .parse()
                .ok()
                .filter(|count| *count > 0)
                .ok_or_else(|| wrong("`count` must be a whole number of at least 1"))?,
        ),
    };
    let mean = seconds(mean).ok_or_else(|| wrong("`mean_s` must be a number"))?;
    let deviation = seconds(deviation)
        .filter(|deviation| *deviation >= 0.0)
        .ok_or_else(|| wrong("`standard_deviation_s` must be a number that is not negative"))?;
    let entry = TableEntry {
        mean: Latency::from_seconds(mean),
        standard_deviation: Latency::from_seconds(deviation),
        count,
    };
    Ok((key.to_owned(), entry))
}

/// The lines `# name = value` of a header.
struct Fields<'t>(HashMap<&'t str, &'t str>);

impl<'t> Fields<'t> {
    fn read(lines: &mut impl Iterator<Item = (usize, &'t str)>) -> Result<Self, PredictError> {
        let version = lines.next().and_then(|(_, line)| line.strip_prefix(TITLE));
        let version = version.ok_or_else(|| format_error(format!("it does not begin with `{TITLE}{VERSION}`")))?;
        let version: u32 = version
            .trim()
            .parse()
            .map_err(|_| format_error("its version is no number".to_owned()))?;
        if version != VERSION {
            return Err(PredictError::Version {
                found: version,
                known: VERSION,
            });
        }
        let mut fields = HashMap::new();
        for (index, line) in lines {
            let wrong = |reason: String| format_error(format!("line {}: {reason}", index + 1));
            if line == COLUMNS {
                return Ok(Self(fields));
            }
            let (name, value) = line
                .strip_prefix("# ")
                .and_then(|line| line.split_once('='))
                .ok_or_else(|| wrong(format!("`# name = value` or `{COLUMNS}` is expected")))?;
            let (name, value) = (name.trim(), value.trim());
            if !NAMES.contains(&name) {
                return Err(wrong(format!(
                    "`{name}` is not a known name, which are {}",
                    NAMES.join(", ")
                )));
            }
            if fields.insert(name, value).is_some() {
                return Err(wrong(format!("`{name}` is there twice")));
            }
        }
        Err(format_error(format!("the line `{COLUMNS}` is missing")))
    }

    fn text(&self, name: &str) -> Result<&'t str, PredictError> {
        self.0
            .get(name)
            .copied()
            .ok_or_else(|| format_error(format!("its header has no `{name}`")))
    }

    fn number<T: FromStr>(&self, name: &str) -> Result<T, PredictError> {
        let text = self.text(name)?;
        text.parse()
            .map_err(|_| format_error(format!("`{name}` of its header is not what it should be: {text}")))
    }

    fn optional<T: FromStr>(&self, name: &str) -> Result<Option<T>, PredictError> {
        self.0.get(name).map(|_| self.number(name)).transpose()
    }

    /// A number from 0 to `most`.
    fn measure(&self, name: &str, most: f64) -> Result<f64, PredictError> {
        let value: f64 = self.number(name)?;
        if (0.0..=most).contains(&value) {
            return Ok(value);
        }
        Err(format_error(format!("`{name}` of its header must be from 0 to {most}")))
    }

    fn choice<T: Copy>(&self, name: &str, among: &[(&str, T)]) -> Result<T, PredictError> {
        let text = self.text(name)?;
        let found = among.iter().find(|(known, _)| *known == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let known: Vec<&str> = among.iter().map(|(known, _)| *known).collect();
            format_error(format!(
                "`{name}` of its header is `{text}`, not one of {}",
                known.join(", ")
            ))
        })
    }

    fn header(&self) -> Result<TableHeader, PredictError> {
        let check = match self.0.get("check_networks") {
            None => None,
            Some(_) => Some(TableCheck {
                networks: self.number("check_networks")?,
                mean_error: self.measure("check_mean_error", 1e6)?,
                rms_error: self.measure("check_rms_error", 1e6)?,
                kendall_tau: self.optional("check_kendall_tau")?,
            }),
        };
        Ok(TableHeader {
            origin: Provenance {
                kind: self.choice("kind", &KINDS)?,
                device: self.text("device")?.to_owned(),
                tool: self.text("tool")?.to_owned(),
                version: self.text("tool_version")?.to_owned(),
                precision: self.choice("precision", &Precision::ALL.map(|it| (it.name(), it)))?,
                batch: self.number("batch")?,
                repeats: self.optional("repeats")?,
                note: self.0.get("note").map(|note| (*note).to_owned()),
            },
            space: self.text("space")?.to_owned(),
            space_hash: self.number("space_hash")?,
            device_hash: self.number("device_hash")?,
            resolution: self.number("resolution")?,
            classes: self.number("classes")?,
            input_channels: self.number("input_channels")?,
            asked: self.number("asked")?,
            fixed: Latency::from_seconds(self.measure("fixed_s", super::LONGEST_S)?),
            model_error: self.measure("model_error", 1e6)?,
            anchor: match self.0.contains_key(ANCHOR) {
                true => Some(Latency::from_seconds(self.measure(ANCHOR, super::LONGEST_S)?)),
                false => None,
            },
            anchor_spread: match self.0.contains_key("anchor_spread") {
                true => Some(self.measure("anchor_spread", 1e6)?),
                false => None,
            },
            check,
        })
    }
}
