//! One table value, shown as aligned text, CSV, JSON or HTML.

mod cell;
mod csv;
mod html;
mod json;
mod terminal;

pub(crate) use cell::grouped;
pub use cell::{Cell, Value};

use std::fmt;
use std::str::FromStr;

/// How a [`Table`] is written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Aligned text for people.
    Table,
    /// An array of objects, one a row, with raw numbers; keys carry units.
    Json,
    /// RFC 4180 records with a header line and raw numbers; line ends are `\n`.
    Csv,
}

impl Format {
    /// Every format with the name that the command line uses.
    pub const NAMES: [(&'static str, Format); 3] =
        [("table", Format::Table), ("json", Format::Json), ("csv", Format::Csv)];
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Csv => "csv",
        })
    }
}

impl FromStr for Format {
    type Err = crate::ReportError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Format::NAMES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, format)| *format)
            .ok_or_else(|| crate::ReportError::UnknownFormat(text.to_owned()))
    }
}

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alignment {
    /// Flush left: words.
    Left,
    /// Flush right: numbers.
    Right,
}

/// One column: what it is called, in which unit, and how it is aligned.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The heading without the unit, such as "latency".
    pub name: String,
    /// The unit of the *displayed* text, such as "ms".
    pub unit: Option<String>,
    /// The name in JSON and CSV, with the unit of the raw value, such as `latency_s`.
    pub key: String,
    /// Where the text stands.
    pub alignment: Alignment,
    /// Whether only JSON and CSV have it, because the text of another column already says it.
    pub raw_only: bool,
}

impl Column {
    /// A left-aligned column of words.
    pub fn text(name: impl Into<String>) -> Self {
        let name = name.into();
        let key = key_from(&name, None);
        Column {
            name,
            unit: None,
            key,
            alignment: Alignment::Left,
            raw_only: false,
        }
    }

    /// A right-aligned column of numbers without a unit.
    pub fn number(name: impl Into<String>) -> Self {
        Column {
            alignment: Alignment::Right,
            ..Column::text(name)
        }
    }

    /// A right-aligned column of numbers whose text and raw value are in `unit`.
    ///
    /// If the raw value is in another unit than the text, say so with [`Column::with_key`].
    pub fn quantity(name: impl Into<String>, unit: impl Into<String>) -> Self {
        let (name, unit) = (name.into(), unit.into());
        let key = key_from(&name, Some(&unit));
        Column {
            name,
            unit: Some(unit),
            key,
            alignment: Alignment::Right,
            raw_only: false,
        }
    }

    /// The same column under another name in JSON and CSV.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    /// A number for JSON and CSV alone, because the text of another column already says it.
    pub fn raw(key: impl Into<String>) -> Self {
        let key = key.into();
        Column {
            raw_only: true,
            ..Column::number(key.clone()).with_key(key)
        }
    }

    /// Heading with the unit in brackets.
    pub fn heading(&self) -> String {
        match &self.unit {
            Some(unit) => format!("{} ({unit})", self.name),
            None => self.name.clone(),
        }
    }
}

fn key_from(name: &str, unit: Option<&str>) -> String {
    let mut key = String::new();
    let words = [name, unit.unwrap_or("")].join(" ").replace('%', "percent");
    for character in words.chars() {
        if character.is_alphanumeric() {
            key.extend(character.to_lowercase());
        } else if !key.is_empty() && !key.ends_with('_') {
            key.push('_');
        }
    }
    key.trim_end_matches('_').to_owned()
}

/// How much a row stands out. Colour and weight only: the words must say it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Emphasis {
    /// An ordinary row.
    #[default]
    Plain,
    /// The row that the table is about.
    Strong,
    /// A row of lesser weight.
    Weak,
    /// A check that passed.
    Good,
    /// A check that failed.
    Bad,
}

/// One row of a [`Table`].
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// One cell for each column.
    pub cells: Vec<Cell>,
    /// How much it stands out.
    pub emphasis: Emphasis,
}

/// A table: title, columns and rows.
///
/// ```
/// use panarch_report::{Cell, Column, Format, Table};
///
/// let mut table = Table::new(
///     "Devices",
///     vec![Column::text("device"), Column::quantity("latency", "ms").with_key("latency_s")],
/// );
/// table.push(vec![Cell::text("cube-16"), Cell::number(0.00125, "1.250")]);
/// assert_eq!(table.render(Format::Csv, None, false), "device,latency_s\ncube-16,0.00125\n");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Stands above the text form; empty for none. Not part of JSON and CSV.
    pub title: String,
    /// The columns, left to right.
    pub columns: Vec<Column>,
    /// The rows, top to bottom.
    pub rows: Vec<Row>,
    /// Remarks below the text form, one a line. Not part of JSON and CSV.
    pub notes: Vec<String>,
}

