//! Describing a chip and asking it, and products of matrices.

use serde_json::Value;

use crate::pictures::{Workplace, expect};

fn json(place: &Workplace, arguments: &[&str]) -> Value {
    let text = expect(&place.panarch(&[arguments, &["--format", "json"]].concat()), 0);
    serde_json::from_str(&text).unwrap()
}

fn said(place: &Workplace, arguments: &[&str], code: i32) -> String {
    let output = place.panarch(arguments);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{words}");
    words
}

fn write(place: &Workplace, file: &str, text: &str) {
    std::fs::write(place.path().join(file), text).unwrap();
}

#[test]
fn a_new_chip_is_described_in_one_line_and_answers_in_the_next() {
    let place = Workplace::empty();
    let new = [
        "device", "new", "--array", "64x64", "--clock", "800MHz", "--sram", "1MiB", "--dram", "12.8GB/s",
    ];
    for kind in ["systolic", "hierarchy"] {
        let text = expect(&place.panarch(&[&new[..], &["--kind", kind]].concat()), 0);
        write(&place, "mine.toml", &text);
        expect(&place.panarch(&["device", "check", "mine.toml"]), 0);
        let answers = json(&place, &["cost", "--device", "./mine.toml", "mobilenet-v2"]);
        let latency = answers[0]["latency_s"]["value"].as_f64().unwrap();
        assert!((1e-4..1.0).contains(&latency), "{kind}: {latency}");
    }
    let written = expect(
        &place.panarch(&[&new[..], &["-o", "my_chip.toml", "--fallback", "cortex-a53"]].concat()),
        0,
    );
    assert!(
        written.contains("next: panarch cost mobilenet-v2 --device ./my_chip.toml"),
        "{written}"
    );
    let shown = json(&place, &["device", "show", "my_chip.toml"]);
    assert_eq!(
        (shown["name"].as_str(), shown["fallback"]["name"].as_str()),
        (Some("my-chip"), Some("cortex-a53"))
    );
    assert!(
        shown["defaults"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["key"] == "memory.host_link_bytes_per_s")
    );
    said(&place, &[&new[..], &["-o", "my_chip.toml"]].concat(), 2);
    for (arguments, part) in [
        (
            &["--clock", "800MB"][..],
            "`MB` is a unit of data, where frequency is expected",
        ),
        (&["--clock", "800mhz"], "did you mean `MHz`?"),
        (&["--array", "64x"], "such as 64x64"),
        (&["--kind", "sistolic"], "did you mean systolic?"),
        (&["--fallback", "cortex-a35"], "did you mean `cortex-a53`?"),
        (&["--kind", "command", "--array", "4x4"], "leave out an array"),
    ] {
        let words = said(&place, &[&["device", "new"], arguments].concat(), 2);
        assert!(words.contains(part), "{words}");
    }
}

#[test]
fn what_is_shown_of_a_profile_is_a_profile() {
    let place = Workplace::empty();
    write(
        &place,
        "over.toml",
        "base = \"systolic-32\"\n[memory]\noff_chip_bytes_per_s = 12.8\n",
    );
    let text = expect(&place.panarch(&["device", "show", "over.toml"]), 0);
    assert!(
        text.contains(
            "#   array.rows = { value = 32, assumption = \"a common size in papers\" }   (devices/systolic-32.toml)"
        ),
        "{text}"
    );
    assert!(text.contains("#   batch: 1"), "{text}");
    assert!(
        text.contains("`memory.off_chip_bytes_per_s` is 12.8 B/s, where 10 MB/s to 20 TB/s is usual"),
        "{text}"
    );
    write(&place, "again.toml", &text);
    expect(&place.panarch(&["device", "check", "again.toml"]), 0);
    let checked = expect(&place.panarch(&["device", "check", "over.toml"]), 0);
    assert!(
        checked.contains("note: over: `memory.off_chip_bytes_per_s` is 12.8 B/s"),
        "{checked}"
    );
    // A note is no error, and stands beside the answer and beside an answer that cannot be.
    let output = place.panarch(&[
        "cost",
        "mobilenet-v2",
        "--resolution",
        "32",
        "--device",
        "over.toml",
        "--format",
        "csv",
    ]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        words.contains("note: over: `memory.off_chip_bytes_per_s` is 12.8 B/s"),
        "{words}"
    );
    let shown = json(&place, &["device", "show", "over.toml"]);
    assert_eq!(shown["doubts"][0]["key"], "memory.off_chip_bytes_per_s");
}

#[test]
fn two_devices_of_one_name_are_told_apart() {
    let place = Workplace::empty();
    write(
        &place,
        "a.toml",
        "base = \"systolic-32\"\nname = \"systolic-32\"\n[clock]\nfrequency_hz = \"2 GHz\"\n",
    );
    let words = said(&place, &["cost", "mobilenet-v2", "--device", "systolic-32,./a.toml"], 2);
    assert!(
        words.contains("two different profiles are called `systolic-32`"),
        "{words}"
    );
    let answers = json(&place, &["cost", "mobilenet-v2", "--device", "./a.toml,a.toml"]);
    assert_eq!(answers.as_array().unwrap().len(), 1);
}

