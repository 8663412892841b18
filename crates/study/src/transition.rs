//! The steps of a trial from state to state, the same in every storage.

use panarch_graph::ContentHash;
use panarch_space::Genotype;

use crate::{Outcome, StudyError, Trial, TrialState};

/// What of a trial decides whether a change is allowed.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) genotype: Genotype,
    pub(crate) seed: u64,
    pub(crate) state: TrialState,
}

impl Standing {
    pub(crate) fn of(trial: &Trial) -> Self {
        Self {
            genotype: trial.genotype.clone(),
            seed: trial.seed,
            state: trial.state,
        }
    }
}

/// A trial is started when there is none of its number, or taken up when it is running and the same.
pub(crate) fn start(
    before: Option<Standing>,
    search: &str,
    number: u64,
    genotype: &Genotype,
    seed: u64,
) -> Result<Standing, StudyError> {
    let clash = before.and_then(|before| {
        if before.state != TrialState::Running {
            Some(format!("it is {}", before.state))
        } else if before.genotype != *genotype {
            Some(format!("its genotype is {}, not {genotype}", before.genotype))
        } else if before.seed != seed {
            Some(format!("its seed is {}, not {seed}", before.seed))
        } else {
            None
        }
    });
    match clash {
        Some(reason) => Err(StudyError::TrialExists {
            search: search.to_owned(),
            number,
            reason,
        }),
        None => Ok(Standing {
            genotype: genotype.clone(),
            seed,
            state: TrialState::Running,
        }),
    }
}

/// A running trial is finished once; it is complete only if its genotype is in the pool by the protocol that it names.
pub(crate) fn finish(
    before: Option<Standing>,
    search: &str,
    number: u64,
    outcome: &Outcome,
    evaluated: impl Fn(&Genotype, ContentHash) -> bool,
) -> Result<Standing, StudyError> {
    let not_running = |reason: String| StudyError::NotRunning {
        search: search.to_owned(),
        number,
        reason,
    };
    let before = before.ok_or_else(|| not_running("it was never started".into()))?;
    if before.state != TrialState::Running {
        return Err(not_running(format!("it is {}", before.state)));
    }
    if let Some(protocol) = outcome.protocol()
        && !evaluated(&before.genotype, protocol)
    {
        return Err(StudyError::NotEvaluated {
            search: search.to_owned(),
            number,
            genotype: before.genotype.to_string(),
        });
    }
    Ok(Standing {
        state: outcome.state(),
        ..before
    })
}
