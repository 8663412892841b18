//! The compact and the rich form.

use panarch_toml::{Diagnostic, Diagnostics, Document};

#[test]
fn the_rich_form_marks_the_value() {
    let document = Document::parse("run.toml", "# c\n\tepochs = \"three\" # x\r\n").unwrap();
    let root = document.root();
    root.u32_in("epochs", 1..=9);
    root.problem("epochs", "second", Some("3"));
    root.finish();
    let diagnostics = document.finish::<()>(None).unwrap_err();
    let expected = r#"error: `epochs` must be a whole number from 1 to 9, found the string "three"
  --> run.toml:2:11
   |
 2 |  epochs = "three" # x
   |           ^^^^^^^

error: second
  --> run.toml:2:11
   |
 2 |  epochs = "three" # x
   |           ^^^^^^^
   = did you mean `3`?"#;
    let lines: Vec<String> = diagnostics
        .rich()
        .to_string()
        .lines()
        .map(|l| l.trim_end().to_string())
        .collect();
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn lists_merge_and_print_one_problem_a_line() {
    let mut all = Diagnostics::from(Diagnostic::new("a.toml", "is empty"));
    let other = Diagnostic::new("b.toml", "no such device").with_position(2, 7);
    all.merge([other.with_suggestion("host")].into_iter().collect());
    assert_eq!(
        all.to_string(),
        "a.toml: is empty\nb.toml:2:7: no such device (did you mean `host`?)"
    );
    assert!(all.rich().contains("b.toml:2:7"));
}

#[test]
fn control_characters_of_a_file_do_not_reach_the_terminal() {
    let document = Document::parse("f", "a = \"\\u001b[31m\"\n").unwrap();
    document.root().u32("a");
    let diagnostics = document.finish::<()>(None).unwrap_err();
    assert!(!diagnostics.to_string().contains('\u{1b}'));
    let raw = Document::parse("f", "a = \"\u{1b}[31m\"\n").unwrap_err();
    assert!(!raw.to_string().contains('\u{1b}'));
    assert!(!raw.rich().contains('\u{1b}'));
}
