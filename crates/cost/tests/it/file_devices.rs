//! Profiles of devices that answer from a file.

use std::path::Path;

use panarch_cost::profile::TableDialect;
use panarch_cost::{DeviceKind, DeviceProfile};

const HEADING: &str =
    "format = 1\nname = \"bench\"\ndescription = \"A bench.\"\nclass = \"full\"\nprecision = \"f32\"\n";

fn read(rest: &str) -> Result<DeviceProfile, Vec<String>> {
    DeviceProfile::from_toml("bench.toml", &format!("{HEADING}{rest}"))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn a_table_is_named_relative_to_its_profile() {
    let profile = read("kind = \"table\"\n[table]\nfile = \"a/b.yaml\"\ndialect = \"ofa\"\nentries = 96\n").unwrap();
    let DeviceKind::Table(target) = profile.kind() else {
        panic!("{profile:?}")
    };
    assert_eq!((target.dialect, target.entries), (TableDialect::Ofa, Some(96)));
    let hash = profile.hash();
    let text = format!("{HEADING}kind = \"table\"\n[table]\nfile = \"a/b.yaml\"\ndialect = \"ofa\"\nentries = 96\n");
    let moved = DeviceProfile::from_toml("devices/bench.toml", &text).unwrap();
    assert!(matches!(moved.kind(), DeviceKind::Table(target) if target.file == Path::new("devices/a/b.yaml")));
    assert_eq!(moved.hash(), hash);
    assert!(moved.cost_source().is_err());
}

#[test]
fn a_linear_model_states_its_error_and_where_that_is_from() {
    let text = "kind = \"linear\"\n[linear]\nfile = \"m.json\"\nspace = \"tunas-proxyless\"\n[error]\nrelative = { value = 0.1, assumption = \"none is published\" }\nlevel = { value = 0.95, assumption = \"as elsewhere\" }\n";
    let profile = read(text).unwrap();
    assert!(matches!(profile.kind(), DeviceKind::Linear(target) if target.error.relative.value == 0.1));
    let problems = read(&text.replacen("assumption", "source", 1).replacen(
        "[error]",
        "[sources]\nused = \"x\"\n[error]",
        1,
    ));
    assert!(problems.unwrap_err()[0].contains("no figure names `used`"));
}

#[test]
fn mistakes_are_found_together() {
    let problems = read("kind = \"table\"\n[table]\nfile = \"\"\ndialect = \"oaf\"\nentires = 3\n").unwrap_err();
    for part in ["names no file", "did you mean `ofa`?", "did you mean `entries`?"] {
        assert!(
            problems.iter().any(|problem| problem.contains(part)),
            "{part}: {problems:?}"
        );
    }
    assert_eq!(problems.len(), 3);
    let problems = read("kind = \"tabel\"\n").unwrap_err();
    assert!(problems[0].contains("did you mean `table`?"), "{problems:?}");
}
