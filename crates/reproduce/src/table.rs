//! A CSV table that grows on disk, row by row.

use std::path::{Path, PathBuf};

use panarch_report::{Cell, Column, Table};

use panarch_run::{Error, lookup};

/// Rows under a fixed header. After each [`Csv::push`] the file holds all of them.
pub(super) struct Csv {
    path: PathBuf,
    header: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Csv {
    /// Opens the file, or begins it.
    pub(super) fn open(path: &Path, header: &'static [&'static str]) -> Result<Self, Error> {
        let mut rows = Vec::new();
        if path.is_file() {
            let text = lookup::read_text(path)?;
            let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect());
            let found: Vec<String> = lines.next().unwrap_or_default();
            if found != header {
                let reason = "is of another version of this reproduction; remove it, or choose another folder";
                return Err(Error::Input(format!("{} {reason}", path.display())));
            }
            rows = lines.filter(|row: &Vec<String>| row.len() == header.len()).collect();
        }
        Ok(Self {
            path: path.into(),
            header,
            rows,
        })
    }

    /// Adds a row and writes the file. Cells must not hold commas.
    pub(super) fn push(&mut self, row: Vec<String>) -> Result<(), Error> {
        self.extend([row])
    }

    /// Adds rows and writes the file.
    pub(super) fn extend(&mut self, rows: impl IntoIterator<Item = Vec<String>>) -> Result<(), Error> {
        self.rows.extend(rows);
        let lines = self.rows.iter().map(|row| row.join(","));
        let lines: Vec<String> = [self.header.join(",")].into_iter().chain(lines).collect();
        Ok(panarch_format::atomic_write(
            &self.path,
            (lines.join("\n") + "\n").as_bytes(),
        )?)
    }

    /// The first row that begins with these cells.
    pub(super) fn find(&self, key: &[&str]) -> Option<&[String]> {
        let rows = self.rows.iter().map(Vec::as_slice);
        rows.into_iter().find(|row| begins(row, key))
    }

    /// Every row that begins with these cells.
    pub(super) fn all(&self, key: &[&str]) -> impl Iterator<Item = &[String]> + use<'_> {
        let key: Vec<String> = key.iter().map(|cell| (*cell).to_owned()).collect();
        let rows = self.rows.iter().map(Vec::as_slice);
        rows.filter(move |row| begins(row, &key))
    }

    /// A cell of a row as a number.
    pub(super) fn number(&self, row: &[String], column: &str) -> Result<f64, Error> {
        let place = self.header.iter().position(|name| *name == column);
        let cell = place.and_then(|place| row.get(place));
        cell.and_then(|cell| cell.parse().ok()).ok_or_else(|| {
            let path = self.path.display();
            Error::Input(format!(
                "{path}: `{column}` is not a number in the row {}",
                row.join(",")
            ))
        })
    }
}

fn begins(row: &[String], key: &[impl AsRef<str>]) -> bool {
    row.len() >= key.len() && row.iter().zip(key).all(|(cell, key)| cell == key.as_ref())
}

/// A table of text cells for people.
pub(super) fn shown(title: &str, columns: &[&str], rows: Vec<Vec<String>>) -> Table {
    let number = |column: usize| {
        rows.iter().all(|row| {
            row.get(column)
                .is_some_and(|it| it.starts_with(['-', '+', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']))
        })
    };
    let columns = columns
        .iter()
        .enumerate()
        .map(|(index, name)| match number(index) && !rows.is_empty() {
            true => Column::number(*name),
            false => Column::text(*name),
        });
    let mut table = Table::new(title, columns.collect());
    for row in rows {
        table.push(row.into_iter().map(Cell::text).collect());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let mut table = Csv::open(&path, &["seed", "value"]).unwrap();
        table.push(vec!["1".into(), "0.5".into()]).unwrap();
        table.push(vec!["2".into(), "0.25".into()]).unwrap();
        let again = Csv::open(&path, &["seed", "value"]).unwrap();
        let row = again.find(&["2"]).unwrap();
        assert_eq!(again.number(row, "value").unwrap(), 0.25);
        assert!(again.find(&["3"]).is_none());
        assert!(again.number(row, "absent").is_err());
        assert!(Csv::open(&path, &["seed", "other"]).is_err());
    }
}
