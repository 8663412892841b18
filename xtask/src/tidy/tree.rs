//! The text files of the workspace.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::code;

/// Folders of the root that hold no sources of ours.
const SKIPPED: [&str; 3] = ["target", ".git", "runs"];

/// Endings of the files that are read; files without an ending are read too.
const ENDINGS: [&str; 9] = ["rs", "toml", "md", "sh", "yml", "json", "js", "css", "py"];

/// A text file.
pub struct File {
    /// Path from the root of the workspace, with `/`.
    pub path: String,
    pub text: String,
    /// For Rust: the text with comments and the insides of literals blanked, line for line; else empty.
    pub code: String,
}

impl File {
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let code = if path.ends_with(".rs") {
            code::blank(&text)
        } else {
            String::new()
        };
        Self { path, text, code }
    }

    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// `crates/NAME/…` → `NAME`, and the path inside the crate.
    pub fn in_crate(&self) -> Option<(&str, &str)> {
        self.path.strip_prefix("crates/")?.split_once('/')
    }

    /// Whether the file is only compiled for tests, benchmarks or examples.
    pub fn is_test(&self) -> bool {
        let mut parts = self.path.split('/').peekable();
        parts.any(|part| matches!(part, "tests" | "benches" | "examples" | "tests.rs"))
    }

    /// The code outside test modules.
    pub fn shipped_code(&self) -> String {
        code::without_tests(&self.code)
    }
}

/// All text files under the root, sorted by path.
pub fn read(root: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    walk(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<File>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {folder:?}"))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {folder:?}"))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        let path = format!("{prefix}{name}");
        let skipped = prefix.is_empty() && SKIPPED.contains(&name.as_str());
        if kind.is_dir() && !skipped {
            walk(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() && is_text(&name) {
            let bytes = fs::read(entry.path()).with_context(|| format!("cannot read {path}"))?;
            if let Ok(text) = String::from_utf8(bytes) {
                files.push(File::new(path, text));
            }
        }
    }
    Ok(())
}

fn is_text(name: &str) -> bool {
    match name.rsplit_once('.') {
        Some(("", _)) | None => true,
        Some((_, ending)) => ENDINGS.contains(&ending),
    }
}
