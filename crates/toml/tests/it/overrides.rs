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
            "--set search.sed=3: `search.sed` is not a known key (did you mean `seed`?)",
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

#[test]
fn a_key_that_stands_elsewhere_or_is_called_otherwise_is_known() {
    use panarch_toml::Key;
    let keys = [
        Key::new("name", ""),
        Key::new("search", ""),
        Key::new("search.seed", "").known_as(&["rng"]),
        Key::new("train", "").known_as(&["training"]),
        Key::new("train.batch", "").known_as(&["batch_size"]),
        Key::new("train.rate", ""),
        Key::new("tune.rate", ""),
    ];
    let read = |overrides: &[&str]| -> Vec<String> {
        let document = Document::parse("f", "[search]\nseed = 1\n[train]\nbatch = 8\n").unwrap();
        let document = document.with_keys(keys).with_overrides(overrides);
        let root = document.root();
        let (search, train, tune) = (
            root.table_or_empty("search"),
            root.table_or_empty("train"),
            root.table_or_empty("tune"),
        );
        let _ = (search.optional_u64("seed"), root.optional_string("name"));
        let _ = (
            train.optional_u32("batch"),
            train.optional_f64("rate"),
            tune.optional_f64("rate"),
        );
        [search, train, tune, root]
            .into_iter()
            .for_each(panarch_toml::Table::finish);
        let problems = document.finish(Some(())).err();
        problems.iter().flatten().map(ToString::to_string).collect()
    };
    let table = [
        (
            "train.seed=2",
            "`train.seed` is not a known key (did you mean `search.seed`?)",
        ),
        (
            "train.batch_size=2",
            "`train.batch_size` is not a known key (did you mean `batch`?)",
        ),
        (
            "search.batch_size=2",
            "`search.batch_size` is not a known key (did you mean `train.batch`?)",
        ),
        (
            "batch_size=2",
            "`batch_size` is not a known key (did you mean `train.batch`?)",
        ),
        ("serach.seed=2", "`serach` is not a known key (did you mean `search`?)"),
        (
            "training.batch=2",
            "`training` is not a known key (did you mean `train`?)",
        ),
        (
            "optimiser.batch=2",
            "`optimiser` is not a known key (did you mean `train.batch`?)",
        ),
        (
            "search.rate=2",
            "`search.rate` is not a known key here; it may be meant to be one of `train.rate` or `tune.rate`",
        ),
        (
            "train.colour=2",
            "`train.colour` is not a known key here, where it can be one of `batch` or `rate`",
        ),
    ];
    for (change, expected) in table {
        assert_eq!(read(&[change]), [format!("--set {change}: {expected}")]);
    }
}

#[test]
fn what_was_asked_for_is_remembered_where_that_is_wanted() {
    let document = Document::parse("f", TEXT).unwrap().recording();
    let root = document.root();
    let _ = (root.string("name"), root.optional_u32_in("count", 1..=9));
    let search = root.table_or_empty("search");
    let _ = search.optional_one_of("strategy", &[("random", 1), ("evolution", 2)]);
    let asked: Vec<(String, String, bool)> = document
        .asked()
        .into_iter()
        .map(|key| (key.path, key.expected, key.required))
        .collect();
    let expected = [
        ("name", "a string", true),
        ("count", "a whole number from 1 to 9", false),
        ("search", "a table", false),
        ("search.strategy", "one of `random` or `evolution`", false),
    ];
    assert_eq!(
        asked,
        expected.map(|(path, words, required)| (path.to_owned(), words.to_owned(), required))
    );
    assert!(Document::parse("f", TEXT).unwrap().asked().is_empty());
}
