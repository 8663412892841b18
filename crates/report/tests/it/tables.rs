//! The tables drawn from a report, checked against the report itself.

use panarch_report::run_report::Role;
use panarch_report::{Emphasis, Format, Value, agreement_table, finalists_table, repeats_table, summary};
use serde_json::Value as Json;

use crate::fixture;

#[test]
fn finalists_one_row_a_role() {
    let report = fixture::report(80);
    let table = finalists_table(&report);
    let roles: Vec<&str> = table.rows.iter().map(|row| row.cells[0].text.as_str()).collect();
    assert_eq!(
        roles,
        [
            "ethos-u55-128 alone",
            "cube-16 alone",
            "cortex-m55 alone",
            "host-cpu alone",
            "average",
            "worst case",
            "reference (mobilenet-v2-like)"
        ]
    );
    let strong: Vec<&str> = table
        .rows
        .iter()
        .filter(|row| row.emphasis == Emphasis::Strong)
        .map(|row| row.cells[0].text.as_str())
        .collect();
    assert!(strong.contains(&"worst case"));

    let rows: Vec<Json> = serde_json::from_str(&table.render(Format::Json, None, false)).unwrap();
    for (row, (_, finalist)) in rows.iter().zip(report.roles()) {
        let ratios = report.ratios(finalist);
        let number = |key: &str| row[key].as_f64().unwrap_or_else(|| panic!("{key} in {row}"));
        for (device, ratio) in report.devices.iter().zip(&ratios) {
            assert_eq!(number(&format!("r_{}", device.name)), *ratio);
        }
        assert_eq!(number("worst_r"), ratios.iter().copied().fold(0.0, f64::max));
        assert!((number("average_r") - ratios.iter().sum::<f64>() / 4.0).abs() < 1e-12);
        assert_eq!(number("test_accuracy_percent"), finalist.test_accuracy.value.percent());
        assert!(number("test_accuracy_low_percent") < number("test_accuracy_percent"));
        assert_eq!(row["macs"].as_u64(), Some(finalist.macs.0));
        assert_eq!(row["parameters"].as_u64(), Some(finalist.parameters));
    }
}

#[test]
fn the_front_is_that_of_brute_force() {
    let report = fixture::report(200);
    for device in 0..report.devices.len() {
        let figures: Vec<(f64, f64)> = report
            .networks
            .iter()
            .map(|n| (n.latency[device].latency.value.seconds(), n.accuracy.value.share()))
            .collect();
        let beaten = |(time, share): (f64, f64)| {
            figures
                .iter()
                .any(|(t, s)| *t <= time && *s >= share && (*t < time || *s > share))
        };
        let mut expected: Vec<usize> = (0..figures.len()).filter(|index| !beaten(figures[*index])).collect();
        expected.sort_by(|a, b| figures[*a].0.total_cmp(&figures[*b].0));
        assert_eq!(summary::front(&report, device), expected);
        assert_eq!(summary::front_table(&report, device).rows.len(), expected.len());
    }
}

#[test]
fn fairness_says_its_verdict() {
    let report = fixture::report(30);
    let agreement = report.agreement.clone().unwrap();
    let table = agreement_table(&report.devices, &agreement);
    assert!(table.notes.last().unwrap().starts_with("Fair: "), "{:?}", table.notes);
    let mut devices = report.devices.clone();
    devices[0].fixed_share = Some(0.8);
    let table = agreement_table(&devices, &agreement);
    assert!(
        table
            .notes
            .last()
            .unwrap()
            .starts_with("Not a fair comparison: one device"),
        "{:?}",
        table.notes
    );
}

#[test]
fn repeats_are_mean_and_deviation() {
    let report = fixture::report(40);
    let mut repeats = vec![report.outcome(1), report.outcome(2)];
    let worst = repeats[0]
        .outcomes
        .iter()
        .position(|outcome| outcome.role == Role::WorstCase)
        .unwrap();
    repeats[0].outcomes[worst].ratios = vec![0.9, 0.8, 0.7, 0.6];
    repeats[1].outcomes[worst].ratios = vec![1.1, 0.8, 0.7, 0.6];
    let names: Vec<String> = report.devices.iter().map(|device| device.name.clone()).collect();
    let table = repeats_table(&names, &repeats);
    let row = &table.rows[worst];
    let cell = |key: &str| {
        let index = table.columns.iter().position(|column| column.key == key).unwrap();
        match &row.cells[index].value {
            Value::Number(number) => *number,
            other => panic!("{other:?}"),
        }
    };
    assert!((cell("r_ethos-u55-128") - 1.0).abs() < 1e-12);
    assert!((cell("r_ethos-u55-128_standard_deviation") - f64::sqrt(0.02)).abs() < 1e-12);
    assert!((cell("worst_r") - 1.0).abs() < 1e-12);
    let mut fewer = repeats.clone();
    fewer[1].outcomes.remove(worst);
    let table = repeats_table(&names, &fewer);
    assert!(table.rows[worst].cells[0].text.contains("1 of 2 seeds"));
}
