//! TuNAS's published latency model of the Pixel 1.

use panarch_cost::{CostError, CostSource};
use panarch_graph::{ContentHash, Network};
use panarch_predict::{Additive, LinearLatency, LinearTerms, PairTerms, PredictError};
use panarch_space::{Genotype, Head, Space, zoo};
use panarch_testkit::toy_space;

use panarch_testkit::reference_text as reference;

const HEAD: Head = Head {
    classes: 1000,
    input_channels: 3,
};

/// The genotype of the published unit test: one index a decision, decisions of one choice included.
const PUBLISHED: [u8; 73] = [
    0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 1, 0, 1, 1, 0, 2, 1, 0,
    2, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 0, 0,
];

/// Without the decisions of one choice: widths, and whether a block is there that must be.
fn unit_test() -> Genotype {
    let mut choices = vec![PUBLISHED[1]];
    let mut rest = &PUBLISHED[3..];
    for _ in 0..5 {
        choices.extend(&rest[..2]);
        choices.extend(&rest[3..12]);
        rest = &rest[13..];
        // The operator of the block that must be there stands behind kernel and expansion, the width last.
    }
    choices.extend(&rest[..2]);
    Genotype::new(choices)
}

/// ProxylessNAS-Mobile by its published operators, expansion · 3 + kernel, 6 for skip.
fn proxylessnas_mobile() -> Genotype {
    let mut choices = vec![0];
    let operators = [1, 0, 6, 6, 2, 0, 1, 1, 5, 1, 1, 1, 4, 1, 1, 1, 5, 5, 2, 2, 5];
    for (place, operator) in operators.into_iter().enumerate() {
        let skippable = place % 4 != 0;
        match operator {
            6 => choices.extend([0, 0, 1]),
            _ if skippable => choices.extend([operator % 3, operator / 3, 0]),
            _ => choices.extend([operator % 3, operator / 3]),
        }
    }
    Genotype::new(choices)
}

fn space() -> Space {
    Space::preset("tunas-proxyless").unwrap()
}

fn model() -> Option<LinearLatency> {
    let text = reference("tunas/pixel1_proxylessnas_linear.json")?;
    let terms = LinearTerms::from_json(&text, &space()).unwrap();
    Some(LinearLatency::new(
        "pixel1",
        space(),
        terms,
        0.1,
        0.95,
        ContentHash::plain(b"a model"),
    ))
}

fn lower(genotype: &Genotype) -> Network {
    space().lower(genotype, HEAD, 224).unwrap()
}

#[test]
fn published_members_take_their_published_times() {
    let Some(model) = model() else { return };
    let space = space();
    for (genotype, expected, digits) in [
        (unit_test(), 84.017, 5e-4),
        (proxylessnas_mobile(), 84.416, 5e-4),
        (space.smallest(), 30.936, 5e-4),
        (space.largest(), 219.091, 5e-4),
    ] {
        let cost = model.estimate(&[lower(&genotype).with_name("any")]).remove(0).unwrap();
        let found = cost.latency.value.millis();
        assert!((found - expected).abs() < digits, "{genotype}: {found}");
        let interval = cost.latency;
        assert!(
            interval.low < interval.value && interval.value < interval.high,
            "{interval:?}"
        );
        // The additive table over the decisions says the same.
        let table = model.table().predict(&space, &genotype, 0.9).unwrap().value;
        assert!((table * 1e3 - found).abs() < 1e-12);
    }
}

#[test]
fn what_is_no_member_is_refused() {
    let Some(model) = model() else { return };
    let refused = |network: Network| match model.estimate(&[network]).remove(0) {
        Err(CostError::OtherNetworks { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    let reason = refused(zoo::network("mobilenet-v2", 1000, 224).unwrap());
    assert!(reason.contains("tunas-proxyless:GENOTYPE"), "{reason}");
    let smaller = space().lower(&space().largest(), HEAD, 192).unwrap();
    assert!(refused(smaller).contains("224 pixels"));
    let other_space = Space::preset("tunas-mbv3").unwrap();
    let other = other_space.lower(&other_space.largest(), HEAD, 224).unwrap();
    assert!(refused(other).contains("no member"));
}

#[test]
fn the_model_survives_json_as_an_additive_table() {
    let Some(model) = model() else { return };
    let space = space();
    let text = model.table().to_json(&space).unwrap();
    assert_eq!(&Additive::from_json(&text, &space).unwrap(), model.table());
}

#[test]
fn files_of_other_models_are_refused() {
    let Some(text) = reference("tunas/pixel1_proxylessnas_linear.json") else {
        return;
    };
    let refused = |text: &str, space: &Space| match LinearTerms::from_json(text, space) {
        Err(PredictError::Format { reason }) => reason,
        other => panic!("{other:?}"),
    };
    for (from, to, part) in [
        ("\"bias\"", "\"bais\"", "bais"),
        ("[3, 6, 7,", "[3, 7, 6,", "stage1.block1"),
        ("[3, 6, 7,", "[3, 6, 700,", "fewer coefficients"),
        ("\"coef\": [", "\"coef\": [1.0, ", "more coefficients"),
        ("\"coef\": [", "\"coef\": [1e999, ", "number"),
        ("[3, 6, 7, 7,", "[3, 6, 7,", "21 layers"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let reason = refused(&changed, &space());
        assert!(reason.contains(part), "{to}: {reason}");
    }
    assert!(refused(&text, &toy_space()).contains("layers"));
    for cut in (0..text.trim_end().len()).step_by(7) {
        assert!(LinearTerms::from_json(&text[..cut], &space()).is_err(), "cut at {cut}");
    }
}

#[test]
fn pairs_count_where_both_decisions_do() {
    let space = toy_space();
    let choices: Vec<usize> = space.decisions().iter().map(|it| it.choices.len()).collect();
    let terms: Vec<Vec<f64>> = choices.iter().map(|count| vec![0.0; *count]).collect();
    let pair = |first: usize, second: usize| PairTerms {
        first,
        second,
        values: (0..choices[first] * choices[second])
            .map(|it| it as f64 + 1.0)
            .collect(),
    };
    let (first, second) = (1, choices.len() - 1);
    let table = Additive::given(&space, 100.0, &terms, vec![pair(first, second)], 0.0).unwrap();
    let mut inactive = 0;
    for genotype in space.enumerate().step_by(11) {
        let active = space.active(&genotype);
        let found = table.predict(&space, &genotype, 0.9).unwrap().value;
        let at = |decision| usize::from(genotype.choice(decision));
        let expected = if active[first] && active[second] {
            100.0 + (at(first) * choices[second] + at(second) + 1) as f64
        } else {
            inactive += 1;
            100.0
        };
        assert!((found - expected).abs() < 1e-12, "{genotype}: {found} {expected}");
    }
    println!("{inactive} members without the pair");
    for wrong in [
        pair(first, first),
        PairTerms {
            values: vec![1.0],
            ..pair(first, second)
        },
    ] {
        assert!(Additive::given(&space, 0.0, &terms, vec![wrong], 0.0).is_err());
    }
}
