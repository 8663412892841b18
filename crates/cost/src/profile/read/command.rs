//! The tables of a device behind a command.

use std::ops::RangeInclusive;
use std::time::Duration;

use panarch_graph::ProvenanceKind;
use panarch_toml::{Spanned, Table, did_you_mean};

use super::{BELOW_ONE, POSITIVE};
use crate::profile::command::{
    Answer, AnswerSource, Argument, ArgumentError, CommandTarget, FilePattern, FilePatternError, JsonStep,
    NetworkFormat, Parser, Placeholder, Unit, ValueReader, Which,
};
use crate::profile::{ModelError, Origin, Sourced};

const LONGEST_S: RangeInclusive<f64> = 0.001..=86_400.0;
const RUNS: RangeInclusive<u32> = 1..=1000;
const ANSWERS: [(&str, ProvenanceKind); 2] = [
    ("measured", ProvenanceKind::Measured),
    ("vendor_estimate", ProvenanceKind::VendorEstimate),
];
/// Most bytes that a compiled regular expression may take.
const LARGEST_EXPRESSION: usize = 1 << 20;
/// Most arguments of a command.
const MOST_ARGUMENTS: usize = 256;

pub(super) fn target(root: &Table<'_>) -> Option<CommandTarget> {
    let accelerator = if root.has("clock") || root.has("array") {
        Some(super::accelerator(root).map(Box::new))
    } else {
        None
    };
    let table = root.table("command")?;
    let format = table.one_of("format", &NetworkFormat::NAMES);
    let arguments = command(&table, "arguments", format, true);
    let part = |key: &str, per_network: bool| {
        if table.has(key) {
            let format = if per_network { format } else { None };
            command(&table, key, format, false).map(Some)
        } else {
            Some(None)
        }
    };
    let prepare = part("prepare", true);
    let cleanup = part("cleanup", true);
    let version = part("version", false);
    plain(&table, "version", version.as_ref());
    let answers = table.one_of("answers", &ANSWERS);
    let timeout = table.optional_f64_in("timeout_s", LONGEST_S).unwrap_or(600.0);
    let repeat = table.optional_u32_in("repeat", RUNS).unwrap_or(1);
    let warmup = table.optional_u32_in("warmup", 0..=1000).unwrap_or(0);
    let lock = named(&table, "lock", "a name of 1 to 64 letters, digits, `-` and `_`", |c| {
        c.is_ascii_alphanumeric() || c == '-' || c == '_'
    });
    let variable = named(&table, "variable", "an environment variable", |c| {
        c.is_ascii_alphanumeric() || c == '_'
    });
    let install = table.optional_string("install");
    let tool = table.optional_string("tool");
    let error = table.optional_table("error").map(model_error);
    let result = table.table("result").and_then(answer);
    let energy = table
        .optional_table("energy")
        .map(|it| value(it, &Unit::ENERGIES, false));
    let memory = table
        .optional_table("memory")
        .map(|it| value(it, &Unit::MEMORIES, false));
    if let (Some(Some(arguments)), Some(format)) = (arguments.as_ref().map(Some), format) {
        let prepared = prepare.iter().flatten().flatten();
        check_files(
            &table,
            arguments,
            &arguments.iter().chain(prepared).collect::<Vec<_>>(),
            format,
            [
                result.as_ref().is_some_and(Answer::is_in_a_file),
                energy.iter().flatten().any(ValueReader::is_in_a_file),
                memory.iter().flatten().any(ValueReader::is_in_a_file),
            ],
        );
    }
    table.finish();
    let arguments = arguments?;
    Some(CommandTarget {
        tool: tool.unwrap_or_else(|| tool_name(&arguments)),
        arguments,
        variable,
        install,
        prepare: prepare?,
        cleanup: cleanup?,
        version: version?,
        format: format?,
        answers: answers?,
        timeout: Duration::from_secs_f64(timeout),
        repeat,
        warmup,
        lock,
        error: whole(error)?,
        result: result?,
        energy: whole(energy)?,
        memory: whole(memory)?,
        accelerator: whole(accelerator)?,
    })
}

/// What is absent is no mistake; what is there and wrong is.
fn whole<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        Some(read) => read.map(Some),
        None => Some(None),
    }
}

fn tool_name(arguments: &[Argument]) -> String {
    let program = arguments.first().map(ToString::to_string).unwrap_or_default();
    program.rsplit('/').next().unwrap_or_default().to_owned()
}

/// A command: a list of arguments, of which the first has no placeholder. `{out}` only the main one has.
fn command(table: &Table<'_>, key: &str, format: Option<NetworkFormat>, main: bool) -> Option<Vec<Argument>> {
    let path = table.path_of(key);
    if let Some(text) = table.value(key).filter(|value| value.text().is_some()) {
        let message =
            format!("`{path}` must be a list of arguments, such as [\"adb\", \"shell\"], not a line for a shell");
        text.problem(message, None);
        return None;
    }
    let texts = table.list_of_strings_spanned(key)?;
    if texts.is_empty() || texts.len() > MOST_ARGUMENTS {
        table.problem(key, format!("`{path}` must have 1 to {MOST_ARGUMENTS} arguments"), None);
        return None;
    }
    let read: Vec<Option<Argument>> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| argument(table, &format!("{path}[{index}]"), text, format, main))
        .collect();
    let arguments: Vec<Argument> = read.into_iter().collect::<Option<_>>()?;
    let program = arguments.first()?;
    if program.to_string().trim().is_empty() || Placeholder::NAMES.iter().any(|(_, of)| program.uses(*of)) {
        table.problem(key, format!("`{path}` must begin with the name of a program"), None);
        return None;
    }
    Some(arguments)
}

