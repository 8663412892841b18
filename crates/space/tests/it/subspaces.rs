//! What is open of a space: its members are those of the space that take open choices only.

use std::collections::HashSet;

use num_bigint::BigUint;
use panarch_graph::{Op, stream};
use panarch_space::{Distinct, Genotype, Head, Space, SpaceError, Subspace};
use rand::RngExt;

use crate::fixtures::{SMALL, all, space};

/// A subspace with some choices closed at random.
fn some_open(space: &Space, seed: u64) -> Subspace {
    let mut rng = stream(seed, "close", 0);
    let mut subspace = Subspace::whole(space);
    for (decision, it) in space.decisions().iter().enumerate() {
        for choice in 0..it.choices.len() as u8 {
            if subspace.open()[decision].len() > 1 && rng.random::<f64>() < 0.2 {
                subspace.close(decision, choice).unwrap();
            }
        }
    }
    subspace
}

#[test]
fn everything_open_is_the_space() {
    for space in all() {
        let whole = Subspace::whole(&space);
        assert_eq!(whole.largest(), space.largest());
        assert_eq!(whole.smallest(), space.smallest());
        let rng = || stream(3, "whole", 0);
        let (a, b) = (space.sample(&mut rng()), space.sample(&mut stream(4, "whole", 0)));
        assert_eq!(whole.sample(&mut rng()), a);
        assert_eq!(whole.mutate(&a, 0.3, &mut rng()), space.mutate(&a, 0.3, &mut rng()));
        assert_eq!(whole.crossover(&a, &b, &mut rng()), space.crossover(&a, &b, &mut rng()));
    }
}

#[test]
fn members_are_those_of_the_space_with_open_choices() {
    let mut looked_at = 0;
    for name in SMALL.into_iter().chain(["compofa-fixed"]) {
        let space = space(name);
        for seed in 0..4 {
            let subspace = some_open(&space, seed);
            let expected: Vec<Genotype> = space.enumerate().filter(|it| subspace.contains(it)).collect();
            let found: Vec<Genotype> = subspace.enumerate().collect();
            assert_eq!(found, expected, "{} {seed}", space.name());
            let counts = subspace.count();
            assert_eq!(counts.active, BigUint::from(expected.len()));
            let head = Head {
                classes: 2,
                input_channels: 3,
            };
            let resolution = space.default_resolution();
            let network = |it: &Genotype| space.lower(it, head, resolution).unwrap().content_hash();
            let different: HashSet<_> = expected.iter().map(network).collect();
            assert_eq!(counts.distinct, Distinct::Exact(BigUint::from(different.len())));
            assert!(expected.contains(&subspace.largest()) && expected.contains(&subspace.smallest()));
            looked_at += expected.len();
        }
    }
    assert!(looked_at > 1_000, "{looked_at}");
}

/// The compound space has 117 = 3² + 3³ + 3⁴ ways for each of five stages: depths 2 to 4, a kernel for each block, and
/// expansions that follow the depth.
#[test]
fn closed_choices_count_with_ties_and_activity() {
    let space = Space::preset("compofa-elastic").unwrap();
    let mut subspace = Subspace::whole(&space);
    let active = |subspace: &Subspace| subspace.count().active;
    let per_stage = |ways: [u32; 5]| ways.map(BigUint::from).into_iter().product::<BigUint>();
    assert_eq!(active(&subspace), per_stage([117; 5]));
    // Without depth 4 there is no expansion of 6 in that stage either.
    let depth = space.decision("stage2.depth").unwrap();
    subspace.close(depth, 2).unwrap();
    assert_eq!(active(&subspace), per_stage([117, 36, 117, 117, 117]));
    let head = Head {
        classes: 2,
        input_channels: 3,
    };
    let largest = space.lower(&subspace.largest(), head, 224).unwrap();
    let expanded = |stage: u32| {
        let name = format!("stage{stage}.block2.ib.expand.conv");
        let node = largest.nodes().iter().find(|node| node.name == name);
        match node.unwrap_or_else(|| panic!("no node {name}")).op {
            Op::Conv2d(conv) => conv.out,
            ref op => panic!("{op:?}"),
        }
    };
    assert_eq!((expanded(1), expanded(2), expanded(3)), (24 * 6, 40 * 4, 80 * 6));
    // A kernel of a fourth block counts only where there is one: 3² + 3³ + 3³·2.
    let kernel = space.decision("stage3.block4.kernel").unwrap();
    subspace.close(kernel, 1).unwrap();
    assert_eq!(active(&subspace), per_stage([117, 36, 90, 117, 117]));
    // Closed for a block that is absent, a choice changes nothing.
    let absent = space.decision("stage2.block4.kernel").unwrap();
    subspace.close(absent, 0).unwrap();
    assert_eq!(active(&subspace), per_stage([117, 36, 90, 117, 117]));
    assert!(subspace.contains(&subspace.sample(&mut stream(1, "compound", 0))));
}

#[test]
fn variation_stays_inside() {
    for space in all() {
        for seed in 0..20 {
            let subspace = some_open(&space, seed);
            let rng = &mut stream(seed, "variation", 0);
            let (a, b) = (subspace.sample(rng), subspace.sample(rng));
            let outside = space.sample(rng);
            let mutant = subspace.mutate(&a, 0.2, rng);
            let members = [
                subspace.mutate(&outside, 0.2, rng),
                subspace.crossover(&a, &b, rng),
                subspace.crossover(&a, &outside, rng),
                mutant.clone(),
                b,
            ];
            for member in &members {
                assert!(subspace.contains(member), "{} {seed} {member}", space.name());
                assert_eq!(space.canonical(member), *member);
            }
            let active = space.active(&a).into_iter().enumerate();
            let can_change = active.filter(|(decision, active)| *active && subspace.open()[*decision].len() > 1);
            assert_eq!(mutant != a, can_change.count() > 0, "{} {seed}", space.name());
        }
    }
}

#[test]
fn a_subspace_is_never_empty() {
    let space = Space::preset("ofa-small").unwrap();
    let mut subspace = Subspace::whole(&space);
    let count = subspace.open()[0].len() as u8;
    (1..count).for_each(|choice| subspace.close(0, choice).unwrap());
    let last = subspace.close(0, 0);
    assert!(matches!(last, Err(SpaceError::NothingOpen { .. })), "{last:?}");
    assert_eq!(subspace.open()[0], [0]);
    assert!(matches!(
        subspace.close(0, count),
        Err(SpaceError::ChoiceOutOfRange { .. })
    ));
    assert!(matches!(
        subspace.close(999, 0),
        Err(SpaceError::UnknownDecision { .. })
    ));

    let open = subspace.open().to_vec();
    let with = |decision: usize, choices: Vec<u8>| {
        let mut open = open.clone();
        open[decision] = choices;
        Subspace::new(&space, open)
    };
    assert!(Subspace::new(&space, open.clone()).is_ok());
    assert!(matches!(with(1, Vec::new()), Err(SpaceError::NothingOpen { .. })));
    assert!(matches!(with(1, vec![0, 0]), Err(SpaceError::OpenTwice { .. })));
    assert!(matches!(with(1, vec![200]), Err(SpaceError::ChoiceOutOfRange { .. })));
    let short = Subspace::new(&space, open[1..].to_vec());
    assert!(matches!(short, Err(SpaceError::ListsOfChoices { .. })));
}
