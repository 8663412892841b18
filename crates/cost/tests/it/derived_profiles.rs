//! Profiles over others, and quantities with units.

use std::collections::BTreeMap;
use std::path::Path;

use panarch_cost::profile::Origin;
use panarch_cost::{DeviceKind, DeviceProfile, preset_text};

/// Files by their paths.
type Files<'a> = BTreeMap<&'a str, String>;

fn read(files: &Files<'_>, name: &str) -> Result<DeviceProfile, Vec<String>> {
    let find = |path: &Path| {
        let text = files.get(path.to_str().unwrap_or_default());
        text.cloned().ok_or_else(|| "no such file".to_owned())
    };
    DeviceProfile::read(name, &files[name], &find)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn files<'a>(texts: &[(&'a str, &str)]) -> Files<'a> {
    texts.iter().map(|(name, text)| (*name, (*text).to_owned())).collect()
}

#[test]
fn a_profile_over_a_preset_says_only_what_it_changes() {
    let text = "base = \"systolic-32\"\n[clock]\nfrequency_hz = \"800 MHz\"\n[array]\nrows = 64\ncolumns = { value = 64, source = \"our own data sheet\" }\n";
    let profile = read(&files(&[("a/My_chip.toml", text)]), "a/My_chip.toml").unwrap();
    let base = DeviceProfile::preset("systolic-32").unwrap();
    let (machine, old) = (profile.accelerator().unwrap(), base.accelerator().unwrap());
    assert_eq!((profile.name(), profile.description()), ("my-chip", "over systolic-32"));
    assert_eq!((profile.class(), profile.precision()), (base.class(), base.precision()));
    assert_eq!(machine.clock_hz.value, 8e8);
    assert_eq!(machine.array.macs_per_cycle(), 4096.0);
    assert_eq!(
        machine.array.reduction_lanes.origin,
        Origin::Assumption("changed from `systolic-32`, without a source".to_owned())
    );
    assert_eq!(
        machine.array.output_lanes.origin,
        Origin::Source("our own data sheet".to_owned())
    );
    assert_eq!(machine.memory, old.memory);
    assert_ne!(profile.hash(), base.hash());
}

#[test]
fn every_preset_may_be_a_base_and_is_then_the_same_device() {
    for name in panarch_cost::preset_names() {
        let text = format!("base = \"{name}\"\nname = \"{name}\"\n");
        let profile =
            read(&files(&[("over.toml", &text)]), "over.toml").unwrap_or_else(|problems| panic!("{problems:#?}"));
        let base = DeviceProfile::preset(name).unwrap();
        assert_eq!(profile.kind(), base.kind(), "{name}");
    }
}

#[test]
fn what_a_result_hangs_on_is_in_the_hash() {
    let own = "base = \"./b.toml\"\n";
    let middle = "base = \"systolic-32\"\n[clock]\nfrequency_hz = 9e8\n";
    let first = read(&files(&[("o.toml", own), ("b.toml", middle)]), "o.toml").unwrap();
    let changed = middle.replace("9e8", "8e8");
    let second = read(&files(&[("o.toml", own), ("b.toml", &changed)]), "o.toml").unwrap();
    assert_ne!(first.hash(), second.hash());
    assert_eq!(second.accelerator().unwrap().clock_hz.value, 8e8);
    let moved = read(&files(&[("x/o.toml", own), ("x/b.toml", middle)]), "x/o.toml").unwrap();
    assert_eq!(first.hash(), moved.hash());
    let with = format!("{own}fallback = \"./host.toml\"\n");
    let host = preset_text("cortex-a53").unwrap();
    let one = read(
        &files(&[("o.toml", &with), ("b.toml", middle), ("host.toml", host)]),
        "o.toml",
    )
    .unwrap();
    let slower = host.replace("1.5e9", "1.2e9");
    let other = read(
        &files(&[("o.toml", &with), ("b.toml", middle), ("host.toml", &slower)]),
        "o.toml",
    )
    .unwrap();
    assert_ne!(one.hash(), first.hash());
    assert_ne!(one.hash(), other.hash());
    assert_eq!(other.fallback().unwrap().accelerator().unwrap().clock_hz.value, 1.2e9);
}