fn argument(
    table: &Table<'_>,
    path: &str,
    text: &Spanned<String>,
    format: Option<NetworkFormat>,
    main: bool,
) -> Option<Argument> {
    let problem = |message: String, meant: Option<&str>| table.problem_at(text.at, message, meant);
    if text.value.contains('\0') {
        problem(format!("`{path}` has a zero byte, which no argument can have"), None);
        return None;
    }
    let argument = match Argument::parse(&text.value) {
        Ok(argument) => argument,
        Err(ArgumentError::Unknown(name)) => {
            let names = Placeholder::NAMES.map(|(name, _)| name);
            let known: Vec<String> = names.iter().map(|name| format!("`{{{name}}}`")).collect();
            let message = format!(
                "`{path}` has `{{{name}}}`, and the placeholders are {}; `{{{{` stands for a brace",
                known.join(", ")
            );
            problem(message, did_you_mean(&name, names).as_deref());
            return None;
        }
        Err(ArgumentError::Brace) => {
            let message = format!("`{path}` has a brace without its partner; `{{{{` and `}}}}` stand for single ones");
            problem(message, None);
            return None;
        }
    };
    if !main && argument.uses(Placeholder::Out) {
        problem(
            format!("`{path}` has `{{out}}`, which only `arguments` can have: each run gets its own"),
            None,
        );
        return None;
    }
    for (name, other) in NetworkFormat::NAMES {
        if format.is_some_and(|format| format != other) && argument.uses(other.placeholder()) {
            let format = format.map_or("", NetworkFormat::name);
            problem(
                format!("`{path}` has `{{{name}}}`, and `format` is \"{format}\""),
                Some(&format!("{{{format}}}")),
            );
            return None;
        }
    }
    Some(argument)
}

/// The version is asked once and not of a network.
fn plain(table: &Table<'_>, key: &str, command: Option<&Option<Vec<Argument>>>) {
    let mut arguments = command.iter().copied().flatten().flatten();
    if arguments.any(|argument| Placeholder::NAMES.iter().any(|(_, of)| argument.uses(*of))) {
        let message = format!(
            "`{}` can have no placeholder: it is asked once and not of a network",
            table.path_of(key)
        );
        table.problem(key, message, None);
    }
}

/// The network's file must be named by a command, and the output folder where a file is read from it.
fn check_files(
    table: &Table<'_>,
    arguments: &[Argument],
    given: &[&Argument],
    format: NetworkFormat,
    in_files: [bool; 3],
) {
    if !given.iter().any(|argument| argument.uses(format.placeholder())) {
        let message = format!(
            "neither `command.arguments` nor `command.prepare` has `{{{}}}`, the network's file",
            format.name()
        );
        table.problem("arguments", message, None);
    }
    if in_files.contains(&true) && !arguments.iter().any(|argument| argument.uses(Placeholder::Out)) {
        let message = "`command.arguments` has no `{out}`, the folder in which the answer's file is looked for";
        table.problem("arguments", message, None);
    }
}

fn named(table: &Table<'_>, key: &str, what: &str, allowed: impl Fn(char) -> bool) -> Option<String> {
    let name = table.optional_string_spanned(key)?;
    if name.value.is_empty() || name.value.len() > 64 || !name.value.chars().all(allowed) {
        table.problem_at(name.at, format!("`{}` must be {what}", table.path_of(key)), None);
        return None;
    }
    Some(name.value)
}

/// `relative`, `level`, and either `source` or `assumption`.
fn model_error(table: Table<'_>) -> Option<ModelError> {
    let relative = table.f64_in("relative", POSITIVE);
    let level = table.f64_in("level", BELOW_ONE);
    let source = table.optional_string("source").map(Origin::Source);
    let assumption = table.optional_string("assumption").map(Origin::Assumption);
    let origin = match (source, assumption) {
        (Some(origin), None) | (None, Some(origin)) if !origin.text().trim().is_empty() => Some(origin),
        _ => {
            let message = "`command.error` must have either a `source` or an `assumption`";
            table.problem_at(table.at(), message, None);
            None
        }
    };
    table.finish();
    let sourced = |value, origin| Sourced { value, origin };
    let origin = origin?;
    Some(ModelError {
        relative: sourced(relative?, origin.clone()),
        level: sourced(level?, origin),
    })
}

fn answer(table: Table<'_>) -> Option<Answer> {
    if table.value("parser").and_then(|parser| parser.text()) == Some("vela") {
        table.finish();
        return Some(Answer::Vela);
    }
    value(table, &Unit::TIMES, true).map(Answer::Value)
}

/// `from`, `parser`, `unit` and what these need.
fn value(table: Table<'_>, units: &[(&str, f64)], time: bool) -> Option<ValueReader> {
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
                    "`{path}` must have at most {} names of {} characters",
                    FilePattern::MOST_NAMES,
                    FilePattern::MOST_CHARACTERS
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
            scale: 1.0 / table.f64_in("clock_hz", 1.0..=1e12)?,
            name: name?.to_owned(),
        }),
    }
}

impl Answer {
    fn is_in_a_file(&self) -> bool {
        match self {
            Self::Value(reader) => reader.is_in_a_file(),
            Self::Vela => true,
        }
    }
}

impl ValueReader {
    fn is_in_a_file(&self) -> bool {
        matches!(self.from, AnswerSource::File(_))
    }
}
