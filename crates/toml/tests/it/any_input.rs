//! No input makes the reader panic, and problems always have places inside the text.

use panarch_toml::{Document, Table};
use proptest::prelude::*;

const SEED: &str = r#"name = "demo"  # comment
rate = 0.5
"quoted key" = 'x'
date = 1979-05-27T07:32:00Z
text = """
many
lines"""
list = [1, [2.5, "x"], { a = 1, b.c = 2 }]
[search]
seed = 0xff
deep.er.still = inf
[[stage]]
widths = [16, 32]
[[stage]]
widths = 3
[stage.inner]
x = true
"#;

/// Asks every present key of every table for everything.
fn ask(table: Table<'_>) {
    for key in table.keys() {
        let key = key.value.as_str();
        table.optional_string(key);
        table.optional_u32_in(key, 1..=7);
        table.optional_f64(key);
        table.optional_list_of_u32(key);
        table.optional_one_of(key, &[("demo", 1), ("other", 2)]);
        table.problem(key, "a problem", None);
        table.tables(key).into_iter().for_each(ask);
        if let Some(inner) = table.optional_table(key) {
            ask(inner);
        }
    }
    table.u32("absent");
    table.finish();
}

fn check(text: &str, overrides: &[&str]) {
    let diagnostics = match Document::parse("f", text) {
        Ok(document) => {
            let document = document.with_overrides(overrides);
            ask(document.root());
            document.finish::<()>(None).expect_err("a key is missing")
        }
        Err(diagnostics) => diagnostics,
    };
    assert!(!diagnostics.is_empty());
    let count = text.split('\n').count();
    for diagnostic in &diagnostics {
        assert!(diagnostic.line as usize <= count, "{diagnostic}\n{text}");
        let line = text.split('\n').nth((diagnostic.line as usize).saturating_sub(1));
        let width = line.unwrap_or("").chars().count();
        assert!(diagnostic.column as usize <= width + 1, "{diagnostic}\n{text}");
    }
    assert!(!diagnostics.rich().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Document::parse_bytes("f", &bytes);
        check(&String::from_utf8_lossy(&bytes), &[]);
    }

    #[test]
    fn any_soup_of_toml(parts in proptest::collection::vec(0usize..32, 0..60)) {
        const PARTS: [&str; 32] = [
            "a", "b", ".", "=", " ", "\n", "[", "]", "[[", "]]", "{", "}", ",", "\"", "'", "\"\"\"", "'''", "#", "1",
            "-", "_", "0x", "e", "inf", "true", "1979-05-27", "\\u00e9", "ü", "\r\n", "\t", "a = 1\n", "[a.b]\n",
        ];
        let text: String = parts.iter().map(|part| PARTS[*part]).collect();
        check(&text, &[&text]);
    }

    #[test]
    fn a_document_with_mutations(edits in proptest::collection::vec((any::<usize>(), 0usize..4, any::<char>()), 0..6)) {
        let mut text: Vec<char> = SEED.chars().collect();
        for (at, what, with) in edits {
            let at = at % text.len().max(1);
            match what {
                0 => { text.remove(at); }
                1 => text.insert(at, with),
                2 => text.truncate(at + 1),
                _ => {
                    let piece: Vec<char> = text[at..].iter().take(40).copied().collect();
                    let to = (with as usize) % text.len();
                    text.splice(to..to, piece);
                }
            }
            if text.is_empty() { break; }
        }
        check(&text.into_iter().collect::<String>(), &[]);
    }

    #[test]
    fn any_override(text in "[a-z.=\\[{\" 0-9,]{0,20}", raw in any::<String>()) {
        check(SEED, &[&text, &raw, "search.seed=3"]);
    }
}

#[test]
fn the_seed_document_is_valid() {
    assert!(Document::parse("f", SEED).is_ok());
}

#[test]
fn brackets_times_keys_do_not_exhaust_the_stack() {
    let keys = vec!["k"; 79].join(".");
    let mut text = format!("[{keys}]\n{keys} = ");
    for _ in 0..79 {
        text.push_str(&format!("{{ {keys} = "));
    }
    text.push('1');
    text.push_str(&" }".repeat(79));
    let message = Document::parse("f", &text).unwrap_err().to_string();
    assert!(message.contains("nested deeper"), "{message}");
}
