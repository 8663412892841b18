use panarch_space::Genotype;
use panarch_study::Observation;

use crate::{SearchError, Situation};

/// Proposes the next network to evaluate.
///
/// A proposal is a function of the strategy's settings (its seed among them), the situation, and what the strategy was
/// told: not of the time, the number of threads, or earlier calls to [`Strategy::ask`]. That is why a search that was
/// killed goes on as if it had not been: a new strategy that is told of every finished trial proposes the same. Every
/// implementation passes the conformance suite in `panarch-testkit`.
pub trait Strategy: Send {
    /// The name used in run files and tables.
    fn name(&self) -> &'static str;

    /// Proposes a canonical genotype of the subspace that keeps the constraint.
    ///
    /// # Errors
    /// [`SearchError::Infeasible`] or [`SearchError::Unsupported`] when a bounded number of attempts finds none,
    /// [`SearchError::Exhausted`] when hardly any proposal is new any more, [`SearchError::Constraint`] when the
    /// constraint fails.
    fn ask(&mut self, situation: &Situation<'_>) -> Result<Genotype, SearchError>;

    /// Hears of every finished trial once, in the order of the trials' numbers.
    ///
    /// For strategies that keep something which takes long to work out from the history; the others ignore it.
    fn tell(&mut self, observation: &Observation) {
        let _ = observation;
    }

    /// Whether nothing better than what was found is to be expected, so that the search may end before its budget does.
    ///
    /// # Errors
    /// As [`Strategy::ask`].
    fn is_settled(&mut self, situation: &Situation<'_>) -> Result<bool, SearchError> {
        let _ = situation;
        Ok(false)
    }

    /// How many of the next proposals do not depend on what becomes of each other: as many may be asked for at once and are
    /// the same as one at a time.
    fn independent(&self, situation: &Situation<'_>) -> usize {
        let _ = situation;
        1
    }

    /// Proposes `count` trials at once, numbered from the situation's number on, each knowing those before it as pending.
    ///
    /// They may be evaluated in any order and in parallel: as long as the strategy is told of them in the order of their
    /// numbers, the search does not depend on which was finished first.
    ///
    /// # Errors
    /// As [`Strategy::ask`]; when only the first proposals succeed, these are returned.
    fn ask_batch(&mut self, situation: &Situation<'_>, count: usize) -> Result<Vec<Genotype>, SearchError> {
        let mut pending = situation.pending.to_vec();
        let mut proposals = Vec::with_capacity(count);
        for number in (situation.number..).take(count) {
            let next = self.ask(&Situation {
                pending: &pending,
                number,
                ..*situation
            });
            match next {
                Ok(genotype) => {
                    pending.push(genotype.clone());
                    proposals.push(genotype);
                }
                Err(error) if proposals.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(proposals)
    }
}
