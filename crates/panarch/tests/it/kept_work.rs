//! No check at the end of a run throws its work away.

use serde_json::Value;

use crate::pictures::{Workplace, expect};

const JOB: &str =
    "[devices.targets]\nreference = \"mobilenet-v2-like\"\n[search]\nevaluations = 3\ngoals = [\"worst\"]\n";

#[test]
fn what_is_wrong_at_the_end_stands_beside_the_result() {
    let place = Workplace::new();
    place.run_file(JOB);
    expect(&place.panarch(&["run", "job.toml"]), 0);
    let folder = place.path().join("runs/job");
    let (html, data) = (folder.join("report.html"), folder.join("report.json"));
    let whole = std::fs::read_to_string(&data).unwrap();

    // One form of the report cannot be written: the other is, and so is everything else.
    std::fs::remove_file(&html).unwrap();
    std::fs::create_dir(&html).unwrap();
    std::fs::remove_file(&data).unwrap();
    let output = place.panarch(&["run", "job.toml"]);
    assert_ne!(output.status.code(), Some(0));
    let again: Value = serde_json::from_str(&std::fs::read_to_string(&data).unwrap()).unwrap();
    assert_eq!(
        again["finalists"],
        serde_json::from_str::<Value>(&whole).unwrap()["finalists"]
    );
    std::fs::remove_dir(&html).unwrap();

    // An exported file cannot be put in place: the report says so and is there.
    let exported = again["finalists"][0]["export"]["file"].as_str().unwrap();
    std::fs::remove_file(folder.join(exported)).unwrap();
    std::fs::create_dir(folder.join(exported)).unwrap();
    let output = place.panarch(&["run", "job.toml"]);
    expect(&output, 1);
    let drawn = std::fs::read_to_string(&html).unwrap();
    assert!(drawn.contains("could not be exported"));
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&data).unwrap()).unwrap();
    assert!(kept["problems"][0].as_str().unwrap().contains("could not be exported"));
    assert!(kept["finalists"][0]["export"].is_null());
    assert_eq!(
        kept["finalists"][0]["test_accuracy"],
        again["finalists"][0]["test_accuracy"]
    );

    // Mended, the same command ends well.
    std::fs::remove_dir(folder.join(exported)).unwrap();
    expect(&place.panarch(&["run", "job.toml"]), 0);
}
