//! What a page's marks stand for.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};

use super::marks;

/// Texts by name.
#[derive(Debug, Default)]
pub struct Figures(BTreeMap<String, String>);

impl Figures {
    /// A figure as it is written.
    pub fn set(&mut self, name: impl Into<String>, text: impl Into<String>) {
        let name = name.into();
        let before = self.0.insert(name.clone(), text.into());
        assert!(before.is_none(), "two figures are called `{name}`");
    }

    /// A number with so many decimals.
    pub fn number(&mut self, name: impl Into<String>, value: f64, decimals: usize) {
        self.set(name, number(value, decimals));
    }

    /// A table; a name of a column that begins with `|` stands at the left, others are of numbers.
    pub fn table(&mut self, name: &str, columns: &[&str], rows: Vec<Vec<String>>) {
        let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let mut lines = vec![line(
            columns.iter().map(|it| it.trim_start_matches('|').to_owned()).collect(),
        )];
        let aligned = columns.iter().map(|it| if it.starts_with('|') { "---" } else { "--:" });
        lines.push(format!("|{}|", aligned.collect::<Vec<_>>().join("|")));
        for row in rows {
            assert_eq!(row.len(), columns.len(), "table `{name}`: {row:?}");
            lines.push(line(row));
        }
        self.set(name, lines.join("\n"));
    }

    /// The text of a page with every mark filled. Every mark has a figure, and every figure is in a mark.
    pub fn put_into(&self, text: &str) -> Result<String> {
        let mut used = BTreeSet::new();
        let made = marks::replaced(text, |name| {
            used.insert(name.to_owned());
            self.0
                .get(name)
                .cloned()
                .with_context(|| format!("nothing computes `{name}`"))
        })?;
        let idle: Vec<&String> = self.0.keys().filter(|name| !used.contains(*name)).collect();
        ensure!(idle.is_empty(), "no mark for {idle:?}");
        Ok(made)
    }
}

/// With so many decimals and a minus sign as it is printed.
pub fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.chars().all(|it| matches!(it, '0' | '.')) => digits.to_owned(),
        Some(digits) => format!("−{digits}"),
        None => text,
    }
}

/// Likewise, with a plus sign where it is not below nothing.
pub fn signed(value: f64, decimals: usize) -> String {
    let text = number(value, decimals);
    if text.starts_with('−') {
        text
    } else {
        format!("+{text}")
    }
}

/// A whole number with commas between thousands.
pub fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("−{text}") } else { text }
}

/// `low to high`.
pub fn range(values: &[f64], decimals: usize) -> String {
    let ends = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| {
            (low.min(*it), high.max(*it))
        });
    format!("{} to {}", number(ends.0, decimals), number(ends.1, decimals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written() {
        assert_eq!(
            [number(-0.001, 2), number(-1.25, 1), signed(0.0, 1), signed(-3.0, 0)],
            ["0.00", "−1.2", "+0.0", "−3"]
        );
        assert_eq!([thousands(999.0), thousands(2_965_472.0)], ["999", "2,965,472"]);
        assert_eq!(range(&[3.0, -1.0, 2.0], 0), "−1 to 3");
    }

    #[test]
    fn marks_and_figures_belong_together() {
        let mut figures = Figures::default();
        figures.number("a", 1.0, 1);
        assert_eq!(
            figures.put_into("<!--=a-->0<!--/-->").expect("one mark"),
            "<!--=a-->1.0<!--/-->"
        );
        assert!(figures.put_into("nothing").is_err());
        assert!(figures.put_into("<!--=a-->0<!--/--><!--=b-->0<!--/-->").is_err());
    }
}
