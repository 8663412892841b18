//! No unfinished code and no switched-off tests.

use super::Finding;
use super::code::holds;
use super::tree::File;

const FORBIDDEN: [&str; 4] = ["todo!", "unimplemented!", "dbg!", "#[ignore]"];

pub fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        for (index, line) in file.code.lines().enumerate() {
            for word in FORBIDDEN.iter().filter(|word| holds(line, word)) {
                let message = format!("`{word}` must not stay");
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
    fn macros_are_found_in_code_only() {
        for word in FORBIDDEN {
            let file = File::new("a.rs", format!("// {word}\nlet s = \"{word}\";\n{word}(x);\n"));
            let findings = check(&[file]);
            assert_eq!(findings.len(), 1, "{word}");
            assert_eq!(findings[0].line, 3);
        }
    }
}
