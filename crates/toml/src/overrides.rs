//! Overrides of single keys: `--set search.seed=3`.

use toml::de::{DeTable, DeValue};

use crate::document::{Document, MAX_BYTES};
use crate::nesting::{MAX_DEPTH, too_deep};
use crate::source::{Source, Span};
use crate::tree::{self, Entry, Kind, Node};

impl Document {
    /// Applies overrides of the form `key.path=value` in order, before the document is read.
    ///
    /// The value is read as TOML, and as a string when it is not TOML, so that `--set name=demo` needs no quotes. A
    /// part of the path that is a number picks an item of a list, counted from 0. Tables on the way are made when
    /// absent. Problems, also those found later while reading, name the override instead of a line.
    #[must_use]
    pub fn with_overrides<S: AsRef<str>>(mut self, overrides: &[S]) -> Self {
        for text in overrides {
            let text = text.as_ref();
            let index = self.sources.len();
            let shown = tree::shortened(text);
            self.sources
                .push(Source::new(format!("--set {shown}"), text.to_string(), true));
            let outcome = parse(text, index).and_then(|(path, value)| {
                let depth = path.len() + depth(&value);
                if depth > MAX_DEPTH {
                    return Err(too_deep_message());
                }
                set(&mut self.root, &path, value)
            });
            if let Err(message) = outcome {
                self.report(Span::new(index, 0..text.len()), message, None);
            }
        }
        self
    }
}

fn too_deep_message() -> String {
    format!("nested deeper than the {MAX_DEPTH} levels that are read")
}

/// A part of an override's path.
struct Part {
    key: String,
    span: Span,
}

fn parse(text: &str, source: usize) -> Result<(Vec<Part>, Node), String> {
    if text.len() > MAX_BYTES {
        return Err(format!(
            "the override has {} bytes, more than the {MAX_BYTES} that are read",
            text.len()
        ));
    }
    let form = || "must have the form key.path=value".to_string();
    let (key, value) = text.split_once('=').ok_or_else(form)?;
    let path = parse_path(key, source).ok_or_else(form)?;
    let offset = key.len() + 1;
    Ok((path, parse_value(value, source, offset)?))
}

/// The parts of a dotted key, quoted or bare.
fn parse_path(key: &str, source: usize) -> Option<Vec<Part>> {
    if key.contains(['\n', '\r', '#', '=', '[', '{']) {
        return None;
    }
    let line = format!("{key} = 0");
    if too_deep(&line).is_some() {
        return None;
    }
    let table = DeTable::parse(&line).ok()?;
    let mut path = Vec::new();
    let mut rest = table.get_ref();
    loop {
        let (name, value) = rest.iter().next()?;
        path.push(Part {
            key: name.get_ref().to_string(),
            span: Span::new(source, name.span()),
        });
        match value.get_ref() {
            DeValue::Table(inner) => rest = inner,
            _ => return Some(path),
        }
    }
}

/// The value as TOML; else, unless it clearly was meant as TOML, as a string.
fn parse_value(text: &str, source: usize, offset: usize) -> Result<Node, String> {
    let trimmed = text.trim();
    let offset = offset + (text.len() - text.trim_start().len());
    if too_deep(&format!("x = {trimmed}")).is_some() {
        return Err(too_deep_message());
    }
    match DeValue::parse(trimmed) {
        Ok(value) => Ok(tree::from_value(&value, source, offset)),
        Err(error) if trimmed.starts_with(['[', '{', '"', '\'']) => {
            Err(format!("the value is not TOML: {}", error.message()))
        }
        Err(_) => Ok(Node {
            span: Span::new(source, offset..offset + trimmed.len()),
            kind: Kind::String(trimmed.to_string()),
        }),
    }
}

fn depth(node: &Node) -> usize {
    match &node.kind {
        Kind::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Kind::Table(entries) => 1 + entries.iter().map(|e| depth(&e.value)).max().unwrap_or(0),
        _ => 0,
    }
}

/// Puts a value at a path, making the tables on the way.
fn set(node: &mut Node, path: &[Part], value: Node) -> Result<(), String> {
    let Some((part, rest)) = path.split_first() else {
        *node = value;
        return Ok(());
    };
    let key = &part.key;
    match &mut node.kind {
        Kind::Table(entries) => {
            let index = entries.iter().position(|entry| entry.key == *key);
            let index = index.unwrap_or_else(|| {
                entries.push(Entry {
                    key: key.clone(),
                    span: part.span,
                    value: Node {
                        span: part.span,
                        kind: Kind::Table(Vec::new()),
                    },
                });
                entries.len() - 1
            });
            match entries.get_mut(index) {
                Some(entry) => set(&mut entry.value, rest, value),
                None => Err(format!("`{key}` is not there")),
            }
        }
        Kind::Array(items) => {
            let count = items.len();
            let item = key.parse().ok().and_then(|at: usize| items.get_mut(at));
            match item {
                Some(item) => set(item, rest, value),
                None => Err(format!("`{key}` is not an item of a list of {count}, counted from 0")),
            }
        }
        _ => {
            let found = node.describe();
            Err(format!("`{key}` cannot be set inside {found}"))
        }
    }
}
