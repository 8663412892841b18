use panarch_format::{OnnxOptions, write_onnx};
use panarch_graph::{Weights, stream};
use panarch_space::{Head, Space};
use serde_json::Value;

use crate::pictures::{Workplace, expect};

/// A member, the reference, a named network and an exported file, on every device.
#[test]
fn every_kind_of_network_has_a_cost_on_every_device() {
    let place = Workplace::new();
    let space = Space::preset("multi-hardware-small").unwrap();
    let genotype = space.canonical(&space.sample(&mut stream(1, "test", 0)));
    let head = Head {
        classes: 10,
        input_channels: 1,
    };
    let network = space.lower(&genotype, head, 28).unwrap();
    let weights = Weights::random(&network, &mut stream(1, "test", 1));
    let onnx = write_onnx(&network, &weights, &OnnxOptions::default()).unwrap();
    std::fs::write(place.path().join("member.onnx"), onnx).unwrap();
    let member = format!("multi-hardware-small:{genotype}");
    let shape = ["--channels", "1", "--classes", "10"];
    for (name, shape) in [
        (member.as_str(), &shape[..]),
        ("multi-hardware-small:mobilenet-v2-like", &shape),
        ("mobilenet-v2", &[]),
        ("member.onnx", &[]),
    ] {
        let fixed = ["cost", "--network", name, "--device", "all", "--format", "json"];
        let text = expect(&place.panarch(&[&fixed[..], shape].concat()), 0);
        let answers: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(answers.len(), panarch_cost::preset_names().len(), "{name}");
        for answer in &answers {
            let device = answer["device"].as_str().unwrap();
            let profile = panarch_cost::DeviceProfile::preset(device).unwrap();
            // A tool that is not installed is a row that says so.
            match (profile.command(), answer["error"].as_str()) {
                (Some(target), Some(error)) => {
                    let named = [target.tool.as_str(), target.format.name()];
                    assert!(named.iter().any(|word| error.contains(word)), "{error}");
                }
                _ => check(name, answer),
            }
        }
    }
}

fn check(name: &str, answer: &Value) {
    let number = |value: &Value| value.as_f64().filter(|number| number.is_finite());
    let latency = &answer["latency_s"];
    let [value, low, high] = ["value", "low", "high"].map(|key| number(&latency[key]));
    let context = format!("{name} on {}: {latency}", answer["device"]);
    assert!(low > Some(0.0) && low <= value && value <= high, "{context}");
    assert!(answer["provenance"]["kind"].is_string(), "{context}");
    let layers = answer["per_layer"].as_array().unwrap();
    let measured = answer["provenance"]["kind"] == "measured";
    assert!(measured || !layers.is_empty(), "{context}");
    for layer in layers {
        assert!(
            number(&layer["latency_s"]).is_some() && layer["bound"].is_string(),
            "{context}: {layer}"
        );
    }
}

/// The file keeps the identity of the network that was exported, although its batch normalisation is folded.
#[test]
fn member_and_export_cost_the_same() {
    let place = Workplace::new();
    let space = Space::preset("multi-hardware-small").unwrap();
    let head = Head {
        classes: 10,
        input_channels: 1,
    };
    let network = space.lower(&space.smallest(), head, 28).unwrap();
    let weights = Weights::random(&network, &mut stream(1, "test", 1));
    std::fs::write(
        place.path().join("n.onnx"),
        write_onnx(&network, &weights, &OnnxOptions::default()).unwrap(),
    )
    .unwrap();
    let member = format!("multi-hardware-small:{}", space.smallest());
    let latency = |arguments: &[&str]| {
        let fixed = ["cost", "--device", "ethos-u55-128", "--format", "json", "--network"];
        let text = expect(&place.panarch(&[&fixed[..], arguments].concat()), 0);
        let answers: Vec<Value> = serde_json::from_str(&text).unwrap();
        answers[0]["latency_s"]["value"].as_f64().unwrap()
    };
    let one = latency(&[&member, "--channels", "1", "--classes", "10"]);
    let other = latency(&["n.onnx"]);
    assert!((one / other - 1.0).abs() < 1e-9, "{one} {other}");
}

/// Both models answer for every device that is described by its parts; the others say what answers for them.
#[test]
fn both_models_answer_for_every_described_machine() {
    let place = Workplace::new();
    let arguments = [
        "cost",
        "--network",
        "mobilenet-v2",
        "--device",
        "all",
        "--model",
        "analytic,cycle",
        "--format",
        "json",
    ];
    let answers: Vec<Value> = serde_json::from_str(&expect(&place.panarch(&arguments), 0)).unwrap();
    for name in panarch_cost::preset_names() {
        let profile = panarch_cost::DeviceProfile::preset(name).unwrap();
        for (model, kind) in [("analytic", "predicted"), ("cycle", "simulated")] {
            let of = |answer: &&Value| answer["device"] == *name && answer["model"] == model;
            let answer = answers.iter().find(of).unwrap_or_else(|| panic!("{name}, {model}"));
            let compiled = model == "analytic" && profile.ethos_u().is_some();
            if compiled || profile.accelerator().is_some() {
                assert_eq!(answer["provenance"]["kind"], kind, "{name}");
                assert!(answer["per_layer"].as_array().unwrap().len() > 50, "{name}");
            } else {
                assert!(answer["error"].as_str().unwrap().contains(name), "{name}");
            }
        }
    }
    let trace = [
        "cost",
        "--network",
        "mobilenet-v2",
        "--device",
        "cube-16",
        "--model",
        "cycle",
        "--trace",
        "run.json",
    ];
    expect(&place.panarch(&trace), 0);
    let text = std::fs::read_to_string(place.path().join("run.json")).unwrap();
    let trace: Value = serde_json::from_str(&text).unwrap();
    assert!(trace["traceEvents"].as_array().unwrap().len() > 1000);
}

