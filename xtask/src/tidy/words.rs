//! The project speaks of itself alone: no word about the place where it was written.

use super::Finding;
use super::tree::File;

/// Written in two halves, so that this file does not hold the words it looks for.
const FORBIDDEN: [(&str, &str); 7] = [
    ("/wor", "k/"),
    ("/tmp/te", "am"),
    ("bash_", "jobs"),
    (".libr", "ary/"),
    ("before-", "stop"),
    ("sub", "agent"),
    ("BRIEF", ".md"),
];

pub fn check(files: &[File]) -> Vec<Finding> {
    let words: Vec<String> = FORBIDDEN.iter().map(|(a, b)| format!("{a}{b}")).collect();
    let mut findings = Vec::new();
    for file in files {
        for (index, line) in file.text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(word.as_str())) {
                let message = format!("`{word}` is about the place where this was written");
                findings.push(Finding::new(&file.path, index + 1, message));
            }
            if let Some(number) = issue_number(line) {
                let message = format!("`issue {number}` means nothing to a reader: say what it was about");
                findings.push(Finding::new(&file.path, index + 1, message));
            }
        }
    }
    findings
}

/// The number behind the word "issue", if one stands there.
fn issue_number(line: &str) -> Option<String> {
    let lower = line.to_lowercase();
    lower.split(concat!("issue", " ")).skip(1).find_map(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(digits)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_anywhere() {
        let words: Vec<String> = FORBIDDEN.iter().map(|(a, b)| format!("{a}{b}")).collect();
        for word in words {
            let file = File::new("docs/a.md", format!("fine\nsee {word} there\n"));
            let findings = check(&[file]);
            assert_eq!(findings.len(), 1, "{word}");
            assert_eq!(findings[0].line, 2);
        }
        let issue = format!("as {} 7 says", "Issue");
        assert_eq!(check(&[File::new("a.md", issue)]).len(), 1);
        assert!(check(&[File::new("a.md", "a framework/ of no issue at all")]).is_empty());
    }
}
