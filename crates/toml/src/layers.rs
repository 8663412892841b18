//! A document over another one: what it does not say is as there.

use crate::diagnostic::Diagnostics;
use crate::document::Document;
use crate::source::Source;
use crate::suggestion::did_you_mean;
use crate::tree::{Entry, Kind, Node};

/// How a document lies over its base.
#[derive(Debug, Clone, Copy)]
pub struct Layering<'a> {
    /// Keys of the top level that a base does not pass on.
    pub own: &'a [&'a str],
    /// Pairs of keys of the top level: where a document gives the first, a base does not pass on the second.
    pub dependent: &'a [(&'a str, &'a str)],
    /// Lists of the top level that grow: the base's items come first.
    pub appended: &'a [&'a str],
    /// A table of the top level whose tables change single keys of the base's list items, by the items' names.
    pub change: &'a str,
    /// Pairs of a table and a key in it that says what the table is: where a document gives another value there, a base
    /// does not pass the table on.
    pub chosen: &'a [(&'a str, &'a str)],
    /// Where given, tables within tables are merged too, except those with one of these keys: they are values, and
    /// replaced as a whole. Where not, only tables of the top level are merged.
    pub values: Option<&'a [&'a str]>,
    /// The name of an item: the list's key, the item's position from 0 and its own `name`, if it has one; `None` for
    /// lists that cannot be changed item by item.
    pub item: fn(list: &str, position: usize, name: Option<&str>) -> Option<String>,
}

impl Document {
    /// Parses a document that lies over others, the nearest first. Tables of the top level are
    /// merged key by key; any other value of the document replaces the base's. Problems are reported in the text that they stand in.
    ///
    /// # Errors
    /// As [`Document::parse`], for each of the texts; a change of something that the bases do not have is reported when
    /// the document is finished.
    pub fn parse_over(
        file_name: &str,
        text: &str,
        bases: &[(&str, &str)],
        layering: &Layering<'_>,
    ) -> Result<Self, Diagnostics> {
        let mut document = Self::parse(file_name, text)?;
        let mut roots = vec![std::mem::take(&mut document.root.kind)];
        for (index, (name, text)) in bases.iter().enumerate() {
            let mut base = Self::parse(name, text)?;
            document
                .sources
                .push(Source::new((*name).to_string(), (*text).to_string(), false));
            set_source(&mut base.root, index + 1);
            roots.push(base.root.kind);
        }
        let mut merged = roots.pop().unwrap_or_default();
        while let Some(over) = roots.pop() {
            merged = document.merge(over, merged, layering);
        }
        document.root.kind = merged;
        Ok(document)
    }

    fn merge(&self, over: Kind, base: Kind, layering: &Layering<'_>) -> Kind {
        let (Kind::Table(over), Kind::Table(mut base)) = (over, base) else {
            return Kind::default();
        };
        let given = |key: &str| over.iter().any(|entry| entry.key == key);
        base.retain(|entry| {
            let depends = |(on, key): &(&str, &str)| *key == entry.key && given(on);
            let other = |(table, key): &(&str, &str)| *table == entry.key && says_otherwise(&over, entry, key);
            !layering.own.contains(&entry.key.as_str())
                && !layering.dependent.iter().any(depends)
                && !layering.chosen.iter().any(other)
        });
        // Whatever their order in the text: a change is one of the list that stands in the end.
        let (changes, over): (Vec<Entry>, Vec<Entry>) = over.into_iter().partition(|it| it.key == layering.change);
        for entry in over {
            if layering.appended.contains(&entry.key.as_str()) {
                append(entry, &mut base);
            } else {
                merge_tables(entry, &mut base, layering.values);
            }
        }
        for change in changes {
            self.change(change, &mut base, layering);
        }
        Kind::Table(base)
    }

