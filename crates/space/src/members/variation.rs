//! Random members: sampling, mutation, crossover, in a whole space or in what is open of it.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::{Genotype, Space};

/// The choices that may be taken: all of a space's, or for each decision the listed ones.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Open<'a> {
    All,
    Listed(&'a [Vec<u8>]),
}

impl Open<'_> {
    /// How many choices of a decision are open; at least 1.
    pub(crate) fn count(self, space: &Space, decision: usize) -> usize {
        let count = match self {
            Self::All => space.decisions.get(decision).map_or(1, |it| it.choices.len()),
            Self::Listed(listed) => listed.get(decision).map_or(1, Vec::len),
        };
        count.max(1)
    }

    /// The open choice at a position.
    pub(crate) fn choice(self, decision: usize, position: usize) -> u8 {
        match self {
            Self::All => position as u8,
            Self::Listed(listed) => {
                let open = listed.get(decision).and_then(|open| open.get(position));
                open.copied().unwrap_or(0)
            }
        }
    }

    /// The open choices of a decision.
    pub(crate) fn choices(self, space: &Space, decision: usize) -> impl Iterator<Item = u8> {
        (0..self.count(space, decision)).map(move |position| self.choice(decision, position))
    }

    /// The position of a choice among the open ones.
    fn position(self, decision: usize, choice: u8) -> Option<usize> {
        match self {
            Self::All => Some(usize::from(choice)),
            Self::Listed(listed) => listed.get(decision)?.iter().position(|it| *it == choice),
        }
    }

    /// One of the open choices, uniformly.
    fn draw(self, space: &Space, decision: usize, rng: &mut ChaCha8Rng) -> u8 {
        self.choice(decision, rng.random_range(0..self.count(space, decision)))
    }

    /// An open choice other than `current`, uniformly; `current` itself where it is the only one.
    fn other(self, space: &Space, decision: usize, current: u8, rng: &mut ChaCha8Rng) -> u8 {
        let count = self.count(space, decision);
        match self.position(decision, current) {
            Some(_) if count < 2 => current,
            Some(position) => {
                let drawn = rng.random_range(0..count - 1);
                self.choice(decision, if drawn >= position { drawn + 1 } else { drawn })
            }
            None => self.draw(space, decision, rng),
        }
    }

    /// A decision string with the inactive decisions drawn as well.
    fn string(self, space: &Space, rng: &mut ChaCha8Rng) -> Genotype {
        let choices = (0..space.decisions.len()).map(|decision| self.draw(space, decision, rng));
        Genotype::new(choices.collect())
    }

    pub(crate) fn sample(self, space: &Space, rng: &mut ChaCha8Rng) -> Genotype {
        space.canonical(&self.string(space, rng))
    }

    pub(crate) fn mutate(self, space: &Space, genotype: &Genotype, rate: f64, rng: &mut ChaCha8Rng) -> Genotype {
        let active = space.active(genotype);
        let can_change = |decision: &usize| {
            let current = space.in_range(genotype, *decision);
            active[*decision] && (self.count(space, *decision) > 1 || self.position(*decision, current).is_none())
        };
        let positions: Vec<usize> = (0..active.len()).filter(can_change).collect();
        if positions.is_empty() {
            return space.canonical(genotype);
        }
        let forced = rng.random_range(0..positions.len());
        let mut child = self.string(space, rng);
        for decision in (0..active.len()).filter(|decision| active[*decision]) {
            child.set(decision, space.in_range(genotype, decision));
        }
        for (index, &decision) in positions.iter().enumerate() {
            let current = space.in_range(genotype, decision);
            // What is closed is left behind, whatever the rate.
            let closed = self.position(decision, current).is_none();
            if rng.random::<f64>() < rate || index == forced || closed {
                child.set(decision, self.other(space, decision, current, rng));
            }
        }
        space.canonical(&child)
    }

    pub(crate) fn crossover(self, space: &Space, a: &Genotype, b: &Genotype, rng: &mut ChaCha8Rng) -> Genotype {
        let (in_a, in_b) = (space.active(a), space.active(b));
        let mut child = self.string(space, rng);
        for (decision, (in_a, in_b)) in in_a.into_iter().zip(in_b).enumerate() {
            let first = rng.random::<bool>();
            let parent = match (in_a, in_b) {
                (true, true) => Some(if first { a } else { b }),
                (true, false) => Some(a),
                (false, true) => Some(b),
                (false, false) => None,
            };
            let inherited = parent.map(|parent| space.in_range(parent, decision));
            if let Some(choice) = inherited.filter(|choice| self.position(decision, *choice).is_some()) {
                child.set(decision, choice);
            }
        }
        space.canonical(&child)
    }
}

impl Space {
    /// A random member: every decision is drawn uniformly and independently; the result is canonical.
    ///
    /// This is uniform over decision strings, not over networks: a shallow stage is drawn as often as a deep one,
    /// although there are many more deep ones.
    #[must_use]
    pub fn sample(&self, rng: &mut ChaCha8Rng) -> Genotype {
        Open::All.sample(self, rng)
    }

    /// A changed copy: every active decision is redrawn with probability `rate`, always to another choice, and at least
    /// one of them. Decisions that become active by it are drawn uniformly. The result is canonical, and differs from
    /// the original unless the space has but one member.
    #[must_use]
    pub fn mutate(&self, genotype: &Genotype, rate: f64, rng: &mut ChaCha8Rng) -> Genotype {
        Open::All.mutate(self, genotype, rate, rng)
    }

    /// A child of two parents: every decision comes from either with equal probability, from the only one in which it
    /// is active, or, active in neither and yet in the child, is drawn uniformly. The result is canonical.
    #[must_use]
    pub fn crossover(&self, a: &Genotype, b: &Genotype, rng: &mut ChaCha8Rng) -> Genotype {
        Open::All.crossover(self, a, b, rng)
    }
}
