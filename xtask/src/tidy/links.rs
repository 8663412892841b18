//! Links between Markdown pages lead somewhere, paths that they name exist, and the book in `docs` has every page and leads
//! nowhere outside.

use super::Finding;
use super::tree::File;

/// The folder of the book, and its table of contents.
const BOOK: &str = "docs/";
const SUMMARY: &str = "docs/SUMMARY.md";

/// What a path in code begins with, if it is one of this repository and not a pattern.
const FOLDERS: [&str; 4] = ["crates/", "docs/", "spaces/", "xtask/"];

/// Tells what was, not what is.
const HISTORY: &str = "CHANGELOG.md";

/// `exists` tells of a path from the root whether there is such a file or folder.
pub fn check(files: &[File], exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let pages: Vec<&File> = files.iter().filter(|file| file.path.ends_with(".md")).collect();
    let mut findings = Vec::new();
    let mut listed = Vec::new();
    for page in &pages {
        for (line, target) in links(&page.text) {
            let mut broken = |message: String| findings.push(Finding::new(&page.path, line, message));
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let Some(path) = resolved(&page.path, path) else {
                broken(format!("`{target}` leads out of the repository"));
                continue;
            };
            if !exists(&path) {
                broken(format!("`{target}` does not exist"));
                continue;
            }
            if page.path.starts_with(BOOK) && !path.starts_with(BOOK) {
                broken(format!("`{target}` is not in the book: write the path as code"));
            }
            let heading = |file: &&&File| file.path == path && !anchors(&file.text).iter().any(|it| it == anchor);
            if !anchor.is_empty() && pages.iter().any(|file| heading(&file)) {
                broken(format!("`{path}` has no heading `#{anchor}`"));
            }
            if page.path == SUMMARY {
                if listed.contains(&path) {
                    broken(format!("`{target}` is listed twice"));
                }
                listed.push(path);
            }
        }
    }
    for page in pages.iter().filter(|page| page.path != HISTORY) {
        for (line, path) in paths(&page.text).filter(|(_, path)| !exists(path.trim_end_matches('/'))) {
            findings.push(Finding::new(&page.path, line, format!("`{path}` does not exist")));
        }
    }
    let in_book = |page: &&&File| page.path.starts_with(BOOK) && page.path != SUMMARY;
    for page in pages.iter().filter(in_book).filter(|page| !listed.contains(&page.path)) {
        findings.push(Finding::new(&page.path, 0, format!("is not listed in {SUMMARY}")));
    }
    findings
}

/// Line and target of every link that is relative, outside of code.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("](").filter(|_| !fenced) {
            rest = after;
            let Some((target, _)) = after.split_once(')') else {
                break;
            };
            let code = line[..line.len() - after.len()].matches('`').count() % 2 == 1;
            if !code && !before.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                found.push((index + 1, target));
            }
        }
    }
    found
}

/// Line and path of every file and folder that is named in code within a line.
fn paths(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let spans = text.lines().enumerate().flat_map(|(index, line)| {
        let code = line.split('`').skip(1).step_by(2);
        code.map(move |span| (index + 1, span))
    });
    spans.filter(|(_, span)| {
        let is_pattern = span.contains(|it: char| it.is_ascii_uppercase() || it.is_whitespace() || "*{…".contains(it));
        FOLDERS.iter().any(|folder| span.starts_with(folder)) && !is_pattern
    })
}

/// A link's path from the root of the repository; nothing where it leaves it.
fn resolved(page: &str, link: &str) -> Option<String> {
    if link.is_empty() {
        return Some(page.to_owned());
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The anchors of a page's headings: lower case, words joined by hyphens, no punctuation.
fn anchors(text: &str) -> Vec<String> {
    let mut fenced = false;
    let headings = text.lines().filter(|line| {
        fenced ^= line.trim_start().starts_with("```");
        !fenced && line.starts_with('#')
    });
    let anchor = |line: &str| -> String {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let words = title.replace(' ', "-");
        words
            .chars()
            .filter(|it| it.is_alphanumeric() || matches!(it, '-' | '_'))
            .collect()
    };
    headings.map(anchor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(pages: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<File> = pages.iter().map(|(path, text)| File::new(*path, *text)).collect();
        let exists = |path: &str| files.iter().any(|file| file.path == path) || path == "docs/a";
        check(&files, &exists).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_that_lead_somewhere() {
        let found = messages(&[
            (
                "README.md",
                "[a](docs/a.md#the-2nd-part) and [b](https://b.c) [d](docs/a/) `[x](y)`\n",
            ),
            ("docs/SUMMARY.md", "- [a](a.md)\n"),
            (
                "docs/a.md",
                "# A\n## The 2nd `part`\n[here](#a)\n```\n[no](link)\n```\n",
            ),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn links_that_lead_nowhere() {
        let found = messages(&[
            ("README.md", "fine\n[a](b.md) [c](docs/a.md#b) [d](../d.md)\n"),
            ("docs/SUMMARY.md", "- [a](a.md)\n- [a](a.md)\n"),
            ("docs/a.md", "# A\n[up](../README.md)\n"),
            ("docs/b.md", "see `docs/c.md`, `docs/NAME.md` and `docs/b.md`\n"),
            (HISTORY, "`docs/c.md` is gone\n"),
        ]);
        let expected = [
            "README.md:2: `b.md` does not exist",
            "README.md:2: `docs/a.md` has no heading `#b`",
            "README.md:2: `../d.md` leads out of the repository",
            "docs/SUMMARY.md:2: `a.md` is listed twice",
            "docs/a.md:2: `../README.md` is not in the book: write the path as code",
            "docs/b.md:1: `docs/c.md` does not exist",
            "docs/b.md: is not listed in docs/SUMMARY.md",
        ];
        assert_eq!(found, expected);
    }
}
