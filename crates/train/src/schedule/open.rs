//! What a phase has open of a space.

use panarch_graph::random;
use panarch_space::{Genotype, Property, Space, Subspace};
use serde::Serialize;

use panarch_data::shuffle;

/// Which choices of a space are open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Open {
    /// All.
    All,
    /// Of decisions about these properties as many of the largest choices; other decisions are at their largest.
    Dimensions(Vec<(Property, usize)>),
}

impl Open {
    /// The items of the list in a file.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::All => vec!["*".to_owned()],
            Self::Dimensions(dimensions) => {
                let name = |(property, most): &(Property, usize)| match *most {
                    usize::MAX => property.name().to_owned(),
                    most => format!("{}:{most}", property.name()),
                };
                dimensions.iter().map(name).collect()
            }
        }
    }
}

impl Serialize for Open {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names().serialize(serializer)
    }
}

impl Open {
    /// What is open of a space, each decision's choices from the smallest network to the largest.
    #[must_use]
    pub fn of(&self, space: &Space) -> Subspace {
        Subspace::with_largest(space, |decision| match self {
            Self::All => usize::MAX,
            Self::Dimensions(dimensions) => {
                let named = dimensions.iter().find(|(property, _)| *property == decision.property);
                named.map_or(1, |(_, most)| *most)
            }
        })
    }
}

/// The network of this number in a training in which, for each decision, every open choice comes once in as many
/// networks as there are open choices (strict fairness, Chu et al. 2021, §3.2), in an order drawn anew each round.
///
/// A decision that another one has made inactive does not count then; the rounds take no notice of that.
pub(crate) fn fair(subspace: &Subspace, seed: u64, number: u64) -> Genotype {
    let choices = subspace.open().iter().enumerate().map(|(decision, open)| {
        let count = open.len() as u64;
        let mut order = open.clone();
        let label = format!("fair {decision}");
        shuffle(&mut order, &mut random::stream(seed, &label, number / count));
        order.get((number % count) as usize).copied().unwrap_or_default()
    });
    subspace.space().canonical(&Genotype::new(choices.collect()))
}

/// The networks at the corners: each open dimension (kernel, depth, expansion, …) at its smallest or largest, with a name
/// for people. With more than three dimensions only the largest, the smallest, and each dimension alone at its smallest.
pub(crate) fn corners(subspace: &Subspace) -> Vec<(String, Genotype)> {
    let decisions = subspace.space().decisions();
    let mut dimensions: Vec<Property> = Vec::new();
    for (decision, open) in decisions.iter().zip(subspace.open()) {
        if open.len() > 1 && !dimensions.contains(&decision.property) {
            dimensions.push(decision.property);
        }
    }
    let count = dimensions.len() as u32;
    let masks: Vec<u32> = if count <= 3 {
        (0..1 << count).collect()
    } else {
        let alone = (0..count).map(|bit| 1 << bit);
        [0].into_iter().chain(alone).chain([(1 << count) - 1]).collect()
    };
    let corner = |mask: u32| {
        let is_small = |property: Property| {
            let bit = dimensions.iter().position(|it| *it == property);
            bit.is_some_and(|bit| mask & (1 << bit) != 0)
        };
        let genotype = subspace.end(|decision| !decisions.get(decision).is_some_and(|it| is_small(it.property)));
        let named = dimensions.iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0);
        let named: Vec<&str> = named.map(|(_, property)| property.name()).collect();
        let name = match mask {
            0 => "largest".to_owned(),
            mask if mask + 1 == 1 << count => "smallest".to_owned(),
            _ => format!("small {}", named.join("+")),
        };
        (name, genotype)
    };
    let mut corners: Vec<(String, Genotype)> = Vec::new();
    for mask in masks {
        let (name, genotype) = corner(mask);
        if !corners.iter().any(|(_, known)| *known == genotype) {
            corners.push((name, genotype));
        }
    }
    corners
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn kernels_and_depths() -> Open {
        Open::Dimensions(vec![(Property::Kernel, usize::MAX), (Property::Depth, 2)])
    }

    #[test]
    fn what_is_closed_stays_at_its_largest() {
        let space = Space::preset("ofa-mbv3-w1.0").unwrap();
        let closed = Open::Dimensions(Vec::new()).of(&space);
        assert_eq!(closed.largest(), space.largest());
        assert_eq!(closed.smallest(), space.largest());
        let open = kernels_and_depths().of(&space);
        let mut seen: BTreeMap<(Property, String), usize> = BTreeMap::new();
        for index in 0..200 {
            let genotype = open.sample(&mut random::stream(1, "test", index));
            let active = space.active(&genotype);
            for (decision, it) in space.decisions().iter().enumerate().filter(|(index, _)| active[*index]) {
                let choice = &it.choices[usize::from(genotype.choice(decision))];
                *seen.entry((it.property, choice.clone())).or_default() += 1;
            }
        }
        let choices = |property| -> Vec<&str> {
            let of = seen.keys().filter(|(it, _)| *it == property);
            of.map(|(_, choice)| &choice[..]).collect()
        };
        assert_eq!(choices(Property::Kernel), ["3", "5", "7"]);
        assert_eq!(choices(Property::Depth), ["3", "4"]);
        assert_eq!(choices(Property::Expansion), ["6"]);
    }

    #[test]
    fn all_is_the_space() {
        for name in ["ofa-mbv3-w1.0", "multi-hardware", "tunas-mbv3", "isynet"] {
            let space = Space::preset(name).unwrap();
            let open = Open::All.of(&space);
            assert_eq!(open.largest(), space.largest(), "{name}");
            assert_eq!(open.smallest(), space.smallest(), "{name}");
        }
    }

    #[test]
    fn every_choice_comes_equally_often() {
        let space = Space::preset("multi-hardware-small").unwrap();
        let open = Open::All.of(&space);
        // A common multiple of 2, 3 and 5 choices.
        let mut counts: BTreeMap<(usize, u8), usize> = BTreeMap::new();
        for number in 0..60 {
            let choices = (0..open.open().len()).map(|decision| {
                let choices = &open.open()[decision];
                let count = choices.len() as u64;
                let mut order = choices.clone();
                let label = format!("fair {decision}");
                shuffle(&mut order, &mut random::stream(3, &label, number / count));
                order[(number % count) as usize]
            });
            let choices: Vec<u8> = choices.collect();
            let genotype = fair(&open, 3, number);
            assert_eq!(genotype, space.canonical(&Genotype::new(choices.clone())));
            for (decision, choice) in choices.into_iter().enumerate() {
                *counts.entry((decision, choice)).or_default() += 1;
            }
        }
        for ((decision, choice), count) in counts {
            let expected = 60 / open.open()[decision].len();
            assert_eq!(count, expected, "choice {choice} of decision {decision}");
        }
    }

    #[test]
    fn corners_are_named() {
        let space = Space::preset("ofa-mbv3-w1.0").unwrap();
        let named = corners(&kernels_and_depths().of(&space));
        let names: Vec<&str> = named.iter().map(|(name, _)| &name[..]).collect();
        assert_eq!(names, ["largest", "small depth", "small kernel", "smallest"]);
        let compound = Space::preset("compofa-fixed").unwrap();
        assert_eq!(corners(&Open::All.of(&compound)).len(), 2);
    }
}
