//! Where a value stands: texts, byte spans, lines and columns.

use std::ops::Range;

use crate::shown::is_hidden;

/// The place of a value, for a complaint that is found later than the value was read.
///
/// Hand it back to [`Document::problem_at`](crate::Document::problem_at) or
/// [`Table::problem_at`](crate::Table::problem_at).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct At {
    /// Line of the first character, counted from 1; for an override the number of the override, from 1.
    pub line: u32,
    /// Column of the first character in characters (not bytes), counted from 1.
    pub column: u32,
    pub(crate) span: Span,
}

/// A byte range in one of a document's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    /// 0 is the document itself, `n > 0` its n-th override.
    pub source: usize,
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub(crate) fn new(source: usize, range: Range<usize>) -> Self {
        Self {
            source,
            start: range.start,
            end: range.end,
        }
    }
}

/// One text that values come from: the document or an override.
#[derive(Debug)]
pub(crate) struct Source {
    /// What a message calls it: the file name, or `--set key=value`.
    pub name: String,
    pub text: String,
    /// An override has no lines of its own.
    pub is_override: bool,
    line_starts: Vec<usize>,
    ascii: bool,
}

/// A line of a source around a place, for the rich form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// Printable characters only, at most [`EXCERPT_WIDTH`] of them.
    pub text: String,
    /// Characters before the first marked one.
    pub indent: usize,
    /// Marked characters, at least 1.
    pub width: usize,
}

/// Longest excerpt of a line, in characters.
const EXCERPT_WIDTH: usize = 120;

impl Source {
    pub(crate) fn new(name: String, text: String, is_override: bool) -> Self {
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        let ascii = text.is_ascii();
        Self {
            name,
            text,
            is_override,
            line_starts,
            ascii,
        }
    }

    /// Line and column, both from 1, of a byte offset; offsets beyond the end count as the end.
    pub(crate) fn position(&self, offset: usize) -> (u32, u32) {
        let offset = self.floor(offset);
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let column = if self.ascii {
            offset - start
        } else {
            self.slice(start, offset).chars().count()
        };
        (saturate(line), saturate(column + 1))
    }

    /// The line that holds `offset`, with the part from `start` to `end` marked.
    pub(crate) fn excerpt(&self, start: usize, end: usize) -> Excerpt {
        let (line, column) = self.position(start);
        let line = line as usize;
        let from = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let to = self.line_starts.get(line).map_or(self.text.len(), |next| next - 1);
        let before = column as usize - 1;
        let skip = (before + 20).saturating_sub(EXCERPT_WIDTH);
        let text: String = self
            .slice(from, to)
            .trim_end_matches('\r')
            .chars()
            .skip(skip)
            .take(EXCERPT_WIDTH)
            .map(|c| if c == '\t' { ' ' } else { printable(c) })
            .collect();
        let indent = before - skip;
        let room = text.chars().count().saturating_sub(indent).max(1);
        let width = self.slice(start, end.min(to)).chars().take(room).count();
        Excerpt {
            text,
            indent,
            width: width.max(1),
        }
    }

    fn slice(&self, start: usize, end: usize) -> &str {
        self.text.get(self.floor(start)..self.floor(end)).unwrap_or("")
    }

    /// The nearest character boundary at or before `offset`.
    fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// Hidden characters become a visible replacement, so that a file cannot steer the terminal.
pub(crate) fn printable(c: char) -> char {
    if is_hidden(c) { '\u{fffd}' } else { c }
}

fn saturate(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let source = Source::new("f".into(), "ab\näöü = 1\n\nend".into(), false);
        let table = [
            (0, (1, 1)),
            (2, (1, 3)),
            (3, (2, 1)),
            (5, (2, 2)),
            (6, (2, 2)), // inside the two bytes of ö
            (9, (2, 4)),
            (14, (3, 1)),
            (18, (4, 4)),
            (999, (4, 4)),
        ];
        for (offset, expected) in table {
            assert_eq!(source.position(offset), expected, "offset {offset}");
        }
    }

    #[test]
    fn an_excerpt_of_a_long_line_keeps_the_marked_part() {
        let text = format!("{}x = 5", "y".repeat(5000));
        let source = Source::new("f".into(), text, false);
        let excerpt = source.excerpt(5004, 5005);
        let marked: String = excerpt.text.chars().skip(excerpt.indent).collect();
        assert!(marked.starts_with('5'), "{excerpt:?}");
        assert!(excerpt.text.chars().count() <= EXCERPT_WIDTH);
    }
}
