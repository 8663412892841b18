//! Writing TOML: keys in order, strings quoted, sections after the top level.

use std::fmt::{Display, Write};

/// Collects the lines of a document.
#[derive(Debug, Default)]
pub(super) struct Writer {
    text: String,
}

impl Writer {
    /// `[name]`, after an empty line.
    pub(super) fn section(&mut self, name: &str) -> &mut Self {
        self.line(format_args!("\n[{name}]"));
        self
    }

    /// The name of the section that limits a device.
    pub(super) fn below_limits(device: &str) -> String {
        format!("limits.{}", bare_or_quoted(device))
    }

    /// A number or a boolean.
    pub(super) fn key(&mut self, key: &str, value: impl Display) {
        self.line(format_args!("{} = {value}", bare_or_quoted(key)));
    }

    /// A string.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.key(key, quoted(value));
    }

    /// A list of strings.
    pub(super) fn texts<'a>(&mut self, key: &str, values: impl IntoIterator<Item = &'a str>) {
        let values: Vec<String> = values.into_iter().map(quoted).collect();
        self.key(key, format_args!("[{}]", values.join(", ")));
    }

    /// A list of numbers.
    pub(super) fn list(&mut self, key: &str, values: &[impl Display]) {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        self.key(key, format_args!("[{}]", values.join(", ")));
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

fn bare_or_quoted(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !key.is_empty() && key.chars().all(bare) {
        key.to_owned()
    } else {
        quoted(key)
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
