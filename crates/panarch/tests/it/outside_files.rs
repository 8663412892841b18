//! What people name where a file is expected.
#![cfg(unix)]

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::pictures::{Workplace, expect};

/// A space of two members, as small as can be.
pub const SPACE: &str = r#"
name = "tiny"
version = 1
description = "One network."
source = "a test"
resolutions = [28]
default_resolution = 28

[block]
operator = "inverted-bottleneck"
kernel = [3]
expansion = [2]
activation = "relu"

[[stem]]
operator = "conv"
kernel = 3
stride = 2
width = 8

[[stage]]
depth = 1
width = [8, 16]

[[head]]
operator = "global-average-pool"

[[head]]
operator = "classifier"
"#;

/// The profile of a device that a shell script answers for.
pub fn board(script: &str, settings: &str) -> String {
    format!(
        "format = 1\nname = \"board\"\ndescription = \"A board.\"\nclass = \"micro\"\nkind = \"command\"\n\
         precision = \"f32\"\n[command]\narguments = [\"sh\", \"-c\", '''{script}; echo [0.004]''', \"{{onnx}}\"]\n\
         format = \"onnx\"\nanswers = \"measured\"\n{settings}\n[command.result]\nfrom = \"stdout\"\n\
         parser = \"json\"\npath = \"[0]\"\nunit = \"s\"\n"
    )
}

