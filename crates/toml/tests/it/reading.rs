//! Every kind of mistake, its place and its words.

use panarch_toml::{Diagnostics, Document, Spanned, Table};

fn lines(text: &str, read: impl FnOnce(&Table<'_>)) -> Vec<String> {
    let document = Document::parse("f", text).expect("the document is valid TOML");
    let root = document.root();
    read(&root);
    root.finish();
    match document.finish(Some(())) {
        Ok(()) => Vec::new(),
        Err(diagnostics) => diagnostics.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn values_are_read() {
    let text = r#"
name = "demo"
epochs = 3
rate = 1
hex = 0xff
seed = 18446744073709551615
flags = [true, false]
widths = [16, 32]
[train]
batch = 128
deep.er = { x = -0.5 }
[[stage]]
name = "a"
[[stage]]
name = "b"
"#;
    let problems = lines(text, |root| {
        assert_eq!(root.string("name").as_deref(), Some("demo"));
        assert_eq!(root.u32_in("epochs", 1..=1000), Some(3));
        assert_eq!(root.f64("rate"), Some(1.0));
        assert_eq!(root.u32("hex"), Some(255));
        assert_eq!(root.u64("seed"), Some(u64::MAX));
        assert_eq!(root.list_of_bool("flags"), Some(vec![true, false]));
        assert_eq!(root.list_in("widths", 8u32..), Some(vec![16, 32]));
        assert_eq!(root.optional_string("absent"), None);
        let train = root.table("train").unwrap();
        assert_eq!(train.u32("batch"), Some(128));
        let deeper = train.table("deep").unwrap();
        let inner = deeper.table("er").unwrap();
        assert_eq!(inner.path(), "train.deep.er");
        assert_eq!(inner.f64_in("x", -1.0..1.0), Some(-0.5));
        inner.finish();
        deeper.finish();
        train.finish();
        let stages = root.tables("stage");
        let names: Vec<_> = stages.iter().map(|stage| stage.string("name")).collect();
        assert_eq!(names, [Some("a".to_string()), Some("b".to_string())]);
    });
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn every_mistake_is_reported_in_order_with_its_place() {
    let text = r#"
epochs = "three"
rate = nan
activation = "rellu"
seed = -1
widths = [16, "32", 0]
sizes = 3
tran = {}
unknown = 1
big = 99999999999999999999999999999999999999999999
[search]
evaluations = 10.5
populaton = 4
[[stage]]
kernel = true
[stage.inner]
"#;
    let problems = lines(text, |root| {
        assert_eq!(root.u32_in("epochs", 1..=1000), None);
        root.f64_in("rate", 0.0..);
        root.one_of("activation", &[("relu", 1), ("swish", 2)]);
        root.u64("seed");
        root.list_in("widths", 8u32..);
        root.list_of_u32("sizes");
        root.table("train");
        root.u32("big");
        let search = root.table("search").unwrap();
        search.u32("evaluations");
        search.u32_in("population", 2..);
        search.u32("tournament");
        search.finish();
        for stage in root.tables("stage") {
            stage.list_of_u32("kernel");
            stage.finish();
        }
    });
    let expected = [
        "f:2:10: `epochs` must be a whole number from 1 to 1000, found the string \"three\"",
        "f:3:8: `rate` must be a number of 0 or more, found nan",
        "f:4:14: `activation` must be one of `relu` or `swish`, found the string \"rellu\" (did you mean `relu`?)",
        "f:5:8: `seed` must be a whole number of 0 or more, found -1",
        "f:6:15: `widths[1]` must be a whole number of 8 or more, found the string \"32\"",
        "f:6:21: `widths[2]` must be a whole number of 8 or more, found 0",
        "f:7:9: `sizes` must be a list, each item a whole number of 0 or more, found 3 (did you mean `[3]`?)",
        "f:8:1: `tran` is not a known key (did you mean `train`?)",
        "f:9:1: `unknown` is not a known key here, where it can be one of `activation`, `big`, `epochs`, `rate`, `search`, `seed`, `sizes`, `stage`, `train` or `widths`",
        "f:10:7: `big` must be a whole number of 0 or more, found 9999999999999999999999999999999999999999…",
        "f:11:1: `search.tournament` is missing: it must be a whole number of 0 or more",
        "f:12:15: `search.evaluations` must be a whole number of 0 or more, found 10.5",
        "f:13:1: `search.populaton` is not a known key (did you mean `population`?)",
        "f:15:10: `stage[0].kernel` must be a list, each item a whole number of 0 or more, found true",
        "f:16:8: `stage[0].inner` is not a known key here, where it can be `kernel`",
    ];
    assert_eq!(problems, expected);
}

#[test]
fn a_number_that_is_too_large_names_its_range() {
    let problems = lines("a = 300\nb = 4294967296\nc = 9e400", |root| {
        root.required::<u8>("a");
        root.u32("b");
        root.f64("c");
    });
    assert_eq!(
        problems,
        [
            "f:1:5: `a` must be a whole number from 0 to 255, found 300",
            "f:2:5: `b` must be a whole number from 0 to 4294967295, found 4294967296",
            "f:3:5: `c` must be a number, found 9e400",
        ]
    );
}

#[test]
fn an_absent_table_is_read_for_its_defaults_and_a_wrong_one_is_reported_once() {
    let read = |root: &Table<'_>| {
        let train = root.table_or_empty("train");
        assert_eq!(train.optional_u32("epochs"), None);
        train.u32("batch");
        train.finish();
    };
    assert_eq!(
        lines("", read),
        ["f:1:1: `train.batch` is missing: it must be a whole number of 0 or more"]
    );
    assert_eq!(lines("train = 3", read), ["f:1:9: `train` must be a table, found 3"]);
}

#[test]
fn problems_found_later_stand_where_the_value_stood() {
    let text = "a = 1\n  names = [\"x\",\n \"ÿÿ\", \"x\"]\n[t]\nlow = 3\nhigh = 2\n";
    let problems = lines(text, |root| {
        root.u32("a");
        let names = root.list_of_strings_spanned("names").unwrap();
        let Spanned { value, at } = names[2].clone();
        assert_eq!((at.line, at.column), (3, 8));
        root.problem_at(at, format!("`{value}` is named twice"), None);
        let table = root.table("t").unwrap();
        if table.u32("low") > table.u32("high") {
            table.problem("high", "`t.high` must not be below `t.low`", Some("3"));
            table.problem("absent", "at the header", None);
        }
        table.finish();
    });
    assert_eq!(
        problems,
        [
            "f:3:8: `x` is named twice",
            "f:4:1: at the header",
            "f:6:8: `t.high` must not be below `t.low` (did you mean `3`?)",
        ]
    );
}

#[test]
fn keys_that_are_data_come_in_the_order_of_the_text() {
    let problems = lines("[targets]\nz = 1\na = 2\n\"b c\" = 3\n", |root| {
        let targets = root.table("targets").unwrap();
        let keys: Vec<String> = targets.keys().into_iter().map(|key| key.value).collect();
        assert_eq!(keys, ["z", "a", "b c"]);
        targets.u32("z");
        targets.u32("a");
        targets.finish();
    });
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("f:4:1: `targets.b c` is not a known key"));
}

#[test]
fn syntax_errors_have_places_and_several_are_reported() {
    let text = "a = \nb = 'open\nc = 1\nc = 2\nd = 1 2\n";
    let diagnostics = Document::parse("f", text).unwrap_err();
    let lines: Vec<u32> = diagnostics.iter().map(|d| d.line).collect();
    assert_eq!(lines, [1, 2, 4, 5], "{diagnostics}");
}

#[test]
fn limits_are_named() {
    let deep = format!("x = {}", "[".repeat(100_000));
    let message = Document::parse("f", &deep).unwrap_err().to_string();
    assert_eq!(message, "f:1:68: nested deeper than the 64 levels that are read");
    let large = "# comment\n".repeat(500_000);
    let message = Document::parse("f", &large).unwrap_err().to_string();
    assert!(message.starts_with("f: the file has 5000000 bytes"), "{message}");
    let message = Document::parse_bytes("f", b"a = 1\nb = \"\xff\"").unwrap_err();
    assert_eq!(message.to_string(), "f:2:6: the file is not text in UTF-8");
    let many: String = (0..1000).map(|i| format!("k{i} = 1\n")).collect();
    let problems = lines(&many, |_| {});
    assert_eq!(problems.len(), 201);
    assert_eq!(problems[200], "f: 800 more problems are not listed");
}

#[test]
fn neither_a_value_nor_a_problem_is_an_error_too() {
    let document = Document::parse("f", "").unwrap();
    let outcome: Result<u32, Diagnostics> = document.finish(None);
    assert_eq!(outcome.unwrap_err().len(), 1);
}
