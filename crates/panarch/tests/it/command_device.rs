//! Devices behind a command, as people use them.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::pictures::{Workplace, expect};

/// Writes a profile of a shell script.
fn board(place: &Workplace, script: &str, settings: &str) {
    std::fs::write(place.path().join("tool.sh"), script).unwrap();
    profile(place, "[\"sh\", \"tool.sh\", \"{onnx}\"]", settings);
}

fn profile(place: &Workplace, arguments: &str, settings: &str) {
    let text = format!(
        "format = 1\nname = \"board\"\ndescription = \"A board.\"\nclass = \"micro\"\nkind = \"command\"\nprecision = \"f32\"\n\
         [command]\narguments = {arguments}\nformat = \"onnx\"\nanswers = \"measured\"\n{settings}\n\
         [command.result]\nfrom = \"stdout\"\nparser = \"json\"\npath = \"[0].latency_s.value\"\nunit = \"s\"\n"
    );
    std::fs::write(place.path().join("board.toml"), text).unwrap();
}

const COST: [&str; 7] = [
    "cost",
    "--network",
    "multi-hardware-small:mobilenet-v2-like",
    "--format",
    "json",
    "--device",
    "./board.toml",
];
const ANSWER: &str = "echo '[{\"latency_s\": {\"value\": 0.004}}]'";

fn lines(place: &Workplace, name: &str) -> usize {
    std::fs::read_to_string(place.path().join(name)).map_or(0, |text| text.lines().count())
}

fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not come about");
}

/// What the example over ssh does, without the ssh: Panarch asks Panarch.
#[test]
fn panarch_answers_for_panarch() {
    let place = Workplace::new();
    let arguments = format!(
        "[\"{}\", \"cost\", \"--network\", \"{{onnx}}\", \"--device\", \"cortex-a53\", \"--format\", \"json\"]",
        env!("CARGO_BIN_EXE_panarch")
    );
    profile(
        &place,
        &arguments,
        &format!("version = [\"{}\", \"--version\"]", env!("CARGO_BIN_EXE_panarch")),
    );
    let text = expect(&place.panarch(&[&COST[..], &["--device", "cortex-a53"]].concat()), 0);
    let answers: Vec<Value> = serde_json::from_str(&text).unwrap();
    let value = |index: usize| answers[index]["latency_s"]["value"].as_f64().unwrap();
    assert!(value(0) > 0.0 && value(0) == value(1), "{text}");
    let provenance = &answers[0]["provenance"];
    assert_eq!(provenance["kind"], "measured");
    assert!(
        provenance["version"].as_str().unwrap().starts_with("panarch "),
        "{provenance}"
    );
    let checked = expect(&place.panarch(&["device", "check", "./board.toml"]), 0);
    assert!(checked.contains("valid profile"), "{checked}");
}

#[test]
fn a_missing_tool_says_how_to_get_it() {
    let place = Workplace::new();
    profile(
        &place,
        "[\"no-such-tool\", \"{onnx}\"]",
        "install = \"pip install no-such-tool\"",
    );
    let output = place.panarch(&COST);
    expect(&output, 3);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("pip install no-such-tool"), "{errors}");
    // It hides no other device.
    let text = expect(&place.panarch(&[&COST[..], &["--device", "cortex-a53"]].concat()), 0);
    let answers: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(
        answers[0]["error"]
            .as_str()
            .unwrap()
            .contains("pip install no-such-tool"),
        "{text}"
    );
    assert!(answers[1]["latency_s"]["value"].is_number(), "{text}");
    let doctor = expect(&place.panarch(&["doctor"]), 0);
    assert!(doctor.contains("tool vela"), "{doctor}");
}

#[test]
fn a_tool_that_fails_is_no_network_that_cannot_run() {
    let place = Workplace::new();
    board(&place, "echo out of paper >&2; exit 7", "");
    let output = place.panarch(&COST);
    expect(&output, 3);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        errors.contains("exit status: 7") && errors.contains("out of paper"),
        "{errors}"
    );
}

