//! Checks of values before any storage takes them.

use panarch_graph::Estimate;

use crate::{Change, CostSummary, Evaluation, Finalist, Outcome, StudyError};

/// Refuses values that are not numbers; a database would turn them into nothing.
pub(crate) fn check(change: &Change) -> Result<(), StudyError> {
    match change {
        Change::Evaluated(evaluation) => check_evaluation(evaluation),
        Change::Costed(cost) => check_cost(&cost.summary),
        Change::Chosen(finalist) => check_finalist(finalist),
        Change::Finished { outcome, .. } => check_outcome(outcome),
        Change::Renewed(_) | Change::Based(_) | Change::Started { .. } | Change::Logged(_) => Ok(()),
    }
}

/// What an outcome says must be numbers, each objective's once, and agree with how the trial ended.
fn check_outcome(outcome: &Outcome) -> Result<(), StudyError> {
    let objectives = outcome.objectives();
    for (index, objective) in objectives.iter().enumerate() {
        let what = format!("the objective `{}`", objective.name);
        finite(&what, objective.value.number())?;
        if let Some(error) = objective.standard_error {
            finite(&what, error)?;
        }
        if objectives[..index].iter().any(|other| other.name == objective.name) {
            return Err(StudyError::Outcome {
                reason: format!("it names the objective `{}` twice", objective.name),
            });
        }
    }
    let wrong = |reason: &str| {
        Err(StudyError::Outcome {
            reason: reason.to_owned(),
        })
    };
    match outcome {
        Outcome::Complete { .. } if objectives.is_empty() => wrong("a complete trial needs at least one objective"),
        Outcome::Infeasible { violations, .. } if !objectives.is_empty() && violations.is_empty() => {
            wrong("a trial that was evaluated and keeps every limit is not infeasible")
        }
        _ => Ok(()),
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
