//! Random members: sampling, mutation, crossover.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::{Genotype, Space};

impl Space {
    /// A random member: every decision is drawn uniformly and independently; the result is canonical.
    ///
    /// This is uniform over decision strings, not over networks: a shallow stage is drawn as often as a deep one,
    /// although there are many more deep ones.
    #[must_use]
    pub fn sample(&self, rng: &mut ChaCha8Rng) -> Genotype {
        self.canonical(&self.sample_string(rng))
    }

    /// A decision string with the inactive decisions drawn as well.
    fn sample_string(&self, rng: &mut ChaCha8Rng) -> Genotype {
        let choices = self.decisions.iter().map(|decision| draw(decision.choices.len(), rng));
        Genotype::new(choices.collect())
    }

    /// A changed copy: every active decision is redrawn with probability `rate`, always to another choice, and at least
    /// one of them. Decisions that become active by it are drawn uniformly. The result is canonical, and differs from
    /// the original unless the space has but one member.
    #[must_use]
    pub fn mutate(&self, genotype: &Genotype, rate: f64, rng: &mut ChaCha8Rng) -> Genotype {
        let active = self.active(genotype);
        let positions: Vec<usize> = (0..active.len()).filter(|decision| active[*decision]).collect();
        if positions.is_empty() {
            return self.canonical(genotype);
        }
        let forced = rng.random_range(0..positions.len());
        let mut child = self.sample_string(rng);
        for (index, &decision) in positions.iter().enumerate() {
            let current = self.in_range(genotype, decision);
            let redrawn = rng.random::<f64>() < rate || index == forced;
            let choice = if redrawn {
                other(self.decisions[decision].choices.len(), current, rng)
            } else {
                current
            };
            child.set(decision, choice);
        }
        self.canonical(&child)
    }

    /// A child of two parents: every decision comes from either with equal probability, from the only one in which it
    /// is active, or, active in neither and yet in the child, is drawn uniformly. The result is canonical.
    #[must_use]
    pub fn crossover(&self, a: &Genotype, b: &Genotype, rng: &mut ChaCha8Rng) -> Genotype {
        let (in_a, in_b) = (self.active(a), self.active(b));
        let mut child = self.sample_string(rng);
        for (decision, (in_a, in_b)) in in_a.into_iter().zip(in_b).enumerate() {
            let first = rng.random::<bool>();
            let parent = match (in_a, in_b) {
                (true, true) => Some(if first { a } else { b }),
                (true, false) => Some(a),
                (false, true) => Some(b),
                (false, false) => None,
            };
            if let Some(parent) = parent {
                child.set(decision, self.in_range(parent, decision));
            }
        }
        self.canonical(&child)
    }
}

fn draw(choices: usize, rng: &mut ChaCha8Rng) -> u8 {
    rng.random_range(0..choices.max(1)) as u8
}

/// A choice other than `current`, uniformly. Decisions have at least two choices.
fn other(choices: usize, current: u8, rng: &mut ChaCha8Rng) -> u8 {
    let drawn = rng.random_range(0..choices.max(2) - 1) as u8;
    if drawn >= current { drawn + 1 } else { drawn }
}
