//! The form of diagnostics for a person at a terminal.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::shown::shown;

/// Each problem with its source line and a caret, an empty line between two problems.
pub(crate) fn render(diagnostics: &Diagnostics) -> String {
    let problems: Vec<String> = diagnostics.iter().map(problem).collect();
    problems.join("\n\n")
}

fn problem(diagnostic: &Diagnostic) -> String {
    let number = diagnostic.line.to_string();
    let gutter = " ".repeat(number.len());
    let mut text = format!(
        "error: {}\n {gutter}--> {}",
        shown(&diagnostic.message),
        shown(&diagnostic.file)
    );
    if diagnostic.line > 0 {
        text += &format!(":{}:{}", diagnostic.line, diagnostic.column);
        if let Some(excerpt) = &diagnostic.excerpt {
            let indent = " ".repeat(excerpt.indent);
            let carets = "^".repeat(excerpt.width);
            text += &format!("\n {gutter} |\n {number} | {}", excerpt.text);
            text += &format!("\n {gutter} | {indent}{carets}");
        }
    }
    if let Some(suggestion) = &diagnostic.suggestion {
        text += &format!("\n {gutter} = did you mean `{}`?", shown(suggestion));
    }
    text
}
