//! Pages that are made from the code.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Each page with the command that prints it; a test of `panarch` finds a page that is not current.
const PAGES: [(&str, &str); 3] = [
    ("docs/reference/run-file.md", "run-file"),
    ("docs/reference/device-profile.md", "device-profile"),
    ("docs/reference/command-line.md", "command-line"),
];

/// The page that the suite of operators prints; its own test finds it when it is not current.
const OPERATORS: &str = "docs/reference/operators.md";

/// Writes every page.
pub fn write(root: &Path) -> Result<bool> {
    let program = |name| vec!["run", "--quiet", "--package", "panarch", "--", "reference", name];
    let suite = vec!["run", "--quiet", "--package", "panarch-testkit", "--bin", "operators"];
    let pages = PAGES.map(|(path, name)| (path, program(name)));
    for (path, arguments) in pages.into_iter().chain([(OPERATORS, suite)]) {
        let output = Command::new(crate::check::program())
            .args(&arguments)
            .current_dir(root)
            .output()
            .with_context(|| format!("cannot start cargo {}", arguments.join(" ")))?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
        let file = root.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&file, output.stdout).with_context(|| format!("cannot write {path}"))?;
        println!("{path}");
    }
    Ok(true)
}
