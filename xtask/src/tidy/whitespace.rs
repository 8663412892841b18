//! No whitespace at line ends, no carriage returns, one newline at the end of a file.

use super::Finding;
use super::tree::File;

pub fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        for (index, line) in file.text.split('\n').enumerate() {
            if line.ends_with([' ', '\t', '\r']) {
                findings.push(Finding::new(&file.path, index + 1, "whitespace at the end of the line"));
            }
        }
        let lines = file.text.lines().count();
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            findings.push(Finding::new(&file.path, lines, "no newline at the end of the file"));
        }
        if file.text.ends_with("\n\n") {
            findings.push(Finding::new(&file.path, lines, "empty lines at the end of the file"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_lines_and_files() {
        let table = [("a\nb\n", 0), ("", 0), ("a \nb\t\nc\r\n", 3), ("a\nb", 1), ("a\n\n", 1)];
        for (text, expected) in table {
            assert_eq!(check(&[File::new("a.md", text)]).len(), expected, "{text:?}");
        }
    }
}
