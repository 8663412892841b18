//! Escaping of strings for HTML and SVG.

use panarch_toml::shown_lines;

/// `text` so that it can stand in HTML or SVG text and in quoted attributes.
///
/// What a reader could not see or would see turned round is written out, line ends and tabs stay.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for character in shown_lines(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The same with every word that has a hyphen in an element that is not broken unless it is wider than the line: names of
/// devices are read, and searched for, as one.
pub fn escape_words(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        if word.contains('-') {
            format!("<span class=\"name\">{}</span>", escape(word))
        } else {
            escape(word)
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{escape, escape_words};

    #[test]
    fn a_name_with_hyphens_is_one_element() {
        assert_eq!(
            escape_words("for ethos-u55-128, host and <a-b>"),
            "for <span class=\"name\">ethos-u55-128,</span> host and <span class=\"name\">&lt;a-b&gt;</span>"
        );
    }

    #[test]
    fn nothing_active_survives() {
        assert_eq!(
            escape("<script>alert('x')</script> & \"y\"\u{0}\u{1b}"),
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;\\u{0}\\u{1b}"
        );
        assert_eq!(escape("τ ± µs\n"), "τ ± µs\n");
    }
}
