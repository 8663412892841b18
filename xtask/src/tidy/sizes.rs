//! No Rust file is longer than 800 lines, except the listed ones.

use super::Finding;
use super::tree::File;

const MOST_LINES: usize = 800;

/// Longer files, each with the reason: tables and generated code.
const EXCEPTIONS: [(&str, &str); 0] = [];

pub fn check(files: &[File]) -> Vec<Finding> {
    check_with(files, &EXCEPTIONS)
}

fn check_with(files: &[File], exceptions: &[(&str, &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let long = |file: &&File| file.is_rust() && file.text.lines().count() > MOST_LINES;
    for file in files.iter().filter(long) {
        if !exceptions.iter().any(|(path, _)| *path == file.path) {
            let lines = file.text.lines().count();
            let message = format!("{lines} lines, more than {MOST_LINES}: split it");
            findings.push(Finding::new(&file.path, 0, message));
        }
    }
    for (path, _) in exceptions {
        if !files.iter().filter(long).any(|file| file.path == *path) {
            findings.push(Finding::new(
                path,
                0,
                "no longer needs its exception from the size limit",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_need_an_exception_and_an_exception_a_long_file() {
        let files = [
            File::new("a.rs", "\n".repeat(801)),
            File::new("b.rs", "\n".repeat(800)),
            File::new("c.md", "\n".repeat(900)),
        ];
        let paths = |exceptions| -> Vec<String> {
            let findings = check_with(&files, exceptions);
            findings.into_iter().map(|finding| finding.path).collect()
        };
        assert_eq!(paths(&[]), ["a.rs"]);
        assert_eq!(paths(&[("a.rs", "a table")]), Vec::<String>::new());
        assert_eq!(paths(&[("a.rs", "a table"), ("b.rs", "")]), ["b.rs"]);
    }
}
