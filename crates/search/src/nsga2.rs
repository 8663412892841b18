use std::cmp::Ordering;

use panarch_graph::stream;
use panarch_space::Genotype;
use panarch_study::{Observation, dominates};
use panarch_toml::Key;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::ageing_evolution::{MUTATION_RATE, POPULATION};
use crate::proposal::propose;
use crate::registry::{Range, Setting, Value};
use crate::{Declaration, SearchError, Situation, Strategy};

/// What the registry says of it.
pub(crate) const DECLARATION: Declaration = Declaration {
    name: NAME,
    summary: "breeds generations towards the whole front, spread along it (NSGA-II, limits first)",
    settings: &[
        Setting {
            key: POPULATION,
            range: Range::Whole(2, 1_000_000),
            default: |evaluations, _| Value::Whole((evaluations / 10).clamp(4, 100)),
        },
        Setting {
            key: CROSSOVER_RATE,
            range: Range::Real(0.0, 1.0),
            default: |_, _| Value::Real(Nsga2Settings::default().crossover_rate),
        },
        Setting {
            key: MUTATION_RATE,
            range: Range::Real(0.0, 1.0),
            default: |_, _| Value::Real(Nsga2Settings::default().mutation_rate),
        },
    ],
    randomised: true,
    sums: false,
    races: false,
    check: |_| Ok(()),
    new: |seed, settings| {
        let settings = Nsga2Settings {
            population: settings.whole("population")?,
            crossover_rate: settings.real("crossover_rate")?,
            mutation_rate: settings.real("mutation_rate")?,
        };
        Ok(Box::new(Nsga2::new(seed, settings)?))
    },
};

const NAME: &str = "nsga2";

/// The share of children that have two parents.
pub(crate) const CROSSOVER_RATE: Key = Key::new(
    "search.crossover_rate",
    "The share of children that take their decisions from two parents. `nsga2` and `ofa-evolution` only.",
)
.with_default("0.9; 0.5 of `ofa-evolution`")
.known_as(&["crossover", "crossover_prob", "crossover_probability"]);

/// The settings of [`Nsga2`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nsga2Settings {
    /// Trials of a generation, and members that survive one.
    pub population: usize,
    /// With which probability a child has two parents.
    pub crossover_rate: f64,
    /// With which probability each decision of a child is changed, besides the one that always is.
    pub mutation_rate: f64,
}

impl Default for Nsga2Settings {
    fn default() -> Self {
        Self {
            population: 50,
            crossover_rate: 0.9,
            mutation_rate: 0.0,
        }
    }
}

/// NSGA-II (Deb et al. 2002) with constrained domination.
///
/// A generation is so many trials. What survives it is the best of the survivors before and the generation, by front and, in
/// the last front that has room, by crowding distance; parents win binary tournaments by the same. A network that keeps all
/// limits dominates one that does not, and of two that do not the one that is less over them does. Survivors are worked out
/// from the history for every proposal. Unlike in the publication, a child that was seen before is drawn again, and trials
/// that failed are no members.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nsga2 {
    seed: u64,
    settings: Nsga2Settings,
}

/// A member of the population.
struct Member<'a> {
    observation: &'a Observation,
    losses: Vec<f64>,
    /// How far it is over its limits, summed over them; 0 where it keeps all.
    excess: f64,
    rank: usize,
    crowding: f64,
}

