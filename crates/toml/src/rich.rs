//! The form of diagnostics for a person at a terminal.

use std::fmt;

use crate::diagnostic::Diagnostics;

/// Shows each problem with its source line and a caret; made by [`Diagnostics::rich`].
///
/// ```text
/// error: `epochs` must be a whole number from 1 to 1000, found the string "three"
///   --> run.toml:2:10
///    |
///  2 | epochs = "three"
///    |          ^^^^^^^
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Rich<'a>(pub(crate) &'a Diagnostics);

impl fmt::Display for Rich<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f, "\n")?;
            }
            write!(f, "error: {}", diagnostic.message)?;
            let number = diagnostic.line.to_string();
            let gutter = " ".repeat(number.len());
            write!(f, "\n {gutter}--> {}", diagnostic.file)?;
            if diagnostic.line > 0 {
                write!(f, ":{}:{}", diagnostic.line, diagnostic.column)?;
                if let Some(excerpt) = &diagnostic.excerpt {
                    let indent = " ".repeat(excerpt.indent);
                    let carets = "^".repeat(excerpt.width);
                    write!(f, "\n {gutter} |\n {number} | {}", excerpt.text)?;
                    write!(f, "\n {gutter} | {indent}{carets}")?;
                }
            }
            if let Some(suggestion) = &diagnostic.suggestion {
                write!(f, "\n {gutter} = did you mean `{suggestion}`?")?;
            }
        }
        Ok(())
    }
}
