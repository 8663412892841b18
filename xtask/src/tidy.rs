//! The rules of the tree that a compiler does not check.

mod code;
mod docs;
mod layers;
mod links;
mod macros;
mod names;
mod presets;
mod purity;
mod reference_data;
mod sizes;
mod tree;
mod whitespace;
mod words;

use std::fmt;
use std::path::Path;

use anyhow::Result;

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path from the root of the workspace, with `/`.
    path: String,
    /// Counted from 1; 0 for the whole file.
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_string(),
            line,
            message: message.into(),
        }
    }
}

/// All findings in the tree under `root`, sorted by place.
pub fn findings(root: &Path) -> Result<Vec<Finding>> {
    let files = tree::read(root)?;
    let mut findings = layers::check(root)?;
    findings.extend(links::check(&files, &|path| root.join(path).exists()));
    for rule in [
        docs::check,
        macros::check,
        names::check,
        presets::check,
        purity::check,
        reference_data::check,
        sizes::check,
        whitespace::check,
        words::check,
    ] {
        findings.extend(rule(&files));
    }
    findings.sort();
    Ok(findings)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tree_is_tidy() {
        let findings = super::findings(&crate::root()).expect("the tree can be read");
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "\n{}", lines.join("\n"));
    }
}