#[test]
fn paths_are_relative_to_the_file_that_names_them() {
    let table = "format = 1\nname = \"t\"\ndescription = \"A table.\"\nclass = \"full\"\nprecision = \"f32\"\nkind = \"table\"\n[table]\nfile = \"t.csv\"\ndialect = \"panarch\"\n";
    let all = files(&[
        ("a/o.toml", "base = \"../b/m.toml\"\n"),
        ("b/m.toml", "base = \"c/t.toml\"\nname = \"m\"\n"),
        ("b/c/t.toml", table),
    ]);
    let profile = read(&all, "a/o.toml").unwrap();
    let DeviceKind::Table(target) = profile.kind() else {
        panic!("{profile:?}")
    };
    assert_eq!(target.file, Path::new("b/c/t.csv"));
    let own = "base = \"../b/m.toml\"\n[table]\nfile = \"own.csv\"\n";
    let profile = read(
        &files(&[("a/o.toml", own), ("b/m.toml", &all["b/m.toml"]), ("b/c/t.toml", table)]),
        "a/o.toml",
    )
    .unwrap();
    assert!(matches!(profile.kind(), DeviceKind::Table(target) if target.file == Path::new("a/own.csv")));
}

#[test]
fn another_array_takes_nothing_of_the_old_one() {
    let array = preset_text("edgetpu-v1").unwrap();
    let start = array.find("[array]").unwrap();
    let end = start + 1 + array[start + 1..].find("\n[").unwrap();
    let grid: String = array[start..end]
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let plain = line
                .split(", source = ")
                .next()
                .unwrap()
                .split(", assumption = ")
                .next()
                .unwrap();
            if plain.contains('{') {
                format!("{plain}, assumption = \"a test\" }}\n")
            } else {
                format!("{plain}\n")
            }
        })
        .collect();
    let text = format!("base = \"systolic-32\"\n{grid}");
    let profile =
        read(&files(&[("g.toml", &text)]), "g.toml").unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"));
    assert!(profile.accelerator().unwrap().array.systolic.is_none());
    let command = "base = \"ethos-u55-256\"\nkind = \"accelerator\"\n";
    let profile = read(&files(&[("c.toml", command)]), "c.toml").unwrap();
    assert!(profile.command().is_none() && profile.accelerator().is_some());
}

#[test]
fn memories_of_a_hierarchy_are_changed_by_name() {
    let base = DeviceProfile::preset("zigzag-edge-tpu").unwrap();
    let name = &base.hierarchy().unwrap().memories[0].name;
    let text = format!("base = \"zigzag-edge-tpu\"\n[change.\"{name}\"]\nread_pj = \"2 pJ\"\n");
    let profile = read(&files(&[("h.toml", &text)]), "h.toml").unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(profile.hierarchy().unwrap().memories[0].read_pj.value, 2.0);
    assert_eq!(
        profile.hierarchy().unwrap().memories[1..],
        base.hierarchy().unwrap().memories[1..]
    );
    let text = "base = \"zigzag-edge-tpu\"\n[change.nowhere]\nread_pj = 2\n";
    let problems = read(&files(&[("h.toml", text)]), "h.toml").unwrap_err();
    assert!(
        problems[0].starts_with("h.toml:2:9: the base has no `nowhere`"),
        "{problems:#?}"
    );
}

#[test]
fn problems_point_to_the_file_and_line_that_caused_them() {
    let base = preset_text("systolic-32").unwrap();
    let broken = base.replace("rows = { value = 32,", "rows = { value = 0,");
    let line = 1 + broken.lines().position(|line| line.starts_with("rows")).unwrap();
    let own = "base = \"b.toml\"\n[clock]\nfrequency = \"800 MHz\"\n[memory]\nactivation_bytes = \"2 MHz\"\n";
    let problems = read(&files(&[("o.toml", own), ("b.toml", &broken)]), "o.toml").unwrap_err();
    let expected = [
        "o.toml:3:1: `clock.frequency` is not a known key".to_owned(),
        "o.toml:5:20: `memory.activation_bytes`: `MHz` is a unit of frequency, where data is expected".to_owned(),
        format!("b.toml:{line}:18: `array.rows.value` must be a whole number from 1"),
    ];
    for part in expected {
        assert!(
            problems.iter().any(|problem| problem.starts_with(&part)),
            "{part}: {problems:#?}"
        );
    }
    assert_eq!(problems.len(), 3, "{problems:#?}");
}

