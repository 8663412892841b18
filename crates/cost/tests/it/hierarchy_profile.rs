//! Reading profiles of memory hierarchies: every mistake is found, and nothing panics.

use panarch_cost::{AnalyticModel, CostError, DeviceProfile, MappedModel, preset_text};

fn text() -> &'static str {
    preset_text("zigzag-edge-tpu").unwrap()
}

fn problems(text: &str) -> String {
    DeviceProfile::from_toml("device.toml", text).unwrap_err().to_string()
}

#[test]
fn a_hierarchy_holds_what_its_file_says() {
    let profile = DeviceProfile::preset("zigzag-edge-tpu").unwrap();
    let hierarchy = profile.hierarchy().unwrap();
    let sizes: Vec<u32> = hierarchy.array.iter().map(|it| it.size.value).collect();
    assert_eq!(sizes, [8, 8, 4, 4]);
    assert_eq!(hierarchy.memories.len(), 5);
    assert!((hierarchy.memories[3].bits.value - 16_777_216.0).abs() < 0.5);
    assert_eq!(hierarchy.memories[3].ports.len(), 2);
    assert!(profile.accelerator().is_none() && profile.measured().is_none());
    assert!(matches!(AnalyticModel::new(profile), Err(CostError::Hierarchy { .. })));
    let accelerator = DeviceProfile::preset("cube-16").unwrap();
    assert!(matches!(
        MappedModel::new(accelerator),
        Err(CostError::NoHierarchy { .. })
    ));
}

#[test]
fn the_example_machines_are_read() {
    for (text, name, memories) in [
        (include_str!("../../examples/machines/zigzag-tpu.toml"), "zigzag-tpu", 4),
        (
            include_str!("../../examples/machines/zigzag-tesla-npu.toml"),
            "zigzag-tesla-npu",
            7,
        ),
        (
            include_str!("../../examples/machines/zigzag-ascend.toml"),
            "zigzag-ascend",
            8,
        ),
    ] {
        let profile = DeviceProfile::from_toml(name, text).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(profile.name(), name);
        assert_eq!(profile.hierarchy().unwrap().memories.len(), memories);
    }
}

#[test]
fn mistakes_are_named() {
    for (from, to, part) in [
        (
            "\"output to_higher\"], source",
            "], source",
            "must carry `output to_higher` over exactly one port",
        ),
        (
            "[\"weight to_lower\"]",
            "[\"weight to_lower\", \"weight from_higher\"]",
            "over exactly one port, not 2",
        ),
        ("\"weight to_lower\"", "\"weight to_lowre\"", "weight to_lower"),
        (
            "serves = { value = [\"d3\", \"d4\"]",
            "serves = { value = [\"d3\", \"d5\"]",
            "d5",
        ),
        ("name = \"d2\"", "name = \"d1\"", "repeats the name or the loop"),
        (
            "\"input_channel\"",
            "\"output_channel\"",
            "repeats the name or the loop",
        ),
        (
            "[\"input\", \"weight\", \"output\"]",
            "[\"input\", \"output\"]",
            "must hold all three operands",
        ),
        (
            "[\"input\", \"output\"]",
            "[\"input\", \"input\"]",
            "name each operand once",
        ),
        ("bits = { value = 8,", "bits = { value = 0,", "bits"),
        (
            "bits_per_cycle = { value = 512, source = \"zigzag\" }",
            "",
            "bits_per_cycle",
        ),
        (
            "bits_per_cycle = { value = 512, source = \"zigzag\" }",
            "bits_per_cycle = 512",
            "names no origin",
        ),
    ] {
        assert!(text().contains(from), "{from}");
        let found = problems(&text().replace(from, to));
        assert!(found.contains(part), "{from} → {to}: {found}");
    }
    let many = format!("{}\n{}", text(), "[[memories]]\nname = \"one more\"\n".repeat(20));
    assert!(problems(&many).contains("1 to 16 tables"));
}

#[test]
fn no_missing_line_and_no_broken_value_panics() {
    let lines: Vec<&str> = text().lines().collect();
    let mut refused = 0;
    for at in 0..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(at);
        let broken: Vec<String> = lines
            .iter()
            .enumerate()
            .map(|(line, text)| {
                if line == at {
                    text.replace("value = ", "value = -1e300, x = ")
                } else {
                    (*text).to_owned()
                }
            })
            .collect();
        for text in [fewer.join("\n"), broken.join("\n")] {
            match DeviceProfile::from_toml("device.toml", &text) {
                Ok(profile) => assert!(MappedModel::new(profile).is_ok()),
                Err(problems) => {
                    assert!(!problems.is_empty());
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > lines.len(), "{refused} of {}", lines.len());
}
