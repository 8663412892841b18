use panarch_cost::{DeviceProfile, preset_text};
use proptest::prelude::*;

use crate::variant;

fn problems(text: &str) -> Vec<String> {
    match DeviceProfile::from_toml("device.toml", text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn ten_mistakes_are_ten_diagnostics_in_one_go() {
    let mut text = preset_text("ethos-u55-128").unwrap().to_owned();
    for (from, to) in [
        ("format = 1", "format = 9"),
        ("class = \"micro\"", "class = \"micros\""),
        ("precision = \"int8\"", "precision = \"int4\""),
        (
            "frequency_hz = { value = 500e6, source = \"vela-config\" }",
            "frequency_hz = 500e6",
        ),
        (
            "reduction_lanes = { value = 8, source = \"vela-model\" }",
            "reduction_lanes = { value = 0, source = \"vela-model\" }",
        ),
        (
            "output_lanes = { value = 8, source = \"vela-model\" }",
            "output_lanes = { value = 8, source = \"vela-modal\" }",
        ),
        (
            "weight_load_cycles = { value = 32, source = \"vela-model\" }",
            "weight_load_cycles = { value = 32 }",
        ),
        (
            "mapping = { value = \"simd_lanes\", source = \"vela-model\" }",
            "mapping = { value = \"simd_lanes\", source = \"vela-model\", assumption = \"both\" }",
        ),
        ("add_passes", "ad_passes"),
        ("\"depthwise_conv2d\"", "\"depthwise_conv\""),
    ] {
        text = text.replacen(from, to, 1);
    }
    let found = problems(&text);
    let expected = [
        "`format`",
        "did you mean `micro`?",
        "`precision`",
        "`clock.frequency_hz` names no origin",
        "`array.reduction_lanes.value`",
        "did you mean `vela-model`?",
        "`array.weight_load_cycles` must have either",
        "`depthwise.mapping` has both",
        "did you mean `add_passes`?",
        "did you mean `depthwise_conv2d`?",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (problem, part) in found.iter().zip(expected) {
        assert!(problem.contains(part), "{problem} lacks {part}");
        assert!(problem.starts_with("device.toml:"), "{problem}");
    }
}

#[test]
fn every_figure_of_every_profile_must_name_its_origin() {
    for name in panarch_cost::preset_names() {
        let text = preset_text(name).unwrap();
        for (index, line) in text.lines().enumerate() {
            let Some(at) = line.find(", source = ").or_else(|| line.find(", assumption = ")) else {
                continue;
            };
            let mut lines: Vec<&str> = text.lines().collect();
            let bare = format!("{} }}", &line[..at]);
            lines[index] = &bare;
            let found = problems(&lines.join("\n"));
            let complains = found
                .iter()
                .any(|problem| problem.contains("must have either a `source`"));
            assert!(complains, "{name}: {bare} was accepted: {found:?}");
        }
    }
}

#[test]
fn what_does_not_fit_together_is_found() {
    let cases = [
        ("array.padding", "[1], channels = [8], taps = [1, 2]", "one length"),
        ("vector.fused_activations", "[\"relu\"]", "`relu6`"),
        ("vector.fused_activations", "[\"conv2d\"]", "`relu`"),
        ("error.level", "1.0", "less than 1"),
        ("array.utilisation", "1.5", "to 1,"),
        ("memory.on_chip_bytes_per_s", "0", "from 1 to"),
    ];
    for (path, value, part) in cases {
        let text = variant::text("ethos-u55-128", &[(path, value)]);
        let found = problems(&text);
        assert!(
            found.iter().any(|problem| problem.contains(part)),
            "{path} = {value}: {found:#?}"
        );
    }
    let text = preset_text("host").unwrap().replace("rten", "rten\"\nthread = \"");
    assert!(!problems(&text).is_empty());
    for (preset, path, value, part) in [
        (
            "edgetpu-v1",
            "array.cores",
            "4096",
            "`cores` × `lanes` is 262144, more than 65536",
        ),
        ("edgetpu-v1", "array.ways", "0", "`array.ways.value`"),
        ("cube-16", "array.depth", "-1", "`array.depth.value`"),
        ("systolic-32", "array.dataflow", "\"wd\"", "did you mean `ws`?"),
        ("systolic-32", "array.fold_overlap", "1", "`array.fold_overlap.value`"),
        (
            "systolic-32",
            "memory.weight_buffer_bytes",
            "0",
            "`memory.weight_buffer_bytes.value`",
        ),
        (
            "systolic-32",
            "memory.off_chip_latency_s",
            "inf",
            "`memory.off_chip_latency_s.value`",
        ),
    ] {
        let found = problems(&variant::text(preset, &[(path, value)]));
        assert!(
            found.iter().any(|problem| problem.contains(part)),
            "{path} = {value}: {found:#?}"
        );
    }
    let other_array = preset_text("cube-16")
        .unwrap()
        .replace("kind = \"cube\"", "kind = \"cubes\"");
    assert!(
        problems(&other_array)
            .iter()
            .any(|problem| problem.contains("did you mean `cube`?"))
    );
    let unused = preset_text("ethos-u55-128")
        .unwrap()
        .replace("[sources]", "[sources]\nhearsay = \"someone said so\"");
    assert!(problems(&unused).iter().any(|problem| problem.contains("`hearsay`")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_profile_cut_short_or_spoilt_never_panics(
        which in 0..panarch_cost::preset_names().len(),
        cut in 0.0..1.0_f64,
        spoil in proptest::option::of(("[ -~]{1,3}", 0.0..1.0_f64)),
    ) {
        let text = preset_text(panarch_cost::preset_names()[which]).unwrap();
        let at = |share: f64, text: &str| (share * text.len() as f64) as usize;
        let mut text = text[..at(cut, text)].to_owned();
        if let Some((bytes, share)) = spoil {
            let place = at(share, &text);
            text.insert_str(place, &bytes);
        }
        let _ = DeviceProfile::from_toml("device.toml", &text);
    }
}
