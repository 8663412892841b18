//! One number out of what a command printed or wrote.

use panarch_cost::profile::command::{JsonStep, Parser, ValueReader, Which};
use regex::RegexBuilder;
use serde_json::Value;

use super::csv;

/// Largest compiled expression, as in the check of a profile.
const LARGEST_EXPRESSION: usize = 1 << 20;

/// The number in a text, in seconds, joules or bytes.
///
/// # Errors
/// In words: when it is not there, is no number, or is not finite and above zero.
pub fn value(reader: &ValueReader, text: &[u8]) -> Result<f64, String> {
    let text = String::from_utf8_lossy(text);
    let found = match &reader.parser {
        Parser::Regex { pattern, which } => in_matches(pattern, *which, &text)?,
        Parser::Csv { column, which } => in_column(column, *which, &text)?,
        Parser::Json { path } => in_json(path, &text)?,
    };
    let value = found * reader.unit.scale;
    if value.is_finite() && value > 0.0 {
        return Ok(value);
    }
    Err(format!(
        "the answer is {found} {}, which is not a finite number above zero",
        reader.unit.name
    ))
}

fn in_matches(pattern: &str, which: Which, text: &str) -> Result<f64, String> {
    let expression = RegexBuilder::new(pattern).size_limit(LARGEST_EXPRESSION).build();
    let expression = expression.map_err(|error| format!("the expression cannot be used: {error}"))?;
    let mut numbers = expression
        .captures_iter(text)
        .filter_map(|captures| captures.get(1))
        .map(|group| number(group.as_str()));
    pick(which, &mut numbers, || {
        format!("nothing fits the expression `{pattern}`")
    })
}

fn in_column(column: &str, which: Which, text: &str) -> Result<f64, String> {
    let rows = csv::rows(text);
    let (header, rows) = rows.split_first().ok_or("the table is empty")?;
    let position = header.iter().position(|name| name.trim() == column).ok_or_else(|| {
        let names = header
            .iter()
            .take(12)
            .map(|name| shortened(name))
            .collect::<Vec<_>>()
            .join("`, `");
        format!("the table has no column `{column}`; it has `{names}`")
    })?;
    let mut numbers = rows.iter().map(|row| match row.get(position) {
        Some(field) => number(field),
        None => Err(format!("a row has no field in column `{column}`")),
    });
    pick(which, &mut numbers, || "the table has no rows".to_owned())
}

fn in_json(path: &[JsonStep], text: &str) -> Result<f64, String> {
    let document: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON document: {error}"))?;
    let mut at = &document;
    let mut way = String::new();
    for step in path {
        let next = match step {
            JsonStep::Key(key) => {
                way += &format!(".{key}");
                at.get(key)
            }
            JsonStep::Index(index) => {
                way += &format!("[{index}]");
                at.get(index)
            }
        };
        at = next.ok_or_else(|| format!("the document has nothing at `{}`", way.trim_start_matches('.')))?;
    }
    match at {
        Value::Number(found) => found.as_f64().ok_or_else(|| format!("{found} is out of range")),
        Value::String(found) => number(found),
        _ => Err(format!("what stands at `{}` is no number", way.trim_start_matches('.'))),
    }
}

fn pick(
    which: Which,
    numbers: &mut dyn Iterator<Item = Result<f64, String>>,
    none: impl FnOnce() -> String,
) -> Result<f64, String> {
    let found = match which {
        Which::First => numbers.next(),
        Which::Last => numbers.last(),
        Which::Sum => numbers.reduce(|sum, next| Ok(sum? + next?)),
    };
    found.unwrap_or_else(|| Err(none()))
}

fn number(text: &str) -> Result<f64, String> {
    let plain = text.trim();
    plain
        .parse()
        .map_err(|_| format!("`{}` is no number", shortened(plain)))
}

/// At most 40 characters, none that a terminal would obey.
fn shortened(text: &str) -> String {
    text.chars().filter(|c| !panarch_toml::is_hidden(*c)).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use panarch_cost::profile::command::{AnswerSource, Unit};

    fn read(parser: Parser, text: &str) -> Result<f64, String> {
        let unit = Unit {
            name: "ms".to_owned(),
            scale: 1e-3,
        };
        let from = AnswerSource::Stdout;
        value(&ValueReader { from, parser, unit }, text.as_bytes())
    }

    fn regex(pattern: &str, which: Which) -> Parser {
        let pattern = pattern.to_owned();
        Parser::Regex { pattern, which }
    }

    fn csv(column: &str, which: Which) -> Parser {
        let column = column.to_owned();
        Parser::Csv { column, which }
    }

    fn json(path: &str) -> Parser {
        let path = JsonStep::parse_path(path).unwrap();
        Parser::Json { path }
    }

    #[test]
    fn numbers_are_found() {
        let log = "Timings (ms): avg=2.5\nTimings (ms): avg=4\n";
        let table = "name,ms\na,1\nb,3e0\n";
        let document = r#"[{"latency_s": {"value": 0.5, "text": " 7 "}}]"#;
        let cases = [
            (regex(r"avg=(\S+)", Which::First), log, 2.5e-3),
            (regex(r"avg=(\S+)", Which::Last), log, 4e-3),
            (regex(r"avg=(\S+)", Which::Sum), log, 6.5e-3),
            (csv("ms", Which::First), table, 1e-3),
            (csv("ms", Which::Last), table, 3e-3),
            (csv("ms", Which::Sum), table, 4e-3),
            (json("[0].latency_s.value"), document, 0.5e-3),
            (json("[0].latency_s.text"), document, 7e-3),
        ];
        for (parser, text, expected) in cases {
            let found = read(parser.clone(), text).unwrap_or_else(|reason| panic!("{parser:?}: {reason}"));
            assert!((found - expected).abs() < 1e-12, "{parser:?}: {found}");
        }
    }

    #[test]
    fn what_is_no_answer_says_why() {
        let deep = "[".repeat(100_000);
        let cases = [
            (regex(r"avg=(\S+)", Which::First), "avg=fast", "`fast` is no number"),
            (regex(r"avg=(\S+)", Which::First), "", "nothing fits"),
            (regex(r"avg=(\S+)", Which::First), "avg=nan", "not a finite number"),
            (regex(r"avg=(\S+)", Which::First), "avg=inf", "not a finite number"),
            (regex(r"avg=(\S+)", Which::First), "avg=-1", "above zero"),
            (regex(r"avg=(\S+)", Which::First), "avg=0", "above zero"),
            (csv("ms", Which::First), "", "empty"),
            (
                csv("ms", Which::First),
                "name,us\n1,2",
                "no column `ms`; it has `name`, `us`",
            ),
            (csv("ms", Which::First), "name,ms\n", "no rows"),
            (csv("ms", Which::Last), "name,ms\na", "no field"),
            (csv("ms", Which::Sum), "ms\n1\nx", "`x` is no number"),
            (json("a"), "rubbish", "no JSON document"),
            (json("a"), "{\"b\": 1}", "nothing at `a`"),
            (json("a"), "{\"a\": null}", "is no number"),
            (json("a"), "{\"a\": 1e999}", "no JSON document"),
            (json("a"), deep.as_str(), "no JSON document"),
        ];
        for (parser, text, part) in cases {
            let reason = read(parser, text).unwrap_err();
            assert!(reason.contains(part), "{reason} lacks {part}");
        }
    }
}
