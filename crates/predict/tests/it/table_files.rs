//! Files of tables: what is refused, what a cut does, what comes back.

use panarch_graph::{ContentHash, Latency, Precision, Provenance, ProvenanceKind};
use panarch_predict::{Dialect, LatencyTable, PredictError, TableCheck, TableEntry, TableHeader};
use proptest::prelude::*;

use panarch_testkit::reference_text as reference;

const OFA: &str = "Conv-input:8x8x3-output:4x4x8:\n  count: 500\n  mean: 0.25\n  std: 0.01\nLogits-input:1x1x8-output:10:\n  count: 10\n  mean: 1.5e-1\n  std: 0\n";
const NSGANETV2: &str = "first_conv-input:8x8x3-output:4x4x8:\n  mean: 0.25\n  var: 0.04\n";

pub fn header() -> TableHeader {
    TableHeader {
        origin: Provenance {
            kind: ProvenanceKind::Measured,
            device: "bench".into(),
            tool: "rten".into(),
            version: "1.2".into(),
            precision: Precision::F32,
            batch: 1,
            repeats: Some(50),
            note: Some("one thread; with = and , in it".into()),
        },
        space: "toy".into(),
        space_hash: ContentHash::of("test", b"space"),
        device_hash: ContentHash::of("test", b"device"),
        resolution: 32,
        classes: 10,
        input_channels: 3,
        asked: 3,
        fixed: Latency::from_seconds(1e-5),
        model_error: 0.0,
        anchor: Some(Latency::from_seconds(1.25e-3)),
        anchor_spread: Some(0.012),
        check: Some(TableCheck {
            networks: 50,
            mean_error: 0.02,
            rms_error: 0.03,
            kendall_tau: Some(0.97),
        }),
    }
}

fn entry(mean: f64, deviation: f64) -> TableEntry {
    TableEntry {
        mean: Latency::from_seconds(mean),
        standard_deviation: Latency::from_seconds(deviation),
        count: Some(3),
    }
}

fn own() -> LatencyTable {
    let entries = vec![
        ("3x32x32 conv3s2-8 relu @00".to_owned(), entry(1.25e-4, 3e-6)),
        ("8x16x16 dw3 relu @01".to_owned(), entry(-1e-7, 0.0)),
    ];
    LatencyTable::new(header(), entries).unwrap()
}

#[test]
fn the_dialects_say_milliseconds_and_spread_in_their_own_ways() {
    let table = LatencyTable::read(OFA, Dialect::Ofa).unwrap();
    let found = table.entry("Logits-input:1x1x8-output:10").unwrap();
    assert_eq!(
        (found.mean, found.count),
        (Latency::from_millis(0.15), Some(10)),
        "{found:?}"
    );
    let table = LatencyTable::read(NSGANETV2, Dialect::Nsganetv2).unwrap();
    let found = table.entry("first_conv-input:8x8x3-output:4x4x8").unwrap();
    assert!((found.standard_deviation.millis() - 0.2).abs() < 1e-12, "{found:?}");
    assert_eq!(found.count, None);
}

#[test]
fn our_own_format_comes_back() {
    let table = own();
    let text = table.to_csv().unwrap();
    assert_eq!(LatencyTable::read(&text, Dialect::Panarch).unwrap(), table);
    assert_eq!(LatencyTable::anchor_of(&text), header().anchor);
    assert_eq!(LatencyTable::anchor_of(&text.replace("# anchor_s", "# fixed")), None);
}

#[test]
fn a_table_that_was_being_filled_goes_on_after_any_cut() {
    let header = TableHeader {
        check: None,
        ..header()
    };
    let beginning = LatencyTable::csv_beginning(&header);
    let lines: Vec<String> = own()
        .entries()
        .map(|(key, entry)| LatencyTable::csv_line(key, entry))
        .collect();
    let text = beginning.clone() + &lines.concat();
    for cut in 0..=text.len() {
        let found = LatencyTable::unfinished(&text[..cut], &header);
        if cut < beginning.len() {
            assert!(found.is_err());
        } else {
            let whole = text[beginning.len()..cut].matches('\n').count();
            assert_eq!(found.unwrap().len(), whole);
        }
    }
    let other = TableHeader { asked: 4, ..header };
    assert!(LatencyTable::unfinished(&text, &other).is_err());
}

