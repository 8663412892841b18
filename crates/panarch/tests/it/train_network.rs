//! `panarch train --network`: what it writes, how it goes on, and what it says when something does not fit.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use panarch::graph::{Affine, Factor, Linear, NetworkBuilder, Op, Shape, Weights, random};
use serde_json::Value;

use crate::pictures::{Workplace, expect};

/// A small network on the pictures, with everything that a recipe has.
const COMMAND: [&str; 12] = [
    "train",
    "--network",
    "multi-hardware-small:mobilenet-v2-like",
    "--dataset",
    "./pictures",
    "--resolution",
    "28",
    "--epochs",
    "3",
    "--batch-size",
    "16",
    "--set=train.weight_ema=0.9",
];

fn command<'a>(more: &[&'a str]) -> Vec<&'a str> {
    COMMAND.iter().chain(more).copied().collect()
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn from_a_name_and_pictures_to_a_network_that_classifies() {
    let place = Workplace::new();
    let arguments = command(&["--format", "json"]);
    let output = place.panarch(&arguments);
    let rows: Vec<Value> = serde_json::from_str(&expect(&output, 0)).unwrap();
    let row = &rows[0];
    let share = |key: &str| row[key].as_f64().unwrap_or_else(|| panic!("{key} in {row}"));
    let test = share("test_accuracy");
    assert!(share("test_accuracy_low") < test && test <= share("test_accuracy_high"));
    assert!(test > 0.5, "three classes, better than guessing: {test}");
    let folder = place.path().join(row["folder"].as_str().unwrap());
    assert_eq!(
        folder,
        place
            .path()
            .join("runs/multi-hardware-small-mobilenet-v2-like-on-pictures")
    );

    let curve = std::fs::read_to_string(folder.join("curve.csv")).unwrap();
    let lines: Vec<Vec<f64>> = curve
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|value| value.parse().unwrap()).collect())
        .collect();
    assert!(
        curve.starts_with("epoch,learning_rate,train_loss,validation_accuracy,seconds\n"),
        "{curve}"
    );
    assert_eq!(lines.iter().map(|line| line[0]).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
    assert!(lines[2][1] < 1e-6, "a cosine ends at 0: {curve}");
    assert_eq!(lines[2][3], share("validation_accuracy"));

    // The exported file is the network that was trained, and its recipe gives the same training again.
    let network = folder.join("network.onnx").display().to_string();
    let picture = "pictures/test/spots/000.png";
    let guesses = expect(
        &place.panarch(&["classify", "--checkpoint", &network, picture, "--format", "json"]),
        0,
    );
    let guesses: Vec<Value> = serde_json::from_str(&guesses).unwrap();
    assert_eq!(guesses.len(), 3);
    let hash = row["content_hash"].as_str().unwrap();
    let result: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("result.json")).unwrap()).unwrap();
    assert_eq!(result["content_hash"], *hash);
    let recipe = folder.join("recipe.toml").display().to_string();
    let again = [
        &COMMAND[..7],
        &["--recipe", &recipe, "--output", "again", "--format", "json"],
    ]
    .concat();
    expect(&place.panarch(&again), 0);
    let weights = |folder: &Path| std::fs::read(folder.join("weights.safetensors")).unwrap();
    assert_eq!(weights(&folder), weights(&place.path().join("again")));

    // What is done is not done again, and not tested again.
    let before = std::fs::metadata(folder.join("result.json"))
        .unwrap()
        .modified()
        .unwrap();
    let output = place.panarch(&arguments);
    assert!(said(&output).contains("trained already"), "{}", said(&output));
    assert_eq!(serde_json::from_str::<Vec<Value>>(&expect(&output, 0)).unwrap(), rows);
    assert_eq!(
        std::fs::metadata(folder.join("result.json"))
            .unwrap()
            .modified()
            .unwrap(),
        before
    );

    // Another training does not take its place.
    let output = place.panarch(&command(&["--seed", "2"]));
    assert_eq!(output.status.code(), Some(2));
    let said = said(&output);
    for part in ["another training", "the seed", "--output"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert_eq!(
        std::fs::metadata(folder.join("result.json"))
            .unwrap()
            .modified()
            .unwrap(),
        before
    );
}

