//! Devices that answer from a file: built here, published, and in a run.

use std::path::Path;

use panarch::Error;
use panarch::device_table::{self, TableOrder};
use panarch::event::Watch;
use panarch::event::{Cancel, Event};
use panarch_space::{Head, Space};
use serde_json::Value;

use crate::pictures::{Workplace, expect};

const SHAPE: [&str; 4] = ["--channels", "1", "--classes", "3"];

fn latency(place: &Workplace, device: &str, network: &str, shape: &[&str]) -> [f64; 3] {
    let fixed = ["cost", "--device", device, "--network", network, "--format", "json"];
    let text = expect(&place.panarch(&[&fixed[..], shape].concat()), 0);
    let answers: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(answers[0]["provenance"]["kind"], "predicted");
    ["low", "value", "high"].map(|key| answers[0]["latency_s"][key].as_f64().unwrap())
}

/// Built from a model, a table agrees with it, costs what it costs, and a run searches with it.
#[test]
fn a_built_table_is_a_device_that_a_run_can_search_on() {
    let place = Workplace::new();
    let build = "device table build --space multi-hardware-small --device cortex-a53 --output tables/a53-table.toml";
    std::fs::create_dir(place.path().join("tables")).unwrap();
    let build: Vec<&str> = build.split(' ').chain(SHAPE).collect();
    let text = expect(&place.panarch(&[&build[..], &["--format", "json"]].concat()), 0);
    let built: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(built[0]["entries"], 154, "{text}");
    assert_eq!(built[0]["check_networks"], 50);
    assert!(built[0]["check_kendall_tau"].as_f64() > Some(0.95), "{text}");
    assert!(built[0]["check_mean_error"].as_f64() < Some(0.05), "{text}");
    assert!(!place.path().join("tables/a53-table.csv.partial").exists());
    // The same once more is there already.
    let again = place.panarch(&build);
    expect(&again, 0);
    assert!(String::from_utf8_lossy(&again.stderr).contains("already built"));
    for network in [
        "mobilenet-v2-like",
        &Space::preset("multi-hardware-small").unwrap().largest().to_string(),
    ] {
        let network = format!("multi-hardware-small:{network}");
        let [_, whole, _] = latency(&place, "cortex-a53", &network, &SHAPE);
        let [low, sum, high] = latency(&place, "tables/a53-table.toml", &network, &SHAPE);
        assert!((sum / whole - 1.0).abs() < 0.1, "{sum} {whole}");
        assert!(low < whole && whole < high, "{low} {whole} {high}");
    }
    // Another head has other blocks.
    let network = [
        "cost",
        "--device",
        "tables/a53-table.toml",
        "--network",
        "multi-hardware-small:mobilenet-v2-like",
    ];
    let output = place.panarch(&[&network[..], &["--channels", "1", "--classes", "10"]].concat());
    expect(&output, 1);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        errors.contains("block `head`") && errors.contains("the nearest is"),
        "{errors}"
    );
    // A file that was cut.
    let csv = place.path().join("tables/a53-table.csv");
    let whole = std::fs::read(&csv).unwrap();
    std::fs::write(&csv, &whole[..whole.len() / 2]).unwrap();
    expect(&place.panarch(&[&network[..], &SHAPE].concat()), 2);
    std::fs::write(&csv, whole).unwrap();
    let further =
        "[devices.targets]\nreference = \"mobilenet-v2-like\"\n[search]\ngoals = [\"worst\"]\nevaluations = 6\n";
    place.run_file(further);
    let devices = "devices.names=[\"tables/a53-table.toml\"]";
    let output = place.panarch(&["run", "job.toml", "--set", devices, "--format", "json"]);
    let finalists: Vec<Value> = serde_json::from_str(&expect(&output, 0)).unwrap();
    assert!(!finalists.is_empty());
    let report = std::fs::read_to_string(place.path().join("runs/job/report.html")).unwrap();
    assert!(report.contains("sums of block latencies from tables/a53-table.csv"));
}

fn order(output: &Path) -> TableOrder {
    TableOrder {
        space: "multi-hardware-small".to_owned(),
        device: "ethos-u55-128".to_owned(),
        head: Head {
            classes: 10,
            input_channels: 1,
        },
        resolution: None,
        repeat: 2,
        output: output.to_owned(),
    }
}

/// Stops a build after some progress, cuts the last line that it kept, and builds on.
#[test]
fn a_table_that_was_stopped_is_the_same_table_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.toml");
    let mut hear = |_: Event| {};
    let mut watch = Watch {
        observer: &mut hear,
        cancel: Cancel::new(),
    };
    let built = device_table::build(&order(&whole), &mut watch).unwrap();
    assert!(
        built.entries > 100 && built.left_out + built.entries == 154,
        "{built:?}"
    );
    let parts = folder.path().join("parts.toml");
    let cancel = Cancel::new();
    let asked = cancel.clone();
    let mut stop = move |event: Event| {
        if matches!(event, Event::Progress { .. }) {
            asked.cancel();
        }
    };
    let mut watch = Watch {
        observer: &mut stop,
        cancel,
    };
    let stopped = device_table::build(&order(&parts), &mut watch);
    assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
    let partial = folder.path().join("parts.csv.partial");
    let kept = std::fs::read(&partial).unwrap();
    std::fs::write(&partial, &kept[..kept.len() - 7]).unwrap();
    let mut hear = |_: Event| {};
    let mut watch = Watch {
        observer: &mut hear,
        cancel: Cancel::new(),
    };
    device_table::build(&order(&parts), &mut watch).unwrap();
    let text = |path: &Path| std::fs::read_to_string(path.with_extension("csv")).unwrap();
    assert_eq!(text(&whole), text(&parts));
    assert!(!partial.exists());
}

