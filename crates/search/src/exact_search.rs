//! Exact search in a run: tables are fitted to what was evaluated, solved exactly, and fitted anew.

mod model;
mod proof;

use std::borrow::Cow;

use panarch_graph::stream;
use panarch_space::Genotype;
use panarch_study::Observation;

use crate::local_search::STARTS_KEY;
use crate::predictor::BATCH_KEY;
use crate::proposal::{Attempts, propose};
use crate::registry::{Range, Setting, Value};
use crate::{Declaration, SearchError, Situation, Strategy};

use model::Model;

pub use proof::{Proof, prove};

/// What the registry says of it.
pub(crate) const DECLARATION: Declaration = Declaration {
    name: NAME,
    summary: "evaluates what is proved best by a table of terms, fitted anew after each batch, and writes a certificate",
    settings: &[
        Setting {
            key: STARTS_KEY,
            range: Range::Whole(1, 1_000_000),
            default: |evaluations, _| Value::Whole((evaluations / 3).clamp(1, 60)),
        },
        Setting {
            key: BATCH_KEY,
            range: Range::Whole(1, 1_000),
            default: |_, _| Value::Whole(8),
        },
    ],
    randomised: true,
    sums: true,
    races: false,
    check: |_| Ok(()),
    new: |seed, settings| {
        Ok(Box::new(ExactSearch::new(
            seed,
            settings.whole("starts")?,
            settings.whole("batch")?,
        )))
    },
};

const NAME: &str = "exact";

/// Networks that are looked at for one proposal at most.
const MOST_JUDGED: usize = 64;
/// A space of no more members may be listed.
const MOST_LISTED: usize = 10_000;

/// Fits an additive table to the accuracies that are known, finds the members that are best by it, exactly, and proposes
/// them, a batch at a time; then fits anew.
///
/// Costs are those of [`Situation::sums`]; where there are none, tables are fitted to the further objectives as to accuracy.
/// What no sum says, such as a limit on memory, is asked of each member that comes out, the best first. It is settled when a
/// batch brought nothing better and no member can have more reward than the best that was found, by the table and its own
/// statement of its error: a proof about the table, not about images.
#[derive(Debug)]
pub struct ExactSearch {
    seed: u64,
    starts: u64,
    batch: u64,
    /// What was worked out for the last batch: it is the same if it is worked out anew.
    round: Option<Round>,
}

/// What the trials before `start` say.
#[derive(Debug, Clone)]
struct Round {
    start: u64,
    /// The most promising members, the best first.
    promising: Vec<Genotype>,
    settled: bool,
}

impl ExactSearch {
    /// A search that draws so many networks at random first, with this seed, then proposes so many from each table.
    #[must_use]
    pub fn new(seed: u64, starts: usize, batch: usize) -> Self {
        Self {
            seed,
            starts: starts.max(1) as u64,
            batch: batch.max(1) as u64,
            round: None,
        }
    }

    /// What the trials before the batch of this one say; none while networks are drawn at random.
    fn round(&mut self, situation: &Situation<'_>) -> Result<Option<&Round>, SearchError> {
        let Some(after) = situation.number.checked_sub(self.starts) else {
            return Ok(None);
        };
        let start = situation.number - after % self.batch;
        if self.round.as_ref().is_none_or(|round| round.start != start) {
            self.round = Some(self.work_out(situation, start)?);
        }
        Ok(self.round.as_ref())
    }

    fn work_out(&self, situation: &Situation<'_>, start: u64) -> Result<Round, SearchError> {
        let nothing = Round {
            start,
            promising: Vec::new(),
            settled: false,
        };
        let observations = situation.history.observations();
        let known = &observations[..observations.partition_point(|it| it.number < start)];
        let Some(model) = Model::fit(situation.subspace, situation.sums, known)? else {
            return Ok(nothing);
        };
        if let Some(members) = listed(situation) {
            return Ok(Round {
                promising: model.of_list(&members, known, self.batch as usize),
                ..nothing
            });
        }
        let Some(outlook) = model.outlook()? else {
            return Ok(nothing);
        };
        let promising = model.promising(&outlook, known, self.batch as usize)?;
        let (before, last) = known.split_at(known.partition_point(|it| it.number + self.batch < start));
        let best = |trials: &[Observation]| {
            let fitness = trials.iter().filter_map(Observation::fitness);
            fitness.fold(f64::NEG_INFINITY, f64::max)
        };
        // The last batch was the best by a table and is no better than what was known: the table has nothing more to give.
        let idle = start > self.starts && best(last) <= best(before);
        let bound = outlook.bound();
        Ok(Round {
            settled: idle && bound.is_some_and(|bound| best(known) + model.error() >= bound),
            promising,
            ..nothing
        })
    }
}

/// The members, where a list of them says as much as a proof: those of a pool, and of a small space where costs are no sums.
fn listed<'a>(situation: &'a Situation<'_>) -> Option<Cow<'a, [Genotype]>> {
    if let Some(pool) = situation.pool {
        return Some(Cow::Borrowed(pool.members()));
    }
    let several = situation
        .history
        .observations()
        .iter()
        .any(|it| it.objectives.len() > 1);
    if situation.sums.is_some() || !several {
        return None;
    }
    let members = situation.members(0, MOST_LISTED + 1);
    (members.len() <= MOST_LISTED).then_some(Cow::Owned(members))
}

impl Strategy for ExactSearch {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ask(&mut self, situation: &Situation<'_>) -> Result<Genotype, SearchError> {
        let mut rng = stream(self.seed, "exact search", situation.number);
        if let Some(round) = self.round(situation)? {
            let mut attempts = Attempts::new(situation);
            let new = round.promising.iter().filter(|it| !situation.has_seen(it));
            for genotype in new.take(MOST_JUDGED) {
                if let Some(found) = attempts.take(genotype.clone())? {
                    return Ok(found);
                }
            }
        }
        propose(situation, &mut rng, |rng| situation.sample(rng))
    }

    fn is_settled(&mut self, situation: &Situation<'_>) -> Result<bool, SearchError> {
        Ok(self.round(situation)?.is_some_and(|round| round.settled))
    }

    fn independent(&self, situation: &Situation<'_>) -> usize {
        let left = match situation.number.checked_sub(self.starts) {
            None => self.starts - situation.number,
            Some(after) => self.batch - after % self.batch,
        };
        usize::try_from(left).unwrap_or(usize::MAX)
    }
}
