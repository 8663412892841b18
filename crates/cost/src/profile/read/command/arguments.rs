//! The commands of a profile: lists of arguments with placeholders.

use panarch_toml::{Spanned, Table, did_you_mean};

use crate::profile::command::{Argument, ArgumentError, NetworkFormat, Placeholder};

/// Most arguments of a command.
const MOST_ARGUMENTS: usize = 256;

/// A command: a list of arguments, of which the first has no placeholder. `{out}` only the main one has.
pub(super) fn command(
    table: &Table<'_>,
    key: &str,
    format: Option<NetworkFormat>,
    main: bool,
) -> Option<Vec<Argument>> {
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
pub(super) fn plain(table: &Table<'_>, key: &str, command: Option<&Option<Vec<Argument>>>) {
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
pub(super) fn check_files(
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
