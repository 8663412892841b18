//! Published spaces, networks and checkpoints by the commands that people type.

use std::collections::BTreeMap;
use std::path::Path;

use panarch_graph::{Tensor, Weights};
use panarch_space::{Head, Space};
use panarch_train::Supernet;
use panarch_train::published::published_names;
use serde_json::Value;

use crate::pictures::{Workplace, expect};

/// Independent counts of every network, beside the crate of the spaces.
const GOLDEN: &str = include_str!("../../../space/tests/it/golden/zoo.csv");

fn json(place: &Workplace, arguments: &[&str]) -> Vec<Value> {
    let text = expect(&place.panarch(&[arguments, &["--format", "json"]].concat()), 0);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

#[test]
fn the_list_of_networks_is_the_golden_table() {
    let place = Workplace::new();
    let found: BTreeMap<String, (u64, u64)> = json(&place, &["network", "list"])
        .iter()
        .map(|row| {
            let number = |key: &str| row[key].as_u64().unwrap();
            let name = row["network"].as_str().unwrap().to_owned();
            (name, (number("parameters"), number("macs_at_224")))
        })
        .collect();
    let golden: BTreeMap<String, (u64, u64)> = GOLDEN
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!((cells[1], cells[2]), ("224", "1000"), "{line}");
            (
                cells[0].to_owned(),
                (cells[3].parse().unwrap(), cells[4].parse().unwrap()),
            )
        })
        .collect();
    assert_eq!(found, golden);
    assert!(golden.len() >= 40);
}

#[test]
fn every_preset_is_counted() {
    let place = Workplace::new();
    let rows = json(&place, &["space", "count", "--all"]);
    assert_eq!(rows.len(), panarch_space::preset_names().len());
    let row = |name: &str| rows.iter().find(|row| row["space"] == name).unwrap();
    assert_eq!(row("ofa-mbv3-w1.0")["active"], 7371_u128.pow(5).to_string());
    assert_eq!(row("compofa-fixed")["active"], "243");
    assert_eq!(row("ofa-resnet50")["distinct"], "1639276531308");
    assert_eq!(row("isynet")["distinct_kind"], "an upper bound");
}

#[test]
fn what_a_device_excludes_has_a_reason() {
    let place = Workplace::new();
    let rows = json(&place, &["space", "check", "edgetpu", "--device", "edgetpu-coral"]);
    assert!(!rows.is_empty());
    for row in &rows {
        assert_eq!(row["choice"], "grouped", "{row}");
        assert!(row["reason"].as_str().unwrap().contains("grouped_conv2d"), "{row}");
    }
    assert!(
        json(
            &place,
            &["space", "check", "multi-hardware", "--device", "edgetpu-coral"]
        )
        .is_empty()
    );
    let output = place.panarch(&["space", "check", "ofa-mbv3-w1.0", "--device", "edgetpu-coral"]);
    expect(&output, 1);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no member of ofa-mbv3-w1.0"));
}

/// A space over a published one, small enough for a test.
const SMALL: &str =
    "base = \"ofa-proxyless-w1.3\"\nname = \"small\"\nversion = 1\nwidth_multiplier = 0.1\nresolutions = [32, 64]\n";

/// A supernet of the small space as its publishers would have saved it.
fn published_supernet(folder: &Path) -> Supernet {
    std::fs::write(folder.join("small.toml"), SMALL).unwrap();
    let space = Space::from_toml("small.toml", SMALL).unwrap();
    let head = Head {
        classes: 3,
        input_channels: 3,
    };
    let supernet = Supernet::new(&space, head, 64, 5).unwrap();
    let (largest, weights) = supernet.extract(&space.largest()).unwrap();
    let names = published_names(&largest).unwrap();
    let tensors: Weights = names
        .into_iter()
        .map(|(spec, name)| (name, weights.get(&spec.name).unwrap().clone()))
        .collect();
    panarch_format::write_safetensors(folder.join("published.safetensors"), &tensors, &BTreeMap::new()).unwrap();
    supernet
}

