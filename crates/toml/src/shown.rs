//! Text from outside as it is shown to people.

use std::borrow::Cow;

/// Whether a character steers a terminal, cannot be seen, or turns round what stands beside it.
///
/// Control characters, format characters of Unicode that have no width or set the direction of writing, and the
/// separators of lines and paragraphs.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` on one line, with every hidden character written out: a line end as `\n`, an escape as `\u{1b}`.
///
/// Everything that may come from a file, a name or an argument goes through here before a person sees it.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// As [`shown`], for text that has lines of its own: line ends and tabs stay.
#[must_use]
pub fn shown_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c == '\n' || c == '\t')
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let hidden = |c: char| is_hidden(c) && !stays(c);
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut before = ' ';
    for c in text.chars() {
        // Persian, the scripts of India and some emoji are written with joiners.
        let joins = matches!(c, '\u{200c}' | '\u{200d}') && !before.is_ascii() && !is_hidden(before);
        if hidden(c) && !joins {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
        before = c;
    }
    Cow::Owned(out)
}

/// The text of a JSON document with every hidden character as JSON's own escape; it means the same document.
#[must_use]
pub fn shown_json(json: &str) -> Cow<'_, str> {
    // Outside its strings JSON has no hidden characters but white space, and inside them no unescaped line end or tab.
    let hidden = |c: char| is_hidden(c) && !matches!(c, '\n' | '\r' | '\t');
    if !json.contains(hidden) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hidden_is_left() {
        for (text, expected) in [
            ("plain, τ ± µs, 文字", "plain, τ ± µs, 文字"),
            ("\u{1b}]0;pwn\u{7}\u{1b}[2J", r"\u{1b}]0;pwn\u{7}\u{1b}[2J"),
            ("a\nb\tc\rd", r"a\nb\tc\rd"),
            ("\u{9b}31m\u{7f}", r"\u{9b}31m\u{7f}"),
            ("abc\u{202e}gnp.exe\u{2066}", r"abc\u{202e}gnp.exe\u{2066}"),
            ("zero\u{200b}width\u{feff}", r"zero\u{200b}width\u{feff}"),
        ] {
            assert_eq!(shown(text), expected);
            assert_eq!(shown(expected), expected);
            assert!(!shown_lines(text).contains(|c| is_hidden(c) && c != '\n' && c != '\t'));
        }
        assert_eq!(shown_lines("a\n\tb\r"), "a\n\tb\\r");
    }

    #[test]
    fn joiners_of_a_script_stay_and_others_do_not() {
        let persian = "می\u{200c}خواهم";
        assert_eq!(shown(persian), persian);
        assert_eq!(shown("👩\u{200d}🔬"), "👩\u{200d}🔬");
        assert_eq!(shown("ab\u{200d}c\u{200c}"), r"ab\u{200d}c\u{200c}");
        assert_eq!(shown("م\u{200c}\u{200c}"), "م\u{200c}\\u{200c}");
    }

    #[test]
    fn json_stays_the_same_document() {
        assert_eq!(
            shown_json("{\n \"a\": \"é\u{9b}\u{e0001}\"\n}"),
            "{\n \"a\": \"é\\u009b\\udb40\\udc01\"\n}"
        );
    }
}
