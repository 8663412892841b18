//! A problem in a document, and a list of them.

use std::fmt;

use crate::rich;
use crate::shown::shown;
use crate::source::Excerpt;

/// One problem: where it stands, what it is, and what was probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The file's name as it was given to the parser, or `--set key=value` for an override.
    pub file: String,
    /// Line, counted from 1; 0 when the problem is not in one line (an override, a file that is too large).
    pub line: u32,
    /// Column in characters, counted from 1; 0 when `line` is 0.
    pub column: u32,
    /// What is wrong, in plain words, without a full stop.
    pub message: String,
    /// What was probably meant: the text to write instead.
    pub suggestion: Option<String>,
    pub(crate) excerpt: Option<Excerpt>,
}

impl Diagnostic {
    /// A problem of a whole file.
    pub fn new(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            message: message.into(),
            suggestion: None,
            excerpt: None,
        }
    }

    /// The same problem at a line and a column, both counted from 1.
    #[must_use]
    pub fn with_position(mut self, line: u32, column: u32) -> Self {
        (self.line, self.column) = (line, column);
        self
    }

    /// The same problem with a text to write instead.
    #[must_use]
    pub fn with_suggestion(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }
}

/// `file:line:column: message (did you mean `x`?)`, on one line.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", shown(&self.file))?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", shown(&self.message))?;
        match &self.suggestion {
            Some(suggestion) => write!(f, " (did you mean `{}`?)", shown(suggestion)),
            None => Ok(()),
        }
    }
}

/// All problems of a document (or of several, see [`Diagnostics::merge`]), in the order of the text.
///
/// `Display` writes the compact form, one problem a line; [`Diagnostics::rich`] shows the source lines too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a problem at the end.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds all problems of another list at the end.
    pub fn merge(&mut self, other: Diagnostics) {
        self.0.extend(other.0);
    }

    /// The problems in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// How many problems there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no problem.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The form with source lines and carets, for a person at a terminal.
    ///
    /// ```text
    /// error: `epochs` must be a whole number from 1 to 1000, found the string "three"
    ///   --> run.toml:2:10
    ///    |
    ///  2 | epochs = "three"
    ///    |          ^^^^^^^
    /// ```
    pub fn rich(&self) -> String {
        rich::render(self)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(iter: I) -> Self {
        Self(iter.into_iter().collect())
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