#[test]
fn a_supernet_is_imported_and_a_member_exported_and_looked_at() {
    let place = Workplace::new();
    let supernet = published_supernet(place.path());
    let shown = json(&place, &["checkpoint", "show", "published.safetensors"]);
    assert_eq!(shown.len(), supernet.store().tensors().len());
    assert!(
        shown
            .iter()
            .any(|row| row["tensor"] == "first_conv.conv.weight" && row["shape"] == "8×3×3×3")
    );

    let import = ["checkpoint", "import", "published.safetensors", "--space"];
    let output = place.panarch(&[&import[..], &["ofa-mbv3-w1.0"]].concat());
    expect(&output, 2);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("missing: ") && errors.contains("of another shape: "),
        "{errors}"
    );
    let output = place.panarch(&import[..3]);
    expect(&output, 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("--space"));
    expect(&place.panarch(&[&import[..], &["small.toml"]].concat()), 0);

    let export = [
        "checkpoint",
        "export",
        "published.supernet.safetensors",
        "--output",
        "member.onnx",
        "--space",
    ];
    let output = place.panarch(&[&export[..], &["ofa-proxyless-w1.3", "--member", "smallest"]].concat());
    expect(&output, 2);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("`small`") && errors.contains("`ofa-proxyless-w1.3`"),
        "{errors}"
    );
    let output = place.panarch(&[&export[..], &["small.toml"]].concat());
    expect(&output, 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("--member"));
    let text = expect(
        &place.panarch(&[&export[..], &["small.toml", "--member", "smallest"]].concat()),
        0,
    );
    assert!(text.contains("checked in rten"), "{text}");

    let model = panarch_format::read_onnx(&std::fs::read(place.path().join("member.onnx")).unwrap()).unwrap();
    let (network, _) = supernet.extract(&supernet.space().smallest()).unwrap();
    assert_eq!(model.metadata.content_hash, Some(network.content_hash()));

    std::fs::write(place.path().join("names.txt"), "one\ntwo\nthree\n").unwrap();
    let classify = [
        "classify",
        "--checkpoint",
        "member.onnx",
        "--labels",
        "names.txt",
        "--top",
        "2",
    ];
    let guesses = json(&place, &[&classify[..], &["pictures/test/spots/000.png"]].concat());
    assert_eq!(guesses.len(), 2);
    let share: f64 = guesses.iter().map(|guess| guess["share"].as_f64().unwrap()).sum();
    assert!(share > 2.0 / 3.0 && share <= 1.0, "{guesses:?}");
    assert!(["one", "two", "three"].contains(&guesses[0]["class"].as_str().unwrap()));
    std::fs::write(place.path().join("names.txt"), "one\ntwo\n").unwrap();
    expect(
        &place.panarch(&[&classify[..], &["pictures/test/spots/000.png"]].concat()),
        2,
    );
    expect(
        &place.panarch(&["classify", "--checkpoint", "member.onnx", "no-such.png"]),
        2,
    );
    expect(
        &place.panarch(&["classify", "--checkpoint", "member.onnx", "names.txt"]),
        2,
    );
}

