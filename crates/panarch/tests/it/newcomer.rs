//! What somebody types who does not know the program yet.

use std::path::Path;
use std::process::Output;

use panarch_format::{OnnxOptions, write_onnx};
use panarch_graph::{Weights, stream};
use panarch_space::{Head, Space};
use serde_json::Value;

use crate::pictures::{Workplace, expect};

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_key_in_the_wrong_place_or_by_another_name_is_known() {
    let place = Workplace::empty();
    place.run_file("[devices.targets]\nreference = \"mobilenet-v2-like\"");
    for (change, meant) in [
        ("train.evaluations=5", "did you mean `search.evaluations`?"),
        ("train.batch_size=8", "did you mean `batch`?"),
        ("train.lr=0.1", "did you mean `learning_rate`?"),
        ("search.trials=8", "did you mean `evaluations`?"),
        ("data.image_size=28", "did you mean `resolution`?"),
        ("train.image_size=28", "did you mean `data.resolution`?"),
        ("dataset=./pictures", "did you mean `data.dataset`?"),
        ("finalists.epochs=2", "did you mean `fine_tune_epochs`?"),
        ("serach.evaluations=5", "did you mean `search`?"),
        ("training.epochs=5", "did you mean `train`?"),
        ("train.epoch=5", "did you mean `epochs`?"),
        ("devices.names=host", "did you mean `[\"host\"]`?"),
        ("search.seeds=3", "did you mean `[3]`?"),
        ("lr=0.1", "one of `train.learning_rate` or `finalists.learning_rate`"),
    ] {
        let output = place.panarch(&["run", "job.toml", "--set", change]);
        expect(&output, 2);
        assert!(errors(&output).contains(meant), "{change}: {}", errors(&output));
    }
}

#[test]
fn a_changed_run_file_is_told_by_key_and_values() {
    let place = Workplace::new();
    place.run_file("[devices.targets]\nreference = \"mobilenet-v2-like\"");
    let train = |change: &str| {
        let output = place.panarch(&["train", "job.toml", "--set", "train.epochs=0.3", "--set", change]);
        expect(&output, 0);
        errors(&output)
    };
    assert!(!train("seed=3").contains("another run file"));
    let said = train("seed=4");
    for part in ["seed", "3", "4", "another run file"] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    assert!(!said.contains("line "), "{said}");
}

#[test]
fn printed_commands_can_be_pasted() {
    let place = Workplace::empty();
    let folder = "it's $HOME/a \"b\"";
    let said = expect(
        &place.panarch(&["data", "generate", folder, "--train", "2", "--test", "1"]),
        0,
    );
    let command = said
        .lines()
        .find_map(|line| line.strip_prefix("next: panarch "))
        .unwrap();
    assert_eq!(command, r#"data check 'it'\''s $HOME/a "b"'"#);
    let pasted = std::process::Command::new("sh")
        .args(["-c", &format!("\"$PANARCH\" {command}")])
        .env("PANARCH", env!("CARGO_BIN_EXE_panarch"))
        .env("PANARCH_DATA", place.path())
        .current_dir(place.path())
        .output()
        .unwrap();
    assert!(expect(&pasted, 0).contains("8 training and 4 test images"));
}

#[test]
fn lists_take_commas_everywhere() {
    let place = Workplace::empty();
    let rows = |arguments: &[&str]| -> usize {
        let text = expect(&place.panarch(&[arguments, &["--format", "json"]].concat()), 0);
        serde_json::from_str::<Value>(&text).unwrap().as_array().unwrap().len()
    };
    let both = "cube-16,ethos-u55-128";
    assert_eq!(rows(&["cost", "--network", "mobilenet-v2", "--device", both]), 2);
    assert_eq!(
        rows(&[
            "cost",
            "--network",
            "mobilenet-v2",
            "--device",
            both,
            "--device",
            "cortex-a53",
            "--model",
            "analytic,cycle"
        ]),
        6
    );
    let spaces = "multi-hardware-small,edgetpu-small";
    assert_eq!(
        rows(&["space", "mem", spaces, "-n", "2", "--device", "ascend-310,systolic-32"]),
        2
    );
    for arguments in [
        &["space", "check", "edgetpu-small", "--device", both][..],
        &["device", "support", both, "--space", "edgetpu-small"],
        &["network", "mem", "mobilenet-v2", "--device", "ascend-310,systolic-32"],
    ] {
        expect(&place.panarch(arguments), 0);
    }
    let output = place.panarch(&["cost", "--network", "mobilenet-v2", "--device", "cube-16,cube-61"]);
    expect(&output, 2);
    assert!(
        errors(&output).contains("did you mean `cube-16`?"),
        "{}",
        errors(&output)
    );
}

#[test]
fn a_bad_picture_hides_no_other() {
    let place = Workplace::empty();
    expect(
        &place.panarch(&["data", "generate", "p", "--train", "1", "--test", "1"]),
        0,
    );
    let good = "p/test/circle/0000.png";
    std::fs::write(place.path().join("bad.png"), "no picture").unwrap();
    let network = network(&place);
    let classify = |pictures: &[&str]| place.panarch(&[&["classify", "--checkpoint", network], pictures].concat());
    let output = classify(&["bad.png", good, "absent.png", "--format", "json"]);
    let rows: Vec<Value> = serde_json::from_str(&expect(&output, 2)).unwrap();
    assert!(
        !rows.is_empty() && rows.iter().all(|row| row["picture"] == good),
        "{rows:?}"
    );
    let said = errors(&output);
    for part in ["bad.png", "absent.png", "2 of 3 pictures"] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    expect(&classify(&[good]), 0);
    expect(&classify(&["bad.png"]), 2);
}

/// Writes an ONNX file with weights, small enough for a test.
fn network(place: &Workplace) -> &'static str {
    let space = Space::preset("multi-hardware-small").unwrap();
    let head = Head {
        classes: 4,
        input_channels: 3,
    };
    let network = space.lower(&space.smallest(), head, 32).unwrap();
    let weights = Weights::random(&network, &mut stream(1, "test", 1));
    let onnx = write_onnx(&network, &weights, &OnnxOptions::default()).unwrap();
    std::fs::write(place.path().join("net.onnx"), onnx).unwrap();
    "net.onnx"
}

