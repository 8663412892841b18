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
        ("Kendall", |r| r.agreement.as_mut().unwrap().kendall.truncate(2)),
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
        let found = report.inconsistencies();
        assert!(found.iter().any(|problem| problem.contains(message)), "{found:?}");
        // It is drawn all the same, with what is wrong before the answer.
        let html = panarch_report::report_html(&report);
        let (named, answer) = (html.find(message), html.find("<h1>"));
        assert!(named.is_some() && named < answer, "{message}");
        assert!(!report.to_json().unwrap().is_empty());
    }
    assert_eq!(fixture::report(30).inconsistencies(), Vec::<String>::new());
}

#[test]
fn problems_stand_at_the_head_and_come_back() {
    let mut report = fixture::report(30);
    assert!(!panarch_report::report_html(&report).contains("role=\"alert\""));
    report.problems.push("the exported file <b> differs".to_owned());
    let read = RunReport::from_json(&report.to_json().unwrap()).unwrap();
    assert_eq!(read, report);
    let html = panarch_report::report_html(&read);
    let named = html.find("the exported file &lt;b&gt; differs").unwrap();
    assert!(named < html.find("<h1>").unwrap());
}
