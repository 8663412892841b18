//! Machines that lack something: threads, a home, room on the disk, permission to write, a reader of the output.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::outside_files::{board, ended};
use crate::pictures::{Workplace, expect};

const PANARCH: &str = env!("CARGO_BIN_EXE_panarch");

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

/// A command of a user who may do nothing in particular; the arguments of `sh -c` and what it calls `$0`, `$1`, ….
fn as_nobody(script: &str) -> Command {
    let mut command = Command::new(if is_root() { "setpriv" } else { "sh" });
    if is_root() {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh"]);
    }
    command
        .args(["-c", script])
        .env("HOME", "/nonexistent")
        .current_dir("/");
    command
}

#[test]
fn threads_that_cannot_be_started_are_an_error() {
    let limited = |script: &str| {
        let mut command = as_nobody(&format!("exec prlimit --nproc=1 -- {script}"));
        command.arg(PANARCH);
        command
    };
    // Whether the limit holds: a shell that may start nothing cannot run a pipe.
    let holds = limited("sh -c 'true | true'").output();
    let runs = as_nobody("\"$0\" --version").arg(PANARCH).output();
    if holds.is_ok_and(|output| output.status.success()) || !runs.is_ok_and(|output| output.status.success()) {
        println!("skipped: no other user, or no limit on processes");
        return;
    }
    for arguments in [
        "cost --network mobilenet-v2 --device cube-16",
        "cost --network mobilenet-v2 --device host",
        "space mem isynet --device cube-16",
        "data check ./pictures",
    ] {
        let output = limited(&format!("\"$0\" {arguments}")).output().unwrap();
        let errors = errors(&output);
        assert_eq!(output.status.code(), Some(3), "{arguments}: {errors}");
        assert!(
            errors.contains("cannot start the threads") && !errors.contains("panic"),
            "{errors}"
        );
    }
    // What computes nothing needs none; what needs one says so.
    let output = limited("\"$0\" schedule list").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
}

#[test]
fn a_home_matters_only_to_what_lies_in_it() {
    let place = Workplace::new();
    std::fs::write(place.path().join("board.toml"), board("true", "")).unwrap();
    let locked = board("true", "lock = \"board\"");
    std::fs::write(place.path().join("locked.toml"), locked).unwrap();
    for home in [
        None,
        Some(""),
        Some("relative"),
        Some("/nonexistent"),
        Some("/dev/null"),
    ] {
        let panarch = |arguments: &[&str]| {
            let mut command = place.command(arguments);
            for variable in [
                "HOME",
                "PANARCH_DATA",
                "XDG_DATA_HOME",
                "XDG_CACHE_HOME",
                "XDG_STATE_HOME",
            ] {
                command.env_remove(variable);
            }
            command.envs(home.map(|home| ("HOME", home)));
            command.output().unwrap()
        };
        expect(&panarch(&["data", "check", "./pictures"]), 0);
        expect(&panarch(&["doctor"]), 0);
        let network = "multi-hardware-small:mobilenet-v2-like";
        expect(&panarch(&["cost", "--network", network, "--device", "./board.toml"]), 0);
        let names_it = home.is_some_and(|home| home.starts_with('/'));
        let output = panarch(&["data", "check", "fashion-mnist"]);
        expect(&output, 3);
        assert_eq!(
            errors(&output).contains("set PANARCH_DATA"),
            !names_it,
            "{}",
            errors(&output)
        );
        if !names_it {
            let output = panarch(&["cost", "--network", network, "--device", "./locked.toml"]);
            expect(&output, 3);
            assert!(errors(&output).contains("XDG_STATE_HOME"), "{}", errors(&output));
        }
    }
    assert!(!place.path().join("relative").exists());
}

#[test]
fn an_output_that_is_full_is_an_error_and_one_that_is_closed_is_none() {
    let place = Workplace::new();
    for arguments in [
        &["space", "list"][..],
        &["space", "list", "--format", "json"],
        &["completions", "bash"],
        &["--help"],
        &["device", "show", "cube-16"],
    ] {
        let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = place.command(arguments).stdout(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        assert!(errors(&output).contains("standard output"), "{}", errors(&output));
        let status = place.command(arguments).stdout(full()).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(3), "{arguments:?}");

        let mut child = place
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), errors(&output)),
            (Some(0), String::new()),
            "{arguments:?}"
        );
    }
}

/// Runs a script in the folder `$1`, on which nothing but a small disk is mounted.
fn on_a_small_disk(folder: &Path, options: &str, script: &str) -> Option<Output> {
    let wrapped = format!("mount -t tmpfs -o {options} none \"$1\" || exit 77; {script}");
    let user = if is_root() {
        "--mount"
    } else {
        "--user --map-root-user --mount"
    };
    let mut command = Command::new("unshare");
    command
        .args(user.split(' '))
        .args(["sh", "-c", &wrapped, PANARCH])
        .arg(folder)
        .current_dir(folder.parent().unwrap());
    let output = command.output().ok()?;
    let refused = output.status.code() == Some(77) || errors(&output).contains("unshare:");
    (!refused).then_some(output)
}

