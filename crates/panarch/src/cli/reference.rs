//! `panarch reference`: pages that are made from the code.

use clap::{Arg, Command, CommandFactory};
use panarch::run_file;

use super::args::{Cli, ReferencePage};
use super::output::write;

pub fn reference(page: ReferencePage) {
    match page {
        ReferencePage::RunFile => write(&run_file::reference()),
        ReferencePage::DeviceProfile => write(&panarch_cost::profile::reference()),
        ReferencePage::CommandLine => write(&command_line()),
    }
}

const INTRODUCTION: &str = "\
# Commands

*This page is made from the code by `cargo xtask docs`.* `panarch COMMAND --help` says the same.

Commands that read print a table, which fits the terminal; `--format json` and `--format csv` are for programs.
`~/` at the beginning of a path is the home folder.

";

/// Every command with its arguments, in Markdown.
fn command_line() -> String {
    let mut root = Cli::command();
    root.build();
    let exit_codes = root.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut page = format!("{INTRODUCTION}{exit_codes}\n");
    describe(&root, "panarch", &mut page);
    page
}

/// The command, or each of those below it.
fn describe(command: &Command, path: &str, page: &mut String) {
    let below: Vec<&Command> = command.get_subcommands().filter(|it| it.get_name() != "help").collect();
    for command in &below {
        describe(command, &format!("{path} {}", command.get_name()), page);
    }
    if !below.is_empty() {
        return;
    }
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").split_whitespace();
    let usage = usage.collect::<Vec<_>>().join(" ");
    page.push_str(&format!("\n## `{path}`\n\n{about}\n\n```\n{usage}\n```\n"));
    let arguments: Vec<&Arg> = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str()))
        .collect();
    if !arguments.is_empty() {
        page.push_str("\n| argument | default | meaning |\n|---|---|---|\n");
    }
    for argument in arguments {
        let default: Vec<String> = argument
            .get_default_values()
            .iter()
            .map(|value| format!("`{}`", value.to_string_lossy()))
            .collect();
        page.push_str(&format!(
            "| `{}` | {} | {} |\n",
            name(argument).replace('|', r"\|"),
            default.join(", "),
            meaning(argument).replace('|', r"\|")
        ));
    }
}

/// `FILE`, `--seed SEED` or `-n, --count COUNT`.
fn name(argument: &Arg) -> String {
    let value = argument.get_value_names().and_then(|names| names.first());
    let value = value.map_or_else(|| argument.get_id().as_str().to_uppercase(), ToString::to_string);
    let flag = match (argument.get_short(), argument.get_long()) {
        (_, None) => return value,
        (None, Some(long)) => format!("--{long}"),
        (Some(short), Some(long)) => format!("-{short}, --{long}"),
    };
    if argument.get_action().takes_values() {
        format!("{flag} {value}")
    } else {
        flag
    }
}

fn meaning(argument: &Arg) -> String {
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let takes_values = argument.get_action().takes_values();
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|_| takes_values)
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    let values = if values.is_empty() {
        String::new()
    } else {
        format!(": {}", values.join(", "))
    };
    help + &values
}