impl Table {
    /// A table without rows.
    pub fn new(title: impl Into<String>, columns: Vec<Column>) -> Self {
        Table {
            title: title.into(),
            columns,
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Appends an ordinary row.
    ///
    /// # Panics
    /// If the number of cells is not the number of columns.
    pub fn push(&mut self, cells: Vec<Cell>) {
        self.push_row(cells, Emphasis::Plain);
    }

    /// Appends a row that stands out.
    ///
    /// # Panics
    /// If the number of cells is not the number of columns.
    pub fn push_row(&mut self, cells: Vec<Cell>, emphasis: Emphasis) {
        assert_eq!(cells.len(), self.columns.len(), "cells against columns");
        self.rows.push(Row { cells, emphasis });
    }

    /// Appends a remark that stands below the text form.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// The table in the given format, ending with a line end.
    ///
    /// `width` is the number of terminal columns, `None` for no limit; it and `colour`
    /// (ANSI escapes; the caller decides and honours `NO_COLOR`) count for
    /// [`Format::Table`] alone. A table that is wider wraps headings, then words; if that is
    /// not enough its columns stand in bands, each with the names of the rows; and if that is not enough either, or there is
    /// but one row, each row becomes a block of `heading  value` lines. Numbers are never cut.
    pub fn render(&self, format: Format, width: Option<usize>, colour: bool) -> String {
        match format {
            Format::Table => terminal::render(&self.shown(), width, colour),
            Format::Json => json::render(self),
            Format::Csv => csv::render(self),
        }
    }

    /// The table as an HTML `<table>` with caption; every string is escaped.
    pub fn to_html(&self) -> String {
        html::render(&self.shown())
    }

    /// The table without the columns that only JSON and CSV have.
    fn shown(&self) -> std::borrow::Cow<'_, Table> {
        if !self.columns.iter().any(|column| column.raw_only) {
            return std::borrow::Cow::Borrowed(self);
        }
        let keep: Vec<bool> = self.columns.iter().map(|column| !column.raw_only).collect();
        let mut table = self.clone();
        let mut kept = keep.iter();
        table.columns.retain(|_| *kept.next().unwrap_or(&true));
        for row in &mut table.rows {
            let mut kept = keep.iter();
            row.cells.retain(|_| *kept.next().unwrap_or(&true));
        }
        std::borrow::Cow::Owned(table)
    }

    /// JSON and CSV names of the columns, made unique by a number where two are the same.
    fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let mut key = column.key.clone();
            let mut number = 2;
            while keys.contains(&key) {
                key = format!("{}_{number}", column.key);
                number += 1;
            }
            keys.push(key);
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_carry_units() {
        for (name, unit, key) in [
            ("test accuracy", Some("%"), "test_accuracy_percent"),
            ("Latency", Some("ms"), "latency_ms"),
            ("r (cube-16)", None, "r_cube_16"),
            ("MACs", Some("M"), "macs_m"),
        ] {
            assert_eq!(key_from(name, unit), key);
        }
    }

    #[test]
    fn equal_keys_are_numbered() {
        let table = Table::new("", vec![Column::text("r"), Column::text("r"), Column::text("R")]);
        assert_eq!(table.keys(), ["r", "r_2", "r_3"]);
    }

    #[test]
    fn raw_columns_stand_in_json_and_csv_alone() {
        let columns = vec![Column::number("mean"), Column::raw("deviation"), Column::text("t")];
        let mut table = Table::new("", columns);
        table.push(vec![
            Cell::number(1.5, "1.5 ± 0.1"),
            Cell::decimal(0.1, 1),
            Cell::text("x"),
        ]);
        assert_eq!(table.render(Format::Csv, None, false), "mean,deviation,t\n1.5,0.1,x\n");
        let text = table.render(Format::Table, None, false);
        assert_eq!(text.lines().last(), Some("1.5 ± 0.1  x"));
        assert!(!table.to_html().contains("deviation"));
    }

    #[test]
    fn format_names_round_trip() {
        for (name, format) in Format::NAMES {
            assert_eq!(name.parse::<Format>().ok(), Some(format));
            assert_eq!(format.to_string(), name);
        }
        assert!("yaml".parse::<Format>().is_err());
    }

    #[test]
    #[should_panic(expected = "cells against columns")]
    fn a_row_of_the_wrong_length_is_refused() {
        Table::new("", vec![Column::text("a")]).push(vec![]);
    }
}
