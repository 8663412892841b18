use panarch_graph::stream;
use panarch_space::Genotype;

use crate::proposal::propose;
use crate::{Declaration, SearchError, Situation, Strategy};

/// What the registry says of it.
pub(crate) const DECLARATION: Declaration = Declaration {
    name: NAME,
    summary: "draws every network uniformly at random",
    settings: &[],
    randomised: true,
    sums: false,
    races: true,
    check: |_| Ok(()),
    new: |seed, _| Ok(Box::new(RandomSearch::new(seed))),
};

const NAME: &str = "random";

/// Draws every proposal anew, whatever was found before: the yardstick of every other strategy.
///
/// Draws are those of `Subspace::sample` (uniform over decision strings), given the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomSearch {
    seed: u64,
}

impl RandomSearch {
    /// A random search; the seed decides every proposal.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }
}

impl Strategy for RandomSearch {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ask(&mut self, situation: &Situation<'_>) -> Result<Genotype, SearchError> {
        let mut rng = stream(self.seed, "random search", situation.number);
        propose(situation, &mut rng, |rng| situation.sample(rng))
    }

    fn independent(&self, _: &Situation<'_>) -> usize {
        usize::MAX
    }
}