/// The weights of one member on its own, under published names, come back as that member.
#[test]
fn a_member_s_weights_go_out_and_come_back() {
    let place = Workplace::new();
    let supernet = published_supernet(place.path());
    let member = supernet.space().smallest().to_string();
    let subject = ["--space", "small.toml", "--member", &member];
    let export = [
        "checkpoint",
        "export",
        "published.safetensors",
        "--names",
        "published",
        "--output",
    ];
    expect(
        &place.panarch(&[&export[..], &["member.safetensors"], &subject].concat()),
        0,
    );
    let import = ["checkpoint", "import", "member.safetensors", "--output", "again.onnx"];
    expect(&place.panarch(&[&import[..], &subject].concat()), 0);
    let (network, weights) = supernet.extract(&supernet.space().smallest()).unwrap();
    let bytes = std::fs::read(place.path().join("member.safetensors")).unwrap();
    let file = panarch_format::safetensors_from_bytes(&bytes).unwrap();
    assert_eq!(file.metadata["hash"], network.content_hash().to_string());
    let of = |name: &str| -> &Tensor { file.weights.get(name).unwrap() };
    assert_eq!(
        Some(of("classifier.linear.weight")),
        weights.get("head.classifier.weight")
    );
    let written = || std::fs::read(place.path().join("again.onnx")).unwrap();
    let model = panarch_format::read_onnx(&written()).unwrap();
    assert_eq!(model.metadata.content_hash, Some(network.content_hash()));
    // The same under our own names.
    let (first, export) = (written(), ["checkpoint", "export", "published.safetensors", "--output"]);
    expect(
        &place.panarch(&[&export[..], &["member.safetensors"], &subject].concat()),
        0,
    );
    expect(&place.panarch(&[&import[..], &subject].concat()), 0);
    assert!(written() == first, "other names give another file");
}

/// Weights are refused for a member that differs in what has none.
#[test]
fn weights_of_another_member_are_refused() {
    let place = Workplace::new();
    let toml = "name = \"pair\"\nversion = 1\nresolutions = [8, 16]\n[[stem]]\noperator = \"conv\"\nkernel = 3\nwidth = 4\n\
                activation = \"relu\"\n[[stage]]\noperator = \"conv\"\nkernel = 3\nwidth = 4\ndepth = 1\nactivation = \"relu\"\n\
                residual = [false, true]\n[[head]]\noperator = \"global-average-pool\"\n[[head]]\noperator = \"classifier\"\n";
    std::fs::write(place.path().join("pair.toml"), toml).unwrap();
    let space = Space::from_toml("pair.toml", toml).unwrap();
    let head = Head {
        classes: 3,
        input_channels: 3,
    };
    let supernet = Supernet::new(&space, head, 8, 1).unwrap();
    let checkpoint = supernet.checkpoint(serde_json::Value::Null);
    checkpoint.write(&place.path().join("pair.safetensors")).unwrap();
    let export = "checkpoint export pair.safetensors --space pair.toml --member 1 --output one.safetensors";
    expect(&place.panarch(&export.split(' ').collect::<Vec<_>>()), 0);
    let import = |member: &str, size: &str| {
        let text = format!(
            "checkpoint import one.safetensors --space pair.toml --member {member} --resolution {size} --output one.onnx"
        );
        place.panarch(&text.split(' ').collect::<Vec<_>>())
    };
    expect(&import("1", "8"), 0);
    expect(&import("1", "16"), 0);
    let output = import("0", "8");
    expect(&output, 2);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("not this member of pair"), "{errors}");
}

/// Nothing in a file is executed, and nothing but tensors is accepted.
#[test]
fn a_hostile_checkpoint_is_refused_by_name() {
    let place = Workplace::new();
    let magic = [
        0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.',
    ];
    let protocol = [0x80, 2, b'M', 0xe9, 0x03, b'.'];
    let machine = b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.";
    let hostile = b"\x80\x02cos\nsystem\nX\x0c\x00\x00\x00touch pwned!\x85R.";
    let bytes = [&magic[..], &protocol, machine, hostile].concat();
    std::fs::write(place.path().join("hostile.pth"), bytes).unwrap();
    let output = place.panarch(&["checkpoint", "show", "hostile.pth"]);
    expect(&output, 2);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("os.system"), "{errors}");
    let names = std::fs::read_dir(place.path()).unwrap();
    assert!(
        names
            .into_iter()
            .all(|entry| !entry.unwrap().file_name().to_string_lossy().contains("pwned"))
    );
}
