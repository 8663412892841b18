//! The published order of TuNAS's genotypes, proved by its own latency model.

use panarch_space::{Genotype, Space};

use crate::fixtures::space;
use panarch_testkit::reference_text as reference;

/// The genotype of the published unit test of the latency model: one index a decision, decisions of one choice included.
const PUBLISHED: [u8; 73] = [
    0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 1, 0, 1, 1, 0, 2, 1, 0,
    2, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 0, 0,
];

/// The published genotype without what leaves no choice: the widths, and whether a block is there that must be.
fn genotype() -> Genotype {
    let mut rest = PUBLISHED.iter().copied();
    let mut take = |fixed: usize, open: usize| -> Vec<u8> {
        let taken: Vec<u8> = rest.by_ref().take(open).collect();
        assert!(rest.by_ref().take(fixed).all(|index| index == 0));
        taken
    };
    // The stem's width; the separable convolution and its width.
    let mut choices = take(1, 0);
    choices.extend(take(1, 1));
    for _ in 0..5 {
        choices.extend(take(1, 2));
        for _ in 0..3 {
            choices.extend(take(0, 3));
        }
        take(1, 0);
    }
    // The last block, its width and the head's.
    choices.extend(take(3, 2));
    assert_eq!(rest.next(), None);
    Genotype::new(choices)
}

/// What the published model says: a constant, and a term for each place.
fn latency_ms(space: &Space, genotype: &Genotype, model: &serde_json::Value) -> f64 {
    let numbers = |key: &str| -> Vec<f64> {
        let list = model[key].as_array().unwrap();
        list.iter().map(|number| number.as_f64().unwrap()).collect()
    };
    let (counts, coefficients) = (numbers("layer_feature_counts"), numbers("coef"));
    let choices = space.decode(genotype);
    let index = |name: &str, among: &[&str]| -> Option<usize> {
        let (_, choice) = choices.iter().find(|(decision, _)| *decision == name)?;
        among.iter().position(|known| known == choice)
    };
    let mut latency = model["bias"].as_f64().unwrap();
    let mut start = 0;
    let mut add = |place: usize, feature: usize| {
        latency += coefficients[start + feature];
        start += counts[place] as usize;
    };
    add(0, index("stem.separable.kernel", &["3", "5", "7"]).unwrap());
    let blocks = (1..=5).flat_map(|stage| (1..=4).map(move |block| (stage, block)));
    for (place, (stage, block)) in blocks.chain([(6, 1)]).enumerate() {
        let name = |property: &str| format!("stage{stage}.block{block}.{property}");
        let kernel = index(&name("kernel"), &["3", "5", "7"]);
        let expansion = index(&name("expansion"), &["3", "6"]);
        // A skipped block has neither.
        let feature = kernel
            .zip(expansion)
            .map_or(6, |(kernel, expansion)| 2 * kernel + expansion);
        add(place + 1, feature);
    }
    latency
}

#[test]
fn the_published_genotype_has_its_published_latency() {
    let space = space("tunas-proxyless");
    let genotype = genotype();
    space.check(&genotype).unwrap();
    assert_eq!(space.canonical(&genotype), genotype);
    let Some(text) = reference("tunas/pixel1_proxylessnas_linear.json") else {
        return;
    };
    let model = serde_json::from_str(&text).unwrap();
    let found = latency_ms(&space, &genotype, &model);
    assert!((found - 84.017).abs() < 5e-4, "{found}");
    let extremes = [space.smallest(), space.largest()].map(|genotype| latency_ms(&space, &genotype, &model));
    // The table of the model is published to two decimals.
    assert!((extremes[0] - 30.94).abs() < 0.01, "{extremes:?}");
    assert!((extremes[1] - 219.09).abs() < 0.01, "{extremes:?}");
}

/// ProxylessNAS-Mobile is a member: operator numbers are expansion · 3 + kernel, 6 is skip.
#[test]
fn proxylessnas_mobile_is_a_member() {
    let space = space("tunas-proxyless");
    let archive = [1, 0, 6, 6, 2, 0, 1, 1, 5, 1, 1, 1, 4, 1, 1, 1, 5, 5, 2, 2, 5];
    let mut choices = vec![0];
    for (place, operator) in archive.into_iter().enumerate() {
        let (kernel, expansion) = (operator % 3, operator / 3);
        let skippable = place % 4 != 0;
        match operator {
            6 => choices.extend([0, 0, 1]),
            _ if skippable => choices.extend([kernel, expansion, 0]),
            _ => choices.extend([kernel, expansion]),
        }
    }
    let genotype = Genotype::new(choices);
    let head = panarch_space::Head {
        classes: 1000,
        input_channels: 3,
    };
    let network = space.lower(&genotype, head, 224).unwrap();
    assert_eq!(network.parameter_count(), 4_080_512);
    assert_eq!(network.macs().0, 320_427_584);
    let published = panarch_space::zoo::network("proxylessnas-mobile", 1000, 224).unwrap();
    assert_eq!(published.parameter_count(), network.parameter_count());
    let Some(text) = reference("tunas/pixel1_proxylessnas_linear.json") else {
        return;
    };
    let found = latency_ms(&space, &genotype, &serde_json::from_str(&text).unwrap());
    assert!((found - 84.416).abs() < 5e-4, "{found}");
}
