use panarch_cost::{DeviceProfile, Model};
use panarch_graph::Network;
use panarch_report::RunReport;
use panarch_report::run_report::Role;
use panarch_space::{Genotype, Head, Space};
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
    numbers_are_those_of_the_networks(&folder, rows);
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

/// What the report and the table say of each finalist is what its genotype gives: counts, hash and predicted latency
/// computed anew, ratios of latency and target, their mean and largest, and an accuracy of so many of the 60 test images.
fn numbers_are_those_of_the_networks(folder: &std::path::Path, rows: &[Value]) {
    let data = std::fs::read_to_string(folder.join("report.json")).unwrap();
    let report = RunReport::from_json(&data).unwrap();
    let space = Space::preset("multi-hardware-small").unwrap();
    let head = Head {
        classes: 3,
        input_channels: 1,
    };
    let profile = DeviceProfile::preset("ethos-u55-128").unwrap();
    let lower = |genotype: &Genotype| space.lower(genotype, head, 28).unwrap();
    let predicted = |network: &Network| {
        let model = profile.model(Model::Analytic).unwrap();
        let answers = model.estimate(std::slice::from_ref(network));
        answers.into_iter().next().unwrap().unwrap().latency.value
    };
    let place = report
        .devices
        .iter()
        .position(|device| device.name == "ethos-u55-128")
        .unwrap();
    let reference = lower(space.reference("mobilenet-v2-like").unwrap());
    let near = |found: f64, expected: f64, what: &str| {
        assert!(
            (found / expected - 1.0).abs() < 1e-9,
            "{what}: {found}, expected {expected}"
        );
    };
    near(report.devices[place].target / predicted(&reference), 1.0, "target");
    let mut checked = 0;
    for (role, finalist) in report.roles() {
        let what = role.to_string();
        let network = lower(&space.parse_genotype(&finalist.genotype).unwrap());
        assert_eq!(
            (finalist.macs, finalist.parameters),
            (network.macs(), network.parameter_count()),
            "{what}"
        );
        assert_eq!(finalist.hash, network.content_hash(), "{what}");
        near(finalist.latency[place].latency.value / predicted(&network), 1.0, &what);
        let ratios = report.ratios(finalist);
        near(ratios[place], predicted(&network) / predicted(&reference), &what);
        let row = rows.iter().find(|row| row["role"] == what.as_str());
        let row = row.unwrap_or_else(|| panic!("no row of {what}"));
        let number = |key: &str| row[key].as_f64().unwrap();
        near(number("r_ethos-u55-128"), ratios[place], &what);
        near(
            number("average_r"),
            ratios.iter().sum::<f64>() / ratios.len() as f64,
            &what,
        );
        near(number("worst_r"), ratios.iter().copied().fold(0.0, f64::max), &what);
        let accuracy = finalist.test_accuracy;
        near(number("test_accuracy_percent"), 100.0 * accuracy.value.share(), &what);
        let right = accuracy.value.share() * 60.0;
        assert!((right - right.round()).abs() < 1e-6, "{what}: {right} of 60 images");
        // Stripes and spots are told apart after an epoch: a third would be chance.
        assert!(right > 30.0, "{what}: {right} of 60 images");
        assert!(
            accuracy.low <= accuracy.value && accuracy.value <= accuracy.high,
            "{what}"
        );
        checked += 1;
    }
    assert_eq!(checked, rows.len());
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

/// Another run file in the same folder names what it changes and is not mixed with what was there.
#[test]
fn another_run_file_begins_anew_and_says_why() {
    let place = Workplace::new();
    place.run_file(JOB);
    expect(&place.panarch(&["train", "job.toml"]), 0);
    let output = place.panarch(&["train", "job.toml", "--set", "train.learning_rate=0.2"]);
    expect(&output, 0);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for text in [
        "`train.learning_rate` was not given and is 0.2",
        "the supernet is trained again: the schedule changed",
    ] {
        assert!(said.contains(text), "{text}: {said}");
    }
    let output = place.panarch(&["train", "job.toml", "--set", "train.learning_rate=0.2"]);
    expect(&output, 0);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("already trained"), "{said}");
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
