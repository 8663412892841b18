//! Reference data are asked for in one way, so that one variable moves them and one line counts what lacks them.

use super::Finding;
use super::tree::File;

/// The one file that knows where they lie, and what tells people.
const KNOWS: [&str; 3] = [
    "crates/testkit/src/reference.rs",
    "xtask/src/lacking.rs",
    "xtask/src/tidy/reference_data.rs",
];

pub fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.is_rust() && !KNOWS.contains(&file.path.as_str()))
    {
        for (index, line) in file.text.lines().enumerate() {
            if line.contains("shared/data") {
                let message = "ask panarch_testkit::reference for reference data, by the path within them";
                findings.push(Finding::new(&file.path, index + 1, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_its_own_is_found() {
        let text = "let a = 1;\nlet folder = \"../shared/data/x\";\n";
        assert_eq!(check(&[File::new("crates/a/tests/it/a.rs", text)]).len(), 1);
        assert!(check(&[File::new(KNOWS[0], text)]).is_empty());
    }
}
