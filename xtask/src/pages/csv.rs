//! A table as it lies beside a page.

use anyhow::{Context, Result, bail};

/// The rows of a CSV file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csv {
    path: String,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Csv {
    /// Reads the text of the file at `path`, which is only for messages.
    pub fn parse(path: &str, text: &str) -> Result<Self> {
        let mut rows = text.lines().map(cells);
        let header = rows.next().with_context(|| format!("{path} is empty"))?;
        let rows: Vec<Vec<String>> = rows.collect();
        if let Some(row) = rows.iter().find(|row| row.len() != header.len()) {
            bail!(
                "{path}: {} cells for {} columns: {}",
                row.len(),
                header.len(),
                row.join(",")
            );
        }
        Ok(Self {
            path: path.to_owned(),
            header,
            rows,
        })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows that have these cells in these columns; at least one, so that no figure is of nothing.
    pub fn with(&self, cells: &[(&str, &str)]) -> Result<Self> {
        let mut rows = self.rows.clone();
        for (column, cell) in cells {
            let place = self.place(column)?;
            rows.retain(|row| row.get(place).is_some_and(|it| it == cell));
        }
        if rows.is_empty() {
            bail!("{}: no row with {cells:?}", self.path);
        }
        Ok(Self { rows, ..self.clone() })
    }

    /// A column's cells.
    pub fn texts(&self, column: &str) -> Result<Vec<String>> {
        let place = self.place(column)?;
        Ok(self.rows.iter().filter_map(|row| row.get(place).cloned()).collect())
    }

    /// A column's different cells, in the order in which they come.
    pub fn different(&self, column: &str) -> Result<Vec<String>> {
        let mut found: Vec<String> = Vec::new();
        for cell in self.texts(column)? {
            if !found.contains(&cell) {
                found.push(cell);
            }
        }
        Ok(found)
    }

    /// A column's numbers.
    pub fn numbers(&self, column: &str) -> Result<Vec<f64>> {
        let cells = self.texts(column)?;
        let numbers = cells.iter().map(|cell| {
            cell.parse()
                .with_context(|| format!("{}: `{cell}` in `{column}` is no number", self.path))
        });
        numbers.collect()
    }

    /// Two columns side by side.
    pub fn pairs(&self, first: &str, second: &str) -> Result<Vec<(f64, f64)>> {
        Ok(self.numbers(first)?.into_iter().zip(self.numbers(second)?).collect())
    }

    /// The number of the one row with these cells.
    pub fn number(&self, cells: &[(&str, &str)], column: &str) -> Result<f64> {
        match self.with(cells)?.numbers(column)?.as_slice() {
            [number] => Ok(*number),
            several => bail!("{}: {} rows with {cells:?}", self.path, several.len()),
        }
    }

    /// The cell of the one row with these cells.
    pub fn text(&self, cells: &[(&str, &str)], column: &str) -> Result<String> {
        match self.with(cells)?.texts(column)?.as_slice() {
            [text] => Ok(text.clone()),
            several => bail!("{}: {} rows with {cells:?}", self.path, several.len()),
        }
    }

    fn place(&self, column: &str) -> Result<usize> {
        let place = self.header.iter().position(|name| name == column);
        place.with_context(|| format!("{}: no column `{column}` in {:?}", self.path, self.header))
    }
}

/// The cells of a line; quotes keep commas together.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => cells.last_mut().expect("there is always one").push(other),
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_their_cells() {
        let table = Csv::parse("t.csv", "device,part,ms\na,\"x, y\",1.5\na,z,2\nb,z,3\n").expect("a table");
        assert_eq!(table.number(&[("part", "x, y")], "ms").expect("one row"), 1.5);
        assert_eq!(
            table
                .with(&[("device", "a")])
                .expect("rows")
                .numbers("ms")
                .expect("numbers"),
            [1.5, 2.0]
        );
        assert_eq!(table.different("device").expect("a column"), ["a", "b"]);
        for wrong in [
            table.number(&[("part", "z")], "ms"),
            table.number(&[("part", "w")], "ms"),
        ] {
            assert!(wrong.is_err());
        }
        assert!(table.numbers("part").is_err() && table.numbers("parts").is_err());
        assert!(Csv::parse("t.csv", "a,b\n1\n").is_err());
    }
}
