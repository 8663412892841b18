//! One value of a document, before it is known what it is.

use crate::document::Document;
use crate::read::{FromValue, items};
use crate::source::At;
use crate::suggestion::did_you_mean;
use crate::table::Table;
use crate::tree::{Kind, Node, shortened};

/// A value with its place and its dotted path; what [`FromValue`] reads.
#[derive(Debug, Clone)]
pub struct Value<'doc> {
    pub(crate) document: &'doc Document,
    pub(crate) path: String,
    pub(crate) node: &'doc Node,
}

impl<'doc> Value<'doc> {
    /// The dotted path, e.g. `search.evaluations` or `stages[0].kernel` (items are counted from 0).
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its place in the text.
    pub fn at(&self) -> At {
        self.document.at(self.node.span)
    }

    /// The name of the file that it stands in, as it was given to the parser: the document's or a base's.
    pub fn file_name(&self) -> &'doc str {
        let source = self.document.sources.get(self.node.span.source);
        source.map_or("", |source| source.name.as_str())
    }

    /// Whether it stands in a base of the document, not in the document itself.
    pub fn is_inherited(&self) -> bool {
        self.node.span.source > 0 && !self.document.is_override(self.node.span)
    }

    /// The text when the value is a string.
    pub fn text(&self) -> Option<&'doc str> {
        match &self.node.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the value is a number, whole or not.
    pub fn is_number(&self) -> bool {
        matches!(self.node.kind, Kind::Integer(..) | Kind::Float(..))
    }

    /// The items when the value is a list.
    pub fn items(&self) -> Option<Vec<Value<'doc>>> {
        let item = |(index, node)| Value {
            document: self.document,
            path: format!("{}[{index}]", self.path),
            node,
        };
        items(self.node).map(|nodes| nodes.iter().enumerate().map(item).collect())
    }

    /// The reader when the value is a table.
    pub fn table(&self) -> Option<Table<'doc>> {
        self.node.table()?;
        Some(Table::new(self.document, self.path.clone(), self.node))
    }

    /// Reads the value as a type, or reports that it is not one.
    pub fn read<T: FromValue>(&self) -> Option<T> {
        T::read(self)
    }

    /// Reads a string as one of the named choices, or reports it with a did-you-mean.
    pub fn one_of<S: AsRef<str>, T: Clone>(&self, choices: &[(S, T)]) -> Option<T> {
        let names = || choices.iter().map(|(name, _)| name.as_ref());
        let text = self.text();
        let found = choices
            .iter()
            .find(|(name, _)| Some(name.as_ref()) == text)
            .map(|(_, choice)| choice.clone());
        if found.is_none() {
            let suggestion = text.and_then(|text| did_you_mean(text, names()));
            let expected = one_of_words(names());
            let message = self.mismatch_message(&expected);
            self.problem(message, suggestion.as_deref());
        }
        found
    }

    /// Reports "`path` must be EXPECTED, found …".
    pub fn mismatch(&self, expected: &str) {
        self.problem(self.mismatch_message(expected), None);
    }

    /// The same for a list; a single text or number was probably meant as a list of one.
    pub(crate) fn mismatch_of_list(&self, expected: &str) {
        let of_numbers = expected.contains("number");
        let one = match &self.node.kind {
            Kind::String(text) if !of_numbers => Some(format!("[\"{}\"]", shortened(text))),
            Kind::Integer(_, text) | Kind::Float(_, text) if of_numbers => Some(format!("[{}]", shortened(text))),
            _ => None,
        };
        self.problem(self.mismatch_message(expected), one.as_deref());
    }

    /// Reports any problem at this value.
    pub fn problem(&self, message: impl Into<String>, suggestion: Option<&str>) {
        let suggestion = suggestion.map(str::to_string);
        self.document.report(self.node.span, message.into(), suggestion);
    }

    fn mismatch_message(&self, expected: &str) -> String {
        let found = self.node.describe();
        format!("`{}` must be {expected}, found {found}", self.path)
    }
}

/// "one of `a`, `b` or `c`"; long lists are cut.
pub(crate) fn one_of_words<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const LISTED: usize = 16;
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "one of no known values".to_string(),
        [only] => only.clone(),
        [first @ .., last] if names.len() <= LISTED => {
            format!("one of {} or {last}", first.join(", "))
        }
        [..] => {
            let first: Vec<String> = names.iter().take(LISTED).cloned().collect();
            let rest = names.len() - LISTED;
            format!("one of {} and {rest} more", first.join(", "))
        }
    }
}
