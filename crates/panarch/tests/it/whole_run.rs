use panarch_report::RunReport;
use panarch_report::run_report::Role;
use serde_json::Value;

use crate::pictures::{Workplace, expect};

const JOB: &str = "[devices.targets]\nreference = \"mobilenet-v2-like\"\n[search]\nevaluations = 4\n";

/// From pictures to an exported, checked network and a report, on a host that is measured.
#[test]
fn pictures_become_a_network_and_a_report() {
    let place = Workplace::new();
    place.run_file(JOB);
    let devices = "devices.names=[\"ethos-u55-128\", \"host\"]";
    let run = [
        "run",
        "job.toml",
        "--set",
        devices,
        "--set",
        "measure.samples=8",
        "--format",
        "json",
    ];
    let output = place.panarch(&run);
    let text = expect(&output, 0);
    let value: Value = serde_json::from_str(&text).unwrap();
    let rows = value.as_array().unwrap();
    let roles: Vec<&str> = rows.iter().filter_map(|row| row["role"].as_str()).collect();
    for role in [
        "ethos-u55-128 alone",
        "host alone",
        "average",
        "worst case",
        "reference (mobilenet-v2-like)",
    ] {
        assert!(roles.contains(&role), "{role} is not among {roles:?}");
    }
    let folder = place.path().join("runs/job");
    let report = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(
        report.contains("worst case") && !report.contains("http://"),
        "the report needs no network"
    );
    reference_stands_at_one(&folder);
    let onnx = std::fs::read_dir(&folder)
        .unwrap()
        .flatten()
        .filter(|file| file.path().extension().is_some_and(|e| e == "onnx"));
    assert!(onnx.count() > 0);
    // The same command again has nothing left to do and says the same.
    let again = expect(&place.panarch(&run), 0);
    let accuracies = |text: &str| -> Vec<String> {
        let rows: Vec<Value> = serde_json::from_str(text).unwrap();
        rows.iter()
            .map(|row| row["test_accuracy_percent"].to_string())
            .collect()
    };
    assert_eq!(accuracies(&text), accuracies(&again));
    expect(&place.panarch(&["study", "show", "runs/job"]), 0);
    expect(
        &place.panarch(&["report", "job.toml", "--set", devices, "--set", "measure.samples=8"]),
        0,
    );
}

/// The reference is the anchor of every measurement, so that target, prediction and measurement are one number, and every
/// other latency of the host is a multiple of it by the turns that the study holds.
fn reference_stands_at_one(folder: &std::path::Path) {
    let data = std::fs::read_to_string(folder.join("report.json")).unwrap();
    let report = RunReport::from_json(&data).unwrap();
    let host = report.devices.iter().position(|device| device.name == "host").unwrap();
    let facts = &report.devices[host];
    let quality = facts.quality.as_ref().expect("a measured device says what it is worth");
    assert_eq!(quality.anchor, "mobilenet-v2-like");
    assert_eq!(quality.anchor_latency.value, facts.target);
    assert!(quality.readings > 0 && quality.spread.is_finite());
    let role = Role::Reference {
        name: "mobilenet-v2-like".to_owned(),
    };
    let reference = report.finalist(&role).unwrap();
    assert_eq!(report.ratios(reference)[host], 1.0);
    // On the chart of the front it stands on the line of the target too, where a search has met it.
    for network in report.networks.iter().filter(|network| network.hash == reference.hash) {
        assert_eq!(network.latency[host].latency.value, facts.target);
    }
    let head = std::fs::read_to_string(folder.join("report.html")).unwrap();
    let head = &head[..head.find("<nav").unwrap()];
    assert!(head.contains(quality.verdict()), "{head}");
}

#[test]
fn another_run_file_does_not_overwrite_a_study() {
    let place = Workplace::new();
    place.run_file(JOB);
    expect(&place.panarch(&["train", "job.toml"]), 0);
    let output = place.panarch(&["train", "job.toml", "--set", "train.learning_rate=0.2"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_ne!(output.status.code(), Some(0), "{errors}");
    assert!(errors.contains("learning_rate"), "{errors}");
}

/// A hard limit on every device is kept by what is recommended.
#[test]
fn limits_on_every_device_are_kept() {
    let place = Workplace::new();
    place.run_file(
        "[devices.targets]\nethos-u55-128 = \"0.3 ms\"\ncortex-a53 = \"1.2 ms\"\n[search]\ngoals = [\"each\"]\nevaluations = 4\n",
    );
    let text = expect(&place.panarch(&["run", "job.toml", "--format", "json"]), 0);
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(rows.len(), 1, "{text}");
    let worst = rows[0]["worst_r"].as_f64().unwrap();
    assert!(worst <= 1.0, "{text}");
}
