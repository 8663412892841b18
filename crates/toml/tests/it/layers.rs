//! Documents over others.

use panarch_toml::{Document, Layering};

const BASE: &str = "\
name = \"base\"
size = 1
[block]
kernel = { choices = [3, 5], per = \"stage\" }
depth = 2
[[stage]]
width = 8
[[stage]]
name = \"late\"
width = 16
[[tie]]
to = \"a\"
";

const LAYERING: Layering<'_> = Layering {
    own: &["name"],
    dependent: &[("size", "spare")],
    appended: &["tie"],
    change: "change",
    chosen: &[],
    values: None,
    item: |list, position, name| match list {
        "stage" => Some(name.map_or_else(|| format!("stage{}", position + 1), str::to_owned)),
        _ => None,
    },
};

/// Name, size, `block` as text, the widths of the stages and the ends of the ties.
fn read(texts: &[&str]) -> Result<String, Vec<String>> {
    let bases: Vec<(&str, &str)> = texts[1..].iter().map(|text| ("base.toml", *text)).collect();
    let document = Document::parse_over("own.toml", texts[0], &bases, &LAYERING).unwrap();
    let root = document.root();
    let name = root.string("name");
    let size = root.u32("size");
    let block = root.table_or_empty("block");
    let kernel = block.value("kernel").map(|value| value.table().is_some());
    let depth = block.u32("depth");
    block.finish();
    let stages = root.tables("stage");
    let widths: Vec<u32> = stages.iter().filter_map(|stage| stage.u32("width")).collect();
    for stage in stages {
        stage.has("name");
        stage.finish();
    }
    let ties: Vec<String> = root
        .tables("tie")
        .iter()
        .filter_map(|table| table.string("to"))
        .collect();
    root.finish();
    let value = Some(format!("{name:?} {size:?} {kernel:?} {depth:?} {widths:?} {ties:?}"));
    document
        .finish(value)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn what_is_not_said_is_as_in_the_base() {
    let own = "\
name = \"own\"
[block]
kernel = 7
[change.stage1]
width = 24
[[tie]]
to = \"b\"
";
    assert_eq!(
        read(&[own, BASE]).unwrap(),
        r#"Some("own") Some(1) Some(false) Some(2) [24, 16] ["a", "b"]"#
    );
    let nearest = "name = \"nearest\"\nsize = 3\n[change.late]\nwidth = 32\n";
    assert_eq!(
        read(&[nearest, own, BASE]).unwrap(),
        r#"Some("nearest") Some(3) Some(false) Some(2) [24, 32] ["a", "b"]"#
    );
    let lists = "name = \"lists\"\nstage = [{ width = 4 }]\n";
    assert_eq!(
        read(&[lists, BASE]).unwrap(),
        r#"Some("lists") Some(1) Some(true) Some(2) [4] ["a"]"#
    );
}

#[test]
fn problems_are_reported_where_they_stand() {
    assert_eq!(
        read(&["size = 2", BASE]).unwrap_err(),
        ["own.toml:1:1: `name` is missing: it must be a string"]
    );
    let own = "name = \"own\"\nsize = \"x\"\n[change.lat]\nwidth = 1\n[change.stage1]\nwidth = \"y\"\n";
    assert_eq!(
        read(&[own, BASE]).unwrap_err(),
        [
            "own.toml:2:8: `size` must be a whole number of 0 or more, found the string \"x\"",
            "own.toml:3:9: the base has no `lat` (did you mean `late`?)",
            "own.toml:6:9: `stage[0].width` must be a whole number of 0 or more, found the string \"y\"",
        ]
    );
    let wrong_base = format!("spare = 1\n{}", BASE.replace("depth = 2", "depth = true"));
    let found = read(&["name = \"own\"\nsize = 2", &wrong_base]).unwrap_err();
    assert_eq!(found.len(), 1, "{found:?}");
    let found = read(&["name = \"own\"", &wrong_base]).unwrap_err();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found.iter().all(|problem| problem.starts_with("base.toml:")),
        "{found:?}"
    );
    let found = read(&["name = \"own\"\nchange = 3", BASE]).unwrap_err();
    assert_eq!(found, ["own.toml:2:10: `change` must be a table"]);
    let found = read(&["name = \"own\"\n[change]\nlate = 3", BASE]).unwrap_err();
    assert_eq!(found, ["own.toml:3:8: `change.late` must be a table"]);
    let error = Document::parse_over("own.toml", "", &[("base.toml", "x = [")], &LAYERING).unwrap_err();
    assert!(error.to_string().starts_with("base.toml:1:"), "{error}");
}

