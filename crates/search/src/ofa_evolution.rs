mod evolve;

use panarch_graph::stream;
use panarch_space::{Genotype, Subspace};
use panarch_study::Observation;
use panarch_toml::Key;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::ageing_evolution::{MUTATION_RATE, POPULATION};
use crate::nsga2::CROSSOVER_RATE;
use crate::proposal::propose;
use crate::registry::{Range, Setting, Value};
use crate::{Declaration, SearchError, Situation, Strategy};

pub use evolve::Evolved;

/// What the registry says of it.
pub(crate) const DECLARATION: Declaration = Declaration {
    name: NAME,
    summary: "breeds generations from the best quarter of all (as published with Once-for-All)",
    settings: &[
        Setting {
            key: POPULATION,
            range: Range::Whole(2, 1_000_000),
            default: |evaluations, _| {
                let population = OfaEvolutionSettings::default().population;
                Value::Whole((evaluations / 5).clamp(4, population))
            },
        },
        Setting {
            key: Key::new(
                "search.parents",
                "Networks from which the next generation is bred; at most the population. `ofa-evolution` only.",
            )
            .with_default("a quarter of the population")
            .known_as(&["parent_ratio", "elite", "elites"]),
            range: Range::Whole(1, 1_000_000),
            default: |_, settings| Value::Whole((settings.whole("population").unwrap_or(4) / 4).max(1)),
        },
        Setting {
            key: CROSSOVER_RATE,
            range: Range::Real(0.0, 1.0),
            default: |_, _| Value::Real(OfaEvolutionSettings::default().crossover_rate),
        },
        Setting {
            key: MUTATION_RATE,
            range: Range::Real(0.0, 1.0),
            default: |_, _| Value::Real(OfaEvolutionSettings::default().mutation_rate),
        },
    ],
    randomised: true,
    sums: false,
    races: true,
    check: |settings| match (settings.whole("parents"), settings.whole("population")) {
        (Ok(parents), Ok(population)) if parents > population => Err((
            "parents",
            format!("`search.parents` is {parents}, more than the {population} networks of `search.population`"),
        )),
        _ => Ok(()),
    },
    new: |seed, settings| {
        let settings = OfaEvolutionSettings {
            population: settings.whole("population")?,
            parents: settings.whole("parents")?,
            crossover_rate: settings.real("crossover_rate")?,
            mutation_rate: settings.real("mutation_rate")?,
        };
        Ok(Box::new(OfaEvolution::new(seed, settings)?))
    },
};

const NAME: &str = "ofa-evolution";

/// The settings of [`OfaEvolution`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OfaEvolutionSettings {
    /// Networks of a generation.
    pub population: usize,
    /// The best networks of all so far, of which the next generation is bred.
    pub parents: usize,
    /// The share of children with two parents; the others have one, and are mutated.
    pub crossover_rate: f64,
    /// With which probability each place of a mutated child is drawn anew, all its decisions together.
    pub mutation_rate: f64,
}

impl Default for OfaEvolutionSettings {
    /// As published.
    fn default() -> Self {
        Self {
            population: 100,
            parents: 25,
            crossover_rate: 0.5,
            mutation_rate: 0.1,
        }
    }
}

/// The evolution published with Once-for-All (Cai et al. 2020): elitist generations over one number.
///
/// The best quarter of all networks so far are parents; half of a generation are mutated copies of one, in which each block's
/// decisions are drawn anew together with a probability of 0.1, and half take every decision from either of two. Unlike in the
/// publication, a child that was seen before is drawn again, a bounded number of times, and limits that nothing keeps end
/// the search.
#[derive(Debug, Clone, PartialEq)]
pub struct OfaEvolution {
    seed: u64,
    settings: OfaEvolutionSettings,
}

impl OfaEvolution {
    /// An evolution; the seed decides every proposal.
    ///
    /// # Errors
    /// [`SearchError::Settings`] for no parents, more parents than the population, or a rate outside 0..=1.
    pub fn new(seed: u64, settings: OfaEvolutionSettings) -> Result<Self, SearchError> {
        let wrong = |reason: String| Err(SearchError::Settings { reason });
        if settings.parents == 0 || settings.parents > settings.population {
            return wrong(format!(
                "there are {} parents; there must be at least 1 and at most the population's {}",
                settings.parents, settings.population
            ));
        }
        for (what, rate) in [
            ("crossover", settings.crossover_rate),
            ("mutation", settings.mutation_rate),
        ] {
            if !(0.0..=1.0).contains(&rate) {
                return wrong(format!("the {what} rate is {rate}; it must lie in 0..=1"));
            }
        }
        Ok(Self { seed, settings })
    }
}

impl Strategy for OfaEvolution {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ask(&mut self, situation: &Situation<'_>) -> Result<Genotype, SearchError> {
        let OfaEvolutionSettings {
            population,
            parents,
            crossover_rate,
            mutation_rate,
        } = self.settings;
        let mut rng = stream(self.seed, "ofa evolution", situation.number);
        let start = situation.number - situation.number % population as u64;
        let observations = situation.history.observations();
        let before = observations.partition_point(|observation| observation.number < start);
        let fit = observations[..before].iter().filter_map(|it| Some((it, it.fitness()?)));
        let mut best: Vec<(&Observation, f64)> = fit.collect();
        // Stable, so that of equal ones the oldest stays.
        best.sort_by(|a, b| b.1.total_cmp(&a.1));
        best.truncate(parents);
        if best.is_empty() {
            return propose(situation, &mut rng, |rng| situation.sample(rng));
        }
        let mutated = ((1.0 - crossover_rate) * population as f64).round() as u64;
        let places = Places::of(situation.subspace);
        propose(situation, &mut rng, |rng| {
            let parent = |rng: &mut ChaCha8Rng| &best[rng.random_range(0..best.len())].0.genotype;
            if situation.number - start < mutated {
                let child = places.redraw(situation.subspace, parent(rng), mutation_rate, rng);
                return situation.member_like(child);
            }
            let (a, b) = (parent(rng), parent(rng));
            situation.crossover(a, b, rng)
        })
    }

    /// The rest of the generation.
    fn independent(&self, situation: &Situation<'_>) -> usize {
        let population = self.settings.population as u64;
        usize::try_from(population - situation.number % population).unwrap_or(usize::MAX)
    }
}

/// The decisions of a space by what is drawn anew together: those of one block, those of a stage.
struct Places(Vec<Vec<usize>>);

impl Places {
    fn of(subspace: &Subspace) -> Self {
        let decisions = subspace.space().decisions();
        let place = |index: &usize| decisions[*index].name.rsplit_once('.').map(|(place, _)| place);
        let all: Vec<usize> = (0..decisions.len()).collect();
        Self(
            all.chunk_by(|a, b| place(a) == place(b))
                .map(<[usize]>::to_vec)
                .collect(),
        )
    }

    /// A copy in which each place is drawn anew with this probability.
    fn redraw(&self, subspace: &Subspace, parent: &Genotype, rate: f64, rng: &mut ChaCha8Rng) -> Genotype {
        let open = subspace.open();
        let active = subspace.space().active(parent);
        let mut choices = parent.as_bytes().to_vec();
        for place in &self.0 {
            let anew = rng.random::<f64>() < rate;
            for &decision in place {
                // What was inactive has no choice of its own to keep.
                if (anew || !active[decision]) && !open[decision].is_empty() {
                    choices[decision] = open[decision][rng.random_range(0..open[decision].len())];
                }
            }
        }
        subspace.space().canonical(&Genotype::new(choices))
    }
}
