//! Searches in tables of known values, and the costs of many networks.

use panarch_space::Space;

use crate::pictures::{Workplace, expect};

/// Some networks of NAS-Bench-Macro with made-up values.
fn table(place: &Workplace) {
    let space = Space::preset("nas-bench-macro").unwrap();
    let mut text = "key,acc,npu,tpu\n".to_owned();
    for genotype in space.enumerate().step_by(20) {
        let sum: f64 = genotype.as_bytes().iter().map(|choice| f64::from(*choice)).sum();
        let digits: String = genotype
            .as_bytes()
            .iter()
            .map(|choice| char::from(b'0' + choice))
            .collect();
        text += &format!("{digits},{},{},{}\n", 80.0 + sum.sqrt(), 1.0 + sum, 90.0 / (3.0 + sum));
    }
    std::fs::write(place.path().join("known.csv"), text).unwrap();
}

#[test]
fn strategies_are_compared_in_a_table() {
    let place = Workplace::new();
    table(&place);
    let options = [
        "search",
        "--table",
        "known.csv",
        "--space",
        "nas-bench-macro",
        "--accuracy",
        "acc",
        "--cost",
        "npu",
        "--throughput",
        "tpu",
        "--evaluations",
        "40",
        "--seeds",
        "2",
    ];
    let with = |more: &[&str]| place.panarch(&[&options[..], more].concat());
    let output = with(&[
        "--strategy",
        "random,exhaustive,nsga2",
        "--set",
        "search.population=5",
        "--format",
        "json",
    ]);
    expect(&output, 0);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["networks"], &found["devices"][1]), (&329.into(), &"tpu".into()));
    let strategies = found["strategies"].as_array().unwrap();
    assert_eq!(strategies.len(), 3);
    assert_eq!(strategies[1]["seeds"].as_array().unwrap().len(), 1, "nothing is drawn");
    assert!(strategies[2]["settings"].as_str().unwrap().contains("population 5"));
    for strategy in strategies {
        let mean = strategy["mean"].as_array().unwrap().last().unwrap();
        assert_eq!(mean["evaluations"], 40);
        let share = mean["hypervolume_share"].as_f64().unwrap();
        assert!(share > 0.0 && share <= 1.0, "{strategy}");
        assert!(mean["regret"].as_f64().unwrap() >= 0.0);
    }
    let output = with(&["--strategy", "random"]);
    expect(&output, 0);
    assert!(String::from_utf8_lossy(&output.stdout).contains("hypervolume share"));
    for (more, words) in [
        (&["--strategy", "nsga3"][..], "did you mean `nsga2`"),
        (&["--set", "search.populaton=5"], "did you mean `population`"),
        (&["--set", "search.population=1"], "a whole number from 2"),
        (&["--cost", "npo"], "did you mean `npu`"),
        (&["--reference", "99"], "no network is better than the reference"),
    ] {
        let output = with(more);
        expect(&output, 2);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(errors.contains(words), "no `{words}` in\n{errors}");
    }
    expect(&place.panarch(&["search"]), 2);
    expect(&place.panarch(&["search", "job.toml", "--table", "known.csv"]), 2);
}

#[test]
fn many_networks_are_answered_for_in_one_call() {
    let place = Workplace::new();
    let names = "mobilenet-v2\n# a comment\nnas-bench-macro:00000000  # the smallest\n\nnas-bench-macro:22222222\n";
    std::fs::write(place.path().join("networks.txt"), names).unwrap();
    let ask = |file: &str, format: &str| {
        place.panarch(&[
            "cost",
            "--networks",
            file,
            "--device",
            "cube-16,cortex-a53",
            "--format",
            format,
        ])
    };
    let output = ask("networks.txt", "json");
    expect(&output, 0);
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 6);
    assert_eq!(rows[2]["network"], "nas-bench-macro:00000000");
    let alone = place.panarch(&[
        "cost",
        "nas-bench-macro:00000000",
        "--device",
        "cube-16",
        "--format",
        "json",
    ]);
    expect(&alone, 0);
    let alone: serde_json::Value = serde_json::from_slice(&alone.stdout).unwrap();
    assert_eq!(rows[2]["network_hash"], alone[0]["network_hash"]);
    let latency = |row: &serde_json::Value| row["latency_s"].as_f64().unwrap();
    assert!(latency(&rows[2]) < latency(&rows[4]), "{rows:?}");
    for (text, words) in [
        ("mobilenet-v2\nmobilenet-v9\n", "networks.txt:2:"),
        ("# nothing\n", "must name a network"),
    ] {
        std::fs::write(place.path().join("networks.txt"), text).unwrap();
        let output = ask("networks.txt", "table");
        expect(&output, 2);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(errors.contains(words), "no `{words}` in\n{errors}");
    }
}