/// Kills a training with SIGKILL again and again; it must end with the weights of an undisturbed one.
#[test]
fn a_killed_training_goes_on_where_it_was() {
    let place = Workplace::new();
    expect(&place.panarch(&command(&["--output", "quiet"])), 0);
    let arguments = command(&["--output", "killed"]);
    let (mut kills, mut patience) = (0, Duration::from_millis(100));
    loop {
        let mut child = place
            .command(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(patience);
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        assert!(kills < 200, "the training makes no progress between kills");
        patience = patience.mul_f64(1.3);
    }
    assert!(kills > 0, "the training was over before it could be killed");
    for file in ["weights.safetensors", "network.onnx", "recipe.toml"] {
        let read = |folder: &str| std::fs::read(place.path().join(folder).join(file)).unwrap();
        assert!(read("quiet") == read("killed"), "{file} differs after {kills} kills");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_training_says_how_to_go_on() {
    let place = Workplace::new();
    let arguments = [&COMMAND[..8], &["500", "--batch-size", "16", "--output", "cut"]].concat();
    let child = place.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
    let checkpoint = place.path().join("cut");
    while !checkpoint.is_dir() {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(500));
    let sent = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(
        said.contains("go on with: panarch train --network multi-hardware-small:mobilenet-v2-like"),
        "{said}"
    );
    assert!(said.contains("--output cut") && said.contains("--epochs 500"), "{said}");
    assert!(checkpoint.join("training.safetensors").is_file() && !checkpoint.join("result.json").exists());
}

#[test]
fn what_does_not_fit_is_said_before_anything_is_trained() {
    let place = Workplace::new();
    // A file has the classes that it has.
    let export = [
        "network",
        "export",
        "multi-hardware-small:mobilenet-v2-like",
        "--resolution",
        "28",
        "--classes",
        "7",
    ];
    expect(
        &place.panarch(&[&export[..], &["--channels", "1", "-o", "seven.onnx"]].concat()),
        0,
    );
    std::fs::write(place.path().join("scaled.onnx"), untrainable()).unwrap();
    std::fs::write(place.path().join("wrong.toml"), "[train]\nepoch = 3\n").unwrap();
    let member = "multi-hardware-small:mobilenet-v2-like";
    let cases: [(&[&str], i32, &str); 10] = [
        (&[], 2, "--network <NETWORK>"),
        (&["--network", member], 2, "--dataset"),
        (
            &["job.toml", "--network", member, "--dataset", "./pictures"],
            2,
            "cannot be used with",
        ),
        (&["job.toml", "--epochs", "3"], 2, "--network"),
        (&["--network", member, "--dataset", "./nowhere"], 3, "nowhere"),
        (
            &["--network", "mobilenet-v9", "--dataset", "./pictures"],
            2,
            "mobilenet-v9",
        ),
        (&["--network", "seven.onnx", "--dataset", "./pictures"], 2, "7 classes"),
        (
            &[
                "--network",
                "scaled.onnx",
                "--dataset",
                "./pictures",
                "--batch-size",
                "16",
            ],
            2,
            "cannot be trained",
        ),
        (
            &["--network", member, "--dataset", "./pictures", "--recipe", "wrong.toml"],
            2,
            "`epochs`",
        ),
        (
            &["--network", member, "--dataset", "./pictures", "--resume"],
            2,
            "no training to go on with",
        ),
    ];
    for (arguments, code, part) in cases {
        let output = place.panarch(&[&["train"], arguments].concat());
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
}

/// A network with a scaling of its own, which is for inference alone.
fn untrainable() -> Vec<u8> {
    let mut builder = NetworkBuilder::new("scaled", Shape::new(1, 28, 28));
    let scaling = Affine {
        scale: Factor::Channels,
        shift: Factor::Channels,
    };
    let input = builder.input();
    let scaled = builder.add("scale", Op::Affine(scaling), &[input]).unwrap();
    let pooled = builder.add("pool", Op::GlobalAvgPool, &[scaled]).unwrap();
    let linear = Linear { out: 3, bias: true };
    let logits = builder.add("classifier", Op::Linear(linear), &[pooled]).unwrap();
    let network = builder.finish(logits).unwrap();
    let weights = Weights::random(&network, &mut random::stream(1, "scaled", 0));
    panarch::format::write_onnx(&network, &weights, &panarch::format::OnnxOptions::default()).unwrap()
}
