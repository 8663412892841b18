//! A module is called by the noun a paper uses, never by a word that fits anything.

use super::Finding;
use super::tree::File;

const FORBIDDEN: [&str; 10] = [
    "base", "common", "helper", "helpers", "manager", "misc", "shared", "types", "util", "utils",
];

pub fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let stem = file.path.trim_end_matches(".rs");
        if let Some(part) = stem.split('/').find(|part| FORBIDDEN.contains(part)) {
            let message = format!("`{part}` says nothing about what is in it");
            findings.push(Finding::new(&file.path, 0, message));
        }
        if file.path.contains("/src/") && file.path.ends_with("/mod.rs") {
            let message = "a module with parts is `name.rs` beside a folder `name`";
            findings.push(Finding::new(&file.path, 0, message));
        }
        for (index, line) in file.code.lines().enumerate() {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            let name = words.by_ref().skip_while(|word| *word != "mod").nth(1);
            if let Some(name) = name.filter(|name| FORBIDDEN.contains(name)) {
                let message = format!("a module `{name}` says nothing about what is in it");
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
    fn forbidden_names_of_files_folders_and_modules() {
        let word = FORBIDDEN[9];
        let files = [
            File::new(format!("crates/a/src/{word}.rs"), ""),
            File::new(format!("crates/a/src/{word}/b.rs"), ""),
            File::new("crates/a/src/lib.rs", format!("pub mod roofline;\npub mod {word};\n")),
            File::new("crates/a/src/based.rs", format!("// mod {word};\n")),
            File::new("crates/a/src/torch/mod.rs", ""),
            File::new("crates/a/benches/peaks/mod.rs", ""),
        ];
        let lines: Vec<usize> = check(&files).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [0, 0, 2, 0]);
    }
}
