//! Reading a table key by key.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::ops::RangeBounds;

use crate::document::{AskedKey, Document};
use crate::keys;
use crate::quantity::Unit;
use crate::read::{self, Bounded, FromValue, Spanned};
use crate::source::At;
use crate::suggestion::did_you_mean;
use crate::tree::{Entry, Node};
use crate::value::{Value, one_of_words};

/// A table that is read key by key; problems are recorded in its [`Document`].
///
/// Call [`Table::finish`] at the end, or misspelled keys go unnoticed. For a type or a combination that has no
/// getter of its own, use the generic ones: `table.required::<Vec<Spanned<String>>>("names")`.
#[derive(Debug)]
pub struct Table<'doc> {
    document: &'doc Document,
    /// Dotted path of the table; empty for the top level.
    path: String,
    /// `None` for a table that is absent and read for its defaults.
    node: Option<&'doc Node>,
    /// Missing and unknown keys are not reported: the table itself already was.
    muted: bool,
    asked: RefCell<BTreeSet<String>>,
    /// Where each key stands; made for the first key that is asked for.
    places: OnceCell<HashMap<&'doc str, usize>>,
}

impl<'doc> Table<'doc> {
    pub(crate) fn new(document: &'doc Document, path: String, node: &'doc Node) -> Self {
        Self {
            document,
            path,
            node: Some(node),
            muted: false,
            asked: RefCell::default(),
            places: OnceCell::new(),
        }
    }

    /// A required value of any readable type.
    pub fn required<T: FromValue>(&self, key: &str) -> Option<T> {
        self.require(key, &T::expected()).and_then(|value| value.read())
    }

    /// An optional value of any readable type; a wrong one is reported.
    pub fn optional<T: FromValue>(&self, key: &str) -> Option<T> {
        self.maybe(key, T::expected).and_then(|value| value.read())
    }

    /// A required number in a range.
    pub fn required_in<T: Bounded>(&self, key: &str, range: impl RangeBounds<T>) -> Option<T> {
        let value = self.require(key, &read::expected_in(&range));
        value.and_then(|value| read::read_in(&value, &range))
    }

    /// An optional number in a range; a wrong one is reported.
    pub fn optional_in<T: Bounded>(&self, key: &str, range: impl RangeBounds<T>) -> Option<T> {
        let value = self.maybe(key, || read::expected_in(&range));
        value.and_then(|value| read::read_in(&value, &range))
    }

    /// A required number in a range: of these units, or a text with a unit of its own.
    pub fn quantity_in(&self, key: &str, unit: Unit, range: impl RangeBounds<f64>) -> Option<f64> {
        let value = self.require(key, &unit.expected(&range));
        value.and_then(|value| read::read_quantity(&value, unit, &range))
    }

    /// The same where it may be absent; a wrong one is reported.
    pub fn optional_quantity_in(&self, key: &str, unit: Unit, range: impl RangeBounds<f64>) -> Option<f64> {
        let value = self.maybe(key, || unit.expected(&range));
        value.and_then(|value| read::read_quantity(&value, unit, &range))
    }

    /// A required list of numbers, each in a range.
    pub fn list_in<T: Bounded>(&self, key: &str, range: impl RangeBounds<T>) -> Option<Vec<T>> {
        let expected = format!("a list, each item {}", read::expected_in(&range));
        let value = self.require(key, &expected)?;
        read::read_list(&value, &expected, |item| read::read_in(item, &range))
    }

    /// An optional list of numbers, each in a range; a wrong one is reported.
    pub fn optional_list_in<T: Bounded>(&self, key: &str, range: impl RangeBounds<T>) -> Option<Vec<T>> {
        let expected = format!("a list, each item {}", read::expected_in(&range));
        let value = self.maybe(key, || expected.clone())?;
        read::read_list(&value, &expected, |item| read::read_in(item, &range))
    }