#[test]
fn bases_that_are_not_there_or_lead_back_are_refused() {
    let own = |base: &str| files(&[("o.toml", &format!("base = \"{base}\"\n"))]);
    for (all, part) in [
        (
            own("systolic-33"),
            "o.toml:1:8: `base`: `systolic-33` is neither a built-in device nor a path of a .toml file (did you mean `systolic-32`?)",
        ),
        (
            own("./none.toml"),
            "o.toml:1:8: `base`: `./none.toml` cannot be read: no such file",
        ),
        (
            own("./o.toml"),
            "`base` leads back to a profile that lies over it: o.toml → o.toml",
        ),
        (
            files(&[
                ("o.toml", "base = \"a.toml\"\n"),
                ("a.toml", "base = \"./x/../o.toml\"\n"),
            ]),
            "a.toml:1:8: `base` leads back to a profile that lies over it: o.toml → a.toml → o.toml",
        ),
        (files(&[("o.toml", "base = 3\n")]), "`base` must be a string"),
        (
            files(&[("o.toml", "base = \"a.toml\"\n"), ("a.toml", "= 3\n")]),
            "a.toml:1:1",
        ),
        (
            files(&[("o.toml", "format = 1\n[change.x]\n")]),
            "`change` is for the memories of a `base`",
        ),
    ] {
        let problems = read(&all, "o.toml").unwrap_err();
        assert!(
            problems.iter().any(|problem| problem.contains(part)),
            "{part}: {problems:#?}"
        );
    }
    let names: Vec<String> = (0..10).map(|index| format!("p{index}.toml")).collect();
    let chain: Vec<String> = (1..10).map(|index| format!("base = \"p{index}.toml\"\n")).collect();
    let last = preset_text("systolic-32").unwrap().to_owned();
    let texts = chain.iter().chain([&last]);
    let all: Files<'_> = names.iter().map(String::as_str).zip(texts.cloned()).collect();
    assert!(read(&all, "p0.toml").unwrap_err()[0].contains("more than 8 profiles"));
    assert!(read(&all, "p3.toml").is_ok());
}

#[test]
fn fallbacks_that_cannot_be_are_refused() {
    let over = |fallback: &str| format!("base = \"systolic-32\"\nfallback = \"{fallback}\"\n");
    let preset = preset_text("cortex-a53").unwrap();
    for (all, part) in [
        (
            files(&[("o.toml", &over("cortex-a35"))]),
            "o.toml:2:12: `fallback`: `cortex-a35` is neither a built-in device nor a path of a .toml file (did you mean `cortex-a53`?)",
        ),
        (
            files(&[("o.toml", &over("./none.toml"))]),
            "cannot be read: no such file",
        ),
        (
            files(&[("o.toml", &over("host"))]),
            "`fallback` must be a device that is described by its parts",
        ),
        (
            files(&[("o.toml", &over("./o.toml"))]),
            "`fallback` leads back to where it began: o.toml → o.toml",
        ),
        (
            files(&[("o.toml", &over("./a.toml")), ("a.toml", &over("./o.toml"))]),
            "a.toml:2:12: `fallback` leads back to where it began: o.toml → a.toml → o.toml",
        ),
        (
            files(&[("o.toml", &over("./a.toml")), ("a.toml", &preset.replace("1.5e9", "0"))]),
            "a.toml:",
        ),
        (
            files(&[("o.toml", "base = \"host\"\nname = \"o\"\nfallback = \"cortex-a53\"\n")]),
            "only a device that is described by its parts can have a `fallback`",
        ),
    ] {
        let problems = read(&all, "o.toml").unwrap_err();
        assert!(
            problems.iter().any(|problem| problem.contains(part)),
            "{part}: {problems:#?}"
        );
    }
}