#[test]
fn a_fallback_runs_what_the_chip_lacks() {
    let place = Workplace::empty();
    write(&place, "lacks.toml", "base = \"edgetpu-coral\"\n");
    let words = said(&place, &["cost", "mobilenet-v3-large", "--device", "lacks.toml"], 1);
    assert!(
        words.contains("of hard_swish (") && words.contains("of hard_sigmoid ("),
        "{words}"
    );
    write(&place, "host.toml", "base = \"cortex-a53\"\n");
    write(
        &place,
        "with.toml",
        "base = \"edgetpu-coral\"\nfallback = \"./host.toml\"\n",
    );
    let answers = json(
        &place,
        &[
            "cost",
            "mobilenet-v3-large",
            "--device",
            "with.toml",
            "--model",
            "analytic,cycle",
        ],
    );
    for answer in answers.as_array().unwrap() {
        let rows = answer["per_layer"].as_array().unwrap();
        assert!(rows.iter().any(|row| row["device"] == "host") && rows.iter().any(|row| row["device"] == "with"));
        let note = answer["provenance"]["note"].as_str().unwrap();
        assert!(
            note.contains("run on its fallback host (hard_swish, hard_sigmoid)"),
            "{note}"
        );
    }
    let table = expect(
        &place.panarch(&["cost", "mobilenet-v3-large", "--device", "with.toml", "--layers"]),
        0,
    );
    assert!(table.contains("run on its fallback host"), "{table}");
}

#[test]
fn products_of_matrices_have_costs_on_every_described_device() {
    let place = Workplace::empty();
    write(&place, "p.csv", "m,n,k\n1024,1024,1024\n1,4096,4096\n\n130,17,999\n");
    let names = "systolic-32,cube-16,edgetpu-v1,cortex-a53,zigzag-edge-tpu";
    let answers = json(&place, &["cost", "--gemms", "p.csv", "--device", names]);
    for answer in answers.as_array().unwrap() {
        let products = answer["products"].as_array().unwrap();
        let [large, thin, ragged] = products.as_slice() else {
            panic!("{answer}")
        };
        let seconds = |product: &Value| product["latency_s"]["value"].as_f64().unwrap();
        assert!(
            seconds(large) > seconds(ragged) && seconds(thin) > seconds(ragged),
            "{answer}"
        );
        assert_eq!((thin["line"].as_u64(), ragged["line"].as_u64()), (Some(3), Some(5)));
        let cycles = |product: &Value| product["cycles"].as_f64().unwrap();
        let sum: f64 = products.iter().map(seconds).sum();
        assert!((answer["sum"]["latency_s"].as_f64().unwrap() / sum - 1.0).abs() < 1e-9);
        assert_eq!(
            answer["sum"]["cycles"].as_f64().unwrap(),
            products.iter().map(cycles).sum::<f64>()
        );
        // The second operand alone has to come from outside, unless it is said to stay on the chip.
        if ["systolic-32", "zigzag-edge-tpu"].contains(&answer["device"].as_str().unwrap()) {
            assert!(thin["traffic_bytes"].as_u64().unwrap() >= 4096 * 4096, "{thin}");
        }
    }
    let arguments = [
        "cost",
        "--gemms",
        "p.csv",
        "--device",
        "systolic-32",
        "--model",
        "analytic,cycle",
        "--format",
        "csv",
    ];
    let output = place.panarch(&arguments);
    let rows = expect(&output, 0);
    assert_eq!(rows.lines().count(), 1 + 2 * 3, "{rows}");
    assert!(
        rows.starts_with("device,model,line,m,n,k,latency_s,latency_low_s,latency_high_s,cycles,macs,traffic_bytes,"),
        "{rows}"
    );
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("note: systolic-32 (cycle): 3 products, "), "{words}");
    let table = expect(
        &place.panarch(&["cost", "--gemms", "p.csv", "--device", "systolic-32"]),
        0,
    );
    assert!(table.contains("3 products, ") && table.contains(" cycles, "), "{table}");
    write(&place, "bad.csv", "1,2,3\n4,x,6\n");
    let words = said(&place, &["cost", "--gemms", "bad.csv", "--device", "systolic-32"], 2);
    assert!(
        words.contains("bad.csv:2:3") && words.contains("n must be a whole number"),
        "{words}"
    );
    said(
        &place,
        &["cost", "--gemms", "p.csv", "mobilenet-v2", "--device", "systolic-32"],
        2,
    );
    said(&place, &["cost", "--gemms", "none.csv", "--device", "systolic-32"], 2);
}

#[test]
fn a_product_does_not_depend_on_the_batch_of_a_profile() {
    let place = Workplace::empty();
    write(&place, "p.csv", "64,64,64\n");
    let of = |batch: u32| {
        let name = format!("b{batch}.toml");
        write(&place, &name, &format!("base = \"systolic-32\"\nbatch = {batch}\n"));
        let answers = json(&place, &["cost", "--gemms", "p.csv", "--device", &name]);
        answers[0]["products"][0]["latency_s"]["value"].as_f64().unwrap()
    };
    assert_eq!(of(1), of(16));
}
