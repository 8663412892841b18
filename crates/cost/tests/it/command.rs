//! Profiles of devices behind a command.

use panarch_cost::profile::command::{Answer, AnswerSource, NetworkFormat, Parser, Which};
use panarch_cost::{AnalyticModel, CostError, DeviceKind, DeviceProfile, preset_text};
use panarch_graph::ProvenanceKind;
use proptest::prelude::*;

const PROFILE: &str = r#"format = 1
name = "phone"
description = "A phone."
class = "full"
kind = "command"
precision = "f32"

[command]
arguments = ["adb", "shell", "bench", "--graph=/data/{network}", "{out}", "{width}x{height}"]
prepare = ["adb", "push", "{onnx}", "/data/{network}"]
cleanup = ["adb", "shell", "rm", "/data/{network}"]
version = ["adb", "version"]
format = "onnx"
answers = "measured"
timeout_s = 60
repeat = 7
warmup = 1
lock = "phone"

[command.result]
from = "stdout"
parser = "regex"
pattern = 'avg=(\S+)'
unit = "us"

[command.energy]
from = "file"
file = "*.csv"
parser = "csv"
column = "energy"
row = "sum"
unit = "mJ"

[command.memory]
from = "stderr"
parser = "json"
path = "peak[0].bytes"
unit = "B"
"#;

