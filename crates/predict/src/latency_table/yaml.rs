//! The closed subset of YAML that the published tables are written in.
//!
//! Lines of two kinds: `KEY:` at the margin, and `field: number` two or more blanks in. Comments and empty lines may stand
//! anywhere. Anchors, aliases, tags, quotes, flow collections, documents and deeper nesting are refused, so that a file
//! can neither expand nor recurse: what is kept grows with the text alone.

use panarch_graph::Latency;

use super::{Dialect, LONGEST_S, MOST_ENTRIES, MOST_KEY_BYTES, TableEntry, format_error};
use crate::PredictError;

/// An entry whose fields are being read.
struct Open<'t> {
    key: &'t str,
    line: usize,
    count: Option<f64>,
    mean: Option<f64>,
    /// `std`, or the root of `var`.
    deviation: Option<f64>,
}

pub(super) fn read(text: &str, dialect: Dialect) -> Result<Vec<(String, TableEntry)>, PredictError> {
    if !text.ends_with('\n') {
        return Err(format_error(
            "its last line is cut off; fetch the file again".to_owned(),
        ));
    }
    let mut entries = Vec::new();
    let mut open: Option<Open<'_>> = None;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if line.starts_with(' ') {
            let open = open
                .as_mut()
                .ok_or_else(|| wrong(number, "a field stands before any key"))?;
            field(open, content, number, dialect)?;
        } else {
            let key = key(content, number)?;
            entries.extend(open.take().map(|open| close(open, dialect)).transpose()?);
            if entries.len() >= MOST_ENTRIES {
                let found = text.lines().filter(|line| line.trim_end().ends_with(':')).count();
                let reason = format!("about {found} entries are more than the {MOST_ENTRIES} that are read");
                return Err(wrong(number, &reason));
            }
            open = Some(Open {
                key,
                line: number,
                count: None,
                mean: None,
                deviation: None,
            });
        }
    }
    entries.extend(open.map(|open| close(open, dialect)).transpose()?);
    if entries.is_empty() {
        return Err(format_error("it has no entries".to_owned()));
    }
    Ok(entries)
}

fn key(content: &str, line: usize) -> Result<&str, PredictError> {
    let key = content
        .strip_suffix(':')
        .ok_or_else(|| wrong(line, "a key that ends in `:` is expected at the margin"))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-:.".contains(c);
    if key.is_empty() || key.len() > MOST_KEY_BYTES || !key.chars().all(plain) {
        return Err(wrong(
            line,
            "a key is made of letters, digits, `_`, `-`, `.` and `:`, without quotes",
        ));
    }
    Ok(key)
}

fn field(open: &mut Open<'_>, content: &str, line: usize, dialect: Dialect) -> Result<(), PredictError> {
    let (name, value) = content
        .split_once(':')
        .ok_or_else(|| wrong(line, "`field: number` is expected"))?;
    let value: f64 = value
        .trim()
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite() && (0.0..=LONGEST_S * 1e3).contains(value))
        .ok_or_else(|| {
            wrong(
                line,
                &format!("`{name}` must be a number of milliseconds that is not negative"),
            )
        })?;
    let known: &[&str] = match dialect {
        Dialect::Nsganetv2 => &["mean", "var"],
        Dialect::Ofa | Dialect::Panarch => &["count", "mean", "std"],
    };
    if !known.contains(&name) {
        let message = format!("`{name}` is no field of this dialect, which has {}", known.join(", "));
        return Err(wrong(line, &message));
    }
    let (place, value) = match name {
        "count" => (&mut open.count, value),
        "mean" => (&mut open.mean, value),
        "var" => (&mut open.deviation, value.sqrt()),
        _ => (&mut open.deviation, value),
    };
    if place.replace(value).is_some() {
        return Err(wrong(line, &format!("`{name}` is there twice")));
    }
    Ok(())
}

fn close(open: Open<'_>, dialect: Dialect) -> Result<(String, TableEntry), PredictError> {
    let missing = |name: &str| {
        wrong(
            open.line,
            &format!("the entry has no `{name}`; the file may be cut off"),
        )
    };
    let mean = open.mean.ok_or_else(|| missing("mean"))?;
    let deviation = open.deviation.ok_or_else(|| match dialect {
        Dialect::Nsganetv2 => missing("var"),
        Dialect::Ofa | Dialect::Panarch => missing("std"),
    })?;
    let count = match (dialect, open.count) {
        (Dialect::Nsganetv2, _) => None,
        (_, None) => return Err(missing("count")),
        (_, Some(count)) if count >= 1.0 && count.fract() == 0.0 && count <= f64::from(u32::MAX) => Some(count as u32),
        _ => return Err(wrong(open.line, "`count` must be a whole number of at least 1")),
    };
    let entry = TableEntry {
        mean: Latency::from_millis(mean),
        standard_deviation: Latency::from_millis(deviation),
        count,
    };
    Ok((open.key.to_owned(), entry))
}

fn wrong(line: usize, reason: &str) -> PredictError {
    format_error(format!("line {line}: {reason}"))
}
