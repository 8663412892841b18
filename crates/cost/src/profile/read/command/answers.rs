//! Where the answer stands in what a command prints or writes.

use panarch_toml::{Spanned, Table};

use crate::profile::command::{
    Answer, AnswerSource, FilePattern, FilePatternError, JsonStep, Parser, Unit, ValueReader, Which,
};

/// Most bytes that a compiled regular expression may take.
const LARGEST_EXPRESSION: usize = 1 << 20;

pub(super) fn answer(table: Table<'_>) -> Option<Answer> {
    if table.value("parser").and_then(|parser| parser.text()) == Some("vela") {
        table.finish();
        return Some(Answer::Vela);
    }
    value(table, &Unit::TIMES, true).map(Answer::Value)
}

/// `from`, `parser`, `unit` and what these need.
pub(super) fn value(table: Table<'_>, units: &[(&str, f64)], time: bool) -> Option<ValueReader> {
    let from = source(&table);
    let parser = parser(&table, time);
    let unit = unit(&table, units, time);
    table.finish();
    Some(ValueReader {
        from: from?,
        parser: parser?,
        unit: unit?,
    })
}

#[derive(Clone, Copy)]
enum From {
    Stdout,
    Stderr,
    File,
}

fn source(table: &Table<'_>) -> Option<AnswerSource> {
    let from = [("stdout", From::Stdout), ("stderr", From::Stderr), ("file", From::File)];
    match table.one_of("from", &from)? {
        From::Stdout => Some(AnswerSource::Stdout),
        From::Stderr => Some(AnswerSource::Stderr),
        From::File => {
            let text = table.string_spanned("file")?;
            let path = table.path_of("file");
            let message = match FilePattern::parse(&text.value) {
                Ok(pattern) => return Some(AnswerSource::File(pattern)),
                Err(FilePatternError::Outside) => {
                    format!("`{path}` must name a file below the output folder, such as \"*_summary.csv\"")
                }
                Err(FilePatternError::TooLong) => format!(
                    "`{path}` must have at most {} names of {} characters, found {} names, the longest of {} characters",
                    FilePattern::MOST_NAMES,
                    FilePattern::MOST_CHARACTERS,
                    text.value.split('/').count(),
                    text.value
                        .split('/')
                        .map(|name| name.chars().count())
                        .max()
                        .unwrap_or(0)
                ),
            };
            table.problem_at(text.at, message, None);
            None
        }
    }
}

#[derive(Clone, Copy)]
enum Form {
    Regex,
    Csv,
    Json,
    Vela,
}

fn parser(table: &Table<'_>, time: bool) -> Option<Parser> {
    let forms = [
        ("regex", Form::Regex),
        ("csv", Form::Csv),
        ("json", Form::Json),
        ("vela", Form::Vela),
    ];
    let forms = if time { &forms[..] } else { &forms[..3] };
    match table.one_of("parser", forms)? {
        Form::Regex => {
            let pattern = table.string_spanned("pattern");
            let which = table.optional_one_of("match", &Which::NAMES).unwrap_or(Which::First);
            let pattern = expression(table, pattern?)?;
            Some(Parser::Regex { pattern, which })
        }
        Form::Csv => {
            let column = table.string("column");
            let which = table.one_of("row", &Which::NAMES);
            Some(Parser::Csv {
                column: column?,
                which: which?,
            })
        }
        Form::Json => {
            let text = table.string_spanned("path")?;
            let path = JsonStep::parse_path(&text.value);
            if path.is_none() {
                let message = format!(
                    "`{}` must be a path such as \"results[0].latency_ms\"",
                    table.path_of("path")
                );
                table.problem_at(text.at, message, None);
            }
            Some(Parser::Json { path: path? })
        }
        // Answered before; a table with other keys would be another mistake.
        Form::Vela => None,
    }
}

fn expression(table: &Table<'_>, pattern: Spanned<String>) -> Option<String> {
    let path = table.path_of("pattern");
    let compiled = regex::RegexBuilder::new(&pattern.value)
        .size_limit(LARGEST_EXPRESSION)
        .build();
    let message = match compiled {
        Ok(compiled) if compiled.captures_len() == 2 => return Some(pattern.value),
        Ok(compiled) => format!(
            "`{path}` must have one capture group, the number, and has {}; `(?:…)` groups without capturing",
            compiled.captures_len() - 1
        ),
        Err(error) => {
            let reason = error.to_string();
            let last = reason.lines().last().unwrap_or_default();
            format!(
                "`{path}` is no regular expression: {}",
                last.trim_start_matches("error: ")
            )
        }
    };
    table.problem_at(pattern.at, message, None);
    None
}

fn unit(table: &Table<'_>, units: &[(&str, f64)], time: bool) -> Option<Unit> {
    let mut choices: Vec<(&str, Option<f64>)> = units.iter().map(|(name, scale)| (*name, Some(*scale))).collect();
    if time {
        choices.push(("cycles", None));
    }
    let name = table.value("unit").and_then(|unit| unit.text());
    match table.one_of("unit", &choices)? {
        Some(scale) => Some(Unit {
            name: name?.to_owned(),
            scale,
        }),
        None => Some(Unit {
            scale: 1.0 / table.quantity_in("clock_hz", panarch_toml::Unit::Hertz, 1.0..=1e12)?,
            name: name?.to_owned(),
        }),
    }
}

impl Answer {
    pub(super) fn is_in_a_file(&self) -> bool {
        match self {
            Self::Value(reader) => reader.is_in_a_file(),
            Self::Vela => true,
        }
    }
}

impl ValueReader {
    pub(super) fn is_in_a_file(&self) -> bool {
        matches!(self.from, AnswerSource::File(_))
    }
}
