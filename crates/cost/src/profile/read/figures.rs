//! Figures with their origins.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeBounds;

use panarch_toml::{Table, did_you_mean};

use crate::profile::{Figure, Origin, Sourced};

/// More than any array has lanes on one axis.
pub(super) const MOST_LANES: u32 = 1 << 16;

/// Reads figures and resolves the short names of their sources.
pub(super) struct Figures {
    sources: BTreeMap<String, String>,
    cited: RefCell<BTreeSet<String>>,
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
        Self {
            sources,
            cited: RefCell::default(),
        }
    }

    /// Reports the sources that no figure cites.
    pub(super) fn finish(self, root: &Table<'_>) {
        let Some(table) = root.optional_table("sources") else {
            return;
        };
        for key in table.keys() {
            if !self.cited.borrow().contains(&key.value) {
                let message = format!("no figure names `{}` as its source", key.value);
                root.problem_at(key.at, message, None);
            }
        }
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

    /// `key = { value = …, source = "…" }` or `key = { value = …, assumption = "…" }`.
    pub(super) fn sourced<T>(
        &self,
        table: &Table<'_>,
        key: &str,
        read: impl Fn(&Table<'_>) -> Option<T>,
    ) -> Option<Sourced<T>> {
        if let Some(value) = table.value(key)
            && value.table().is_none()
        {
            let path = value.path();
            let message = format!(
                "`{path}` names no origin: write `{{ value = …, source = \"…\" }}` or `{{ value = …, assumption = \"…\" }}`"
            );
            value.problem(message, None);
            return None;
        }
        let figure = table.table(key)?;
        let value = read(&figure);
        let origin = self.origin(table, key, &figure);
        figure.finish();
        Some(Sourced {
            value: value?,
            origin: origin?,
        })
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

    pub(super) fn number(&self, table: &Table<'_>, key: &str, range: impl RangeBounds<f64> + Copy) -> Option<Figure> {
        self.sourced(table, key, |figure| figure.f64_in("value", range))
    }

    pub(super) fn optional_number(
        &self,
        table: &Table<'_>,
        key: &str,
        range: impl RangeBounds<f64> + Copy,
    ) -> Option<Option<Figure>> {
        if table.has(key) {
            self.number(table, key, range).map(Some)
        } else {
            Some(None)
        }
    }

    pub(super) fn count(&self, table: &Table<'_>, key: &str) -> Option<Sourced<u32>> {
        self.sourced(table, key, |figure| figure.u32_in("value", 1..=MOST_LANES))
    }

    pub(super) fn choice<T: Clone>(&self, table: &Table<'_>, key: &str, names: &[(&str, T)]) -> Option<Sourced<T>> {
        self.sourced(table, key, |figure| figure.one_of("value", names))
    }
}
