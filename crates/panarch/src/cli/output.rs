//! Writing results to standard output.

use std::io::{IsTerminal, Write};

use panarch_report::{Format, Table};
use panarch_toml::{shown_json, shown_lines};

use super::args::{FormatArg, FormatArgs};

/// Prints tables in the format that was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    format: Format,
    width: Option<usize>,
    colour: bool,
}

impl Printer {
    /// A printer for standard output; colour on a terminal unless `NO_COLOR` is set.
    pub fn new(args: FormatArgs) -> Self {
        let format = match args.format {
            FormatArg::Table => Format::Table,
            FormatArg::Json => Format::Json,
            FormatArg::Csv => Format::Csv,
        };
        let terminal = std::io::stdout().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            format,
            width: terminal.then(terminal_width),
            colour: terminal && !plain,
        }
    }

    /// The format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Prints a table.
    pub fn table(&self, table: &Table) {
        write_bare(&table.render(self.format, self.width, self.colour));
    }

    /// Prints a value as indented JSON.
    pub fn json(&self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        let mut text = serde_json::to_string_pretty(value)?;
        text.push('\n');
        write_bare(&shown_json(&text));
        Ok(())
    }
}

/// Writes words to standard output; what could steer a terminal is written out.
pub fn write(text: &str) {
    write_bare(&shown_lines(text));
}

/// Writes to standard output what is fit to be shown already. A reader that has gone away (a closed pipe) ends nothing: a
/// run goes on without it. Anything else that goes wrong, such as a full disk, ends the program, because what was asked
/// for is not there.
pub fn write_bare(text: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        say(&format!("error: cannot write to standard output: {error}"));
        std::process::exit(3);
    }
}

/// Writes a line, or several, to standard error; what could steer a terminal is written out. A standard error that is
/// closed or full ends nothing.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", shown_lines(text));
}

/// The terminal's width: its own answer, else what `COLUMNS` says, else 80.
fn terminal_width() -> usize {
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    let columns = console::Term::stdout()
        .size_checked()
        .map(|(_, columns)| usize::from(columns));
    columns.or_else(told).unwrap_or(80).max(40)
}
