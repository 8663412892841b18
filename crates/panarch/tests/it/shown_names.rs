//! Names that would steer a terminal, hide, or turn round what stands beside them.

use std::process::Output;

use crate::outside_files::SPACE;
use crate::pictures::{Workplace, expect};

/// Sets a title, clears the screen, deletes, turns the direction of writing, has no width, is one of C1.
const NASTY: &str = "x\u{1b}]0;pwn\u{7}\u{1b}[2J\u{7f}\u{202e}\u{2066}\u{200b}\u{9b}31m";

/// Nothing of what was printed can do any of that.
fn plain(output: &Output, what: &str) -> String {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let text = text.concat();
    let hidden = |c: char| panarch_toml::is_hidden(c) && c != '\n' && c != '\t';
    assert!(!text.contains(hidden), "{what}: {text:?}");
    text
}

#[test]
fn arguments_and_paths_are_shown_escaped() {
    let place = Workplace::new();
    let option = format!("--{NASTY}");
    let toml = format!("./{NASTY}.toml");
    let onnx = format!("./{NASTY}.onnx");
    for arguments in [
        &[NASTY][..],
        &["space", NASTY],
        &["space", "list", &option],
        &["space", "list", "--format", NASTY],
        &["space", "show", NASTY],
        &["space", "check", &toml],
        &["network", "show", NASTY],
        &["network", "show", &onnx],
        &["cost", "--network", "mobilenet-v2", "--device", NASTY],
        &[
            "cost",
            "--network",
            "mobilenet-v2",
            "--device",
            "cube-16",
            "--model",
            NASTY,
        ],
        &["checkpoint", "show", &onnx],
        &["study", "show", NASTY],
        &["data", "fetch", NASTY],
        &["data", "check", NASTY],
        &["run", &toml],
        &["run", &toml, "--set", NASTY],
    ] {
        let output = place.panarch(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = plain(&output, &format!("{arguments:?}"));
        assert!(!text.is_empty());
    }
}

#[test]
fn what_files_say_is_shown_escaped_in_every_format() {
    let place = Workplace::new();
    let quoted = NASTY.chars().map(|c| match c {
        c if panarch_toml::is_hidden(c) => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    });
    let quoted: String = quoted.collect();
    let space = SPACE.replace("One network.", &quoted).replace("a test", &quoted);
    std::fs::write(place.path().join("space.toml"), space).unwrap();
    let wrong = SPACE.replace("version = 1", &format!("version = 1\n\"{quoted}\" = 2\n"));
    std::fs::write(place.path().join("wrong.toml"), wrong).unwrap();
    let raw = SPACE.replace("version = 1", &format!("version = 1 # {NASTY}\nversion = 2"));
    std::fs::write(place.path().join("raw.toml"), raw).unwrap();
    let header = serde_json::json!({ NASTY: { "dtype": NASTY, "shape": [1], "data_offsets": [0, 4] } }).to_string();
    let safetensors = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 4]].concat();
    std::fs::write(place.path().join("odd.safetensors"), safetensors).unwrap();
    let header = header.replace(&format!("\"dtype\":{}", serde_json::json!(NASTY)), "\"dtype\":\"F32\"");
    let safetensors = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 4]].concat();
    std::fs::write(place.path().join("good.safetensors"), safetensors).unwrap();
    let class = place.path().join("pictures/train").join(NASTY);
    std::fs::rename(place.path().join("pictures/train/spots"), class).unwrap();
    let class = place.path().join("pictures/test").join(NASTY);
    std::fs::rename(place.path().join("pictures/test/spots"), class).unwrap();
    for (arguments, code) in [
        (&["space", "show", "./space.toml"][..], 0),
        (&["space", "check", "./wrong.toml"], 2),
        (&["space", "check", "./raw.toml"], 2),
        (&["checkpoint", "show", "odd.safetensors"], 2),
        (&["checkpoint", "show", "good.safetensors"], 0),
        (&["data", "check", "./pictures"], 0),
    ] {
        for format in ["table", "json", "csv"] {
            let output = place.panarch(&[arguments, &["--format", format]].concat());
            expect(&output, code);
            plain(&output, &format!("{arguments:?} as {format}"));
        }
    }
    let json = expect(
        &place.panarch(&["checkpoint", "show", "good.safetensors", "--format", "json"]),
        0,
    );
    assert!(json.contains("\\u009b") && json.contains("\\u202e"), "{json}");
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(
        rows.to_string().contains(&serde_json::json!(NASTY).to_string()[1..10]),
        "{rows}"
    );
}
