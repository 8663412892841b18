//! The tables of a device behind a command.

mod answers;
mod arguments;

use std::ops::RangeInclusive;
use std::time::Duration;

use panarch_graph::ProvenanceKind;
use panarch_toml::{Table, Unit as Counted};

use answers::{answer, value};
use arguments::{check_files, command, plain};

use super::{BELOW_ONE, Figures, POSITIVE};
use crate::profile::command::{Answer, Argument, CommandTarget, NetworkFormat, Unit, ValueReader};
use crate::profile::{ModelError, Origin, Sourced};

const LONGEST_S: RangeInclusive<f64> = 0.001..=86_400.0;
const RUNS: RangeInclusive<u32> = 1..=1000;
const ANSWERS: [(&str, ProvenanceKind); 2] = [
    ("measured", ProvenanceKind::Measured),
    ("vendor_estimate", ProvenanceKind::VendorEstimate),
];

pub(super) fn target(root: &Table<'_>, figures: &Figures) -> Option<CommandTarget> {
    let accelerator = if root.has("clock") || root.has("array") {
        Some(super::accelerator(root, figures).map(Box::new))
    } else {
        None
    };
    let table = root.table("command")?;
    let format = table.one_of("format", &NetworkFormat::NAMES);
    let arguments = command(&table, "arguments", format, true);
    let part = |key: &str, per_network: bool| {
        if table.optional_value(key).is_some() {
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
    let timeout = table
        .optional_quantity_in("timeout_s", Counted::Seconds, LONGEST_S)
        .unwrap_or(600.0);
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
    let relative = table.quantity_in("relative", Counted::Share, POSITIVE.range);
    let level = BELOW_ONE.read(&table, "level");
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
