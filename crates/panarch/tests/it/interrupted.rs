use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::pictures::{Workplace, expect};

/// Enough pictures that networks race: three batches of them.
const VALIDATION: &str = "data.validation=480";
const JOB: &str = "[devices.targets]\nreference = \"mobilenet-v2-like\"\n[search]\nevaluations = 12\npopulation = 4\ntournament = 2\n";

/// Kills a run with SIGKILL again and again; it must end with what an undisturbed run ends with, each trial done once.
#[test]
fn a_killed_run_goes_on_where_it_was() {
    let place = Workplace::with_pictures(800);
    place.run_file(JOB);
    let run = |folder: &str| {
        [
            "run".to_owned(),
            "job.toml".to_owned(),
            "--set".to_owned(),
            format!("output.directory={folder}"),
            "--set".to_owned(),
            VALIDATION.to_owned(),
        ]
    };
    let undisturbed = run("quiet");
    let arguments: Vec<&str> = undisturbed.iter().map(String::as_str).collect();
    expect(&place.panarch(&arguments), 0);

    let disturbed = run("killed");
    let arguments: Vec<&str> = disturbed.iter().map(String::as_str).collect();
    let mut kills = 0;
    let mut patience = Duration::from_millis(150);
    loop {
        let mut child = place
            .command(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(patience);
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        assert!(kills < 200, "the run makes no progress between kills");
        patience = patience.mul_f64(1.15);
    }
    assert!(kills > 0, "the run was over before it could be killed");
    let (quiet, killed) = (trials(&place, "quiet"), trials(&place, "killed"));
    let stopped = stopped(&place, "quiet");
    assert!(stopped > 0, "no network was stopped in a race");
    assert_eq!(quiet, killed, "an interrupted run must end with the same trials");
    assert_eq!(
        finalists(&place, "quiet"),
        finalists(&place, "killed"),
        "and with the same finalists and files"
    );
    println!(
        "kill: {} trials, {stopped} evaluations of them stopped in a race, are the same after {kills} SIGKILLs as without",
        killed.len()
    );
}

/// Evaluations on fewer than all images.
fn stopped(place: &Workplace, folder: &str) -> usize {
    let text = expect(
        &place.panarch(&["study", "export", folder, "--rows", "evaluations", "--format", "json"]),
        0,
    );
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    let stopped = rows
        .iter()
        .filter(|row| !row.to_string().contains("480 validation images"));
    stopped.count()
}

/// Every trial of a study by search and number: genotype, state, reward, accuracy.
fn trials(place: &Workplace, folder: &str) -> BTreeMap<(String, u64), [String; 4]> {
    let text = expect(
        &place.panarch(&["study", "export", folder, "--rows", "trials", "--format", "json"]),
        0,
    );
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut trials = BTreeMap::new();
    for row in &rows {
        let place = (
            row["search"].as_str().unwrap().to_owned(),
            row["number"].as_u64().unwrap(),
        );
        let facts = ["genotype", "state", "reward", "accuracy"].map(|key| row[key].to_string());
        assert!(trials.insert(place, facts).is_none(), "a trial stands twice");
    }
    assert_eq!(trials.len(), 4 * 12);
    trials
}

/// The finalists of a study without the times at which they were written.
fn finalists(place: &Workplace, folder: &str) -> Vec<Value> {
    let text = expect(
        &place.panarch(&["study", "export", folder, "--rows", "finalists", "--format", "json"]),
        0,
    );
    let mut rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(!rows.is_empty());
    for row in &mut rows {
        row.as_object_mut().unwrap().retain(|key, _| key != "updated");
    }
    rows
}
