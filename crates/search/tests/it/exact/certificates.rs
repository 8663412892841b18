//! A certificate in which one number that matters was changed is refused, by the library and by the script.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use panarch_graph::stream;
use panarch_search::exact::{Budget, Certificate};
use panarch_testkit::certificate_holds;
use rand::RngExt;
use serde_json::Value;

use super::instances::random;

/// The paths to every number of a document.
fn numbers(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(path.to_owned()),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, it)| numbers(it, &format!("{path}/{index}"), found)),
        Value::Object(items) => items
            .iter()
            .for_each(|(key, it)| numbers(it, &format!("{path}/{key}"), found)),
        _ => {}
    }
}

/// Whether the script accepts it; none where there is no Python.
fn script(text: &str) -> Option<bool> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/check_certificate.py");
    let child = Command::new("python3")
        .arg(script)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.ok()?;
    child.stdin.take()?.write_all(text.as_bytes()).ok()?;
    Some(child.wait().ok()?.success())
}

#[test]
fn one_changed_number_is_refused() {
    let (mut tried, mut refuted, mut by_script) = (0, 0, 0);
    for seed in 0..40 {
        // In several stages, so that there are boxes.
        let problem = random(seed).in_stages(1);
        let Ok(solution) = problem.optimum(&Budget::UNLIMITED) else {
            continue;
        };
        let certificate = Certificate::new(&problem, &solution, 100_000).unwrap();
        let text = certificate.to_json().unwrap();
        certificate.check().unwrap();
        if seed % 4 == 0 {
            assert_ne!(
                script(&text),
                Some(false),
                "seed {seed}: the script refuses what is right"
            );
        }
        let whole: Value = serde_json::from_str(&text).unwrap();
        let mut places = Vec::new();
        numbers(&whole, "", &mut places);
        let rng = &mut stream(seed, "changed numbers", 0);
        for round in 0..24 {
            let place = &places[rng.random_range(0..places.len())];
            let mut changed = whole.clone();
            let number = changed.pointer_mut(place).unwrap();
            let by = if rng.random() { 1 } else { -1 } * 10_i64.pow(rng.random_range(0..6));
            *number = Value::from(number.as_i64().unwrap() + by);
            let accepts = |certificate: Certificate| certificate.check().is_ok();
            let read = || Certificate::from_json(&changed.to_string());
            assert!(!read().is_ok_and(accepts), "seed {seed}: {place} by {by} is accepted");
            // What is sealed anew is refused for what it says, unless that happens to hold.
            let sealed = read().and_then(Certificate::sealed);
            let text = sealed
                .as_ref()
                .map_or_else(|_| changed.to_string(), |it| it.to_json().unwrap());
            let accepted = sealed.is_ok_and(accepts);
            assert!(
                !accepted || certificate_holds(&text),
                "seed {seed}: {place} by {by} is accepted"
            );
            refuted += usize::from(!accepted);
            tried += 1;
            if round == 0
                && let Some(accepts) = script(&text)
            {
                assert_eq!(accepts, accepted, "seed {seed}: {place} by {by}, by the script");
                by_script += 1;
            }
        }
    }
    assert!(tried > 700 && refuted * 5 > tried * 2, "{refuted} of {tried}");
    println!("{tried} changed certificates refused, {refuted} sealed anew, {by_script} also shown to the script");
}
