//! Profiles from a few words.

use panarch_cost::profile::{GivenQuantity, Origin, Outline, OutlineKind};
use panarch_cost::{DeviceKind, DeviceProfile, SizeClass};
use panarch_graph::Precision;
use panarch_space::zoo;

fn outline(kind: OutlineKind) -> Outline {
    Outline {
        name: "mine".to_owned(),
        kind,
        class: SizeClass::Full,
        precision: Precision::Int8,
        array: Vec::new(),
        count: None,
        dataflow: None,
        clock: None,
        sram: None,
        dram: None,
        fallback: None,
    }
}

fn given(text: &str, value: f64) -> Option<GivenQuantity> {
    Some(GivenQuantity {
        text: text.to_owned(),
        value,
    })
}

#[test]
fn every_kind_is_valid_at_once_and_the_described_ones_answer() {
    let network = zoo::network("mobilenet-v2", 1000, 224).unwrap();
    for (name, kind) in OutlineKind::NAMES {
        let text = outline(kind)
            .to_toml()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let profile =
            DeviceProfile::from_toml("mine.toml", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        assert!(profile.doubts().is_empty(), "{name}: {:?}", profile.doubts());
        if !profile.kind().is_described() {
            continue;
        }
        let answer = profile
            .cost_source()
            .unwrap()
            .estimate(std::slice::from_ref(&network))
            .remove(0);
        let latency = answer
            .unwrap_or_else(|error| panic!("{name}: {error}"))
            .latency
            .value
            .millis();
        assert!((0.1..200.0).contains(&latency), "{name}: {latency} ms");
        // Every figure has a line above it, and says whether it was given.
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("{ ")) {
            assert!(index > 0 && lines[index - 1].starts_with("# "), "{name}: {line}");
            assert!(line.contains("assumption = \"default: "), "{name}: {line}");
        }
    }
}

#[test]
fn what_is_given_stands_there_as_it_was_given() {
    let asked = Outline {
        array: vec![64, 64],
        clock: given("800 MHz", 8e8),
        sram: given("1 MiB", 1_048_576.0),
        dram: given("12.8 GB/s", 12.8e9),
        dataflow: Some("os".to_owned()),
        precision: Precision::Bf16,
        fallback: Some("cortex-a53".to_owned()),
        ..outline(OutlineKind::Systolic)
    };
    let text = asked.to_toml().unwrap();
    let profile = DeviceProfile::from_toml("mine.toml", &text).unwrap();
    let machine = profile.accelerator().unwrap();
    assert_eq!(machine.array.macs_per_cycle(), 4096.0);
    assert_eq!(
        (machine.clock_hz.value, machine.memory.off_chip_bytes_per_s.value),
        (8e8, 12.8e9)
    );
    assert_eq!(
        machine.memory.activation_bytes.value + machine.memory.weight_buffer_bytes.value,
        1_048_576.0
    );
    assert_eq!(machine.memory.on_chip_bytes_per_s.value, 192.0 * 2.0 * 8e8);
    assert_eq!(profile.precision().bytes(), 2);
    assert_eq!(profile.fallback().map(DeviceProfile::name), Some("cortex-a53"));
    assert!(
        text.contains("frequency_hz = { value = \"800 MHz\", source = \"given to `panarch device new`\" }"),
        "{text}"
    );
    assert!(matches!(&machine.clock_hz.origin, Origin::Source(_)));
    assert!(machine.overhead.layer_s.origin.is_assumption());
    assert!(text.len() < 16_000, "{}", text.len());
}

#[test]
fn what_a_kind_does_not_have_is_refused() {
    let of = |kind, change: fn(&mut Outline)| {
        let mut outline = outline(kind);
        change(&mut outline);
        outline.to_toml().unwrap_err().to_string()
    };
    for (error, part) in [
        (of(OutlineKind::Command, |it| it.array = vec![4]), "leave out an array"),
        (
            of(OutlineKind::Table, |it| it.clock = given("1 GHz", 1e9)),
            "leave out a clock",
        ),
        (
            of(OutlineKind::Systolic, |it| it.array = vec![4, 4, 4]),
            "has 2 dimensions, rows x columns; 3 were given",
        ),
        (
            of(OutlineKind::Cube, |it| it.dataflow = Some("ws".to_owned())),
            "only a systolic array has a dataflow",
        ),
        (
            of(OutlineKind::Systolic, |it| it.dataflow = Some("wd".to_owned())),
            "did you mean `ws`?",
        ),
        (
            of(OutlineKind::Hierarchy, |it| it.count = Some(2)),
            "leave out the count",
        ),
        (
            of(OutlineKind::Systolic, |it| it.name = "My Chip".to_owned()),
            "small letters",
        ),
        (
            of(OutlineKind::Systolic, |it| it.clock = given("1 Hz", 1.0)),
            "clock.frequency_hz",
        ),
    ] {
        assert!(error.contains(part), "{error} lacks {part}");
    }
}

#[test]
fn larger_arrays_of_every_kind_are_described() {
    for (kind, array) in [
        (OutlineKind::Systolic, vec![256, 256]),
        (OutlineKind::Grid, vec![8, 8, 4, 64, 4]),
        (OutlineKind::Grid, vec![2, 2]),
        (OutlineKind::Lanes, vec![64, 64]),
        (OutlineKind::Lanes, vec![8, 8, 2, 2]),
        (OutlineKind::Cube, vec![32, 32, 32]),
        (OutlineKind::Hierarchy, vec![128, 128]),
        (OutlineKind::Hierarchy, vec![1]),
    ] {
        let outline = Outline { array, ..outline(kind) };
        let profile = DeviceProfile::from_toml("mine.toml", &outline.to_toml().unwrap()).unwrap();
        assert!(profile.doubts().is_empty(), "{outline:?}: {:?}", profile.doubts());
        assert!(matches!(
            profile.kind(),
            DeviceKind::Accelerator(_) | DeviceKind::Hierarchy(_)
        ));
    }
}
