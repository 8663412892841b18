//! The file form of a report.

use panarch_graph::{Estimate, Latency};
use panarch_report::{ReportError, RunReport};

use crate::fixture;

#[test]
fn the_file_form_round_trips() {
    let report = fixture::report(50);
    let text = report.to_json().unwrap();
    assert_eq!(RunReport::from_json(&text).unwrap(), report);
    assert!(text.contains("\"latency_s\""));
}

#[test]
fn unknown_fields_and_versions_are_refused() {
    let text = fixture::report(30).to_json().unwrap();
    let unknown = text.replacen("\"training\":", "\"trainings\":", 1);
    let error = RunReport::from_json(&unknown).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("`trainings`") && cause.contains("`training`"), "{cause}");
    let newer = text.replacen("\"version\":1", "\"version\":99", 1);
    assert!(matches!(
        RunReport::from_json(&newer),
        Err(ReportError::Version { found: 99, .. })
    ));
}

#[test]
fn a_file_cut_short_is_an_error() {
    let text = fixture::report(30).to_json().unwrap();
    for part in 0..50 {
        let cut = text.len() * part / 50;
        let cut = (0..=cut).rev().find(|&at| text.is_char_boundary(at)).unwrap();
        assert!(
            matches!(RunReport::from_json(&text[..cut]), Err(ReportError::Json(_))),
            "at {cut}"
        );
    }
}

#[test]
fn parts_that_disagree_are_named() {
    type Spoil = fn(&mut RunReport);
    let cases: [(&str, Spoil); 8] = [
        ("chosen finalist 99", |r| r.chosen = Some(99)),
        ("3 latencies", |r| r.networks[3].latency.truncate(3)),
        ("provenance 77", |r| r.finalists[0].latency[0].provenance.0 = 77),
        ("Kendall", |r| r.fairness.as_mut().unwrap().kendall.truncate(2)),
        ("unknown device", |r| r.layers[0].device = "nowhere".into()),
        ("target of device", |r| r.devices[2].target = Latency::ZERO),
        ("network 4000000000", |r| r.searches[0].winner = Some(4_000_000_000)),
        ("latency of", |r| {
            r.finalists[0].latency[0].latency = Estimate::exact(Latency::from_seconds(f64::NAN))
        }),
    ];
    for (message, spoil) in cases {
        let mut report = fixture::report(30);
        spoil(&mut report);
        let error = report.check().unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert!(panarch_report::report_html(&report).is_err());
        assert!(report.to_json().is_err());
    }
}