/// A table belongs to what it was built of: the same again is there already, anything else is built again and says why.
#[test]
fn a_table_is_built_again_where_something_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.toml");
    let build = |order: &TableOrder| {
        let mut said = Vec::new();
        let mut hear = |event: Event| match event {
            Event::Note(text) | Event::Done { summary: text } => said.push(text),
            _ => {}
        };
        let mut watch = Watch {
            observer: &mut hear,
            cancel: Cancel::new(),
        };
        let built = device_table::build(order, &mut watch);
        (built.map(|built| built.entries), said.join("\n"))
    };
    let csv = path.with_extension("csv");
    let first = build(&order(&path)).0.unwrap();
    let whole = std::fs::read(&csv).unwrap();
    let (again, said) = build(&order(&path));
    assert_eq!(again.unwrap(), first);
    assert!(said.contains("already built"), "{said}");
    // Another number of repeats is another table.
    let other = TableOrder {
        repeat: 3,
        ..order(&path)
    };
    let said = build(&other).1;
    assert!(said.contains("is built again: "), "{said}");
    build(&order(&path)).0.unwrap();
    assert_eq!(std::fs::read(&csv).unwrap(), whole);
    // A changed figure is no answer, and does not survive a build.
    let damaged = String::from_utf8(whole.clone()).unwrap();
    let (at, digit) = damaged.char_indices().rfind(|(_, c)| c.is_ascii_digit()).unwrap();
    let mut damaged = damaged.into_bytes();
    damaged[at] = if digit == '1' { b'2' } else { b'1' };
    std::fs::write(&csv, damaged).unwrap();
    let profile = panarch::lookup::device(&path.display().to_string()).unwrap();
    let error = panarch::device_source::open(&profile).err().unwrap().to_string();
    assert!(error.contains("was damaged"), "{error}");
    let said = build(&order(&path)).1;
    assert!(said.contains("was damaged"), "{said}");
    assert_eq!(std::fs::read(&csv).unwrap(), whole);
    // What was not written here is left alone.
    std::fs::write(&path, "name = \"mine\"\n").unwrap();
    assert!(build(&order(&path)).0.is_err());
}

/// The absolute path of a file of the reference data; `None` and one line of output when it is absent.
fn reference(path: &str) -> Option<String> {
    let found = panarch_testkit::reference(path)?;
    Some(found.canonicalize().unwrap().display().to_string())
}

fn profile(place: &Workplace, name: &str, rest: &str) -> String {
    let heading =
        format!("format = 1\nname = \"{name}\"\ndescription = \"Published.\"\nclass = \"full\"\nprecision = \"f32\"\n");
    std::fs::write(place.path().join(format!("{name}.toml")), heading + rest).unwrap();
    format!("{name}.toml")
}

#[test]
fn published_tables_and_models_answer_on_the_command_line() {
    let place = Workplace::new();
    let Some(note10) = reference("ofa/note10_lookup_tables_w1.2/224_lookup_table.yaml") else {
        return;
    };
    let Some(pixel1) = reference("tunas/pixel1_proxylessnas_linear.json") else {
        return;
    };
    let table = |entries: u32| {
        format!("kind = \"table\"\n[table]\nfile = \"{note10}\"\ndialect = \"ofa\"\nentries = {entries}\n")
    };
    let device = profile(&place, "note10", &table(96));
    let largest = |space: &str| format!("{space}:{}", Space::preset(space).unwrap().largest());
    let [low, value, high] = latency(&place, &device, &largest("ofa-mbv3-w1.2"), &[]);
    assert!(
        (value * 1e3 - 92.40).abs() < 0.005 && low < value && value < high,
        "{value}"
    );
    let cut = profile(&place, "note10-cut", &table(97));
    expect(
        &place.panarch(&["cost", "--device", &cut, "--network", &largest("ofa-mbv3-w1.2")]),
        2,
    );
    expect(&place.panarch(&["device", "check", &device]), 0);
    let linear = format!(
        "kind = \"linear\"\n[linear]\nfile = \"{pixel1}\"\nspace = \"tunas-proxyless\"\n[error]\nrelative = {{ value = 0.1, assumption = \"none is published\" }}\nlevel = {{ value = 0.95, assumption = \"as elsewhere\" }}\n"
    );
    let device = profile(&place, "pixel1", &linear);
    let [_, value, _] = latency(&place, &device, &largest("tunas-proxyless"), &[]);
    assert!((value * 1e3 - 219.091).abs() < 5e-4, "{value}");
    expect(
        &place.panarch(&["cost", "--device", &device, "--network", "mobilenet-v2"]),
        1,
    );
}
