//! `--set key.path=value`.

use panarch_toml::Document;

const TEXT: &str = "name = \"a\"\n[search]\nseed = 1\n[[stage]]\nwidth = 8\n[[stage]]\nwidth = 16\n";

/// Name, seed, beta and the widths of the stages.
type Run = (String, u64, Option<f64>, Vec<u32>);

fn read(overrides: &[&str]) -> Result<Run, Vec<String>> {
    let document = Document::parse("f", TEXT).unwrap().with_overrides(overrides);
    let root = document.root();
    let name = root.string("name");
    let search = root.table_or_empty("search");
    let seed = search.u64("seed");
    let beta = search.optional_f64("beta");
    search.finish();
    let stages = root.tables("stage");
    let widths: Vec<u32> = stages.iter().filter_map(|stage| stage.u32("width")).collect();
    stages.into_iter().for_each(panarch_toml::Table::finish);
    root.finish();
    let value = name.zip(seed).map(|(name, seed)| (name, seed, beta, widths));
    document
        .finish(value)
        .map_err(|diagnostics| diagnostics.iter().map(ToString::to_string).collect())
}

#[test]
fn overrides_replace_add_and_reach_into_lists() {
    let run = read(&[
        "search.seed=3",
        "name=my run",
        "search.beta = -0.5",
        "stage.1.width=32",
        "search.seed=4",
    ])
    .unwrap();
    assert_eq!(run, ("my run".to_string(), 4, Some(-0.5), vec![8, 32]));
    let quoted = read(&["name=\"x = 1\"", "search={ seed = 9 }"]).unwrap();
    assert_eq!(quoted, ("x = 1".to_string(), 9, None, vec![8, 16]));
}

#[test]
fn problems_of_overrides_name_them() {
    let table = [
        (
            "search.sed=3",
            "--set search.sed=3: `search.sed` is not a known key here, where it can be one of `beta` or `seed`",
        ),
        (
            "search.bta=3",
            "--set search.bta=3: `search.bta` is not a known key (did you mean `beta`?)",
        ),
        (
            "search.seed=many",
            "--set search.seed=many: `search.seed` must be a whole number of 0 or more, found the string \"many\"",
        ),
        ("search.seed", "--set search.seed: must have the form key.path=value"),
        ("=3", "--set =3: must have the form key.path=value"),
        ("a b=3", "--set a b=3: must have the form key.path=value"),
        ("name.x=3", "--set name.x=3: `x` cannot be set inside the string \"a\""),
        (
            "stage.2.width=3",
            "--set stage.2.width=3: `2` is not an item of a list of 2, counted from 0",
        ),
        (
            "name=[1",
            "--set name=[1: the value is not TOML: unclosed array, expected `]`",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(read(&[text]).unwrap_err(), [expected], "{text}");
    }
}
