//! Counts in closed form against brute force, and against published numbers.

use std::collections::HashSet;

use num_bigint::BigUint;
use panarch_space::{Distinct, Genotype, Head, Space};

use crate::fixtures::{SMALL, space};

const HEAD: Head = Head {
    classes: 10,
    input_channels: 3,
};

/// Every string of choices, also those that are not canonical.
fn strings(space: &Space) -> impl Iterator<Item = Genotype> {
    let sizes: Vec<usize> = space.decisions().iter().map(|it| it.choices.len()).collect();
    let total: usize = sizes.iter().product();
    (0..total).map(move |mut number| {
        let digit = |size: &usize| {
            let digit = number % size;
            number /= size;
            digit as u8
        };
        Genotype::new(sizes.iter().map(digit).collect())
    })
}

#[test]
fn small_spaces_by_brute_force() {
    for name in SMALL {
        let space = space(name);
        let counts = space.count();
        let mut raw = 0_u64;
        let canonical: HashSet<Genotype> = strings(&space)
            .map(|genotype| {
                raw += 1;
                space.canonical(&genotype)
            })
            .collect();
        let enumerated: Vec<Genotype> = space.enumerate().collect();
        let networks: HashSet<_> = canonical
            .iter()
            .map(|it| {
                space
                    .lower(it, HEAD, space.default_resolution())
                    .unwrap()
                    .content_hash()
            })
            .collect();
        println!(
            "{name}: raw {raw}, active {}, distinct {}",
            canonical.len(),
            networks.len()
        );
        assert_eq!(counts.raw, BigUint::from(raw), "{name}");
        assert_eq!(counts.active, BigUint::from(canonical.len()), "{name}");
        assert_eq!(
            counts.distinct,
            Distinct::Exact(BigUint::from(networks.len())),
            "{name}"
        );
        assert_eq!(
            enumerated.len(),
            canonical.len(),
            "{name}: something was enumerated twice or not at all"
        );
        assert_eq!(enumerated.into_iter().collect::<HashSet<_>>(), canonical, "{name}");
    }
}

fn power(base: u64, exponent: u32) -> BigUint {
    BigUint::from(base).pow(exponent)
}

/// Counts that the papers or their code give, exactly, and what they round to there.
#[test]
fn published_counts() {
    let counts = |name: &str| space(name).count();
    for name in ["ofa-mbv3-w1.0", "ofa-mbv3-w1.2"] {
        let found = counts(name);
        assert_eq!(found.active, power(7371, 5), "{name}");
        assert_eq!(found.distinct, Distinct::Exact(power(7371, 5)), "{name}");
    }
    let proxyless = counts("ofa-proxyless-w1.3");
    assert_eq!(proxyless.active, power(7371, 5) * 9_u32);
    let resnet = counts("ofa-resnet50");
    let active = power(3, 6) * power(117, 3) * 1053_u32 * 2_u32;
    assert_eq!(resnet.active, active);
    // Two of the three inner widths of the stem are 24 channels.
    assert_eq!(resnet.distinct, Distinct::Exact(active / 3_u32 * 2_u32));
    assert_eq!(counts("compofa-fixed").active, BigUint::from(243_u32));
    assert_eq!(counts("compofa-elastic").active, power(117, 5));
    assert_eq!(counts("mnasnet-anb").active, BigUint::from(78_364_164_096_u64));
    assert_eq!(counts("mnasnet-anb-table").active, power(36, 6) * 48_u32);

    let tunas = counts("tunas-proxyless");
    assert_eq!(tunas.raw, power(6, 6) * power(12, 15) * 3_u32);
    assert_eq!(tunas.active, power(6, 6) * power(7, 15) * 3_u32);
    // A skipped layer may stand anywhere among the three of its stage.
    assert_eq!(tunas.distinct, Distinct::Exact(power(1554, 5) * 18_u32));
    let enlarged = counts("tunas-proxyless-enlarged");
    assert_eq!(enlarged.raw, tunas.raw * power(4, 3) * power(7, 5) * 6_u32);
    let mbv3 = counts("tunas-mbv3");
    let stage = power(72, 3) * 36_u32;
    assert_eq!(mbv3.raw, stage.pow(5) * power(4, 2) * power(7, 5) * 6_u32 * 12_u32);
    assert_eq!(mbv3.raw.to_string().len(), 43);

    let macro_bench = counts("nas-bench-macro");
    assert_eq!(macro_bench.raw, BigUint::from(6561_u32));
    assert_eq!(macro_bench.distinct, Distinct::Exact(BigUint::from(3969_u32)));
}

/// Parameters and MACs at 224 pixels, in millions, of the smallest and largest members and of the three fixed-kernel members
/// of CompOFA with one depth everywhere.
#[test]
fn published_extremes() {
    let head = Head {
        classes: 1000,
        input_channels: 3,
    };
    // As many digits as are published.
    let same = |value: u64, published: &str| {
        let digits = published.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        format!("{:.digits$}", value as f64 / 1e6) == published
    };
    let table = [
        ("ofa-mbv3-w1.0", "smallest", "3.410792", "121.3"),
        ("ofa-mbv3-w1.0", "largest", "7.664760", "566.2"),
        ("ofa-mbv3-w1.2", "smallest", "4.602", "193.1"),
        ("ofa-mbv3-w1.2", "largest", "10.702", "843"),
        ("ofa-proxyless-w1.3", "smallest", "3.719", "265.5"),
        ("ofa-proxyless-w1.3", "largest", "7.942", "1005"),
        ("ofa-resnet50", "smallest", "6.539280", "962"),
        ("ofa-resnet50", "largest", "48.105992", "7492"),
        ("compofa-fixed", "00000", "3.427", "124.3"),
        ("compofa-fixed", "11111", "4.515", "231.6"),
        ("compofa-fixed", "22222", "7.371", "446.8"),
    ];
    for (name, which, parameters, macs) in table {
        let space = space(name);
        let genotype = match which {
            "smallest" => space.smallest(),
            "largest" => space.largest(),
            text => space.parse_genotype(text).unwrap(),
        };
        let network = space.lower(&genotype, head, 224).unwrap();
        let found = (network.parameter_count(), network.macs().0);
        assert!(same(found.0, parameters), "{name} {which}: {} parameters", found.0);
        assert!(same(found.1, macs), "{name} {which}: {} MACs", found.1);
    }
}