#[test]
fn a_disk_that_is_full_or_cannot_be_written_is_the_machine_s_fault() {
    let place = Workplace::new();
    place.run_file("[devices.targets]\nreference = \"mobilenet-v2-like\"");
    let disk = place.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let trace = "cost --network mobilenet-v2 --device edgetpu-v1 --model cycle --trace disk/trace.json";
    let commands = [
        ("run job.toml --set output.directory=disk/run", "disk/run"),
        ("train job.toml --set output.directory=disk/run", "disk/run"),
        ("network export mobilenet-v3-large -o disk/x.tflite", "disk/x.tflite"),
        ("network import ./net.onnx -o disk/x.onnx", "disk/x.onnx"),
        (trace, "disk/trace.json"),
        (
            "cost --network mobilenet-v2 --device cube-16 --scalesim-export disk/files",
            "disk/files",
        ),
        (
            "device table build --space multi-hardware-small --device cube-16 --output disk/table.toml",
            "disk/table",
        ),
        ("study recover study.db disk/saved.db", "disk/saved.db"),
    ];
    study(&place.path().join("study.db"));
    let network = "multi-hardware-small:mobilenet-v2-like";
    expect(
        &place.panarch(&[
            "cost",
            "--network",
            network,
            "--device",
            "cube-16",
            "--scalesim-export",
            "files",
        ]),
        0,
    );
    foreign_network(&place.path().join("net.onnx"));
    for (options, words) in [("size=4k", "No space left on device"), ("ro", "Read-only file system")] {
        for (arguments, path) in commands {
            let Some(output) = on_a_small_disk(&disk, options, &format!("\"$0\" {arguments}")) else {
                println!("skipped: nothing can be mounted");
                return;
            };
            let errors = errors(&output);
            assert_eq!(output.status.code(), Some(3), "{options}: {arguments}: {errors}");
            let sqlite = ["disk is full", "room on the disk", "readonly"];
            let full = errors.contains(words) || sqlite.iter().any(|words| errors.contains(words));
            assert!(full && errors.contains(path), "{options}: {arguments}: {errors}");
            assert!(!errors.contains("panicked"), "{arguments}: {errors}");
        }
    }
}

fn study(path: &Path) {
    let hash = panarch_graph::ContentHash::of("space", b"unlucky");
    panarch_study::SqliteStorage::create(path, &panarch_testkit::samples::header(hash)).unwrap();
}

/// An ONNX file of a network with weights.
fn foreign_network(path: &Path) {
    let network = panarch_space::zoo::network("mobilenet-v3-small", 1000, 224).unwrap();
    let weights = panarch_graph::Weights::random(&network, &mut panarch_graph::stream(1, "weights", 0));
    let bytes = panarch_format::write_onnx(&network, &weights, &panarch_format::OnnxOptions::default()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_study_on_a_medium_that_cannot_be_written_is_read() {
    let place = Workplace::new();
    let folder = place.path().join("runs/job");
    std::fs::create_dir_all(&folder).unwrap();
    study(&folder.join("study.db"));
    let disk = place.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let script = "cp -r runs/job disk && mount -o remount,ro none disk && \"$0\" study list disk && \
                  \"$0\" study show disk/job && \"$0\" study export disk/job --rows events && \
                  \"$0\" study recover disk/job/study.db saved.db";
    let Some(output) = on_a_small_disk(&disk, "size=4m", script) else {
        println!("skipped: nothing can be mounted");
        return;
    };
    let text = expect(&output, 0);
    assert!(text.contains("Searches") && text.contains("into saved.db"), "{text}");
}

#[test]
fn what_a_killed_process_left_is_removed_by_the_next() {
    let place = Workplace::new();
    let temporary = place.path().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let answers_after = |seconds: u32| {
        let text = board(&format!("touch started; sleep {seconds}"), "");
        std::fs::write(place.path().join("board.toml"), text).unwrap();
    };
    let ask = || {
        let network = "multi-hardware-small:mobilenet-v2-like";
        let mut command = place.command(&["cost", "--network", network, "--device", "./board.toml"]);
        command.env("TMPDIR", &temporary);
        command
    };
    let left = || -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&temporary).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    answers_after(5);
    let mut child = ask().stdout(Stdio::null()).spawn().unwrap();
    while !place.path().join("started").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    let folders = left();
    assert!(!folders.is_empty());
    for folder in folders {
        let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
    }
    answers_after(0);
    expect(&ended(ask()), 0);
    assert_eq!(left(), Vec::<PathBuf>::new());
}

#[test]
fn unfinished_files_of_a_killed_process_go_and_others_stay() {
    let place = Workplace::new();
    foreign_network(&place.path().join("net.onnx"));
    for name in [".panarch-77-0123456789abcdef.partial", ".panarch-mine.toml"] {
        std::fs::write(place.path().join(name), "x").unwrap();
    }
    expect(
        &place.panarch(&["network", "import", "./net.onnx", "-o", "copy.onnx"]),
        0,
    );
    assert!(!place.path().join(".panarch-77-0123456789abcdef.partial").exists());
    assert!(place.path().join(".panarch-mine.toml").exists());
    assert!(place.path().join("copy.onnx").exists());
}