#[test]
fn two_processes_take_turns_on_a_device() {
    let place = Workplace::new();
    let script = format!("mkdir busy || echo overlap >> overlaps\necho run >> runs\nsleep 0.3\nrmdir busy\n{ANSWER}");
    board(&place, &script, "lock = \"board\"");
    let mut processes = Vec::new();
    for network in ["mobilenet-v2-like", "mobilenet-v2-like"] {
        // Another resolution is another network.
        let resolution = (28 + 4 * processes.len()).to_string();
        let network = format!("multi-hardware-small:{network}");
        let arguments = [
            "cost",
            "--network",
            &network,
            "--resolution",
            &resolution,
            "--device",
            "./board.toml",
        ];
        processes.push(place.command(&arguments).spawn().unwrap());
    }
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!((lines(&place, "runs"), lines(&place, "overlaps")), (2, 0));
}

/// A killed process leaves no half answer, and its device is busy for as long as the command goes on.
#[test]
fn a_kill_in_the_middle_leaves_nothing_wrong_behind() {
    let place = Workplace::new();
    board(
        &place,
        &format!("echo $$ >> pids\nwhile test -e hold; do sleep 0.02; done\n{ANSWER}"),
        "lock = \"board\"",
    );
    std::fs::write(place.path().join("hold"), "").unwrap();
    let mut killed = place.command(&COST).spawn().unwrap();
    until("the command", || lines(&place, "pids") == 1);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let entries = |folder: &str| files_below(&place.path().join(folder));
    assert_eq!(entries("cache"), 0, "an answer was kept that nobody gave");
    let mut next = place
        .command(&COST)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(lines(&place, "pids"), 1, "the orphaned command has the device");
    assert!(next.try_wait().unwrap().is_none());
    std::fs::remove_file(place.path().join("hold")).unwrap();
    let text = expect(&next.wait_with_output().unwrap(), 0);
    assert!(text.contains("0.004"), "{text}");
    assert_eq!(lines(&place, "pids"), 2);
    assert_eq!(entries("cache"), 1);
    println!("killed while a command ran: the next one waited for it, and asked again");
}

/// The terminal does not tell a command in a group of its own, so that Panarch has to.
#[test]
fn an_interrupt_ends_the_command_as_well() {
    let place = Workplace::new();
    board(
        &place,
        "echo $$ >> pids\nsleep 1000 & echo $! >> pids\nwait",
        "lock = \"board\"",
    );
    let mut process = place.command(&COST).spawn().unwrap();
    until("the command", || lines(&place, "pids") == 2);
    let interrupted = Command::new("kill").args(["-INT", &process.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    assert_eq!(process.wait().unwrap().code(), Some(130));
    let pids = std::fs::read_to_string(place.path().join("pids")).unwrap();
    for pid in pids.lines() {
        until("the end of the command", || !runs(pid));
    }
}

/// Whether a process runs; one that has ended and waits for its parent does not.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            if entry.path().is_dir() {
                files_below(&entry.path())
            } else {
                1
            }
        })
        .sum()
}

/// A run goes by the command's answers and keeps them: the same run again asks nothing.
#[test]
fn a_run_searches_on_a_device_behind_a_command() {
    let place = Workplace::new();
    // Larger files take longer.
    let script =
        "echo run >> asked\nn=$(wc -c < $1)\necho \"[{\\\"latency_s\\\": {\\\"value\\\": 0.$(printf %09d $n)}}]\"";
    board(&place, script, "");
    place.run_file(
        "[devices.targets]\nreference = \"mobilenet-v2-like\"\n[search]\nevaluations = 4\n[measure]\nsamples = 8\n",
    );
    let run = [
        "run",
        "job.toml",
        "--set",
        "devices.names=[\"ethos-u55-128\", \"./board.toml\"]",
        "--format",
        "json",
    ];
    let text = expect(&place.panarch(&run), 0);
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    let roles: Vec<&str> = rows.iter().filter_map(|row| row["role"].as_str()).collect();
    assert!(
        roles.contains(&"./board.toml alone") && roles.contains(&"worst case"),
        "{roles:?}"
    );
    let asked = lines(&place, "asked");
    assert!((9..200).contains(&asked), "{asked}");
    expect(&place.panarch(&run), 0);
    assert_eq!(lines(&place, "asked"), asked, "asked again");
}
