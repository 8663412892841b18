//! The depth of a document, bounded before a tree is built from it.

use toml_parser::parser::{EventReceiver, RecursionGuard, parse_document};
use toml_parser::{ErrorSink, Source, Span};

/// Deepest nesting of tables and lists in a document, the parts of dotted keys counted.
pub const MAX_DEPTH: usize = 64;

/// The start of the first key or value that is nested deeper than [`MAX_DEPTH`].
///
/// The parser bounds brackets and the parts of one key, but not their product, and a tree is dropped recursively.
pub(crate) fn too_deep(text: &str) -> Option<usize> {
    let tokens = Source::new(text).lex().into_vec();
    let mut depth = Depth::default();
    // More brackets than the limit are refused by the guard, so that the parser itself does not recurse further.
    let mut guard = RecursionGuard::new(&mut depth, MAX_DEPTH as u32);
    parse_document(&tokens, &mut guard, &mut ());
    depth.exceeded
}

#[derive(Default)]
struct Depth {
    /// Parts of the header that the current line stands under.
    header: usize,
    in_header: bool,
    /// Parts of the current key, one entry for each open bracket and one for the line.
    keys: Vec<usize>,
    line_key: usize,
    exceeded: Option<usize>,
}

impl Depth {
    fn current(&mut self) -> &mut usize {
        self.keys.last_mut().unwrap_or(&mut self.line_key)
    }

    fn check(&mut self, span: Span) {
        let depth = self.header + self.line_key + self.keys.len() + self.keys.iter().sum::<usize>();
        if depth > MAX_DEPTH && self.exceeded.is_none() {
            self.exceeded = Some(span.start());
        }
    }

    fn open(&mut self, span: Span) -> bool {
        self.keys.push(0);
        self.check(span);
        self.exceeded.is_none()
    }
}

impl EventReceiver for Depth {
    fn std_table_open(&mut self, _: Span, _: &mut dyn ErrorSink) {
        (self.header, self.line_key, self.in_header) = (0, 0, true);
    }
    fn array_table_open(&mut self, _: Span, _: &mut dyn ErrorSink) {
        (self.header, self.line_key, self.in_header) = (1, 0, true);
    }
    fn std_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.in_header = false;
    }
    fn array_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.in_header = false;
    }
    fn inline_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        self.open(span)
    }
    fn array_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        self.open(span)
    }
    fn inline_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.keys.pop();
    }
    fn array_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.keys.pop();
    }
    fn simple_key(&mut self, span: Span, _: Option<toml_parser::decoder::Encoding>, _: &mut dyn ErrorSink) {
        if self.in_header {
            self.header += 1;
        } else {
            *self.current() += 1;
        }
        self.check(span);
    }
    fn value_sep(&mut self, _: Span, _: &mut dyn ErrorSink) {
        *self.current() = 0;
    }
    fn newline(&mut self, _: Span, _: &mut dyn ErrorSink) {
        if self.keys.is_empty() {
            self.line_key = 0;
        }
        self.in_header = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_headers_and_dotted_keys() {
        let key = |n: usize| vec!["a"; n].join(".");
        let ok = [
            format!("x = {}1{}", "[".repeat(63), "]".repeat(63)),
            format!("{} = 1", key(64)),
            format!("[{}]\n{} = 1\n{} = 2", key(32), key(32), "b"),
            format!("x = {{ {} = 1, {} = 2 }}", key(60), "b"),
            "[[a]]\nb = [{c = 1}, {c = 2}]\n".repeat(200),
        ];
        for text in ok {
            assert_eq!(too_deep(&text), None, "{text}");
        }
        let bad = [
            format!("x = {}1{}", "[".repeat(64), "]".repeat(64)),
            format!("{} = 1", key(65)),
            format!("[{}]\n{} = 1", key(33), key(32)),
            format!("{}1{}", "a.a.a = {".repeat(16) + "b = ", "}".repeat(16)),
            "x = [".repeat(100_000),
        ];
        for text in bad {
            assert!(too_deep(&text).is_some(), "{text}");
        }
    }
}
