//! The document as a tree of owned values with their places.

use toml::de::{DeTable, DeValue};

use crate::source::{Span, printable};

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub span: Span,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    String(String),
    /// `None` when it does not fit 128 bits; the text as written.
    Integer(Option<i128>, String),
    /// The text as written.
    Float(f64, String),
    Bool(bool),
    Datetime(String),
    Array(Vec<Node>),
    Table(Vec<Entry>),
}

impl Default for Kind {
    fn default() -> Self {
        Self::Table(Vec::new())
    }
}

/// One key and its value. The entries of a table stand in the order of the text.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: String,
    pub span: Span,
    pub value: Node,
}

impl Node {
    pub(crate) fn table(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Table(entries) => Some(entries),
            _ => None,
        }
    }

    /// What a message calls the value: `the string "three"`, `3`, `a list`.
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            Kind::String(text) => format!("the string \"{}\"", shortened(text)),
            Kind::Integer(_, text) | Kind::Float(_, text) => shortened(text),
            Kind::Bool(value) => value.to_string(),
            Kind::Datetime(text) => format!("the date {text}"),
            Kind::Array(items) if items.is_empty() => "an empty list".to_string(),
            Kind::Array(_) => "a list".to_string(),
            Kind::Table(_) => "a table".to_string(),
        }
    }
}

/// At most 40 printable characters of a text.
pub(crate) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).map(printable).collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    short
}

/// The tree of a parsed value; `source` and `offset` say where its text stands.
pub(crate) fn from_value(value: &toml::Spanned<DeValue<'_>>, source: usize, offset: usize) -> Node {
    let span = value.span();
    let kind = match value.get_ref() {
        DeValue::String(text) => Kind::String(text.to_string()),
        DeValue::Integer(integer) => Kind::Integer(
            i128::from_str_radix(integer.as_str(), integer.radix()).ok(),
            integer.to_string(),
        ),
        DeValue::Float(float) => Kind::Float(float.as_str().parse().unwrap_or(f64::NAN), float.as_str().to_string()),
        DeValue::Boolean(value) => Kind::Bool(*value),
        DeValue::Datetime(datetime) => Kind::Datetime(datetime.to_string()),
        DeValue::Array(items) => Kind::Array(items.iter().map(|item| from_value(item, source, offset)).collect()),
        DeValue::Table(table) => Kind::Table(entries(table, source, offset)),
    };
    Node {
        span: Span::new(source, span.start + offset..span.end + offset),
        kind,
    }
}

/// The entries of a parsed table in the order of the text.
pub(crate) fn entries(table: &DeTable<'_>, source: usize, offset: usize) -> Vec<Entry> {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            span: Span::new(source, key.span().start + offset..key.span().end + offset),
            value: from_value(value, source, offset),
        })
        .collect();
    entries.sort_by_key(|entry| entry.span.start);
    entries
}
