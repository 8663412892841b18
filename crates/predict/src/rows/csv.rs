//! Lines and fields of a CSV file that may be anything.

use std::borrow::Cow;

use panarch_toml::did_you_mean;

use crate::PredictError;

/// Most columns of a table, and most bytes of a line.
const MOST_COLUMNS: usize = 10_000;
const MOST_BYTES: usize = 1 << 20;

/// What stands for a value that is not there.
const MISSING: [&str; 6] = ["", "nan", "na", "n/a", "none", "null"];

/// The lines of a table after its header.
pub(super) struct Lines<'t> {
    lines: std::iter::Enumerate<std::str::Lines<'t>>,
    separator: char,
    header: Vec<String>,
}

/// The number of a line, and its fields.
pub(super) type Row<'t> = (usize, Vec<Cow<'t, str>>);

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Result<Self, PredictError> {
        let mut lines = text.lines().enumerate();
        let first = lines.next().map_or("", |(_, line)| line).trim_start_matches('\u{feff}');
        let count = |separator: char| first.matches(separator).count();
        let separator = if count(';') > count(',') { ';' } else { ',' };
        let header: Vec<String> = fields(1, first, separator)?
            .iter()
            .map(|field| field.trim().to_owned())
            .collect();
        Ok(Self {
            lines,
            separator,
            header,
        })
    }

    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// The position of the only column of this name.
    pub(super) fn column(&self, name: &str) -> Result<usize, PredictError> {
        let mut found = self.header.iter().enumerate().filter(|(_, column)| *column == name);
        match (found.next(), found.next()) {
            (Some((position, _)), None) => Ok(position),
            (Some(_), Some(_)) => Err(wrong(1, format!("column `{name}` occurs twice"))),
            (None, _) => Err(PredictError::NoColumn {
                name: name.to_owned(),
                suggestion: did_you_mean(name, &self.header),
            }),
        }
    }

    /// The next line that is not empty, with its number and as many fields as the header has.
    pub(super) fn next_row(&mut self) -> Result<Option<Row<'t>>, PredictError> {
        for (index, line) in self.lines.by_ref() {
            if line.trim().is_empty() {
                continue;
            }
            let fields = fields(index + 1, line, self.separator)?;
            if fields.len() != self.header.len() {
                let (found, expected) = (fields.len(), self.header.len());
                return Err(wrong(index + 1, format!("{found} fields, the header has {expected}")));
            }
            return Ok(Some((index + 1, fields)));
        }
        Ok(None)
    }
}

/// The fields of a line; a field may be in quotes, in which a quote is doubled.
fn fields(number: usize, line: &str, separator: char) -> Result<Vec<Cow<'_, str>>, PredictError> {
    if line.len() > MOST_BYTES {
        return Err(wrong(number, format!("the line is longer than {MOST_BYTES} bytes")));
    }
    let mut fields = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        if fields.len() == MOST_COLUMNS {
            return Err(wrong(number, format!("more than {MOST_COLUMNS} columns")));
        }
        if let Some(quoted) = text.strip_prefix('"') {
            let mut field = String::new();
            let mut after = quoted;
            loop {
                let Some((part, tail)) = after.split_once('"') else {
                    return Err(wrong(number, "a quote is not closed".to_owned()));
                };
                field.push_str(part);
                after = tail;
                let Some(tail) = after.strip_prefix('"') else { break };
                field.push('"');
                after = tail;
            }
            rest = match (after.strip_prefix(separator), after.is_empty()) {
                (Some(tail), _) => Some(tail),
                (None, true) => None,
                (None, false) => return Err(wrong(number, "text follows a closing quote".to_owned())),
            };
            fields.push(Cow::Owned(field));
        } else {
            let (field, tail) = match text.split_once(separator) {
                Some((field, tail)) => (field, Some(tail)),
                None => (text, None),
            };
            fields.push(Cow::Borrowed(field));
            rest = tail;
        }
    }
    Ok(fields)
}

/// A value of a column, none where there is none.
pub(super) fn value(line: usize, column: &str, text: &str) -> Result<Option<f64>, PredictError> {
    let text = text.trim();
    if MISSING.iter().any(|missing| text.eq_ignore_ascii_case(missing)) {
        return Ok(None);
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Some(value)),
        Ok(_) => Err(wrong(
            line,
            format!("column `{column}`: `{text}` is not a finite number"),
        )),
        Err(_) => Err(wrong(line, format!("column `{column}`: `{text}` is not a number"))),
    }
}

pub(super) fn wrong(line: usize, reason: String) -> PredictError {
    PredictError::Table { line, reason }
}
