//! Search by what a Gaussian process expects.

mod encoding;
mod improvement;
mod surrogate;

use std::collections::BTreeMap;

use panarch_graph::stream;
use panarch_space::{Genotype, Subspace};
use panarch_study::{Observation, pareto_front};
use panarch_toml::Key;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::local_search::STARTS;
use crate::proposal::{Attempts, propose};
use crate::registry::{Range, Setting, Value};
use crate::{Declaration, Pool, SearchError, Situation, Strategy};
use encoding::Encoding;
use surrogate::{Row, Surrogate};

/// What the registry says of it.
pub(crate) const DECLARATION: Declaration = Declaration {
    name: NAME,
    summary: "proposes what promises to widen the front most, by Gaussian processes (for small budgets)",
    settings: &[
        STARTS,
        Setting {
            key: BATCH_KEY,
            range: Range::Whole(1, 1_000),
            default: |_, _| Value::Whole(PredictorSettings::default().batch),
        },
    ],
    randomised: true,
    sums: false,
    races: false,
    check: |_| Ok(()),
    new: |seed, settings| {
        let settings = PredictorSettings {
            starts: settings.whole("starts")?,
            batch: settings.whole("batch")?,
        };
        Ok(Box::new(PredictorSearch::new(seed, settings)?))
    },
};

const NAME: &str = "predictor";

/// The key of how many networks are proposed at once.
pub(crate) const BATCH_KEY: Key = Key::new(
    "search.batch",
    "Networks that are proposed before the next look at what became of them. `predictor` and `exact` only.",
)
.with_default("1; for `exact` 8")
.known_as(&["batch_size", "q", "parallelism"]);

/// Up to so many members, all of them are looked at for every proposal.
const MOST_LISTED: usize = 20_000;
/// Else so many are drawn near the front and at random, and so many more near the most promising of these.
const DRAWN: usize = 600;
const REFINED: usize = 300;
/// The most promising, near which these are drawn.
const PROMISING: usize = 10;
/// Candidates that are judged before a search by draws takes over.
const MOST_JUDGED: usize = 1_000;

/// The settings of [`PredictorSearch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PredictorSettings {
    /// Random networks that come first.
    pub starts: usize,
    /// Proposals between two looks at what became of them.
    pub batch: usize,
}

impl Default for PredictorSettings {
    fn default() -> Self {
        Self { starts: 10, batch: 1 }
    }
}

/// Bayesian optimisation for the front: the next network is the one of the largest expected hypervolume improvement (Emmerich,
/// Giannakoglou and Naujoks 2006) under one Gaussian process for each objective.
///
/// The reference point is the worst value of each objective so far; values worse than the median lie on a scale on which
/// they are closer together. The improvement is exact, by boxes, for any number of
/// objectives; with one it is the expected improvement over the best. Limits that only an evaluation shows, and failures, are
/// learnt by one more process over 0 and 1, whose probability of a feasible network is a factor. Networks that are proposed
/// and not finished count as if they were what is expected of them. A space of up to 20,000 members, or a pool, is looked
/// at as a whole; of a larger one, what is near the front, and some at random.
#[derive(Debug)]
pub struct PredictorSearch {
    seed: u64,
    settings: PredictorSettings,
    /// What was worked out for the last proposal: it is the same if it is worked out anew.
    listed: Option<Listed>,
}

/// All members, and what is expected of them.
#[derive(Debug)]
struct Listed {
    subspace: Subspace,
    pool: Option<Pool>,
    encoding: Encoding,
    /// All members and their places among the points; none where there are too many to be listed.
    members: Option<BTreeMap<Genotype, usize>>,
    surrogate: Surrogate,
}

impl PredictorSearch {
    /// A search; the seed decides every proposal.
    ///
    /// # Errors
    /// [`SearchError::Settings`] for no random networks or an empty batch.
    pub fn new(seed: u64, settings: PredictorSettings) -> Result<Self, SearchError> {
        if settings.starts == 0 || settings.batch == 0 {
            let reason = format!(
                "{} random networks come first, {} are proposed at once; both must be at least 1",
                settings.starts, settings.batch
            );
            return Err(SearchError::Settings { reason });
        }
        Ok(Self {
            seed,
            settings,
            listed: None,
        })
    }

    /// The trial that is the first of the batch of a trial: what became of earlier ones is known.
    const fn batch_start(&self, number: u64) -> u64 {
        let starts = self.settings.starts as u64;
        number - (number - starts) % self.settings.batch as u64
    }

    /// Lists the members, unless they are listed already.
    fn list(&mut self, situation: &Situation<'_>) -> &mut Listed {
        let listed = self
            .listed
            .take()
            .filter(|listed| listed.subspace == *situation.subspace && listed.pool.as_ref() == situation.pool);
        self.listed.insert(listed.unwrap_or_else(|| Listed::new(situation)))
    }
}

impl Strategy for PredictorSearch {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ask(&mut self, situation: &Situation<'_>) -> Result<Genotype, SearchError> {
        let mut rng = stream(self.seed, "predictor", situation.number);
        if situation.number >= self.settings.starts as u64 {
            let start = self.batch_start(situation.number);
            let promising = self.list(situation).promising(situation, start, &mut rng);
            let mut attempts = Attempts::new(situation);
            for genotype in promising.unwrap_or_default().into_iter().take(MOST_JUDGED) {
                if let Some(found) = attempts.take(genotype)? {
                    return Ok(found);
                }
            }
        }
        propose(situation, &mut rng, |rng| situation.sample(rng))
    }

