//! Every operator, everywhere; and the page that says so.

use panarch_cost::{CostError, Operator};
use panarch_graph::Output;
use panarch_testkit::operators::{Answer, cases, cost_kinds, page, rows, several_outputs};

#[test]
fn every_operator_is_computed_rightly_or_refused_by_name() {
    let rows = rows();
    for operator in Operator::ALL {
        assert!(
            rows.iter().any(|row| row.operator == operator.name()),
            "{operator} has no row"
        );
    }
    let made = page(&rows).unwrap_or_else(|wrong| panic!("{}", wrong.join("\n")));
    let current = include_str!("../../../../docs/reference/operators.md");
    let differing = made
        .lines()
        .zip(current.lines())
        .find(|(made, current)| made != current);
    assert!(
        made == current,
        "docs/reference/operators.md is not current; `cargo xtask docs` writes it anew: {differing:?}"
    );
    // What the engine cannot run, files cannot hold or a runtime refuses would be no operator of ours.
    for row in &rows {
        let everywhere = ["engine", "ONNX", "rten"];
        for column in row.columns.iter().filter(|it| everywhere.contains(&it.name.as_str())) {
            let what = format!("{}, {}, {}", row.operator, row.setting, column.name);
            assert_eq!(column.answer, Answer::Yes, "{what}");
        }
    }
}

/// A value that leaves the device as an output as well is written once more, to where results go.
#[test]
fn a_tap_is_paid_for_once() {
    let (_, network) = several_outputs().swap_remove(0);
    let features = network.find("features").unwrap();
    let tapped = network.tapped(&[Output::new("features", features)]).unwrap();
    let bytes = network.shape(features).elements();
    for kind in cost_kinds() {
        let Some(source) = &kind.source else { continue };
        let asked = source.estimate(&[network.clone(), tapped.clone()]);
        let (without, with) = match &asked[..] {
            [Ok(without), Ok(with)] => (without, with),
            [Err(CostError::Unsupported { .. }), Err(CostError::Unsupported { .. })] => continue,
            _ => panic!("{}: {asked:?}", kind.name),
        };
        let more = with.traffic.0.saturating_sub(without.traffic.0);
        let element = with.provenance.precision.bytes();
        println!("{}: a tap of {bytes} values, {more} bytes more", kind.name);
        match kind.name {
            // All values stay in the memory of the device; a result lies there in another order than what is between.
            "Ethos-U compiler" => assert_eq!(more, 0),
            // Every layer's value goes to the main memory in any case.
            "mapper" => assert_eq!((more, with.latency.value), (0, without.latency.value)),
            name => {
                assert_eq!(more, bytes * element, "{name}");
                assert!(with.latency.value >= without.latency.value, "{name}");
            }
        }
        assert!(with.peak_memory >= without.peak_memory, "{}", kind.name);
    }
}

#[test]
fn cases_are_many_and_told_apart() {
    let cases = cases();
    assert!(cases.len() > 70, "{}", cases.len());
    let mut told: Vec<String> = cases
        .iter()
        .map(|case| format!("{} {}", case.operator, case.setting))
        .collect();
    let count = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), count);
}