    /// A required choice among named values.
    pub fn one_of<S: AsRef<str>, T: Clone>(&self, key: &str, choices: &[(S, T)]) -> Option<T> {
        let expected = one_of_words(choices.iter().map(|(name, _)| name.as_ref()));
        self.require(key, &expected).and_then(|value| value.one_of(choices))
    }

    /// An optional choice among named values; a wrong one is reported.
    pub fn optional_one_of<S: AsRef<str>, T: Clone>(&self, key: &str, choices: &[(S, T)]) -> Option<T> {
        let value = self.maybe(key, || one_of_words(choices.iter().map(|(name, _)| name.as_ref())));
        value.and_then(|value| value.one_of(choices))
    }

    /// A required list of choices among named values.
    pub fn list_of<S: AsRef<str>, T: Clone>(&self, key: &str, choices: &[(S, T)]) -> Option<Vec<T>> {
        let names = one_of_words(choices.iter().map(|(name, _)| name.as_ref()));
        let expected = format!("a list, each item {names}");
        let value = self.require(key, &expected)?;
        read::read_list(&value, &expected, |item| item.one_of(choices))
    }

    /// A required table: `[key]` or `key = { … }`.
    pub fn table(&self, key: &str) -> Option<Table<'doc>> {
        self.require(key, "a table").and_then(as_table)
    }

    /// An optional table; something else under its key is reported.
    pub fn optional_table(&self, key: &str) -> Option<Table<'doc>> {
        self.maybe(key, || "a table".to_owned()).and_then(as_table)
    }

    /// A table whose every key has a default: absent, it is read as an empty one.
    pub fn table_or_empty(&self, key: &str) -> Table<'doc> {
        let value = self.maybe(key, || "a table".to_owned());
        let muted = self.muted || value.is_some();
        value.and_then(as_table).unwrap_or_else(|| Table {
            document: self.document,
            path: self.path_of(key),
            node: None,
            muted,
            asked: RefCell::default(),
            places: OnceCell::new(),
        })
    }

    /// An array of tables (`[[key]]`, or a list of inline tables); empty when absent.
    pub fn tables(&self, key: &str) -> Vec<Table<'doc>> {
        let Some(value) = self.maybe(key, || "a list of tables".to_owned()) else {
            return Vec::new();
        };
        let tables = read::read_list(&value, "a list of tables", |item| as_table(item.clone()));
        tables.unwrap_or_default()
    }

    /// The raw value of a key, when it is present; looking makes it no known key.
    pub fn peek(&self, key: &str) -> Option<Value<'doc>> {
        self.entry(key).map(|entry| Value {
            document: self.document,
            path: self.path_of(key),
            node: &entry.value,
        })
    }

    /// The raw value of a key, when it is present.
    pub fn value(&self, key: &str) -> Option<Value<'doc>> {
        self.asked.borrow_mut().insert(key.to_string());
        self.peek(key)
    }

    /// The raw value of an optional key, when it is present; that it was asked for is remembered.
    pub fn optional_value(&self, key: &str) -> Option<Value<'doc>> {
        self.maybe(key, String::new)
    }

    /// Whether a key is present; asking makes it a known key.
    pub fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// All keys in the order of the text, for tables whose keys are data. Each still has to be asked for.
    pub fn keys(&self) -> Vec<Spanned<String>> {
        let key = |entry: &Entry| Spanned {
            value: entry.key.clone(),
            at: self.document.at(entry.span),
        };
        self.entries().iter().map(key).collect()
    }

    /// The dotted path of the table; empty for the top level.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The dotted path of a key of this table.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_string()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The place of the table: its header, or the start of the document.
    pub fn at(&self) -> At {
        let node = self.node.unwrap_or(&self.document.root);
        self.document.at(node.span)
    }

    /// Reports a problem at the value of a key, or at the table when the key is absent.
    pub fn problem(&self, key: &str, message: impl Into<String>, suggestion: Option<&str>) {
        match self.entry(key) {
            Some(entry) => {
                self.document
                    .problem_at(self.document.at(entry.value.span), message, suggestion);
            }
            None => self.document.problem_at(self.at(), message, suggestion),
        }
    }

    /// Reports a problem at a place that was read earlier.
    pub fn problem_at(&self, at: At, message: impl Into<String>, suggestion: Option<&str>) {
        self.document.problem_at(at, message, suggestion);
    }

    /// Reports every key that nobody asked for. A missing key whose misspelling is found here is reported once, as
    /// the misspelling.
    pub fn finish(self) {
        if self.muted {
            return;
        }
        let asked = self.asked.borrow();
        let absent: Vec<&String> = asked.iter().filter(|key| self.entry(key).is_none()).collect();
        for entry in self.entries() {
            if asked.contains(&entry.key) {
                continue;
            }
            let mut message = format!("`{}` is not a known key", self.path_of(&entry.key));
            let mut suggestion = None;
            match self.meant(entry, &asked, &absent).as_slice() {
                [meant] => {
                    self.document.withdraw_missing(&self.path_of(meant));
                    suggestion = Some(meant.clone());
                }
                [] if asked.is_empty() => {}
                [] => {
                    let known = one_of_words(asked.iter().map(String::as_str));
                    message = format!("{message} here, where it can be {known}");
                }
                several => {
                    let several = one_of_words(several.iter().map(String::as_str));
                    message = format!("{message} here; it may be meant to be {several}");
                }
            }
            self.document.report(entry.span, message, suggestion);
        }
    }

    /// What an unknown key was probably meant to be: names of keys of this table, or paths from the top.
    fn meant(&self, entry: &Entry, asked: &BTreeSet<String>, absent: &[&String]) -> Vec<String> {
        let keys = &self.document.keys;
        let here = |path: &str| match path.rsplit_once('.') {
            Some((section, name)) if section == self.path => name.to_owned(),
            _ => path.to_owned(),
        };
        let called = keys::called_here(keys, &self.path, &entry.key, entry.value.table().is_some());
        if !called.is_empty() {
            return called.into_iter().map(here).collect();
        }
        // An override may change what the file says, and a second table may add to the first.
        let again = self.document.is_override(entry.span) || entry.value.table().is_some();
        let close = if again {
            did_you_mean(&entry.key, asked)
        } else {
            did_you_mean(&entry.key, absent)
        };
        if let Some(close) = close {
            return vec![close];
        }
        let mut elsewhere = keys::elsewhere(keys, &self.path, &entry.key);
        if let (true, Some([only])) = (elsewhere.is_empty(), entry.value.table()) {
            elsewhere = keys::elsewhere(keys, &self.path_of(&entry.key), &only.key);
        }
        elsewhere.into_iter().map(here).collect()
    }

    /// The value of an optional key.
    fn maybe(&self, key: &str, expected: impl FnOnce() -> String) -> Option<Value<'doc>> {
        self.document.record_asked(|| AskedKey {
            path: self.path_of(key),
            expected: expected(),
            required: false,
        });
        self.value(key)
    }

    fn require(&self, key: &str, expected: &str) -> Option<Value<'doc>> {
        self.document.record_asked(|| AskedKey {
            path: self.path_of(key),
            expected: expected.to_owned(),
            required: true,
        });
        let value = self.value(key);
        if value.is_none() && !self.muted {
            let node = self.node.unwrap_or(&self.document.root);
            self.document.report_missing(node.span, self.path_of(key), expected);
        }
        value
    }

    fn entries(&self) -> &'doc [Entry] {
        self.node.and_then(Node::table).unwrap_or_default()
    }

    fn entry(&self, key: &str) -> Option<&'doc Entry> {
        let entries = self.entries();
        let places = self.places.get_or_init(|| {
            let numbered = entries.iter().enumerate();
            numbered.map(|(place, entry)| (entry.key.as_str(), place)).collect()
        });
        places.get(key).and_then(|place| entries.get(*place))
    }
}

fn as_table(value: Value<'_>) -> Option<Table<'_>> {
    let table = value.table();
    if table.is_none() {
        value.mismatch("a table");
    }
    table
}
