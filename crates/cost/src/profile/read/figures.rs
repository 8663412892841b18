//! Figures with their origins.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use panarch_toml::{Table, Unit, Value, did_you_mean};

use super::allowed::Allowed;
use crate::profile::{Figure, Origin, Sourced};

/// More than any array has lanes on one axis.
pub(super) const MOST_LANES: u32 = 1 << 16;

/// Reads figures and resolves the short names of their sources.
pub(super) struct Figures {
    sources: BTreeMap<String, String>,
    cited: RefCell<BTreeSet<String>>,
    /// The profile that this one lies over, if any.
    base: Option<String>,
    /// Every number that was read, with the path of its key.
    numbers: RefCell<Vec<(String, f64)>>,
}

impl Figures {
    pub(super) fn new(root: &Table<'_>) -> Self {
        let mut sources = BTreeMap::new();
        if let Some(table) = root.optional_table("sources") {
            for key in table.keys() {
                if let Some(text) = table.string(&key.value) {
                    sources.insert(key.value, text);
                }
            }
            table.finish();
        }
        let base = root.value("base").and_then(|base| base.text()).map(str::to_owned);
        Self {
            sources,
            cited: RefCell::default(),
            base,
            numbers: RefCell::default(),
        }
    }

    /// Reports the sources that no figure cites, those of a base apart; gives the numbers that were read.
    pub(super) fn finish(self, root: &Table<'_>) -> Vec<(String, f64)> {
        let sources = root.value("sources").and_then(|sources| sources.table());
        for key in sources.iter().flat_map(Table::keys) {
            let inherited = |table: &Table<'_>| table.value(&key.value).is_some_and(|value| value.is_inherited());
            if !self.cited.borrow().contains(&key.value) && !sources.as_ref().is_some_and(inherited) {
                let message = format!("no figure names `{}` as its source", key.value);
                root.problem_at(key.at, message, None);
            }
        }
        self.numbers.into_inner()
    }

    pub(super) fn part<T>(
        &self,
        root: &Table<'_>,
        key: &str,
        read: impl Fn(&Self, &Table<'_>) -> Option<T>,
    ) -> Option<T> {
        let table = root.table(key)?;
        let part = read(self, &table);
        table.finish();
        part
    }

    /// `key = { value = …, source = "…" }` or `key = { value = …, assumption = "…" }`; `read` is given the table and the key
    /// where the value stands.
    ///
    /// In a profile over another one a value may stand alone: it is then what this profile changes.
    pub(super) fn sourced<T>(
        &self,
        table: &Table<'_>,
        key: &str,
        read: impl Fn(&Table<'_>, &str) -> Option<T>,
    ) -> Option<Sourced<T>> {
        self.sourced_or_bare(table, key, false, read)
    }

    /// The same where a text may stand alone: a quantity with its unit.
    fn sourced_or_bare<T>(
        &self,
        table: &Table<'_>,
        key: &str,
        quantity: bool,
        read: impl Fn(&Table<'_>, &str) -> Option<T>,
    ) -> Option<Sourced<T>> {
        if let Some(value) = table.value(key)
            && value.table().is_none()
        {
            let Some(origin) = self.origin_of_bare(&value, quantity) else {
                let path = value.path();
                let message = format!(
                    "`{path}` names no origin: write `{{ value = …, source = \"…\" }}` or `{{ value = …, assumption = \"…\" }}`"
                );
                value.problem(message, None);
                return None;
            };
            let origin = Origin::Assumption(origin);
            return read(table, key).map(|value| Sourced { value, origin });
        }
        let figure = table.table(key)?;
        let value = read(&figure, "value");
        let origin = self.origin(table, key, &figure);
        figure.finish();
        Some(Sourced {
            value: value?,
            origin: origin?,
        })
    }

    /// What is known of a value that stands alone, where it may.
    fn origin_of_bare(&self, value: &Value<'_>, quantity: bool) -> Option<String> {
        match &self.base {
            Some(base) if !value.is_inherited() => Some(format!("changed from `{base}`, without a source")),
            Some(_) => Some(format!("stated without a source in {}", value.file_name())),
            None if quantity && value.text().is_some() => Some("stated without a source".to_owned()),
            None => None,
        }
    }

    fn origin(&self, table: &Table<'_>, key: &str, figure: &Table<'_>) -> Option<Origin> {
        let source = figure.optional_string_spanned("source");
        let assumption = figure.optional_string_spanned("assumption");
        let path = table.path_of(key);
        let given = match (source, assumption) {
            (Some(source), None) => source,
            (None, Some(assumption)) if !assumption.value.trim().is_empty() => {
                return Some(Origin::Assumption(assumption.value));
            }
            (None, None) => {
                let message = format!("`{path}` must have either a `source` or an `assumption`");
                // A key of the wrong type has already been reported.
                if !figure.has("source") && !figure.has("assumption") {
                    table.problem(key, message, None);
                }
                return None;
            }
            (Some(_), Some(_)) => {
                let message = format!("`{path}` has both a `source` and an `assumption`; keep one");
                table.problem(key, message, None);
                return None;
            }
            (None, Some(assumption)) => assumption,
        };
        let text = given.value.trim();
        if text.is_empty() {
            table.problem_at(given.at, format!("`{path}` names an empty origin"), None);
            return None;
        }
        if text.contains(char::is_whitespace) {
            return Some(Origin::Source(text.to_owned()));
        }
        // One word is the name of an entry of [sources].
        let Some(full) = self.sources.get(text) else {
            let meant = did_you_mean(text, self.sources.keys());
            let message = format!("[sources] has no entry `{text}`");
            table.problem_at(given.at, message, meant.as_deref());
            return None;
        };
        self.cited.borrow_mut().insert(text.to_owned());
        Some(Origin::Source(full.clone()))
    }

    pub(super) fn number(&self, table: &Table<'_>, key: &str, allowed: Allowed) -> Option<Figure> {
        let figure = self.sourced_or_bare(table, key, allowed.unit.is_some(), |figure, value| {
            allowed.read(figure, value)
        })?;
        self.numbers.borrow_mut().push((table.path_of(key), figure.value));
        Some(figure)
    }

    pub(super) fn optional_number(&self, table: &Table<'_>, key: &str, allowed: Allowed) -> Option<Option<Figure>> {
        match table.optional_value(key) {
            Some(_) => self.number(table, key, allowed).map(Some),
            None => Some(None),
        }
    }

    pub(super) fn count(&self, table: &Table<'_>, key: &str) -> Option<Sourced<u32>> {
        self.sourced(table, key, |figure, value| figure.u32_in(value, 1..=MOST_LANES))
    }

    /// A whole number of bits, or a text with a unit.
    pub(super) fn bits(&self, table: &Table<'_>, key: &str, range: RangeInclusive<u32>) -> Option<Sourced<u32>> {
        self.sourced_or_bare(table, key, true, |figure, value| {
            if figure.value(value).is_some_and(|it| it.text().is_none()) {
                return figure.u32_in(value, range.clone());
            }
            let (low, high) = (f64::from(*range.start()), f64::from(*range.end()));
            let bits = figure.quantity_in(value, Unit::Bits, low..=high)?;
            if bits.fract() != 0.0 {
                let message = format!("`{}` must be a whole number of bits", figure.path_of(value));
                figure.problem(value, message, None);
                return None;
            }
            Some(bits as u32)
        })
    }

    pub(super) fn choice<T: Clone>(&self, table: &Table<'_>, key: &str, names: &[(&str, T)]) -> Option<Sourced<T>> {
        self.sourced(table, key, |figure, value| figure.one_of(value, names))
    }
}
