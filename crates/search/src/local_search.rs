use panarch_graph::stream;
use panarch_space::Genotype;
use panarch_toml::Key;
use rand::seq::SliceRandom;

use crate::proposal::{Attempts, propose};
use crate::registry::{Range, Setting, Value};
use crate::{Declaration, SearchError, Situation, Strategy};

/// What the registry says of it.
pub(crate) const DECLARATION: Declaration = Declaration {
    name: NAME,
    summary: "tries every single change of the networks on the front",
    settings: &[STARTS],
    randomised: true,
    sums: false,
    races: false,
    check: |_| Ok(()),
    new: |seed, settings| Ok(Box::new(LocalSearch::new(seed, settings.whole("starts")?))),
};

const NAME: &str = "local";

/// The key of how many networks come before what is learnt from them.
pub(crate) const STARTS_KEY: Key = Key::new(
    "search.starts",
    "Networks that are drawn at random before anything is learnt from them. `local`, `predictor` and `exact` only.",
)
.with_default("10, or a quarter of the evaluations where that is less; for `exact` 60, or a third")
.known_as(&["n_startup_trials", "initial", "n_init", "warmup"]);

/// How many networks come before what is learnt from them.
pub(crate) const STARTS: Setting = Setting {
    key: STARTS_KEY,
    range: Range::Whole(1, 1_000_000),
    default: |evaluations, _| Value::Whole((evaluations / 4).clamp(1, 10)),
};

/// Pareto local search (Paquete, Chiarandini and Stützle 2004): the next network is a member of the front with one decision
/// changed, drawn uniformly from all of these that are new.
///
/// With one objective it climbs from the best. Where nothing near the front is new, a network is drawn at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalSearch {
    seed: u64,
    starts: usize,
}

impl LocalSearch {
    /// A local search that begins with so many random networks; the seed decides every proposal.
    #[must_use]
    pub const fn new(seed: u64, starts: usize) -> Self {
        Self { seed, starts }
    }
}

impl Strategy for LocalSearch {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ask(&mut self, situation: &Situation<'_>) -> Result<Genotype, SearchError> {
        let mut rng = stream(self.seed, "local search", situation.number);
        if situation.number >= self.starts as u64 {
            let front = situation.history.front();
            let neighbours = front.iter().flat_map(|member| situation.neighbours(&member.genotype));
            let mut near: Vec<Genotype> = neighbours.filter(|neighbour| !situation.has_seen(neighbour)).collect();
            near.sort_unstable();
            near.dedup();
            near.shuffle(&mut rng);
            let mut attempts = Attempts::new(situation);
            for neighbour in near {
                if let Some(found) = attempts.take(neighbour)? {
                    return Ok(found);
                }
            }
        }
        propose(situation, &mut rng, |rng| situation.sample(rng))
    }

    fn independent(&self, situation: &Situation<'_>) -> usize {
        let left = (self.starts as u64).saturating_sub(situation.number);
        usize::try_from(left).unwrap_or(usize::MAX).max(1)
    }
}
