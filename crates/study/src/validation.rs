//! Checks of values before any storage takes them.

use panarch_graph::Estimate;

use crate::{Change, CostSummary, Evaluation, Finalist, Outcome, StudyError};

/// Refuses values that are not numbers; a database would turn them into nothing.
pub(crate) fn check(change: &Change) -> Result<(), StudyError> {
    match change {
        Change::Evaluated(evaluation) => check_evaluation(evaluation),
        Change::Costed(cost) => check_cost(&cost.summary),
        Change::Chosen(finalist) => check_finalist(finalist),
        Change::Finished {
            outcome: Outcome::Complete { reward },
            ..
        } => finite("the reward", *reward),
        Change::Renewed(_)
        | Change::Based(_)
        | Change::Started { .. }
        | Change::Finished { .. }
        | Change::Logged(_) => Ok(()),
    }
}

fn check_evaluation(evaluation: &Evaluation) -> Result<(), StudyError> {
    estimate("the accuracy", evaluation.accuracy.map(|accuracy| accuracy.share()))?;
    finite("the time of an evaluation", evaluation.seconds)
}

fn check_cost(cost: &CostSummary) -> Result<(), StudyError> {
    estimate("the latency", cost.latency.map(|latency| latency.seconds()))?;
    if let Some(fixed) = cost.fixed {
        finite("the fixed share of the latency", fixed.seconds())?;
    }
    if let Some(energy) = cost.energy {
        estimate("the energy", energy.map(|energy| energy.joules()))?;
    }
    cost.utilisation
        .map_or(Ok(()), |utilisation| finite("the utilisation", utilisation))
}

fn check_finalist(finalist: &Finalist) -> Result<(), StudyError> {
    if let Some((accuracy, _)) = &finalist.test_accuracy {
        estimate("the test accuracy", accuracy.map(|accuracy| accuracy.share()))?;
    }
    finalist.costs.iter().try_for_each(|(_, cost)| check_cost(cost))
}

fn estimate(what: &str, estimate: Estimate<f64>) -> Result<(), StudyError> {
    finite(what, estimate.value)?;
    finite(what, estimate.low)?;
    finite(what, estimate.high)?;
    finite(what, estimate.level)
}

fn finite(what: &str, value: f64) -> Result<(), StudyError> {
    if value.is_finite() {
        Ok(())
    } else {
        Err(StudyError::NotFinite { what: what.to_owned() })
    }
}
