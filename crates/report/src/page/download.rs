//! Links that save data held in the page itself.

use crate::html::escape;
use crate::table::{Format, Table};

/// A link that saves a table as CSV.
pub(super) fn csv(file: &str, label: &str, table: &Table) -> String {
    link(file, label, "text/csv", &table.render(Format::Csv, None, false))
}

/// A link that saves a text.
pub(super) fn text(file: &str, label: &str, text: &str) -> String {
    link(file, label, "text/plain", text)
}

fn link(file: &str, label: &str, kind: &str, text: &str) -> String {
    // A file name, never a path.
    let file = file.rsplit(['/', '\\']).next().unwrap_or("data");
    format!(
        "<p><a class=\"download\" download=\"{}\" href=\"data:{kind};charset=utf-8;base64,{}\">{}</a></p>\n",
        escape(file),
        base64(text.as_bytes()),
        escape(label)
    )
}

/// RFC 4648 with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            if digit <= chunk.len() {
                let index = word >> (18 - 6 * digit) & 63;
                out.push(char::from(DIGITS[index as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_vectors_of_rfc_4648() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_path_becomes_a_name() {
        assert!(text("../../x\"y.toml", "l", "").contains("download=\"x&quot;y.toml\""));
    }
}