    /// Applies the tables under `change` to the items of the base's lists.
    fn change(&self, change: Entry, base: &mut [Entry], layering: &Layering<'_>) {
        let Kind::Table(changes) = change.value.kind else {
            let message = format!("`{}` must be a table", change.key);
            return self.report(change.value.span, message, None);
        };
        for changed in changes {
            let mut known = Vec::new();
            let mut item = None;
            for list in base.iter_mut() {
                let Kind::Array(items) = &mut list.value.kind else {
                    continue;
                };
                for (position, node) in items.iter_mut().enumerate() {
                    let name = (layering.item)(&list.key, position, own_name(node));
                    match name {
                        Some(name) if name == changed.key => item = Some(node),
                        Some(name) => known.push(name),
                        None => {}
                    }
                }
            }
            match (item.map(|node| &mut node.kind), changed.value.kind) {
                (Some(Kind::Table(entries)), Kind::Table(keys)) => keys.into_iter().for_each(|key| put(key, entries)),
                (Some(_), _) => {
                    let message = format!("`{}.{}` must be a table", layering.change, changed.key);
                    self.report(changed.value.span, message, None);
                }
                (None, _) => {
                    let message = format!("the base has no `{}`", changed.key);
                    self.report(changed.span, message, did_you_mean(&changed.key, &known));
                }
            }
        }
    }
}

/// The string under `name` of a list's item.
fn own_name(node: &Node) -> Option<&str> {
    let entry = node.table()?.iter().find(|entry| entry.key == "name")?;
    match &entry.value.kind {
        Kind::String(name) => Some(name),
        _ => None,
    }
}

/// Whether a document gives a key of a table another text than its base does.
fn says_otherwise(over: &[Entry], base: &Entry, key: &str) -> bool {
    let text = |table: &Entry| {
        let entry = table.value.table()?.iter().find(|entry| entry.key == key)?;
        match &entry.value.kind {
            Kind::String(text) => Some(text.clone()),
            _ => None,
        }
    };
    let own = over.iter().find(|entry| entry.key == base.key).and_then(text);
    own.is_some() && own != text(base)
}

/// Merges two tables key by key, and where there are `values` those within them; anything else replaces what was there.
fn merge_tables(entry: Entry, into: &mut Vec<Entry>, values: Option<&[&str]>) {
    let is_value = |entries: &[Entry]| {
        let names_one = |values: &[&str]| entries.iter().any(|entry| values.contains(&entry.key.as_str()));
        values.is_none_or(names_one)
    };
    let old = into.iter_mut().find(|old| old.key == entry.key);
    let (span, value_span) = (entry.span, entry.value.span);
    match (old, entry.value.kind) {
        (
            Some(Entry {
                span: old_span,
                value:
                    Node {
                        span: old_value_span,
                        kind: Kind::Table(old),
                    },
                ..
            }),
            Kind::Table(new),
        ) => {
            // What the table lacks is missing in the document, not in its base.
            if values.is_some() {
                (*old_span, *old_value_span) = (span, value_span);
            }
            for entry in new {
                let within = old.iter().find(|old| old.key == entry.key);
                let both = within.and_then(|within| within.value.table()).zip(entry.value.table());
                if both.is_some_and(|(old, new)| !is_value(old) && !is_value(new)) {
                    merge_tables(entry, old, values);
                } else {
                    put(entry, old);
                }
            }
        }
        (_, kind) => {
            let value = Node { kind, span: value_span };
            put(
                Entry {
                    key: entry.key,
                    span,
                    value,
                },
                into,
            );
        }
    }
}

/// Puts an entry into a table, in the place of one of the same key.
fn put(entry: Entry, into: &mut Vec<Entry>) {
    match into.iter_mut().find(|old| old.key == entry.key) {
        Some(old) => *old = entry,
        None => into.push(entry),
    }
}

/// Puts the items of a list after those that are there.
fn append(entry: Entry, into: &mut Vec<Entry>) {
    match into.iter_mut().find(|old| old.key == entry.key) {
        Some(Entry {
            value: Node {
                kind: Kind::Array(old), ..
            },
            ..
        }) => match entry.value.kind {
            Kind::Array(new) => old.extend(new),
            _ => put(entry, into),
        },
        _ => put(entry, into),
    }
}

/// Says that a tree stands in another source.
fn set_source(node: &mut Node, source: usize) {
    node.span.source = source;
    match &mut node.kind {
        Kind::Array(items) => items.iter_mut().for_each(|item| set_source(item, source)),
        Kind::Table(entries) => {
            for entry in entries {
                entry.span.source = source;
                set_source(&mut entry.value, source);
            }
        }
        _ => {}
    }
}