/// A change is one of the list that stands in the end, wherever it is written.
#[test]
fn the_order_of_a_change_and_of_its_list_is_no_matter() {
    let (name, change, list) = (
        "name = \"own\"\n",
        "[change.stage1]\nwidth = 4\n",
        "[[stage]]\nwidth = 32\n",
    );
    let before = read(&[&format!("{name}{change}{list}"), BASE]).unwrap();
    let after = read(&[&format!("{name}{list}{change}"), BASE]).unwrap();
    assert_eq!(before, after);
    assert!(before.contains("[4]"), "{before}");
}

const NESTED: Layering<'_> = Layering {
    own: &[],
    dependent: &[],
    appended: &[],
    change: "change",
    chosen: &[("array", "kind")],
    values: Some(&["value"]),
    item: |_, _, _| None,
};

#[test]
fn tables_within_tables_are_merged_and_values_are_whole() {
    let base =
        "[array]\nkind = \"a\"\nrows = { value = 1, source = \"s\" }\n[unit]\nrate = 2\n[unit.passes]\nx = 1\ny = 2\n";
    let read = |own: &str| {
        let document = Document::parse_over("own.toml", own, &[("base.toml", base)], &NESTED).unwrap();
        let root = document.root();
        let array = root.table_or_empty("array");
        let rows = array.optional_table("rows").map(|rows| {
            let inherited = rows.value("value").is_some_and(|value| value.is_inherited());
            (rows.u32("value"), rows.optional_string("source"), inherited)
        });
        let unit = root.table_or_empty("unit");
        let passes = unit.table_or_empty("passes");
        let numbers = [
            unit.optional_u32("rate"),
            passes.optional_u32("x"),
            passes.optional_u32("y"),
        ];
        let file = passes.value("y").map(|value| value.file_name().to_owned());
        format!("{rows:?} {numbers:?} {file:?}")
    };
    for (own, expected) in [
        (
            "",
            r#"Some((Some(1), Some("s"), true)) [Some(2), Some(1), Some(2)] Some("base.toml")"#,
        ),
        (
            "[array]\nrows = { value = 3 }\n[unit.passes]\ny = 4\n",
            r#"Some((Some(3), None, false)) [Some(2), Some(1), Some(4)] Some("own.toml")"#,
        ),
        // Another array has other keys.
        (
            "[array]\nkind = \"b\"\n",
            r#"None [Some(2), Some(1), Some(2)] Some("base.toml")"#,
        ),
        (
            "[array]\nkind = \"a\"\n",
            r#"Some((Some(1), Some("s"), true)) [Some(2), Some(1), Some(2)] Some("base.toml")"#,
        ),
    ] {
        assert_eq!(read(own), expected, "{own}");
    }
}

#[test]
fn what_a_merged_table_lacks_is_missing_in_the_document() {
    let bases = [("base.toml", "[unit]\nrate = 2\n")];
    let document = Document::parse_over("own.toml", "[unit]\nx = 1\n", &bases, &NESTED).unwrap();
    let root = document.root();
    let unit = root.table("unit").unwrap();
    let _ = (unit.u32("rate"), unit.u32("x"), unit.u32("depth"));
    drop(root);
    drop(unit);
    let problems = document.finish::<()>(None).unwrap_err().to_string();
    assert_eq!(
        problems,
        "own.toml:1:1: `unit.depth` is missing: it must be a whole number of 0 or more"
    );
}

#[test]
fn a_quantity_is_a_number_or_a_text_with_a_unit() {
    use panarch_toml::Unit;
    let text = "a = 5\nb = \"5 MHz\"\nc = \"5 MB\"\nd = \"5 GHz\"\ne = true\n";
    let document = Document::parse("q.toml", text).unwrap();
    let root = document.root();
    let read = |key: &str| root.quantity_in(key, Unit::Hertz, 1.0..=1e9);
    assert_eq!(
        ["a", "b", "c", "d", "e"].map(read),
        [Some(5.0), Some(5e6), None, None, None]
    );
    assert_eq!(root.optional_quantity_in("f", Unit::Hertz, ..), None);
    drop(root);
    let problems: Vec<String> = document
        .finish::<()>(None)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(problems.len(), 3, "{problems:#?}");
    for (problem, part) in problems.iter().zip([
        "q.toml:3:5: `c`: `MB` is a unit of data, where frequency is expected: Hz, kHz, MHz, GHz",
        "`d` must be a number from 1 to 1000000000 (in Hz), or a text with its unit such as \"800 MHz\", found the string \"5 GHz\"",
        "found true",
    ]) {
        assert!(problem.contains(part), "{problem} lacks {part}");
    }
}
