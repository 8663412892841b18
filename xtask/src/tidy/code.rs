//! Rust sources without comments and literals, so that a search finds code only.

/// The text with comments and the insides of string and character literals replaced by spaces; lines stay.
pub fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out: Vec<char> = Vec::with_capacity(chars.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skipped(&chars, at);
        match end {
            Some(end) => {
                out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
                at = end;
            }
            None => {
                out.push(chars[at]);
                at += 1;
            }
        }
    }
    out.into_iter().collect()
}

/// The end of the comment or literal that begins at `at`, if one does.
fn skipped(chars: &[char], at: usize) -> Option<usize> {
    let next = |ahead: usize| chars.get(at + ahead).copied().unwrap_or('\0');
    match chars[at] {
        '/' if next(1) == '/' => Some(find(chars, at, |c| c == '\n')),
        '/' if next(1) == '*' => Some(block_comment(chars, at)),
        '"' => Some(string(chars, at + 1)),
        'r' if !word_before(chars, at) => raw_string(chars, at + 1),
        'b' if next(1) == 'r' && !word_before(chars, at) => raw_string(chars, at + 2),
        '\'' if next(1) == '\\' => Some(find(chars, at + 3, |c| c == '\'') + 1),
        '\'' if next(2) == '\'' => Some(at + 3),
        _ => None,
    }
    .map(|end| end.min(chars.len()))
}

fn word_before(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_')
}

fn find(chars: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    let rest = chars.get(from..).unwrap_or_default();
    from + rest.iter().position(|c| wanted(*c)).unwrap_or(rest.len())
}

fn block_comment(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0usize);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                at += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    at
}

fn string(chars: &[char], from: usize) -> usize {
    let mut at = from;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// `hashes` points behind the `r`.
fn raw_string(chars: &[char], hashes: usize) -> Option<usize> {
    let quote = find(chars, hashes, |c| c != '#');
    if chars.get(quote) != Some(&'"') {
        return None;
    }
    let count = quote - hashes;
    let mut at = quote + 1;
    while at < chars.len() {
        let tail = chars.get(at + 1..at + 1 + count);
        if chars[at] == '"' && tail.is_some_and(|tail| tail.iter().all(|c| *c == '#')) {
            return Some(at + 1 + count);
        }
        at += 1;
    }
    Some(at)
}

/// Blanked code with the modules and functions under `#[cfg(test)]` blanked as well.
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        let (before, after) = rest.split_at(start);
        out.push_str(before);
        let end = item_end(after);
        out.extend(after[..end].chars().filter(|c| *c == '\n'));
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

/// The end of the item that begins the text: its closing brace or its semicolon.
fn item_end(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Whether a word (which may hold `::` and end in `!`) occurs in code with no letter before or after it.
pub fn holds(code: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let ends = word.ends_with(is_word);
        let inside = before.is_some_and(is_word) || (ends && after.is_some_and(is_word));
        !inside
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_stay() {
        let text = "a(\"x // \\\" y\"); // note\nlet c = '\"'; let l: &'a str = r#\"q\"z\"#; /* b /* c */\n */ d\n";
        let code = blank(text);
        assert_eq!(code.lines().count(), text.lines().count());
        let words: Vec<&str> = code.split_whitespace().collect();
        assert_eq!(
            words,
            [
                "a(", ");", "let", "c", "=", ";", "let", "l:", "&'a", "str", "=", ";", "d"
            ]
        );
    }

    #[test]
    fn test_modules_are_cut() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { std::fs }\n}\n#[cfg(test)]\nuse x::y;\nfn c() {}\n";
        let shipped = without_tests(code);
        assert!(shipped.contains("fn a") && shipped.contains("fn c"));
        assert!(!shipped.contains("std::fs") && !shipped.contains("x::y"));
        assert_eq!(shipped.lines().count(), code.lines().count());
    }

    #[test]
    fn words_are_whole() {
        assert!(holds("let t = Instant::now();", "Instant"));
        assert!(!holds("let t = Instantly;", "Instant"));
        assert!(holds("todo!()", "todo!"));
        assert!(!holds("my_todo!()", "todo!"));
    }
}
