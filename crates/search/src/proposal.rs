//! From draws to a proposal: limits kept, repeats bounded, never without end.

use panarch_space::Genotype;
use panarch_study::Violation;
use rand_chacha::ChaCha8Rng;

use crate::{SearchError, Situation, Verdict};

/// How often a strategy draws for one proposal.
const DRAWS: usize = 100;

/// How often any member of the space is drawn when the strategy's own draws gave nothing new.
const SAMPLES: usize = 100;

/// How many steps the walk to a new feasible member may take.
const STEPS: usize = 600;

/// Repeats that are allowed for each new genotype, when nothing new is found. A repeat costs nothing, as its evaluation is
/// in the pool, but a search of repeats does not end by itself.
const REPEATS_PER_NEW: usize = 1;

/// Repeats that are allowed before that.
const FREE_REPEATS: usize = 10;

/// The first of a bounded number of draws that keeps the limits and is new: what a strategy does with its own way of drawing.
///
/// Where there is none, any new feasible member will do: one drawn at random, else one at the end of a walk by single
/// changes, which comes ever nearer to the limits until it keeps them and then wanders among the feasible members. Where
/// even that finds nothing new, a feasible draw that was seen before is repeated, as long as there are not too many.
///
/// # Errors
/// Those of [`crate::Strategy::ask`].
pub fn propose(
    situation: &Situation<'_>,
    rng: &mut ChaCha8Rng,
    mut draw: impl FnMut(&mut ChaCha8Rng) -> Genotype,
) -> Result<Genotype, SearchError> {
    let mut attempts = Attempts::new(situation);
    for _ in 0..DRAWS {
        let genotype = draw(rng);
        if let Some(found) = attempts.take(genotype)? {
            return Ok(found);
        }
    }
    for _ in 0..SAMPLES {
        let genotype = situation.sample(rng);
        if let Some(found) = attempts.take(genotype)? {
            return Ok(found);
        }
    }
    let first_repeat = attempts.repeat.clone();
    if let Some(found) = attempts.walk(rng)? {
        return Ok(found);
    }
    match first_repeat.or_else(|| attempts.repeat.take()) {
        Some(repeat) => allow(situation, repeat),
        None => Err(attempts.infeasible()),
    }
}

/// What was drawn for one proposal so far.
pub(crate) struct Attempts<'a, 'b> {
    situation: &'a Situation<'b>,
    count: usize,
    /// The latest feasible member that was drawn and had been seen before.
    pub(crate) repeat: Option<Genotype>,
    /// The infeasible member whose furthest excess over a limit is the smallest, with that violation.
    nearest: Option<(Genotype, Violation)>,
    /// A member that a device cannot run.
    unsupported: Option<(Genotype, String, String)>,
}

impl<'a, 'b> Attempts<'a, 'b> {
    pub(crate) const fn new(situation: &'a Situation<'b>) -> Self {
        Self {
            situation,
            count: 0,
            repeat: None,
            nearest: None,
            unsupported: None,
        }
    }

    /// Gives the genotype back if it is feasible and new; else remembers what is to be learnt from it.
    pub(crate) fn take(&mut self, genotype: Genotype) -> Result<Option<Genotype>, SearchError> {
        let seen = self.situation.has_seen(&genotype);
        self.count += 1;
        let verdict = self
            .situation
            .constraint
            .judge(&genotype)
            .map_err(|source| SearchError::Constraint {
                genotype: genotype.clone(),
                source,
            })?;
        match verdict {
            Verdict::Feasible if seen => self.repeat = Some(genotype),
            Verdict::Feasible => return Ok(Some(genotype)),
            Verdict::Vetoed(violations) => self.remember(genotype, violations),
            Verdict::Unsupported { device, reason } => {
                self.unsupported.get_or_insert((genotype, device, reason));
            }
        }
        Ok(None)
    }

    fn remember(&mut self, genotype: Genotype, violations: Vec<Violation>) {
        let furthest = violations.into_iter().max_by(|a, b| a.ratio().total_cmp(&b.ratio()));
        if let Some(violation) = furthest
            && self
                .nearest
                .as_ref()
                .is_none_or(|(_, nearest)| violation.ratio() < nearest.ratio())
        {
            self.nearest = Some((genotype, violation));
        }
    }

    /// Walks by single changes from the feasible member seen last, else from the infeasible one nearest to the limits.
    fn walk(&mut self, rng: &mut ChaCha8Rng) -> Result<Option<Genotype>, SearchError> {
        let situation = self.situation;
        for step in 0..STEPS {
            let next = match (&self.repeat, &self.nearest) {
                // Half the way without success: the smallest member is feasible if any is, for most limits.
                (None, _) if step == STEPS / 2 => situation.member_like(situation.subspace.smallest()),
                (Some(feasible), _) => situation.mutate(feasible, 0.0, rng),
                (None, Some((nearest, _))) => situation.mutate(nearest, 0.0, rng),
                (None, None) => situation.sample(rng),
            };
            if let Some(found) = self.take(next)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    pub(crate) fn infeasible(self) -> SearchError {
        let attempts = self.count;
        match (self.nearest, self.unsupported) {
            (Some((genotype, violation)), _) => SearchError::Infeasible {
                violation,
                genotype,
                attempts,
            },
            (None, Some((genotype, device, reason))) => SearchError::Unsupported {
                device,
                genotype,
                reason,
                attempts,
            },
            // Neither feasible, vetoed nor unsupported: a constraint that vetoes without naming a limit.
            (None, None) => SearchError::Settings {
                reason: "the constraint refuses every network and names no limit".into(),
            },
        }
    }
}

/// A repeat, unless there were too many.
fn allow(situation: &Situation<'_>, repeat: Genotype) -> Result<Genotype, SearchError> {
    let proposals = situation.history.len() + situation.pending.len();
    let mut unseen: Vec<&Genotype> = situation
        .pending
        .iter()
        .filter(|genotype| !situation.history.contains(genotype))
        .collect();
    unseen.sort_unstable();
    unseen.dedup();
    let distinct = situation.history.distinct() + unseen.len();
    if proposals - distinct < FREE_REPEATS + REPEATS_PER_NEW * distinct {
        Ok(repeat)
    } else {
        Err(SearchError::Exhausted { distinct, proposals })
    }
}