#[test]
fn quantities_are_the_numbers_that_they_stand_for() {
    let text = preset_text("systolic-32").unwrap();
    let mut with_units = text.to_owned();
    for (number, quantity) in [
        ("value = 1e9", "value = \"1 GHz\""),
        ("value = 1572864", "value = \"1536 KiB\""),
        ("value = 12.8e9", "value = \"12.8 GB/s\""),
        ("value = 96e9", "value = \"96GB/s\""),
        ("value = 100e-9", "value = \"100 ns\""),
        ("value = 20e-6", "value = \"20 µs\""),
        ("value = 0.23e-12", "value = \"0.23 pJ\""),
        ("value = 0.05", "value = \"50 mW\""),
        ("value = 8,", "value = \"8 B\","),
        ("utilisation = { value = 1,", "utilisation = { value = \"100 %\","),
    ] {
        assert!(with_units.contains(number), "{number}");
        with_units = with_units.replace(number, quantity);
    }
    let plain = DeviceProfile::from_toml("p.toml", text).unwrap();
    let read = DeviceProfile::from_toml("p.toml", &with_units).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(plain.kind(), read.kind());
    let bare = text.replace(
        "{ value = 1e9, assumption = \"a round figure that such arrays reach\" }",
        "\"1 GHz\"",
    );
    let read = DeviceProfile::from_toml("p.toml", &bare).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(
        read.accelerator().unwrap().clock_hz.origin,
        Origin::Assumption("stated without a source".to_owned())
    );
}

#[test]
fn figures_that_are_off_by_powers_of_ten_are_noted() {
    for name in panarch_cost::preset_names() {
        let profile = DeviceProfile::preset(name).unwrap();
        assert!(profile.doubts().is_empty(), "{name}: {:?}", profile.doubts());
    }
    for (key, value, words) in [
        (
            "memory.off_chip_bytes_per_s",
            "12.8",
            "`memory.off_chip_bytes_per_s` is 12.8 B/s, where 10 MB/s to 20 TB/s is usual",
        ),
        ("memory.on_chip_bytes_per_s", "96", "is 96 B/s"),
        ("memory.activation_bytes", "1.5", "is 1.5 B"),
        ("memory.activation_bytes", "1.5e12", "is 1.5 TB"),
        ("clock.frequency_hz", "1000", "is 1 kHz"),
        ("clock.frequency_hz", "1e12", "is 1000 GHz"),
        ("overhead.layer_s", "1", "is 1 s"),
        ("energy.mac_j", "0.23", "is 230 mJ"),
        ("memory.off_chip_latency_s", "0.1", "is 100 ms"),
    ] {
        let (section, key) = key.split_once('.').unwrap();
        let text = format!("base = \"systolic-32\"\n[{section}]\n{key} = {value}\n");
        let profile = DeviceProfile::from_toml("d.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        let [doubt] = profile.doubts() else {
            panic!("{key}: {:?}", profile.doubts())
        };
        assert!(doubt.to_string().contains(words), "{doubt}");
    }
}

#[test]
fn what_is_left_to_defaults_is_named() {
    let none = |_: &Path| Err("no files".to_owned());
    let unsaid = DeviceProfile::unsaid("p.toml", preset_text("systolic-32").unwrap(), &none).unwrap();
    assert!(unsaid.inherited.is_empty());
    let absent = unsaid.defaults;
    let of = |key: &str| absent.iter().find(|it| it.key == key).map(|it| it.default);
    assert_eq!(of("batch"), Some("1"));
    assert_eq!(
        of("memory.host_link_bytes_per_s"),
        Some("the path to the main memory, shared with activations")
    );
    assert_eq!(of("blocking").map(|it| it.starts_with("none")), Some(true));
    assert_eq!((of("energy"), of("base"), of("clock.frequency_hz")), (None, None, None));
    let own = "base = \"systolic-32\"\n[array]\nrows = 64\n";
    let inherited = DeviceProfile::unsaid("p.toml", own, &none).unwrap().inherited;
    let of = |key: &str| {
        inherited
            .iter()
            .find(|it| it.key == key)
            .map(|it| (it.text.as_str(), it.file.as_str()))
    };
    let columns = "{ value = 32, assumption = \"square\" }";
    assert_eq!(of("array.columns"), Some((columns, "devices/systolic-32.toml")));
    assert_eq!((of("array.rows"), of("array"), of("base")), (None, None, None));
}