/// Runs a command that must end by itself.
pub fn ended(mut command: Command) -> Output {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(120);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("hangs: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// Every place of the command line where a file is read; `{}` stands for the file without its ending.
const PLACES: [&[&str]; 17] = [
    &["run", "{}.toml"],
    &["report", "{}.toml"],
    &["space", "check", "{}.toml"],
    &["device", "check", "{}.toml"],
    &["cost", "--network", "mobilenet-v2", "--device", "{}.toml"],
    &["network", "show", "{}.onnx"],
    &["network", "import", "{}.onnx"],
    &["network", "show", "{}.toml:member"],
    &["checkpoint", "show", "{}.pth"],
    &["checkpoint", "show", "{}.safetensors"],
    &[
        "checkpoint",
        "import",
        "{}.pth",
        "--config",
        "{}.toml",
        "-o",
        "out.onnx",
    ],
    &["checkpoint", "export", "{}.onnx", "-o", "out.onnx"],
    &["classify", "--checkpoint", "{}.onnx", "pictures/test/spots/000.png"],
    &["cost", "--scalesim-topology", "{}.csv", "--scalesim-config", "{}.cfg"],
    &["study", "show", "{}.db"],
    &["study", "export", "{}.db"],
    &["study", "recover", "{}.db", "saved.db"],
];

/// Runs every place with files that `make` makes, and expects them refused in these words.
fn refused(place: &Workplace, make: impl Fn(&std::path::Path), words: &str) {
    for ending in ["toml", "onnx", "pth", "safetensors", "csv", "cfg", "db"] {
        make(&place.path().join(format!("odd.{ending}")));
    }
    for arguments in PLACES {
        let arguments: Vec<String> = arguments.iter().map(|text| text.replace("{}", "./odd")).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = ended(place.command(&arguments));
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            errors.contains(words) && errors.contains("odd."),
            "{arguments:?}: {errors}"
        );
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    }
}

#[test]
fn pipes_sockets_devices_and_folders_are_no_files() {
    let fifo = |path: &std::path::Path| {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    refused(&Workplace::new(), fifo, "is a named pipe, not a file");
    let device = |path: &std::path::Path| std::os::unix::fs::symlink("/dev/zero", path).unwrap();
    refused(&Workplace::new(), device, "is a device, not a file");
    let socket = |path: &std::path::Path| drop(std::os::unix::net::UnixListener::bind(path).unwrap());
    refused(&Workplace::new(), socket, "is a socket, not a file");
}

#[test]
fn pointers_of_git_lfs_are_called_by_name() {
    let pointer = |path: &std::path::Path| {
        let text = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
        std::fs::write(path, text).unwrap();
    };
    let place = Workplace::new();
    refused(&place, pointer, "is a pointer of Git LFS");
    let picture = place.path().join("pictures/train/spots/000.png");
    pointer(&picture);
    // Pictures are listed, so that all of a folder are known at once.
    let listed = expect(&place.panarch(&["data", "check", "./pictures", "--format", "csv"]), 1);
    let line = listed.lines().find(|line| line.contains("000.png")).unwrap();
    assert!(line.contains("Git-LFS pointer"), "{line}");
}

#[test]
fn a_file_may_begin_with_a_mark_and_must_be_utf8() {
    let place = Workplace::new();
    let write = |name: &str, bytes: &[u8]| std::fs::write(place.path().join(name), bytes).unwrap();
    let marked = |text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let topology = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n\
                    conv, 8, 8, 3, 3, 3, 4, 1,\n";
    let configuration = "[general]\nrun_name = x\n[architecture_presets]\nArrayHeight: 8\nArrayWidth: 8\nIfmapSramSzkB: 64\n\
                         FilterSramSzkB: 64\nOfmapSramSzkB: 64\nIfmapOffset: 0\nFilterOffset: 10000000\nOfmapOffset: 20000000\n\
                         Bandwidth: 10\nDataflow: ws\n[run_presets]\nInterfaceBandwidth: CALC\n";
    let device = board("true", "");
    let checks: [(&str, &str, &[&str]); 4] = [
        ("space.toml", SPACE, &["space", "check", "./space.toml"]),
        ("device.toml", &device, &["device", "check", "device.toml"]),
        (
            "t.csv",
            topology,
            &["cost", "--scalesim-topology", "t.csv", "--scalesim-config", "c.cfg"],
        ),
        (
            "c.cfg",
            configuration,
            &["cost", "--scalesim-topology", "t.csv", "--scalesim-config", "c.cfg"],
        ),
    ];
    for (name, text, _) in checks {
        write(name, text.as_bytes());
    }
    for (name, text, arguments) in checks {
        let plain = expect(&place.panarch(arguments), 0);
        write(name, &marked(text));
        assert_eq!(expect(&place.panarch(arguments), 0), plain, "{name}");
        for text in [utf16(text), utf16(&format!("\u{feff}{text}"))] {
            write(name, &text);
            let output = place.panarch(arguments);
            expect(&output, 2);
            assert!(String::from_utf8_lossy(&output.stderr).contains("UTF-16"), "{name}");
        }
        write(name, text.as_bytes());
    }
}

#[test]
fn standard_input_is_read_where_a_shell_gives_it() {
    let place = Workplace::new();
    let script = format!("printf '%s' '{SPACE}' | \"$0\" space count /dev/stdin");
    let piped = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_panarch")])
        .current_dir(place.path())
        .output()
        .unwrap();
    std::fs::write(place.path().join("space.toml"), SPACE).unwrap();
    let read = expect(
        &place.panarch(&["space", "count", "./space.toml", "--format", "csv"]),
        0,
    );
    assert!(read.contains("tiny"), "{read}");
    assert!(expect(&piped, 0).contains("tiny"));
    let mut endless = place.command(&["space", "count", "/dev/stdin"]);
    endless.stdin(std::fs::File::open("/dev/zero").unwrap());
    let output = endless.output().unwrap();
    expect(&output, 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("is a device"));
}

#[test]
fn a_member_behind_a_path_is_the_member_behind_the_name() {
    let place = Workplace::new();
    let folder = place.path().join("a:b");
    std::fs::create_dir(&folder).unwrap();
    for path in [place.path().join("space.toml"), folder.join("space.toml")] {
        std::fs::write(path, SPACE).unwrap();
    }
    let absolute = place.path().join("space.toml").display().to_string();
    let genotype = expect(
        &place.panarch(&["space", "sample", "./space.toml", "-n", "1", "--format", "json"]),
        0,
    );
    let genotype: serde_json::Value = serde_json::from_str(&genotype).unwrap();
    let genotype = genotype[0]["genotype"].as_str().unwrap();
    let cost = |network: &str| {
        let arguments = ["cost", "--device", "cube-16", "--format", "csv", "--network", network];
        expect(&place.panarch(&arguments), 0).replace(network, "NETWORK")
    };
    let expected = cost(&format!("space.toml:{genotype}"));
    for file in ["./space.toml", "a:b/space.toml", "./a:b/space.toml", &absolute] {
        assert_eq!(cost(&format!("{file}:{genotype}")), expected, "{file}");
    }
    let output = place.panarch(&["cost", "--device", "cube-16", "--network", "./space.toml"]);
    expect(&output, 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("./space.toml:MEMBER"));
}
