use serde_json::Value;

use crate::pictures::{Workplace, expect};

const JOB: &str = "[devices.targets]\nreference = \"mobilenet-v2-like\"\n";

/// The lines of the log of events.
fn events(place: &Workplace, run: &str) -> Vec<Value> {
    let path = place.path().join(run).join("events/events.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn has(events: &[Value], tag: &str) -> bool {
    events.iter().any(|event| event["values"][tag].is_number())
}

#[test]
fn every_schedule_trains_by_name() {
    let list = expect(&Workplace::new().panarch(&["schedule", "list", "--format", "json"]), 0);
    let rows: Vec<Value> = serde_json::from_str(&list).unwrap();
    assert_eq!(rows.len(), 6, "{list}");
    for row in rows {
        let name = row["schedule"].as_str().unwrap();
        let place = Workplace::new();
        place.run_file(JOB);
        let shown = expect(&place.panarch(&["schedule", "show", name]), 0);
        assert!(shown.contains("source"), "{shown}");
        let train = ["train", "job.toml", "--schedule", name, "--set", "train.epochs=2"];
        // Nothing to go on with yet.
        let refused = place.panarch(&[&train[..], &["--resume"]].concat());
        assert_eq!(refused.status.code(), Some(2), "{name}");
        expect(&place.panarch(&train), 0);
        expect(&place.panarch(&[&train[..], &["--resume"]].concat()), 0);
        let events = events(&place, "runs/job");
        assert!(
            has(&events, "loss") && has(&events, "validation_accuracy/largest"),
            "{name}"
        );
        assert_eq!(has(&events, "policy/reward"), name == "tunas", "{name}");
        assert_eq!(has(&events, "policy/r_ethos-u55-128"), name == "tunas", "{name}");
        let files = std::fs::read_dir(place.path().join("runs/job/events"))
            .unwrap()
            .flatten();
        let tensorboard = files.filter(|file| file.file_name().to_string_lossy().contains("tfevents"));
        assert!(tensorboard.count() > 0, "{name}");
    }
}

#[test]
fn a_teacher_can_be_given() {
    let place = Workplace::new();
    place.run_file(JOB);
    let short = ["--set", "train.epochs=1"];
    expect(&place.panarch(&[&["train", "job.toml"][..], &short].concat()), 0);
    let teacher = "runs/job/supernet.safetensors";
    let student = ["train", "job.toml", "--schedule", "compound", "--teacher", teacher];
    let elsewhere = ["--set", "output.directory=runs/student"];
    expect(&place.panarch(&[&student[..], &short, &elsewhere].concat()), 0);
    let phases: Vec<f64> = events(&place, "runs/student")
        .iter()
        .filter_map(|event| event["values"]["phase"].as_f64())
        .collect();
    // Two phases, the teacher's left out.
    assert!(
        !phases.is_empty() && phases.iter().all(|phase| *phase < 2.0),
        "{phases:?}"
    );
    let absent = [
        "train",
        "job.toml",
        "--schedule",
        "compound",
        "--teacher",
        "absent.safetensors",
    ];
    let output = place.panarch(&[&absent[..], &["--set", "output.directory=runs/third"]].concat());
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_ne!(output.status.code(), Some(0));
    assert!(errors.contains("absent.safetensors"), "{errors}");
}

#[test]
fn a_wrong_schedule_is_explained() {
    let place = Workplace::new();
    place.run_file(JOB);
    let output = place.panarch(&["train", "job.toml", "--schedule", "progressive-shrink"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("progressive-shrinking"), "{errors}");
    std::fs::write(
        place.path().join("mine.toml"),
        "name = \"mine\"\nversion = 1\nbatch = 16\n[[phase]]\nname = \"a\"\nopen = [\"kernels\"]\nepochs = 0\nlearning_rate = 0.1\n",
    )
    .unwrap();
    let output = place.panarch(&["train", "job.toml", "--schedule", "mine.toml"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("mine.toml") && errors.contains("kernel") && errors.contains("epochs"),
        "{errors}"
    );
}

#[test]
fn reproductions_are_listed_and_wrong_names_answered() {
    let place = Workplace::new();
    let list = expect(&place.panarch(&["reproduce"]), 0);
    for name in ["compofa", "ranking", "tunas", "fine-tuning"] {
        assert!(list.contains(name), "{list}");
    }
    let output = place.panarch(&["reproduce", "compfa"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("did you mean `compofa`"), "{errors}");
}
