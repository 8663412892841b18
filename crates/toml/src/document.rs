//! A parsed document and the problems found while it is read.

use std::cell::{Cell, RefCell};

use toml::de::DeTable;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::keys::Key;
use crate::nesting::{MAX_DEPTH, too_deep};
use crate::source::{At, Source, Span};
use crate::table::Table;
use crate::tree::{Kind, Node, entries};

/// Largest document, in bytes.
pub const MAX_BYTES: usize = 4 << 20;

/// Most problems that are listed one by one; the rest are counted.
const MOST_LISTED: usize = 200;

/// A TOML document that collects problems while it is read.
#[derive(Debug)]
pub struct Document {
    pub(crate) sources: Vec<Source>,
    pub(crate) root: Node,
    pub(crate) keys: Vec<Key>,
    problems: RefCell<Vec<Problem>>,
    dropped: Cell<usize>,
    /// What was asked for; none when nobody wants to know.
    asked: Option<RefCell<Vec<AskedKey>>>,
}

/// A key that a reader asked for, with what it would have accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedKey {
    /// Dotted path, such as `train.batch`.
    pub path: String,
    /// What its value must be, with the article: "a whole number from 1 to 1000".
    pub expected: String,
    /// Whether the document is wrong without it.
    pub required: bool,
}

#[derive(Debug)]
struct Problem {
    span: Span,
    message: String,
    suggestion: Option<String>,
    /// The path of a missing key: withdrawn when an unknown key turns out to be that key misspelled.
    missing: Option<String>,
}

impl Document {
    /// Parses a document. `file_name` is only used in messages.
    ///
    /// # Errors
    /// Every syntax error that the parser can tell apart (at most one a line), a document larger than
    /// [`MAX_BYTES`], or one nested deeper than [`MAX_DEPTH`].
    pub fn parse(file_name: &str, text: &str) -> Result<Self, Diagnostics> {
        let whole = |message: String| Diagnostics::from(Diagnostic::new(file_name, message));
        if text.len() > MAX_BYTES {
            return Err(whole(format!(
                "the file has {} bytes, more than the {MAX_BYTES} that are read",
                text.len()
            )));
        }
        let source = Source::new(file_name.to_string(), text.to_string(), false);
        let mut document = Self {
            sources: vec![source],
            root: Node {
                span: Span::new(0, 0..0),
                kind: Kind::Table(Vec::new()),
            },
            keys: Vec::new(),
            problems: RefCell::default(),
            dropped: Cell::new(0),
            asked: None,
        };
        if let Some(start) = too_deep(text) {
            let message = format!("nested deeper than the {MAX_DEPTH} levels that are read");
            document.report(Span::new(0, start..start + 1), message, None);
            return document.finish(None);
        }
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut lines = Vec::new();
        for error in errors.iter().take(MOST_LISTED) {
            let span = error.span().unwrap_or(0..0);
            let line = document.position(Span::new(0, span.clone())).0;
            if !lines.contains(&line) {
                lines.push(line);
                document.report(Span::new(0, span), error.message().to_string(), None);
            }
        }
        if !errors.is_empty() {
            return document.finish(None);
        }
        document.root.kind = Kind::Table(entries(table.get_ref(), 0, 0));
        Ok(document)
    }

