//! The lines of a profile.

use std::fmt::{Display, Write as _};

use super::Outline;
use crate::profile::keys;

/// Where a figure of the new profile is from.
#[derive(Clone, Copy)]
pub(super) enum From<'a> {
    /// The user gave it.
    Given,
    /// It is a default, for this reason.
    Default(&'a str),
}

/// Writes a profile line by line.
pub(super) struct Writer {
    text: String,
    section: String,
}

/// What stands as the source of what was given.
const GIVEN: &str = "given to `panarch device new`";

impl Writer {
    pub fn new(outline: &Outline) -> Self {
        let mut writer = Self {
            text: String::new(),
            section: String::new(),
        };
        let kind = match outline.kind.name() {
            array @ ("systolic" | "grid" | "lanes" | "cube") => {
                writer.line(&format!(
                    "# A chip with a {array} array, written by `panarch device new`."
                ));
                "accelerator"
            }
            other => {
                writer.line("# Written by `panarch device new`.");
                other
            }
        };
        writer.line(
            "# What was given says so. Every other figure is a named default: an assumption, until you know better.",
        );
        writer.line(
            "# A quantity is a number in the unit that its key names, or a text with a unit: \"800 MHz\", \"1 MiB\".",
        );
        writer.line(
            "# All keys: `panarch reference device-profile`. Ask it: `panarch cost mobilenet-v2 --device ./FILE.toml`.",
        );
        writer.line("format = 1");
        writer.plain("name", &outline.name);
        writer.plain("description", &outline.description());
        writer.plain("class", outline.class.name());
        writer.plain("kind", kind);
        writer.plain("precision", outline.precision.name());
        if let Some(fallback) = &outline.fallback {
            writer.plain("fallback", fallback);
        }
        writer
    }

    /// A line as it is.
    pub fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A text under a key, with a line above it on what that means.
    pub fn plain(&mut self, key: &str, value: &str) {
        self.meaning(key, "");
        let _ = writeln!(self.text, "{key} = {}", quoted(value));
    }

    /// A section, such as `clock`.
    pub fn section(&mut self, name: &str) {
        name.clone_into(&mut self.section);
        let meaning = keys::declared(name).map_or("", |known| known.key.meaning);
        if meaning.is_empty() {
            let _ = write!(self.text, "\n[{name}]\n");
        } else {
            let _ = write!(self.text, "\n# {meaning}\n[{name}]\n");
        }
    }

    /// An item of a list of tables.
    pub fn item(&mut self, name: &str) {
        name.clone_into(&mut self.section);
        let _ = write!(self.text, "\n[[{name}]]\n");
    }

    /// A figure: a number, or a text that is already quoted.
    pub fn figure(&mut self, key: &str, value: impl Display, from: From<'_>) {
        let (remark, origin) = match from {
            From::Given => ("", format!("source = {}", quoted(GIVEN))),
            From::Default(reason) => (
                " A default.",
                format!("assumption = {}", quoted(&format!("default: {reason}"))),
            ),
        };
        self.meaning(key, remark);
        let _ = writeln!(self.text, "{key} = {{ value = {value}, {origin} }}");
    }

    /// A figure with two lists.
    pub fn granule(&mut self, channels: u32, reason: &str) {
        self.meaning("padding", " A default.");
        let origin = quoted(&format!("default: {reason}"));
        let _ = writeln!(
            self.text,
            "padding = {{ channels = [{channels}], taps = [1], assumption = {origin} }}"
        );
    }

    pub fn finish(self) -> String {
        self.text
    }

    fn meaning(&mut self, key: &str, remark: &str) {
        let path = if self.section.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.section)
        };
        if let Some(known) = keys::declared(&path) {
            let _ = writeln!(self.text, "# {}{remark}", known.key.meaning);
        }
    }
}

/// A text as TOML has it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
