use panarch_graph::stream;
use panarch_space::Genotype;
use panarch_study::Observation;
use panarch_toml::Key;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::proposal::propose;
use crate::registry::{Range, Setting, Value};
use crate::{Declaration, SearchError, Situation, Strategy};

/// What the registry says of it.
pub const DECLARATION: Declaration = Declaration {
    name: NAME,
    summary: "changes the best of a few of the latest networks (ageing evolution)",
    settings: &[
        Setting {
            key: POPULATION,
            range: Range::Whole(2, 1_000_000),
            // Small budgets shrink the defaults rather than contradict them.
            default: |evaluations, _| Value::Whole(evaluations.max(2).min(Evolution::default().population)),
        },
        Setting {
            key: Key::new(
                "search.tournament",
                "Networks drawn, of which the best becomes a parent; at most the population. `evolution` only.",
            )
            .with_default("12, or the population where that is less")
            .known_as(&["tournament_size", "sample_size"]),
            range: Range::Whole(1, 1_000_000),
            default: |_, settings| {
                let population = settings.whole("population").unwrap_or(usize::MAX);
                Value::Whole(population.min(Evolution::default().tournament))
            },
        },
        Setting {
            key: MUTATION_RATE,
            range: Range::Real(0.0, 1.0),
            default: |_, _| Value::Real(Evolution::default().mutation_rate),
        },
    ],
    randomised: true,
    sums: false,
    races: true,
    check: |settings| match (settings.whole("tournament"), settings.whole("population")) {
        (Ok(tournament), Ok(population)) if tournament > population => Err((
            "tournament",
            format!("`search.tournament` is {tournament}, more than the {population} networks of `search.population`"),
        )),
        _ => Ok(()),
    },
    new: |seed, settings| {
        let settings = Evolution {
            population: settings.whole("population")?,
            tournament: settings.whole("tournament")?,
            mutation_rate: settings.real("mutation_rate")?,
        };
        Ok(Box::new(AgeingEvolution::new(seed, settings)?))
    },
};

const NAME: &str = "evolution";

/// How many networks are alive at a time.
pub(crate) const POPULATION: Key = Key::new(
    "search.population",
    "Networks that are alive at a time, of a generation for `nsga2` and `ofa-evolution`. Evolutions only.",
)
.with_default("50, or the number of evaluations where that is less; a tenth of the evaluations, 4 to 100, of `nsga2`; a fifth, 4 to 100, of `ofa-evolution`")
.known_as(&["population_size", "pop_size"]);

/// How much a child changes.
pub(crate) const MUTATION_RATE: Key = Key::new(
    "search.mutation_rate",
    "The probability that each decision of a child changes, besides the one that always does; of `ofa-evolution`, that each \
     block of a mutated child is drawn anew. Evolutions only.",
)
.with_default("0; 0.1 of `ofa-evolution`")
.known_as(&["mutation", "mutation_probability", "mutation_prob", "mutate_prob"]);

/// The settings of [`AgeingEvolution`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evolution {
    /// How many of the latest evaluated trials are alive; as many random ones come first.
    pub population: usize,
    /// How many of them compete to be the parent of the next.
    pub tournament: usize,
    /// With which probability each further decision of the parent is changed, besides the one that always is.
    pub mutation_rate: f64,
}

impl Default for Evolution {
    /// For searches of a few hundred trials: 50 alive, 12 in a tournament, one decision changed. The publication has 100
    /// and 25 for 20,000 trials: the same share, less time spent on random networks.
    fn default() -> Self {
        Self {
            population: 50,
            tournament: 12,
            mutation_rate: 0.0,
        }
    }
}

/// Evolution in which the oldest dies, not the worst (Real et al. 2019, "Regularized evolution for image classifier
/// architecture search", algorithm 1).
///
/// The population is the latest evaluated trials, so that nothing survives by one lucky evaluation. The parent is the best
/// of a few drawn with replacement; its child differs in one decision. Unlike in the publication, infeasible and failed
/// trials are no members, and a child that was seen before is drawn again a bounded number of times: evaluations are
/// deterministic here, so that a repeat would tell nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AgeingEvolution {
    seed: u64,
    settings: Evolution,
}

impl AgeingEvolution {
    /// An evolution; the seed decides every proposal.
    ///
    /// # Errors
    /// [`SearchError::Settings`] for an empty population or tournament, a tournament larger than the population, or a rate
    /// outside 0..=1.
    pub fn new(seed: u64, settings: Evolution) -> Result<Self, SearchError> {
        let Evolution {
            population,
            tournament,
            mutation_rate,
        } = settings;
        let wrong = |reason: String| Err(SearchError::Settings { reason });
        if tournament == 0 || tournament > population {
            return wrong(format!(
                "the tournament has {tournament} members; it needs at least 1 and at most the population's {population}"
            ));
        }
        if !(0.0..=1.0).contains(&mutation_rate) {
            return wrong(format!("the mutation rate is {mutation_rate}; it must lie in 0..=1"));
        }
        Ok(Self { seed, settings })
    }
}

impl Strategy for AgeingEvolution {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ask(&mut self, situation: &Situation<'_>) -> Result<Genotype, SearchError> {
        let Evolution {
            population,
            tournament,
            mutation_rate,
        } = self.settings;
        let mut rng = stream(self.seed, "ageing evolution", situation.number);
        let mut alive: Vec<(&Observation, f64)> = situation
            .history
            .observations()
            .iter()
            .rev()
            .filter_map(|observation| Some((observation, observation.fitness()?)))
            .take(population)
            .collect();
        // From the oldest to the youngest; of equal ones the oldest wins.
        alive.reverse();
        if alive.len() < population {
            return propose(situation, &mut rng, |rng| situation.sample(rng));
        }
        propose(situation, &mut rng, |rng| {
            let parent = winner(&alive, tournament, rng);
            situation.mutate(parent, mutation_rate, rng)
        })
    }

    /// As many as the population lacks: these are random ones.
    fn independent(&self, situation: &Situation<'_>) -> usize {
        let observations = situation.history.observations().iter();
        let alive = observations.filter(|observation| observation.is_feasible()).count();
        let members = alive + situation.pending.len();
        self.settings.population.saturating_sub(members).max(1)
    }
}

/// The best of some members drawn with replacement; `alive` is not empty.
fn winner<'a>(alive: &[(&'a Observation, f64)], tournament: usize, rng: &mut ChaCha8Rng) -> &'a Genotype {
    let mut best = rng.random_range(0..alive.len());
    for _ in 1..tournament {
        let other = rng.random_range(0..alive.len());
        let (fitness, highest) = (alive[other].1, alive[best].1);
        if fitness > highest || (fitness == highest && other < best) {
            best = other;
        }
    }
    &alive[best].0.genotype
}