impl Nsga2 {
    /// A search; the seed decides every proposal.
    ///
    /// # Errors
    /// [`SearchError::Settings`] for fewer than two members or a rate outside 0..=1.
    pub fn new(seed: u64, settings: Nsga2Settings) -> Result<Self, SearchError> {
        let wrong = |reason: String| Err(SearchError::Settings { reason });
        if settings.population < 2 {
            return wrong(format!("a population of {} has no pairs", settings.population));
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

    /// The first trial of the generation of a trial.
    const fn generation_start(&self, number: u64) -> u64 {
        number - number % self.settings.population as u64
    }

    /// The members that survive all generations before the trial `start`.
    fn survivors<'a>(&self, observations: &'a [Observation], start: u64) -> Vec<Member<'a>> {
        let before = observations.partition_point(|observation| observation.number < start);
        let mut survivors: Vec<Member<'_>> = Vec::new();
        let generation = |observation: &Observation| observation.number / self.settings.population as u64;
        for children in observations[..before].chunk_by(|a, b| generation(a) == generation(b)) {
            survivors.extend(children.iter().filter_map(Member::of));
            rank(&mut survivors);
            survivors.sort_by(Member::compare);
            survivors.truncate(self.settings.population);
        }
        survivors
    }
}

impl Strategy for Nsga2 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ask(&mut self, situation: &Situation<'_>) -> Result<Genotype, SearchError> {
        let mut rng = stream(self.seed, "nsga2", situation.number);
        let start = self.generation_start(situation.number);
        let parents = self.survivors(situation.history.observations(), start);
        if parents.is_empty() {
            return propose(situation, &mut rng, |rng| situation.sample(rng));
        }
        propose(situation, &mut rng, |rng| {
            let first = winner(&parents, rng);
            if rng.random::<f64>() >= self.settings.crossover_rate {
                return situation.mutate(first, self.settings.mutation_rate, rng);
            }
            let child = situation.crossover(first, winner(&parents, rng), rng);
            situation.mutate(&child, self.settings.mutation_rate, rng)
        })
    }

    /// The rest of the generation.
    fn independent(&self, situation: &Situation<'_>) -> usize {
        let population = self.settings.population as u64;
        usize::try_from(population - situation.number % population).unwrap_or(usize::MAX)
    }
}

impl<'a> Member<'a> {
    /// None for a trial that failed.
    fn of(observation: &'a Observation) -> Option<Self> {
        let losses = observation.losses();
        let excess = observation
            .violations
            .iter()
            .map(|violation| (violation.ratio() - 1.0).max(0.0));
        let excess: f64 = if observation.violations.is_empty() {
            0.0
        } else {
            excess.sum::<f64>().max(f64::MIN_POSITIVE)
        };
        (!losses.is_empty() || excess > 0.0).then_some(Self {
            observation,
            losses,
            excess,
            rank: 0,
            crowding: 0.0,
        })
    }

    fn dominates(&self, other: &Self) -> bool {
        if self.excess > 0.0 || other.excess > 0.0 {
            return self.excess < other.excess;
        }
        dominates(&self.losses, &other.losses)
    }

    /// The better first: by front, by crowding distance, by age.
    fn compare(&self, other: &Self) -> Ordering {
        let by_rank = self.rank.cmp(&other.rank);
        let by_crowding = by_rank.then_with(|| other.crowding.total_cmp(&self.crowding));
        by_crowding.then_with(|| self.observation.number.cmp(&other.observation.number))
    }
}

/// The genotype of the better of two members drawn with replacement; `members` is not empty.
fn winner<'a>(members: &'a [Member<'_>], rng: &mut ChaCha8Rng) -> &'a Genotype {
    let drawn = [0; 2].map(|_| rng.random_range(0..members.len()));
    let (a, b) = (&members[drawn[0]], &members[drawn[1]]);
    let best = if a.compare(b).is_gt() { b } else { a };
    &best.observation.genotype
}

/// Gives every member its front, from 0, and its crowding distance in it.
fn rank(members: &mut [Member<'_>]) {
    let count = members.len();
    // How many members dominate each one that are in no front yet.
    let mut above = vec![0_usize; count];
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); count];
    for a in 0..count {
        for b in 0..count {
            if members[a].dominates(&members[b]) {
                below[a].push(b);
                above[b] += 1;
            }
        }
    }
    let mut front: Vec<usize> = (0..count).filter(|index| above[*index] == 0).collect();
    let mut rank = 0;
    while !front.is_empty() {
        let mut next = Vec::new();
        for &index in &front {
            members[index].rank = rank;
            for &other in &below[index] {
                above[other] -= 1;
                if above[other] == 0 {
                    next.push(other);
                }
            }
        }
        crowd(members, &front);
        front = next;
        rank += 1;
    }
}

