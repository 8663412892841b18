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

#[test]
fn published_counts() {
    let power = |base: u64, exponent: u32| BigUint::from(base).pow(exponent);
    let active = |name: &str| space(name).count().active;
    assert_eq!(active("ofa-mbv3"), power(7371, 5));
    assert_eq!(active("mnasnet-anb"), BigUint::from(78_364_164_096_u64));

    let tunas = space("tunas-proxyless").count();
    assert_eq!(tunas.raw, power(6, 6) * power(12, 15) * 3_u32);
    assert_eq!(tunas.active, power(6, 6) * power(7, 15) * 3_u32);
    // A skipped layer may stand anywhere among the three of its stage.
    assert_eq!(tunas.distinct, Distinct::Exact(power(1554, 5) * 18_u32));

    let macro_bench = space("nas-bench-macro").count();
    assert_eq!(macro_bench.raw, BigUint::from(6561_u32));
    assert_eq!(macro_bench.distinct, Distinct::Exact(BigUint::from(3969_u32)));
}

#[test]
fn compofa_is_a_tie_away_from_once_for_all() {
    let text = crate::fixtures::text("ofa-mbv3").unwrap();
    let tie = "\n[[tie]]\ndecision = \"*.expansion\"\nto = \"{stage}.depth\"\nmap = { 2 = 3, 3 = 4, 4 = 6 }\n";
    let elastic = Space::from_toml("elastic", &format!("{text}{tie}")).unwrap();
    assert_eq!(elastic.count().active, BigUint::from(117_u32).pow(5));
    let mut fixed = text.replace("kernel = [3, 5, 7]", "kernel = 3");
    for width in ["40", "160"] {
        fixed = fixed.replace(&format!("width = {width}\n"), &format!("width = {width}\nkernel = 5\n"));
    }
    let fixed = Space::from_toml("fixed", &format!("{fixed}{tie}")).unwrap();
    assert_eq!(fixed.count().active, BigUint::from(243_u32));
    // Published sizes of the three members with one depth everywhere: parameters and MACs at 224 in millions.
    let head = Head {
        classes: 1000,
        input_channels: 3,
    };
    for (genotype, parameters, macs) in [
        ("00000", 3.427, 124.3),
        ("11111", 4.515, 231.6),
        ("22222", 7.371, 446.8),
    ] {
        let network = fixed.lower(&genotype.parse().unwrap(), head, 224).unwrap();
        assert_eq!(
            (network.parameter_count() as f64 / 1e3).round() / 1e3,
            parameters,
            "{genotype}"
        );
        assert_eq!((network.macs().0 as f64 / 1e5).round() / 10.0, macs, "{genotype}");
    }
}

#[test]
fn sizes_of_the_once_for_all_extremes() {
    let space = space("ofa-mbv3");
    let head = Head {
        classes: 1000,
        input_channels: 3,
    };
    for (genotype, parameters, macs) in [
        (space.smallest(), 3_410_792, 121.3),
        (space.largest(), 7_664_760, 566.2),
    ] {
        let network = space.lower(&genotype, head, 224).unwrap();
        assert_eq!(network.parameter_count(), parameters);
        assert_eq!((network.macs().0 as f64 / 1e5).round() / 10.0, macs);
    }
}
