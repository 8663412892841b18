use panarch_space::{Genotype, Subspace};
use panarch_study::History;
use rand_chacha::ChaCha8Rng;

use crate::{Constraint, Pool, Sums};

/// How often a changed copy is made in the hope that a pool has it.
const CHANGES: usize = 8;

/// All that a strategy may look at when it is asked.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// The members to propose from.
    pub subspace: &'a Subspace,
    /// Where only some of them may be proposed, these; all are members of the subspace.
    pub pool: Option<&'a Pool>,
    /// The limits that proposals must keep.
    pub constraint: &'a dyn Constraint,
    /// What networks cost as sums, where that is known.
    pub sums: Option<&'a dyn Sums>,
    /// The finished trials of this search.
    pub history: &'a History,
    /// Genotypes that are proposed and not finished, in the order of their trials.
    pub pending: &'a [Genotype],
    /// The number of the trial to be proposed.
    pub number: u64,
}

/// How members are drawn, varied and listed: of the pool where there is one, else of the subspace.
impl Situation<'_> {
    /// Whether a genotype was proposed before.
    #[must_use]
    pub fn has_seen(&self, genotype: &Genotype) -> bool {
        self.history.contains(genotype) || self.pending.contains(genotype)
    }

    /// A random member, as [`Subspace::sample`] draws it; of a pool, uniformly.
    #[must_use]
    pub fn sample(&self, rng: &mut ChaCha8Rng) -> Genotype {
        match self.pool {
            Some(pool) => pool.sample(rng),
            None => self.subspace.sample(rng),
        }
    }

    /// A changed copy, as [`Subspace::mutate`] makes it. Where the pool has none of a few of these, a member that is near.
    #[must_use]
    pub fn mutate(&self, genotype: &Genotype, rate: f64, rng: &mut ChaCha8Rng) -> Genotype {
        let mut child = self.subspace.mutate(genotype, rate, rng);
        let Some(pool) = self.pool else { return child };
        for _ in 1..CHANGES {
            if pool.contains(&child) {
                return child;
            }
            child = self.subspace.mutate(genotype, rate, rng);
        }
        pool.near(genotype, rng)
    }

    /// A child of two parents, as [`Subspace::crossover`] makes it; of a pool, the member that is most like it.
    #[must_use]
    pub fn crossover(&self, a: &Genotype, b: &Genotype, rng: &mut ChaCha8Rng) -> Genotype {
        self.member_like(self.subspace.crossover(a, b, rng))
    }

    /// The genotype itself; of a pool, the member that is most like it.
    #[must_use]
    pub fn member_like(&self, genotype: Genotype) -> Genotype {
        match self.pool {
            Some(pool) => pool.most_like(&genotype),
            None => genotype,
        }
    }

    /// Every member that differs in one active decision, in the order of decisions and choices. Decisions that become active
    /// by the change take their first open choice. Where the pool has none of them, its members that are nearest.
    #[must_use]
    pub fn neighbours(&self, genotype: &Genotype) -> Vec<Genotype> {
        let space = self.subspace.space();
        let active = space.active(genotype);
        let open = self.subspace.open();
        let choice = |(decision, active): (usize, &bool)| match active {
            true => genotype.choice(decision),
            false => open.get(decision).and_then(|open| open.first()).copied().unwrap_or(0),
        };
        let filled: Vec<u8> = active.iter().enumerate().map(choice).collect();
        let mut neighbours = Vec::new();
        for (decision, _) in active.iter().enumerate().filter(|(_, active)| **active) {
            for other in open.get(decision).into_iter().flatten() {
                if *other != genotype.choice(decision) {
                    let mut changed = filled.clone();
                    changed[decision] = *other;
                    neighbours.push(space.canonical(&Genotype::new(changed)));
                }
            }
        }
        match self.pool {
            None => neighbours,
            Some(pool) => {
                neighbours.retain(|neighbour| pool.contains(neighbour));
                if neighbours.is_empty() {
                    pool.nearest(genotype)
                } else {
                    neighbours
                }
            }
        }
    }

    /// Members from number `from` on in the order of [`Subspace::enumerate`], or of the pool; at most `count` of them.
    #[must_use]
    pub fn members(&self, from: usize, count: usize) -> Vec<Genotype> {
        match self.pool {
            Some(pool) => pool.members().iter().skip(from).take(count).cloned().collect(),
            None => self.subspace.enumerate().skip(from).take(count).collect(),
        }
    }
}
