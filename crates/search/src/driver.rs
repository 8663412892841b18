//! The loop of a search: ask, evaluate, tell.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use panarch_space::{Genotype, Subspace};
use panarch_study::{History, Observation, StudyError, Trial, TrialState};

use crate::{Constraint, Pool, SearchError, Situation, Strategy, Sums};

/// What is searched, and for how long.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// The members to propose from.
    pub subspace: &'a Subspace,
    /// Where only some of them may be proposed, these.
    pub pool: Option<&'a Pool>,
    /// The limits that proposals must keep.
    pub constraint: &'a dyn Constraint,
    /// What networks cost as sums, where that is known.
    pub sums: Option<&'a dyn Sums>,
    /// How many trials the search has in all, those of earlier processes among them.
    pub budget: u64,
    /// How many trials are proposed at once at most. Only as many are as the strategy would propose without knowing what
    /// becomes of the others ([`Strategy::independent`]), so that the trials of a search do not depend on this number.
    pub batch: usize,
}

/// A trial that is to be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The trial's number.
    pub number: u64,
    /// The genotype in canonical form.
    pub genotype: Genotype,
}

/// What a search has done in earlier processes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Begun {
    /// The finished trials.
    pub history: History,
    /// Trials that were proposed and not finished, by number: they are evaluated first.
    pub running: Vec<Proposal>,
}

impl Begun {
    /// What these trials of one search say.
    ///
    /// # Errors
    /// As [`History::of_trials`].
    pub fn of_trials(trials: &[Trial]) -> Result<Self, StudyError> {
        let running = trials.iter().filter(|trial| trial.state == TrialState::Running);
        let mut running: Vec<Proposal> = running
            .map(|trial| Proposal {
                number: trial.number,
                genotype: trial.genotype.clone(),
            })
            .collect();
        running.sort_by_key(|proposal| proposal.number);
        Ok(Self {
            history: History::of_trials(trials)?,
            running,
        })
    }
}

/// Why a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Every trial of the budget is finished.
    Budget,
    /// The strategy finds hardly anything new.
    Exhausted,
    /// The strategy has shown that nothing better is to be expected ([`Strategy::is_settled`]).
    Settled,
}

/// Evaluates what a strategy proposes. It does everything that a search may not: it stores, measures, shows and waits.
pub trait Evaluator {
    /// What stops it; the search ends with that, and may be gone on with.
    type Error: From<SearchError>;

    /// Evaluates trials, in any order or at once, and reports each as soon as it is finished.
    ///
    /// # Errors
    /// Whatever stops the search, an interruption among it; what has been reported by then is finished.
    fn evaluate(&mut self, proposals: &[Proposal], report: &mut Report<'_>) -> Result<(), Self::Error>;
}

/// Takes what has become of the trials of a batch.
pub struct Report<'a> {
    strategy: &'a mut dyn Strategy,
    history: &'a mut History,
    /// The trials that the strategy has not been told of, by number; of those that are finished what became of them.
    waiting: BTreeMap<u64, Option<Observation>>,
}

impl Report<'_> {
    /// All that is finished now.
    #[must_use]
    pub const fn history(&self) -> &History {
        self.history
    }

    /// Takes a finished trial and gives back all that is finished now.
    ///
    /// # Errors
    /// [`SearchError::Report`] for a trial that is none of the batch or was reported before, [`SearchError::History`] when
    /// it does not fit the history.
    pub fn finished(&mut self, observation: Observation) -> Result<&History, SearchError> {
        let number = observation.number;
        let place = self.waiting.get_mut(&number).filter(|place| place.is_none());
        let place = place.ok_or_else(|| SearchError::Report {
            number,
            reason: "it is none of the trials that wait for an answer",
        })?;
        self.history.push(observation.clone())?;
        *place = Some(observation);
        // A strategy hears of trials in their order, whichever was finished first.
        while let Some(first) = self.waiting.first_entry() {
            let Some(observation) = first.get() else { break };
            self.strategy.tell(observation);
            first.remove();
        }
        Ok(self.history)
    }
}

/// Runs a search to its end and gives the history of all its trials.
///
/// The search that went on after a cut, with what [`Begun`] says of it, is the search that was never cut, as long as the
/// strategy is made with the same seed and settings.
///
/// # Errors
/// What the strategy ends with, but for [`SearchError::Exhausted`] after at least one trial; whatever stops the evaluator.
pub fn search<E: Evaluator>(
    plan: &Plan<'_>,
    strategy: &mut dyn Strategy,
    begun: Begun,
    evaluator: &mut E,
) -> Result<(History, End), E::Error> {
    let Begun { mut history, running } = begun;
    history
        .observations()
        .iter()
        .for_each(|observation| strategy.tell(observation));
    let mut next = running;
    next.retain(|proposal| proposal.number < plan.budget);
    loop {
        if next.is_empty() {
            next = match propose(plan, strategy, &history) {
                Ok(ControlFlow::Continue(proposals)) => proposals,
                Ok(ControlFlow::Break(end)) => return Ok((history, end)),
                Err(SearchError::Exhausted { .. }) if !history.is_empty() => return Ok((history, End::Exhausted)),
                Err(error) => return Err(error.into()),
            };
        }
        let mut report = Report {
            strategy,
            history: &mut history,
            waiting: next.iter().map(|proposal| (proposal.number, None)).collect(),
        };
        evaluator.evaluate(&next, &mut report)?;
        if let Some((&number, _)) = report.waiting.first_key_value() {
            let reason = "nobody has said what became of it";
            return Err(SearchError::Report { number, reason }.into());
        }
        next.clear();
    }
}

/// The next trials, or why there are none.
fn propose(
    plan: &Plan<'_>,
    strategy: &mut dyn Strategy,
    history: &History,
) -> Result<ControlFlow<End, Vec<Proposal>>, SearchError> {
    // Usually the number of finished trials; a trial that was lost with a part of the study comes again before later ones.
    let finished = history.observations();
    let number = (0..).zip(finished).find(|(number, done)| done.number != *number);
    let number = number.map_or(finished.len() as u64, |(number, _)| number);
    let after = finished.partition_point(|done| done.number < number);
    let free = finished
        .get(after)
        .map_or(plan.budget, |done| done.number.min(plan.budget));
    let room = usize::try_from(free.saturating_sub(number)).unwrap_or(usize::MAX);
    if room == 0 {
        return Ok(ControlFlow::Break(End::Budget));
    }
    let situation = Situation {
        subspace: plan.subspace,
        pool: plan.pool,
        constraint: plan.constraint,
        sums: plan.sums,
        history,
        pending: &[],
        number,
    };
    if !history.is_empty() && strategy.is_settled(&situation)? {
        return Ok(ControlFlow::Break(End::Settled));
    }
    let count = plan.batch.min(strategy.independent(&situation)).clamp(1, room);
    let genotypes = strategy.ask_batch(&situation, count)?;
    let proposals = (number..).zip(genotypes);
    Ok(ControlFlow::Continue(
        proposals
            .map(|(number, genotype)| Proposal { number, genotype })
            .collect(),
    ))
}