#[test]
fn device_check_opens_what_the_profile_names() {
    let place = Workplace::empty();
    let write = |name: &str, text: &str| std::fs::write(place.path().join(name), text).unwrap();
    let profile = |rest: &str| {
        format!(
            "format = 1\nname = \"own\"\ndescription = \"Own.\"\nclass = \"full\"\nprecision = \"f32\"\nkind = {rest}"
        )
    };
    let table = profile("\"table\"\n[table]\nfile = \"own.csv\"\ndialect = \"panarch\"\n");
    write("own.toml", &table);
    let output = place.panarch(&["device", "check", "own.toml"]);
    expect(&output, 2);
    assert!(errors(&output).contains("own.csv"), "{}", errors(&output));
    write("own.csv", "not a table\n");
    let output = place.panarch(&["device", "check", "own.toml"]);
    expect(&output, 2);
    assert!(errors(&output).contains("own.csv"), "{}", errors(&output));

    let said = expect(&place.panarch(&["device", "check", "host"]), 0);
    assert!(said.contains("its runtime rten is here"), "{said}");
    let said = expect(&place.panarch(&["device", "check", "cube-16"]), 0);
    assert!(
        said.contains("valid profile") && said.contains("names no file"),
        "{said}"
    );
    let mut absent = place.command(&["device", "check", "ethos-u55-256"]);
    let output = absent
        .env("PATH", place.path())
        .env_remove("PANARCH_VELA")
        .output()
        .unwrap();
    expect(&output, 3);
    assert!(errors(&output).contains("vela"), "{}", errors(&output));
}

#[test]
fn a_tilde_is_the_home_folder_in_arguments_and_run_files() {
    let place = Workplace::empty();
    let home = place.path().join("home of a user");
    std::fs::create_dir(&home).unwrap();
    let run = |arguments: &[&str]| place.command(arguments).env("HOME", &home).output().unwrap();
    expect(
        &run(&["data", "generate", "~/pictures", "--train", "12", "--test", "2"]),
        0,
    );
    assert!(home.join("pictures/train/circle/0000.png").is_file());
    expect(&run(&["data", "check", "~/pictures"]), 0);
    let device = panarch_cost::preset_text("cortex-a53").unwrap();
    std::fs::write(home.join("own.toml"), device).unwrap();
    expect(&run(&["cost", "--network", "mobilenet-v2", "--device=~/own.toml"]), 0);
    expect(
        &run(&["cost", "--network", "mobilenet-v2", "--device", "cube-16,~/own.toml"]),
        0,
    );
    place.run_file("[devices.targets]\nreference = \"mobilenet-v2-like\"");
    let output = run(&[
        "train",
        "job.toml",
        "--set",
        "data.dataset=~/pictures",
        "--set",
        "output.directory=~/out",
        "--set",
        "data.validation=8",
    ]);
    expect(&output, 0);
    assert!(home.join("out/study.db").is_file());
    assert!(!Path::new(&place.path().join("~")).exists());
}

#[test]
fn a_hard_reward_that_is_no_limit_says_so() {
    let place = Workplace::new();
    place.run_file("[devices.targets]\nethos-u55-128 = \"1 us\"\ncortex-a53 = \"1 us\"\n");
    let run = |reward: &str| {
        let (reward, folder) = (
            format!("search.reward={reward}"),
            format!("output.directory=runs/{reward}"),
        );
        let output = place.panarch(&[
            "run",
            "job.toml",
            "--set",
            &reward,
            "--set",
            &folder,
            "--set",
            "search.evaluations=2",
            "--set",
            "search.goals=[\"worst\"]",
            "--set",
            "train.epochs=0.2",
            "--set",
            "finalists.fine_tune_epochs=0",
        ]);
        expect(&output, 0);
        let report = std::fs::read_to_string(
            place
                .path()
                .join(folder.trim_start_matches("output.directory="))
                .join("report.html"),
        );
        (errors(&output), report.unwrap())
    };
    let hint = "search.goals = [\"each\"]";
    let (said, report) = run("hard");
    assert!(said.contains(hint) && said.contains("ethos-u55-128 (r = "), "{said}");
    assert!(report.contains("is a form of reward, not a limit"));
    let (said, _) = run("soft");
    assert!(!said.contains(hint), "{said}");
}