#[test]
fn our_own_format_is_refused_wherever_it_is_cut() {
    let text = own().to_csv().unwrap();
    for cut in 0..text.len() {
        assert!(
            LatencyTable::read(&text[..cut], Dialect::Panarch).is_err(),
            "cut at {cut}"
        );
    }
}

/// A cut within an entry is refused; one between two entries leaves a shorter table, whose every entry is whole.
fn cut_everywhere(text: &str, dialect: Dialect, step: usize) {
    let whole = LatencyTable::read(text, dialect).unwrap();
    for cut in (0..text.len()).step_by(step) {
        let Some(part) = text.get(..cut) else { continue };
        if let Ok(table) = LatencyTable::read(part, dialect) {
            assert!(text[cut..].starts_with(|c: char| !c.is_whitespace()), "cut at {cut}");
            let mut entries = whole.entries();
            assert!(table.entries().all(|entry| entries.next() == Some(entry)));
        }
    }
}

#[test]
fn a_cut_of_a_published_table_never_changes_an_entry() {
    cut_everywhere(OFA, Dialect::Ofa, 1);
    cut_everywhere(NSGANETV2, Dialect::Nsganetv2, 1);
    if let Some(text) = reference("ofa/note10_lookup_tables_w1.2/224_lookup_table.yaml") {
        cut_everywhere(&text, Dialect::Ofa, 1);
    }
    if let Some(text) = reference("ofa/i7-8700k/lookup_table.yaml") {
        cut_everywhere(&text, Dialect::Nsganetv2, 4999);
    }
}

#[test]
fn what_is_not_the_dialect_is_refused_with_its_line() {
    let refused = |text: &str, dialect| match LatencyTable::read(text, dialect) {
        Err(PredictError::Format { reason }) => reason,
        other => panic!("{text:?}: {other:?}"),
    };
    for (from, to, part) in [
        ("mean: 0.25", "mean: -1", "line 3"),
        ("mean: 0.25", "mean: 1e999", "line 3"),
        ("mean: 0.25", "mean: nan", "line 3"),
        ("mean: 0.25", "mean: *a", "line 3"),
        ("mean: 0.25", "median: 0.25", "count, mean, std"),
        ("mean: 0.25", "mean: 0.25\n  mean: 0.25", "twice"),
        ("mean: 0.25", "mean:\n    mean: 1", "line 3"),
        ("count: 500", "count: 0.5", "whole number"),
        ("Conv-input", "&a Conv-input", "line 1"),
        ("Conv-input", "  Conv-input", "before any key"),
        ("Logits-input:1x1x8-output:10", "Conv-input:8x8x3-output:4x4x8", "twice"),
    ] {
        let reason = refused(&OFA.replacen(from, to, 1), Dialect::Ofa);
        assert!(reason.contains(part), "{to}: {reason}");
    }
    let text = own().to_csv().unwrap();
    for (from, to, part) in [
        ("# device = ", "# devise = ", "devise"),
        ("# batch = 1", "# batch = one", "batch"),
        ("# kind = measured", "# kind = guessed", "guessed"),
        ("# asked = 3\n", "", "asked"),
        (",3,", ",0,", "line 27"),
        ("1.25e-4", "inf", "mean_s"),
        ("3e-6", "-3e-6", "standard_deviation_s"),
        ("entries = 2", "entries = 3", "announces 3"),
        ("entries = 2", "entries = 99999999999", "more than the 200000"),
    ] {
        let reason = refused(&text.replacen(from, to, 1), Dialect::Panarch);
        assert!(reason.contains(part), "{to}: {reason}");
    }
    let newer = text.replacen("table 1", "table 2", 1);
    assert!(matches!(
        LatencyTable::read(&newer, Dialect::Panarch),
        Err(PredictError::Version { found: 2, known: 1 })
    ));
}

proptest! {
    /// No bytes make a reader panic, whether they are random or a changed file.
    #[test]
    fn no_text_makes_a_reader_panic(noise in "\\PC{0,200}", at in 0..400_usize, with in "[-:#=,.0-9a-z \n]{0,6}") {
        let own = own().to_csv().unwrap();
        for (text, dialect) in [(OFA, Dialect::Ofa), (NSGANETV2, Dialect::Nsganetv2), (&own, Dialect::Panarch)] {
            let _ = LatencyTable::read(&noise, dialect);
            let mut changed = text.to_owned();
            let at = at.min(changed.len());
            if changed.is_char_boundary(at) {
                changed.insert_str(at, &with);
                let _ = LatencyTable::read(&changed, dialect);
            }
        }
    }
}