    /// Parses a document from bytes, for files that may not be UTF-8.
    ///
    /// # Errors
    /// As [`Document::parse`], and bytes that are not UTF-8 (with the place of the first).
    pub fn parse_bytes(file_name: &str, bytes: &[u8]) -> Result<Self, Diagnostics> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse(file_name, text),
            Err(error) => {
                let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
                let message = "the file is not text in UTF-8";
                let position = u32::try_from(line).unwrap_or(u32::MAX);
                let start = valid.iter().rposition(|byte| *byte == b'\n');
                let rest = valid.get(start.map_or(0, |at| at + 1)..).unwrap_or_default();
                let column = String::from_utf8_lossy(rest).chars().count() + 1;
                Err(Diagnostic::new(file_name, message)
                    .with_position(position, u32::try_from(column).unwrap_or(u32::MAX))
                    .into())
            }
        }
    }

    /// Declares the keys of the format, so that a key in the wrong section, or called as other tools call it, is known.
    #[must_use]
    pub fn with_keys(mut self, keys: impl IntoIterator<Item = Key>) -> Self {
        self.keys.extend(keys);
        self
    }

    /// Remembers from now on what is asked for, see [`Document::asked`].
    #[must_use]
    pub fn recording(mut self) -> Self {
        self.asked = Some(RefCell::default());
        self
    }

    /// Every key that was asked for with a type, in the order of asking, each once; empty unless the document records.
    pub fn asked(&self) -> Vec<AskedKey> {
        self.asked
            .as_ref()
            .map(|asked| asked.borrow().clone())
            .unwrap_or_default()
    }

    /// The name of the file in which the value of a dotted path stands, such as `memories[0].bits`; none where it is absent.
    pub fn file_of(&self, path: &str) -> Option<&str> {
        let source = self.sources.get(self.node_of(path)?.span.source);
        source.map(|source| source.name.as_str())
    }

    /// The value of a dotted path as it is written.
    pub fn text_of(&self, path: &str) -> Option<&str> {
        let span = self.node_of(path)?.span;
        self.sources.get(span.source)?.text.get(span.start..span.end)
    }

    fn node_of(&self, path: &str) -> Option<&Node> {
        let mut node = &self.root;
        for part in path.split('.') {
            let (key, indices) = part.split_once('[').map_or((part, ""), |(key, rest)| (key, rest));
            node = &node.table()?.iter().find(|entry| entry.key == key)?.value;
            for index in indices.split_terminator(']') {
                let index: usize = index.trim_start_matches('[').parse().ok()?;
                let Kind::Array(items) = &node.kind else { return None };
                node = items.get(index)?;
            }
        }
        Some(node)
    }

    pub(crate) fn record_asked(&self, key: impl FnOnce() -> AskedKey) {
        if let Some(asked) = &self.asked {
            let (key, mut asked) = (key(), asked.borrow_mut());
            if !asked.iter().any(|known| known.path == key.path) {
                asked.push(key);
            }
        }
    }

    /// Whether a place is in an override, not in the document.
    pub(crate) fn is_override(&self, span: Span) -> bool {
        self.sources.get(span.source).is_some_and(|source| source.is_override)
    }

    /// The reader of the top-level table.
    pub fn root(&self) -> Table<'_> {
        Table::new(self, String::new(), &self.root)
    }

    /// Reports a problem at a place that was read earlier.
    pub fn problem_at(&self, at: At, message: impl Into<String>, suggestion: Option<&str>) {
        self.report(at.span, message.into(), suggestion.map(str::to_string));
    }

    /// Whether a problem has been reported so far.
    pub fn has_problems(&self) -> bool {
        !self.problems.borrow().is_empty()
    }

    /// The value that was built while reading, or every problem in the order of the text.
    ///
    /// # Errors
    /// Whenever anything was reported, even with a value; and when there is neither a value nor a problem.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Diagnostics> {
        let mut problems = self.problems.take();
        if problems.is_empty() {
            let empty = || Diagnostic::new(&self.sources[0].name, "the file holds no usable value");
            return value.ok_or_else(|| empty().into());
        }
        problems.sort_by_key(|problem| (problem.span.source, problem.span.start));
        let mut diagnostics: Diagnostics = problems.into_iter().map(|p| self.resolve(p)).collect();
        if self.dropped.get() > 0 {
            let message = format!("{} more problems are not listed", self.dropped.get());
            diagnostics.push(Diagnostic::new(&self.sources[0].name, message));
        }
        Err(diagnostics)
    }

    pub(crate) fn report(&self, span: Span, message: String, suggestion: Option<String>) {
        self.record(Problem {
            span,
            message,
            suggestion,
            missing: None,
        });
    }

    pub(crate) fn report_missing(&self, span: Span, path: String, expected: &str) {
        self.record(Problem {
            span,
            message: format!("`{path}` is missing: it must be {expected}"),
            suggestion: None,
            missing: Some(path),
        });
    }

    pub(crate) fn withdraw_missing(&self, path: &str) {
        self.problems
            .borrow_mut()
            .retain(|problem| problem.missing.as_deref() != Some(path));
    }

    pub(crate) fn at(&self, span: Span) -> At {
        let (line, column) = self.position(span);
        At { line, column, span }
    }

    /// Line and column from 1; for an override its number and the column in its text.
    fn position(&self, span: Span) -> (u32, u32) {
        let Some(source) = self.sources.get(span.source) else {
            return (0, 0);
        };
        let (line, column) = source.position(span.start);
        if source.is_override {
            return (u32::try_from(span.source).unwrap_or(u32::MAX), column);
        }
        (line, column)
    }

    fn record(&self, problem: Problem) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() < MOST_LISTED {
            problems.push(problem);
        } else {
            self.dropped.set(self.dropped.get() + 1);
        }
    }

    fn resolve(&self, problem: Problem) -> Diagnostic {
        let source = self.sources.get(problem.span.source);
        let name = source.map_or("", |source| source.name.as_str());
        let mut diagnostic = Diagnostic::new(name, problem.message);
        diagnostic.suggestion = problem.suggestion;
        if let Some(source) = source.filter(|source| !source.is_override) {
            let (line, column) = source.position(problem.span.start);
            diagnostic = diagnostic.with_position(line, column);
            diagnostic.excerpt = Some(source.excerpt(problem.span.start, problem.span.end));
        }
        diagnostic
    }
}
