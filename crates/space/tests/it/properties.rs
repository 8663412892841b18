//! Properties of every preset and fixture.

use std::collections::BTreeMap;

use panarch_graph::{Network, stream};
use panarch_space::{Genotype, Head, Space};
use proptest::prelude::*;

use crate::fixtures::all;

const HEAD: Head = Head {
    classes: 10,
    input_channels: 3,
};

fn lower(space: &Space, genotype: &Genotype) -> Network {
    space.lower(genotype, HEAD, space.default_resolution()).unwrap()
}

/// A random string of choices, not canonical.
fn string(space: &Space, seed: u64) -> Genotype {
    use rand::RngExt;
    let mut rng = stream(seed, "string", 0);
    let draw = |decision: &panarch_space::Decision| rng.random_range(0..decision.choices.len()) as u8;
    Genotype::new(space.decisions().iter().map(draw).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn encode_and_decode_are_inverse(seed: u64) {
        for space in all() {
            let genotype = space.sample(&mut stream(seed, "sample", 0));
            let named = space.decode(&genotype);
            prop_assert_eq!(&space.encode(named.iter().copied()).unwrap(), &genotype);
            prop_assert_eq!(&space.parse_genotype(&genotype.to_string()).unwrap(), &genotype);
            let active = space.active(&genotype).iter().filter(|active| **active).count();
            prop_assert_eq!(named.len(), active);
        }
    }

    #[test]
    fn canonical_form_is_idempotent_and_keeps_the_network(seed: u64) {
        for space in all() {
            let genotype = string(&space, seed);
            space.check(&genotype).unwrap();
            let canonical = space.canonical(&genotype);
            prop_assert_eq!(&space.canonical(&canonical), &canonical);
            prop_assert_eq!(space.active(&canonical), space.active(&genotype));
            let (raw, clean) = (lower(&space, &genotype), lower(&space, &canonical));
            prop_assert_eq!(raw.content_hash(), clean.content_hash());
            prop_assert_eq!(raw.name(), clean.name());
        }
    }

    #[test]
    fn an_active_decision_has_an_effect_on_the_canonical_form(seed: u64) {
        for space in all() {
            let genotype = space.sample(&mut stream(seed, "sample", 0));
            let active = space.active(&genotype);
            for (position, decision) in space.decisions().iter().enumerate() {
                let mut changed = genotype.as_bytes().to_vec();
                changed[position] = (changed[position] + 1) % decision.choices.len() as u8;
                let changed = space.canonical(&Genotype::new(changed));
                prop_assert_eq!(changed != genotype, active[position], "{} {}", space.name(), decision.name);
            }
        }
    }

    #[test]
    fn samples_mutants_and_children_are_canonical_members(seed: u64, rate in 0.0..1.0) {
        for space in all() {
            let rng = &mut stream(seed, "variation", 0);
            let (a, b) = (space.sample(rng), space.sample(rng));
            let mutant = space.mutate(&a, rate, rng);
            prop_assert_ne!(&mutant, &a);
            let child = space.crossover(&a, &b, rng);
            for genotype in [&a, &b, &mutant, &child] {
                space.check(genotype).unwrap();
                prop_assert_eq!(&space.canonical(genotype), genotype);
                lower(&space, genotype);
            }
            prop_assert_eq!(&space.crossover(&a, &a, rng), &a);
        }
    }

    #[test]
    fn conditions_hold_for_active_decisions(seed: u64) {
        for space in all() {
            let genotype = space.sample(&mut stream(seed, "sample", 0));
            let active = space.active(&genotype);
            for (position, decision) in space.decisions().iter().enumerate().filter(|it| active[it.0]) {
                for condition in &decision.conditions {
                    if let panarch_space::Condition::Choice { decision: other, choices, .. } = condition {
                        prop_assert!(choices.contains(&genotype.choice(*other)), "{} {position}", decision.name);
                    }
                }
            }
        }
    }
}

/// The largest shape of each parameter over some networks.
fn store(space: &Space, genotypes: &[Genotype]) -> BTreeMap<String, Vec<usize>> {
    let mut store: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for genotype in genotypes {
        for parameter in lower(space, genotype).parameters() {
            let known = store.entry(parameter.name).or_insert_with(|| parameter.shape.clone());
            for (known, axis) in known.iter_mut().zip(&parameter.shape) {
                *known = (*known).max(*axis);
            }
        }
    }
    store
}

#[test]
fn every_member_fits_into_the_cover() {
    for space in all() {
        let cover = space.cover();
        assert_eq!(cover.first(), Some(&space.largest()), "{}", space.name());
        let store = store(&space, &cover);
        println!("{}: a cover of {}", space.name(), cover.len());
        for index in 0..60 {
            let genotype = space.sample(&mut stream(7, "cover", index));
            for parameter in lower(&space, &genotype).parameters() {
                let known = store.get(&parameter.name);
                let known = known.unwrap_or_else(|| panic!("{}: no {}", space.name(), parameter.name));
                assert_eq!(known.len(), parameter.shape.len());
                for (known, axis) in known.iter().zip(&parameter.shape) {
                    assert!(axis <= known, "{}: {} {genotype}", space.name(), parameter.name);
                }
            }
        }
    }
}

/// Nothing in the cover is larger than some member needs: checked where all members can be looked at.
#[test]
fn the_cover_is_exact_in_small_spaces() {
    for name in crate::fixtures::SMALL {
        let space = crate::fixtures::space(name);
        let members: Vec<Genotype> = space.enumerate().collect();
        assert_eq!(store(&space, &space.cover()), store(&space, &members), "{name}");
    }
}

#[test]
fn a_genotype_of_another_space_is_refused_and_never_panics() {
    for space in all() {
        for bytes in [vec![], vec![9; 3], vec![35; space.decisions().len()], vec![255; 500]] {
            let genotype = Genotype::new(bytes);
            assert!(space.lower(&genotype, HEAD, space.default_resolution()).is_err());
            space.check(&space.canonical(&genotype)).unwrap();
            let mutant = space.mutate(&genotype, 0.5, &mut stream(0, "mutate", 0));
            space.check(&mutant).unwrap();
            let active = space.active(&genotype).iter().filter(|active| **active).count();
            assert_eq!(space.decode(&genotype).len(), active);
        }
    }
}

#[test]
fn mutation_reaches_every_choice() {
    let space = Space::preset("edgetpu-small").unwrap();
    let mut genotype = space.smallest();
    let mut seen: Vec<Vec<bool>> = space
        .decisions()
        .iter()
        .map(|it| vec![false; it.choices.len()])
        .collect();
    let rng = &mut stream(3, "walk", 0);
    for _ in 0..4000 {
        genotype = space.mutate(&genotype, 0.1, rng);
        for (position, active) in space.active(&genotype).into_iter().enumerate() {
            seen[position][usize::from(genotype.choice(position))] |= active;
        }
    }
    assert!(seen.iter().flatten().all(|seen| *seen));
}

#[test]
fn sampling_is_uniform_over_decisions() {
    let space = Space::preset("multi-hardware-small").unwrap();
    let position = space.decision("stage3.depth").unwrap();
    let mut times = [0_u32; 3];
    for index in 0..3000 {
        let genotype = space.sample(&mut stream(11, "uniform", index));
        times[usize::from(genotype.choice(position))] += 1;
    }
    // Expected 1000 each, standard deviation 26.
    assert!(times.iter().all(|times| (870..1130).contains(times)), "{times:?}");
}

#[test]
fn hashes_tell_spaces_apart() {
    let mut hashes: Vec<_> = all().iter().map(Space::hash).collect();
    let text = Space::preset_text("multi-hardware-small").unwrap();
    let other = |from: &str, to: &str| {
        assert!(text.contains(from));
        Space::from_toml("other", &text.replacen(from, to, 1)).unwrap().hash()
    };
    let original = Space::preset("multi-hardware-small").unwrap().hash();
    assert_eq!(original, other("name = \"multi-hardware-small\"", "name = \"renamed\""));
    assert_eq!(original, other("note = \"", "note = \"indeed: "));
    hashes.push(other("version = 1", "version = 2"));
    hashes.push(other("kernel = [3, 5]", "kernel = [3, 7]"));
    hashes.push(other("activation = \"relu\"", "activation = \"relu6\""));
    hashes.push(other("resolutions = [28, 32]", "resolutions = [28]"));
    hashes.push(other("multiple = 8", "multiple = 4"));
    let count = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}

/// A parameter that only two changes at once bring: a skip is a convolution where the block before it is a pool.
#[test]
fn a_cover_finds_what_single_changes_do_not() {
    let toml = r#"
name = "pair"
version = 1
resolutions = [8]
[block]
kernel = 3
expansion = 2
activation = "relu"
[[stem]]
operator = "conv"
kernel = 3
width = 8
[[stage]]
depth = 2
width = 16
operator = { each = [["max-pool", "inverted-bottleneck"], ["skip", "inverted-bottleneck"]] }
[[head]]
operator = "global-average-pool"
[[head]]
operator = "classifier"
"#;
    let space = Space::from_toml("pair", toml).unwrap();
    let head = Head {
        classes: 2,
        input_channels: 3,
    };
    let holds = |genotype: &Genotype| {
        let network = space.lower(genotype, head, 8).unwrap();
        network.find("stage1.block2.skip.conv").is_some()
    };
    assert_eq!(space.enumerate().filter(|genotype| holds(genotype)).count(), 1);
    assert!(space.cover().iter().any(holds));
}
