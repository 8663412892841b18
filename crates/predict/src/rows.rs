//! Rows of published tables: a network of a space and what was measured of it.

mod csv;
mod layout;

use std::collections::BTreeMap;

use panarch_space::{Genotype, Space};

use crate::PredictError;

/// Most rows that are read.
pub(super) const MOST_ROWS: usize = 2_000_000;

/// A network of a space, with the size of its images where a table has several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// The genotype, canonical.
    pub genotype: Genotype,
    /// Height (= width) of the images in pixels, in a table that has a column for it.
    pub resolution: Option<u32>,
}

/// One row: a network and a value for each column that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRow {
    /// The network.
    pub member: Member,
    /// The values, finite, in the order of the columns; `None` where the table has none.
    pub values: Vec<Option<f64>>,
}

/// The rows of a table that are networks of a space.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// The rows, in the order of the file.
    pub rows: Vec<TableRow>,
    /// How many rows are networks of another space, and what is wrong with the first of them.
    pub outside: Option<(usize, String)>,
}

impl Rows {
    /// Reads a table in CSV with these columns of values.
    ///
    /// The networks may be given in any of these layouts, told apart by the columns' names; the separator is a comma or a
    /// semicolon:
    /// - `d;ks;e;image_size`: lists of a stage's depth, and of kernel and expansion of every block at full depth;
    /// - `r,d0…,ks0…,e0…`: the same, one column each;
    /// - `block0_e,block0_k,block0_l,block0_se…`: expansion, kernel, depth and squeeze-and-excite (0 or 1) of a stage;
    /// - `e01,e02,e12,…`: the operation on each edge of a NAS-Bench-201 cell, by the benchmark's numbers or names;
    /// - `key` or `genotype`: the digits of the genotype.
    ///
    /// # Errors
    /// [`PredictError::Table`] with the line, for what is no such table; [`PredictError::NoColumn`].
    pub fn read(space: &Space, text: &str, columns: &[&str]) -> Result<Self, PredictError> {
        let mut lines = csv::Lines::new(text)?;
        let layout = layout::Layout::of(space, lines.header())?;
        let wanted: Vec<usize> = columns
            .iter()
            .map(|column| lines.column(column))
            .collect::<Result<_, _>>()?;
        let mut tied = layout::Tied::default();
        let mut rows = Vec::new();
        let mut outside: Option<(usize, String)> = None;
        while let Some((line, fields)) = lines.next_row()? {
            let value = |&column: &usize| csv::value(line, &lines.header()[column], fields[column].as_ref());
            let values = wanted.iter().map(value).collect::<Result<Vec<_>, _>>()?;
            match layout.member(space, line, &fields, &mut tied) {
                Ok(member) => rows.push(TableRow { member, values }),
                Err(PredictError::Genotype(reason)) => {
                    let first = outside.get_or_insert_with(|| (0, format!("line {line}: {reason}")));
                    first.0 += 1;
                }
                Err(error) => return Err(error),
            }
            if rows.len() > MOST_ROWS {
                return Err(csv::wrong(line, format!("a table may have {MOST_ROWS} rows")));
            }
        }
        if rows.is_empty() {
            let reason = outside.map_or_else(
                || "it has no rows".to_owned(),
                |(_, reason)| format!("no row is a network of space {}; {reason}", space.name()),
            );
            return Err(csv::wrong(1, reason));
        }
        Ok(Self { rows, outside })
    }

    /// The networks that have a value in a column, each once with the mean of its values and how many they are, in the order
    /// in which they come first; and how many rows have none.
    #[must_use]
    pub fn measured(&self, column: usize) -> (Vec<Sample>, usize) {
        let mut positions: BTreeMap<&Member, usize> = BTreeMap::new();
        let mut samples: Vec<Sample> = Vec::new();
        let mut without = 0;
        for row in &self.rows {
            let Some(value) = row.values.get(column).copied().flatten() else {
                without += 1;
                continue;
            };
            let position = *positions.entry(&row.member).or_insert(samples.len());
            match samples.get_mut(position) {
                Some(sample) => {
                    sample.repeats += 1;
                    sample.value += (value - sample.value) / f64::from(sample.repeats);
                }
                None => samples.push(Sample {
                    member: row.member.clone(),
                    value,
                    repeats: 1,
                }),
            }
        }
        (samples, without)
    }
}

/// What was measured of one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The network.
    pub member: Member,
    /// The value; the mean where it was measured several times.
    pub value: f64,
    /// How many rows that is.
    pub repeats: u32,
}

#[cfg(test)]
mod tests;