fn problems(text: &str) -> Vec<String> {
    match DeviceProfile::from_toml("phone.toml", text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_profile_is_read_as_written() {
    let profile = DeviceProfile::from_toml("phone.toml", PROFILE).unwrap_or_else(|problems| panic!("{problems}"));
    let target = profile.command().unwrap();
    assert_eq!(
        (target.format, target.answers),
        (NetworkFormat::Onnx, ProvenanceKind::Measured)
    );
    assert_eq!((target.repeat, target.warmup, target.timeout.as_secs()), (7, 1, 60));
    assert_eq!((target.tool.as_str(), target.lock.as_deref()), ("adb", Some("phone")));
    let Answer::Value(reader) = &target.result else {
        panic!("{:?}", target.result);
    };
    assert_eq!((reader.unit.scale, &reader.from), (1e-6, &AnswerSource::Stdout));
    let energy = target.energy.as_ref().unwrap();
    assert!(matches!(&energy.parser, Parser::Csv { column, which: Which::Sum } if column == "energy"));
    assert!(matches!(
        AnalyticModel::new(profile.clone()),
        Err(CostError::Command { .. })
    ));
    assert!(profile.measured().is_none() && profile.accelerator().is_none());
}

/// The same device answers by the command and by our own model.
#[test]
fn the_tables_of_an_accelerator_may_stand_beside_the_command() {
    let parts = preset_text("ethos-u55-128").unwrap();
    let parts = parts.split_once("[sources]").unwrap().1;
    let text = format!("{PROFILE}\n[sources]{parts}");
    let profile = DeviceProfile::from_toml("phone.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(matches!(profile.kind(), DeviceKind::Command(_)) && profile.accelerator().is_some());
    assert!(AnalyticModel::new(profile).is_ok());
    let broken = text.replace("output_lanes = { value = 8", "output_lanes = { value = 0");
    assert!(
        problems(&broken)
            .iter()
            .any(|problem| problem.contains("array.output_lanes"))
    );
}

#[test]
fn ten_mistakes_are_ten_diagnostics_with_their_lines() {
    let mut text = PROFILE.to_owned();
    let mistakes = [
        ("\"{width}x{height}\"", "\"{widht}\"", 9, "did you mean `width`?"),
        (
            "prepare = [\"adb\", \"push\", \"{onnx}\",",
            "prepare = [\"adb\", \"push\", \"{onnx\",",
            10,
            "brace without its partner",
        ),
        (
            "cleanup = [\"adb\", \"shell\", \"rm\", \"/data/{network}\"]",
            "cleanup = \"adb shell rm\"",
            11,
            "not a line for a shell",
        ),
        ("\"measured\"", "\"mesured\"", 14, "did you mean `measured`?"),
        ("timeout_s = 60", "timeout_s = 0", 15, "`command.timeout_s`"),
        ("lock = \"phone\"", "lock = \"../phone\"", 18, "`command.lock`"),
        (
            "pattern = 'avg=(\\S+)'",
            "pattern = 'avg=(\\S+) ('",
            23,
            "no regular expression",
        ),
        ("unit = \"us\"", "unit = \"usec\"", 24, "`command.result.unit`"),
        ("file = \"*.csv\"", "file = \"../*.csv\"", 28, "below the output folder"),
        ("path = \"peak[0].bytes\"", "path = \"peak[x]\"", 37, "must be a path"),
    ];
    for (from, to, ..) in mistakes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    let found = problems(&text);
    assert_eq!(found.len(), mistakes.len(), "{found:#?}");
    for (problem, (_, _, line, part)) in found.iter().zip(mistakes) {
        assert!(
            problem.starts_with(&format!("phone.toml:{line}:")),
            "{problem} is not of line {line}"
        );
        assert!(problem.contains(part), "{problem} lacks {part}");
    }
}

#[test]
fn what_does_not_fit_together_is_found() {
    let cases = [
        ("{onnx}", "{tflite}", "`format` is \"onnx\""),
        ("{onnx}", "a.onnx", "the network's file"),
        ("\"{out}\", ", "", "no `{out}`"),
        ("\"rm\", ", "\"rm\", \"{out}\", ", "only `arguments`"),
        ("[\"adb\", \"version\"]", "[\"adb\", \"{width}\"]", "no placeholder"),
        ("[\"adb\", \"version\"]", "[]", "1 to 256 arguments"),
        (
            "[\"adb\", \"push\"",
            "[\"{network}\", \"push\"",
            "the name of a program",
        ),
        ("[\"adb\", \"push\"", "[\"\", \"push\"", "the name of a program"),
        ("\"push\"", "\"a\\u0000b\"", "zero byte"),
        ("(\\S+)", "\\S+", "one capture group"),
        ("(\\S+)", "(a{999}{999}{999})", "no regular expression"),
        ("unit = \"us\"", "unit = \"cycles\"", "clock_hz"),
        ("unit = \"us\"", "unit = \"us\"\ncolumn = \"x\"", "not a known key"),
        ("unit = \"B\"", "unit = \"cycles\"", "`command.memory.unit`"),
        ("path = \"peak[0].bytes\"", "", "`command.memory.path`"),
        ("parser = \"json\"", "parser = \"vela\"", "`command.memory.parser`"),
        (
            "repeat = 7",
            "repeat = 7\nerror = { relative = 0.1, level = 0.9 }",
            "either a `source`",
        ),
        ("kind = \"command\"", "kind = \"comand\"", "did you mean `command`?"),
        ("[command]", "[comand]", "`command`"),
    ];
    for (from, to, part) in cases {
        let found = problems(&PROFILE.replacen(from, to, 1));
        assert!(
            found.iter().any(|problem| problem.contains(part)),
            "{from} -> {to}: {found:#?}"
        );
    }
    let cycles = PROFILE.replacen("unit = \"us\"", "unit = \"cycles\"\nclock_hz = 1e6", 1);
    assert_eq!(problems(&cycles), Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_profile_cut_short_or_spoilt_never_panics(
        cut in 0.0..1.0_f64,
        spoil in proptest::option::of(("[ -~]{1,3}", 0.0..1.0_f64)),
    ) {
        let at = |share: f64, text: &str| (share * text.len() as f64) as usize;
        let mut text = PROFILE[..at(cut.max(0.5), PROFILE)].to_owned();
        if let Some((bytes, share)) = spoil {
            let place = at(share, &text);
            text.insert_str(place, &bytes);
        }
        let _ = DeviceProfile::from_toml("phone.toml", &text);
    }
}

/// The examples that the documentation names.
#[test]
fn the_examples_are_valid_profiles() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/devices");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let profile = DeviceProfile::from_toml(name, &text).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(profile.name(), name);
        names.push(name.to_owned());
        let Some(target) = profile.command() else { continue };
        assert!(
            target.version.is_some() && target.lock.is_some() && target.prepare.is_some() && target.cleanup.is_some()
        );
    }
    names.sort();
    assert_eq!(
        names,
        ["note10-by-table", "phone-over-adb", "pi-over-ssh", "pixel1-by-line"]
    );
    let page = include_str!("../../../../docs/concepts/your-own-device.md");
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (profile, _) = rest.split_once("```").unwrap();
    assert_eq!(problems(profile), Vec::<String>::new());
}