    fn independent(&self, situation: &Situation<'_>) -> usize {
        let starts = self.settings.starts as u64;
        let left = match situation.number.checked_sub(starts) {
            None => starts - situation.number,
            Some(after) => self.settings.batch as u64 - after % self.settings.batch as u64,
        };
        usize::try_from(left).unwrap_or(usize::MAX)
    }
}

impl Listed {
    fn new(situation: &Situation<'_>) -> Self {
        let encoding = Encoding::new(situation.subspace.space());
        let members = situation.members(0, MOST_LISTED + 1);
        let all = members.len() <= MOST_LISTED;
        let points = members.iter().take(if all { MOST_LISTED } else { 0 });
        let points: Vec<Vec<f64>> = points.map(|member| encoding.encode(member)).collect();
        Self {
            subspace: situation.subspace.clone(),
            pool: situation.pool.cloned(),
            surrogate: Surrogate::new(encoding.dimensions().to_vec(), points),
            encoding,
            members: all.then(|| (0..).zip(members).map(|(place, member)| (member, place)).collect()),
        }
    }

    /// Members that were not proposed, the most promising first, by what became of trials before `start`; none when too
    /// little is known, or no process can be fitted.
    fn promising(&mut self, situation: &Situation<'_>, start: u64, rng: &mut ChaCha8Rng) -> Option<Vec<Genotype>> {
        let observations = situation.history.observations();
        let (known, unknown) = observations.split_at(observations.partition_point(|it| it.number < start));
        let rows: Vec<Row> = known.iter().map(|observation| self.row(observation)).collect();
        let open: Vec<&Genotype> = unknown.iter().map(|it| &it.genotype).chain(situation.pending).collect();
        if let Some(members) = &self.members {
            let places: Vec<usize> = open
                .iter()
                .filter_map(|genotype| members.get(genotype).copied())
                .collect();
            let scores = self.surrogate.score(&rows, &places).ok()??;
            let unseen = members.iter().filter(|(member, _)| !situation.has_seen(member));
            let scored = by_score(unseen.map(|(member, place)| (member, scores[*place])).collect());
            return Some(
                scored
                    .into_iter()
                    .take(MOST_JUDGED)
                    .map(|(member, _)| member.clone())
                    .collect(),
            );
        }
        self.surrogate.fit(&rows).ok()?;
        let mut scored = self.score(&rows, &open, &drawn(situation, known, rng))?;
        let best: Vec<Genotype> = scored
            .iter()
            .take(PROMISING)
            .map(|(genotype, _)| genotype.clone())
            .collect();
        let near = best.iter().cycle().take(REFINED);
        let near = near.map(|genotype| situation.mutate(genotype, 0.0, rng));
        let near: Vec<Genotype> = near.filter(|genotype| !situation.has_seen(genotype)).collect();
        scored.extend(self.score(&rows, &open, &near)?);
        Some(by_score(scored).into_iter().map(|(genotype, _)| genotype).collect())
    }

    /// Genotypes of a space that is not listed with their scores, the best first.
    fn score(&self, rows: &[Row], open: &[&Genotype], drawn: &[Genotype]) -> Option<Vec<(Genotype, f64)>> {
        let points = drawn.iter().chain(open.iter().copied());
        let points = points.map(|genotype| self.encoding.encode(genotype)).collect();
        let mut surrogate = self.surrogate.at(points);
        let places: Vec<usize> = (drawn.len()..drawn.len() + open.len()).collect();
        let scores = surrogate.score(rows, &places).ok()??;
        Some(by_score(drawn.iter().cloned().zip(scores).collect()))
    }

    fn row(&self, observation: &Observation) -> Row {
        Row {
            input: self.encoding.encode(&observation.genotype),
            losses: observation.losses(),
            feasible: observation.is_feasible(),
        }
    }
}

/// Candidates from a space that is too large to be listed: changed and crossed copies of the front, and random members.
fn drawn(situation: &Situation<'_>, known: &[Observation], rng: &mut ChaCha8Rng) -> Vec<Genotype> {
    let feasible: Vec<&Observation> = known.iter().filter(|it| it.is_feasible()).collect();
    let losses = feasible.iter().map(|it| it.losses());
    let front = pareto_front(&losses.collect::<Vec<Vec<f64>>>());
    let member = |rng: &mut ChaCha8Rng| &feasible[front[rng.random_range(0..front.len())]].genotype;
    let mut drawn: Vec<Genotype> = Vec::with_capacity(DRAWN);
    for index in 0..DRAWN {
        let genotype = match index % 4 {
            _ if front.is_empty() => situation.sample(rng),
            0 => situation.sample(rng),
            1 => situation.mutate(member(rng), 0.0, rng),
            2 => situation.mutate(member(rng), 0.1, rng),
            _ => {
                let (a, b) = (member(rng), member(rng));
                situation.crossover(a, b, rng)
            }
        };
        drawn.push(genotype);
    }
    drawn.sort_unstable();
    drawn.dedup();
    drawn.retain(|genotype| !situation.has_seen(genotype));
    drawn
}

/// The best first; of equal ones the first by genotype.
fn by_score<G: Ord>(mut scored: Vec<(G, f64)>) -> Vec<(G, f64)> {
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    scored
}