/// The crowding distance of the members of one front: the sum over objectives of the gap between both neighbours, as a share
/// of the front's extent; infinite at the ends.
fn crowd(members: &mut [Member<'_>], front: &[usize]) {
    for &index in front {
        members[index].crowding = 0.0;
    }
    let objectives = front
        .iter()
        .map(|index| members[*index].losses.len())
        .min()
        .unwrap_or(0);
    for objective in 0..objectives {
        let mut order = front.to_vec();
        order.sort_by(|a, b| members[*a].losses[objective].total_cmp(&members[*b].losses[objective]));
        let (Some(&first), Some(&last)) = (order.first(), order.last()) else {
            continue;
        };
        let extent = members[last].losses[objective] - members[first].losses[objective];
        members[first].crowding = f64::INFINITY;
        members[last].crowding = f64::INFINITY;
        if extent > 0.0 {
            for window in order.windows(3) {
                let gap = members[window[2]].losses[objective] - members[window[0]].losses[objective];
                members[window[1]].crowding += gap / extent;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use panarch_graph::Latency;
    use panarch_study::{Amount, Limit, ObjectiveValue};

    use super::*;

    /// A trial with these losses, over a limit of 1 ms by so much.
    fn trial(number: u64, losses: &[f64], over: Option<f64>) -> Observation {
        let mut observation = Observation::rewarded(number, Genotype::new(vec![number as u8]), 0.0);
        let values = losses.iter().map(|loss| ObjectiveValue::reward(-loss, None));
        observation.objectives = values.collect();
        if let Some(ratio) = over {
            let limit = Limit::on("npu", Amount::Latency(Latency::from_millis(1.0))).unwrap();
            let violation = limit.violation(Amount::Latency(Latency::from_millis(ratio))).unwrap();
            observation.violations.extend(violation);
        }
        observation
    }

    #[test]
    fn members_are_ranked_by_front_crowding_and_limits() {
        let trials = [
            trial(0, &[0.0, 4.0], None),
            trial(1, &[1.0, 3.0], None),
            trial(2, &[3.0, 1.0], None),
            trial(3, &[4.0, 0.0], None),
            trial(4, &[3.0, 3.0], None),
            trial(5, &[0.0, 0.0], Some(3.0)),
            trial(6, &[9.0, 9.0], Some(2.0)),
            trial(7, &[], None),
            trial(8, &[], Some(2.5)),
        ];
        let search = Nsga2::new(
            1,
            Nsga2Settings {
                population: 20,
                ..Nsga2Settings::default()
            },
        )
        .unwrap();
        let survivors = search.survivors(&trials, 20);
        let of = |number: u64| survivors.iter().find(|member| member.observation.number == number);
        let ranks: Vec<Option<usize>> = (0..9).map(|number| of(number).map(|member| member.rank)).collect();
        assert_eq!(
            ranks,
            [0, 0, 0, 0, 1, 4, 2]
                .map(Some)
                .into_iter()
                .chain([None, Some(3)])
                .collect::<Vec<_>>()
        );
        let crowding = |number| of(number).unwrap().crowding;
        assert!(crowding(0).is_infinite() && crowding(3).is_infinite());
        // 3/4 along each objective.
        assert!((crowding(1) - 1.5).abs() < 1e-12 && (crowding(2) - 1.5).abs() < 1e-12);
        let small = Nsga2::new(
            1,
            Nsga2Settings {
                population: 10,
                ..Nsga2Settings::default()
            },
        )
        .unwrap();
        assert_eq!(small.survivors(&trials, 10).len(), 8);
    }
}
