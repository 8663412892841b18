use panarch_space::{Genotype, Subspace};

use crate::proposal::Attempts;
use crate::{Declaration, SearchError, Situation, Strategy};

/// What the registry says of it.
pub(crate) const DECLARATION: Declaration = Declaration {
    name: NAME,
    summary: "goes through all networks in their order (for small spaces)",
    settings: &[],
    randomised: false,
    sums: false,
    races: true,
    check: |_| Ok(()),
    new: |_, _| Ok(Box::new(Exhaustive::new())),
};

const NAME: &str = "exhaustive";

/// Members that are judged for one proposal before the search gives up.
const MOST_JUDGED: usize = 100_000;
/// Members that are listed at first; the list doubles.
const FIRST_LISTED: usize = 64;

/// Proposes every member once, in the order of [`Subspace::enumerate`] or of the pool, and ends after the last.
#[derive(Debug, Clone, Default)]
pub struct Exhaustive {
    /// The members listed so far, and of what: listing costs time, and changes no proposal.
    listed: Vec<Genotype>,
    of: Option<Subspace>,
    /// So many members are known to be proposed or refused, by a history of this length.
    done: usize,
    told: usize,
}

impl Exhaustive {
    /// An exhaustive search.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The member with this number.
    fn member(&mut self, situation: &Situation<'_>, index: usize) -> Option<Genotype> {
        if let Some(pool) = situation.pool {
            return pool.members().get(index).cloned();
        }
        if index >= self.listed.len() {
            let count = self.listed.len().max(FIRST_LISTED);
            let more = situation.members(self.listed.len(), count);
            self.listed.extend(more);
        }
        self.listed.get(index).cloned()
    }
}

impl Strategy for Exhaustive {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ask(&mut self, situation: &Situation<'_>) -> Result<Genotype, SearchError> {
        if self.of.as_ref() != Some(situation.subspace) {
            self.of = Some(situation.subspace.clone());
            self.listed.clear();
            self.done = 0;
        }
        let proposed = situation.history.len();
        if proposed < self.told {
            self.done = 0;
        }
        self.told = proposed;
        let mut attempts = Attempts::new(situation);
        let (mut index, mut finished) = (self.done, true);
        for _ in 0..MOST_JUDGED {
            let Some(member) = self.member(situation, index) else {
                return Err(if situation.history.is_empty() && situation.pending.is_empty() {
                    attempts.infeasible()
                } else {
                    SearchError::Exhausted {
                        distinct: situation.history.distinct() + situation.pending.len(),
                        proposals: proposed + situation.pending.len(),
                    }
                });
            };
            index += 1;
            if situation.history.contains(&member) {
                self.done = if finished { index } else { self.done };
                continue;
            }
            finished = false;
            if let Some(found) = attempts.take(member)? {
                return Ok(found);
            }
        }
        Err(attempts.infeasible())
    }

    fn independent(&self, _: &Situation<'_>) -> usize {
        usize::MAX
    }
}