#[test]
fn support_is_listed_for_all_devices_at_once() {
    let place = Workplace::new();
    let arguments = ["device", "support", "--space", "edgetpu", "--format", "json"];
    let rows: Vec<Value> = serde_json::from_str(&expect(&place.panarch(&arguments), 0)).unwrap();
    let refuses = |device: &str| rows.iter().any(|row| row["device"] == device);
    assert!(
        refuses("edgetpu-coral") && refuses("edgetpu-v1"),
        "they run no group convolutions"
    );
    assert!(!refuses("ethos-u55-256") && !refuses("cube-16"));
}

/// Bytes and energy of every layer at every level, in JSON, as CSV and for people.
#[test]
fn layers_say_what_they_move_and_what_it_takes() {
    let place = Workplace::new();
    let devices = ["--device", "systolic-32,zigzag-edge-tpu"];
    let cost = |more: &[&str]| {
        let fixed = ["cost", "--network", "mobilenet-v2", "--resolution", "96", "--layers"];
        expect(&place.panarch(&[&fixed[..], &devices, more].concat()), 0)
    };
    let answers: Vec<Value> = serde_json::from_str(&cost(&["--format", "json"])).unwrap();
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value} is no number"));
    for answer in &answers {
        let layers = answer["per_layer"].as_array().unwrap();
        for level in answer["memory"].as_array().unwrap() {
            for key in ["read_bytes", "written_bytes", "energy_j"] {
                let of_layers: f64 = layers
                    .iter()
                    .flat_map(|layer| layer["memory"].as_array().into_iter().flatten())
                    .filter(|of| of["level"] == level["level"])
                    .map(|of| number(&of[key]))
                    .sum();
                let whole = number(&level[key]);
                assert!((of_layers - whole).abs() <= 1e-9 * whole, "{level} {key}: {of_layers}");
            }
        }
        let sum: f64 = layers.iter().map(|layer| number(&layer["energy_j"])).sum();
        let fixed = answer["fixed_energy_j"].as_f64().unwrap_or(0.0);
        let whole = number(&answer["energy_j"]["value"]);
        assert!(
            ((sum + fixed) / whole - 1.0).abs() < 1e-9,
            "{sum} + {fixed} for {whole}"
        );
        let parts = ["macs", "memory", "static"].map(|part| number(&answer["energy_parts_j"][part]));
        assert!((parts.iter().sum::<f64>() / whole - 1.0).abs() < 1e-9);
    }
    let csv = cost(&["--format", "csv"]);
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    for key in [
        "energy_j",
        "off_chip_read_bytes",
        "activations_written_bytes",
        "accumulators_energy_j",
        "weight_register_read_bytes",
    ] {
        assert!(header.contains(&key), "{key} in {header:?}");
    }
    let table = cost(&[]);
    assert!(
        table.contains("Memory of systolic-32") && table.contains("Memory of zigzag-edge-tpu"),
        "{table}"
    );
}

/// What layers are mapped for is chosen on the command line or in the profile; it is for memory hierarchies alone.
#[test]
fn a_mapping_is_chosen_for_cycles_energy_or_both() {
    let place = Workplace::new();
    let text = panarch_cost::preset_text("zigzag-edge-tpu").unwrap();
    let said = text.replace("format = 1", "format = 1\nobjective = \"energy\"");
    std::fs::write(place.path().join("frugal.toml"), said).unwrap();
    let cost = |device: &str, more: &[&str]| {
        let fixed = [
            "cost",
            "--network",
            "mobilenet-v2",
            "--resolution",
            "64",
            "--format",
            "json",
            "--device",
            device,
        ];
        let text = expect(&place.panarch(&[&fixed[..], more].concat()), 0);
        let answers: Vec<Value> = serde_json::from_str(&text).unwrap();
        ["latency_s", "energy_j"].map(|key| answers[0][key]["value"].as_f64().unwrap())
    };
    let [fast, frugal, both] =
        ["cycles", "energy", "edp"].map(|objective| cost("zigzag-edge-tpu", &["--objective", objective]));
    assert_eq!(cost("zigzag-edge-tpu", &[]), fast);
    assert_eq!(cost("frugal.toml", &[]), frugal);
    assert!(fast[0] < frugal[0] && frugal[1] < fast[1], "{fast:?} {frugal:?}");
    assert!(fast[0] <= both[0] && frugal[1] <= both[1] && both[0] * both[1] <= fast[0] * fast[1]);
    let arguments = [
        "cost",
        "--network",
        "mobilenet-v2",
        "--device",
        "cube-16",
        "--objective",
        "edp",
    ];
    let refused = place.panarch(&arguments);
    expect(&refused, 2);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("memory hierarchy"));
}
