//! Every crate takes the lints of the workspace, which deny undocumented public items.

use super::Finding;
use super::tree::File;

pub fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with("Cargo.toml")) {
        let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
        if file.path == "Cargo.toml" {
            if !lines.contains(&"missing_docs = \"deny\"") {
                findings.push(Finding::new(&file.path, 0, "must deny missing_docs"));
            }
        } else if !lines.windows(2).any(|pair| pair == ["[lints]", "workspace = true"]) {
            findings.push(Finding::new(&file.path, 0, "must take the workspace's lints"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_take_the_lints() {
        let files = [
            File::new("Cargo.toml", "[workspace.lints.rust]\nmissing_docs = \"deny\"\n"),
            File::new("crates/a/Cargo.toml", "[lints]\nworkspace = true\n"),
        ];
        assert!(check(&files).is_empty());
        let files = [
            File::new("Cargo.toml", ""),
            File::new("crates/a/Cargo.toml", "[package]\n"),
        ];
        assert_eq!(check(&files).len(), 2);
    }
}
