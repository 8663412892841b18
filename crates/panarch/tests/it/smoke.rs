//! The whole way as a newcomer walks it, with the files that are shipped: pictures, check, run, report, and what is done with
//! the network that was found.

use serde_json::Value;

use crate::pictures::{Workplace, expect};

const JOB: &str = include_str!("../../../../examples/smoke.toml");

/// The commands at the head of the example, without `panarch`.
fn commands() -> Vec<Vec<&'static str>> {
    let lines = JOB.lines().filter_map(|line| line.strip_prefix("#   panarch "));
    lines.map(|line| line.split(' ').collect()).collect()
}

#[test]
fn smoke_from_pictures_to_report() {
    let place = Workplace::empty();
    std::fs::create_dir(place.path().join("examples")).unwrap();
    std::fs::write(place.path().join("examples/smoke.toml"), JOB).unwrap();
    let [generate, run] = &commands()[..] else {
        panic!("the example names two commands");
    };
    let said = expect(&place.panarch(generate), 0);
    assert!(
        said.contains("500 pictures of circle, cross, square, triangle"),
        "{said}"
    );
    let check = expect(
        &place.panarch(&["data", "check", "runs/smoke/pictures", "--format", "json"]),
        0,
    );
    let classes: Vec<Value> = serde_json::from_str(&check).unwrap();
    assert_eq!(classes.len(), 4, "{check}");

    let said = expect(&place.panarch(run), 0);
    let folder = place.path().join("runs/smoke");
    let report = std::fs::read_to_string(folder.join("report.html")).unwrap();
    for part in [
        "<h1>One network for ",
        "worst case",
        "average",
        "ethos-u55-128",
        "cortex-a53",
        "measured",
    ] {
        assert!(report.contains(part), "the report has no {part}");
    }
    let named = |key: &str| {
        let line = said.lines().rev().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_else(|| panic!("no {key} in\n{said}")).trim().to_owned()
    };
    let network = named("network ");
    assert_eq!(named("report "), "runs/smoke/report.html");
    assert_eq!(named("study "), "panarch study show runs/smoke");

    // What was found tells the shapes apart better than guessing, which gets a quarter.
    let data = std::fs::read_to_string(folder.join("report.json")).unwrap();
    let data: Value = serde_json::from_str(&data).unwrap();
    let chosen = data["chosen"].as_u64().unwrap() as usize;
    let accuracy = data["finalists"][chosen]["test_accuracy"]["value"].as_f64().unwrap();
    assert!(accuracy > 0.4, "{accuracy}");

    let picture = "runs/smoke/pictures/test/circle/0000.png";
    let guesses = expect(
        &place.panarch(&["classify", "--checkpoint", &network, picture, "--format", "json"]),
        0,
    );
    let guesses: Vec<Value> = serde_json::from_str(&guesses).unwrap();
    assert_eq!(guesses.len(), 4);
    let shares: f64 = guesses.iter().filter_map(|guess| guess["share"].as_f64()).sum();
    assert!((shares - 1.0).abs() < 1e-6, "{shares}");
    let cost = expect(
        &place.panarch(&[
            "cost",
            "--network",
            &network,
            "--device",
            "cortex-a53,cube-16",
            "--format",
            "json",
        ]),
        0,
    );
    let cost: Vec<Value> = serde_json::from_str(&cost).unwrap();
    assert_eq!(cost.len(), 2);
    let shown = expect(&place.panarch(&["study", "show", "runs/smoke"]), 0);
    assert!(shown.contains("worst"), "{shown}");
}
