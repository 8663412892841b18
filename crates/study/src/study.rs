use std::fmt;

use panarch_graph::ContentHash;
use panarch_space::Genotype;

use crate::{
    Change, CostRecord, Evaluation, Event, EventKind, Finalist, Header, History, Outcome, Storage, StudyError,
    Timestamp, Trial, TrialState,
};

/// A study: one run file, one space, one dataset, and everything that was found out with them.
pub struct Study {
    storage: Box<dyn Storage>,
    header: Header,
}

/// What a search does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// This trial was running when the process ended: take it up again.
    TakeUp(Trial),
    /// Propose a trial with this number.
    Propose(u64),
}

impl Study {
    /// Opens a study as it is, to read it.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub fn open(storage: Box<dyn Storage>) -> Result<Self, StudyError> {
        let header = storage.header()?;
        Ok(Self { storage, header })
    }

    /// Opens a study to go on with it: its space, dataset and run file must be the wanted ones.
    ///
    /// Name, version of Panarch and date may differ.
    ///
    /// # Errors
    /// [`StudyError::OtherSpace`], [`StudyError::OtherDataset`] or [`StudyError::OtherRun`]; when the storage cannot be
    /// read.
    pub fn resume(storage: Box<dyn Storage>, wanted: &Header) -> Result<Self, StudyError> {
        let study = Self::open(storage)?;
        let header = &study.header;
        if header.space_hash != wanted.space_hash {
            return Err(StudyError::OtherSpace {
                stored: header.space.clone(),
                stored_hash: header.space_hash,
                given: wanted.space.clone(),
                given_hash: wanted.space_hash,
            });
        }
        if header.dataset != wanted.dataset {
            return Err(StudyError::OtherDataset {
                stored: header.dataset.clone(),
                given: wanted.dataset.clone(),
            });
        }
        match first_difference(&header.run, &wanted.run) {
            None => Ok(study),
            Some((line, stored, given)) => Err(StudyError::OtherRun { line, stored, given }),
        }
    }

    /// What the study is about.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Where it is kept; for what has no method here.
    #[must_use]
    pub fn storage(&self) -> &dyn Storage {
        self.storage.as_ref()
    }

    /// The evaluation of a canonical genotype, by whichever search it was made.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub fn evaluation(&self, genotype: &Genotype) -> Result<Option<Evaluation>, StudyError> {
        self.storage.evaluation(genotype)
    }

    /// Adds an evaluation to the pool and gives back the one that is in it now: the first one of a genotype stays.
    ///
    /// # Errors
    /// When the storage cannot be written.
    pub fn add_evaluation(&self, evaluation: Evaluation) -> Result<Evaluation, StudyError> {
        self.storage.commit(&[Change::Evaluated(evaluation.clone())])?;
        Ok(self.storage.evaluation(&evaluation.genotype)?.unwrap_or(evaluation))
    }

    /// The cost of a canonical genotype on a device by a protocol.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub fn cost(
        &self,
        genotype: &Genotype,
        device: &str,
        protocol: ContentHash,
    ) -> Result<Option<CostRecord>, StudyError> {
        let costs = self.storage.costs(Some(genotype))?;
        Ok(costs
            .into_iter()
            .find(|cost| cost.device == device && cost.protocol == protocol))
    }

    /// Adds costs, all or none of them; the first for a genotype, device and protocol stays.
    ///
    /// # Errors
    /// When the storage cannot be written.
    pub fn add_costs(&self, costs: &[CostRecord]) -> Result<(), StudyError> {
        let changes: Vec<Change> = costs.iter().cloned().map(Change::Costed).collect();
        self.storage.commit(&changes)
    }

    /// The trials of one search, by number.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub fn trials(&self, search: &str) -> Result<Vec<Trial>, StudyError> {
        self.storage.trials(Some(search))
    }

    /// The finished trials of one search, as a strategy sees them.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub fn history(&self, search: &str) -> Result<History, StudyError> {
        History::of_trials(&self.trials(search)?)
    }

    /// What a search does next: the trial that was running when the process ended, else the first number without a trial.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub fn next(&self, search: &str) -> Result<Next, StudyError> {
        let mut expected = 0;
        for trial in self.trials(search)? {
            if trial.number != expected {
                break;
            }
            if trial.state == TrialState::Running {
                return Ok(Next::TakeUp(trial));
            }
            expected += 1;
        }
        Ok(Next::Propose(expected))
    }

    /// Starts a trial, or takes up the same one again.
    ///
    /// # Errors
    /// [`StudyError::TrialExists`] for a trial that is finished or has another genotype or seed; when the storage cannot
    /// be written.
    pub fn start_trial(&self, search: &str, number: u64, genotype: &Genotype, seed: u64) -> Result<(), StudyError> {
        self.storage.commit(&[Change::Started {
            search: search.to_owned(),
            number,
            genotype: genotype.clone(),
            seed,
            at: Timestamp::now(),
        }])
    }

    /// Finishes a running trial.
    ///
    /// # Errors
    /// [`StudyError::NotRunning`]; [`StudyError::NotEvaluated`] for a complete trial whose genotype is not in the pool;
    /// when the storage cannot be written.
    pub fn finish_trial(&self, search: &str, number: u64, outcome: Outcome) -> Result<(), StudyError> {
        self.storage.commit(&[Change::Finished {
            search: search.to_owned(),
            number,
            outcome,
            at: Timestamp::now(),
        }])
    }

    /// Writes a finalist, in place of one with the same genotype.
    ///
    /// # Errors
    /// When the storage cannot be written.
    pub fn choose(&self, finalist: Finalist) -> Result<(), StudyError> {
        self.storage.commit(&[Change::Chosen(finalist)])
    }

    /// Adds an entry to the log.
    ///
    /// # Errors
    /// When the storage cannot be written.
    pub fn log(&self, phase: &str, kind: EventKind, detail: impl Into<String>) -> Result<(), StudyError> {
        self.storage.commit(&[Change::Logged(Event {
            phase: phase.to_owned(),
            kind,
            detail: detail.into(),
            created: Timestamp::now(),
        })])
    }

    /// The detail with which a phase was last finished; none if it has not been finished since it was last started.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub fn finished_phase(&self, phase: &str) -> Result<Option<String>, StudyError> {
        let events = self.storage.events()?;
        let last = events
            .into_iter()
            .rfind(|event| event.phase == phase && event.kind != EventKind::Note);
        Ok(last
            .filter(|event| event.kind == EventKind::Finished)
            .map(|event| event.detail))
    }
}

impl fmt::Debug for Study {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Study")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// The first line in which two texts differ, from 1, with both versions; a line that is not there is empty.
fn first_difference(stored: &str, given: &str) -> Option<(usize, String, String)> {
    let (mut left, mut right) = (stored.lines(), given.lines());
    let mut number = 0;
    loop {
        number += 1;
        match (left.next(), right.next()) {
            (None, None) => return None,
            (a, b) if a != b => {
                return Some((
                    number,
                    a.unwrap_or_default().to_owned(),
                    b.unwrap_or_default().to_owned(),
                ));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_differing_line_is_named() {
        let table = [
            ("a\nb\n", "a\nb", None),
            ("a\nb", "a\nc", Some((2, "b", "c"))),
            ("a", "a\nb", Some((2, "", "b"))),
            ("a\nb", "a", Some((2, "b", ""))),
        ];
        for (stored, given, expected) in table {
            let expected = expected.map(|(line, a, b): (usize, &str, &str)| (line, a.to_owned(), b.to_owned()));
            assert_eq!(first_difference(stored, given), expected);
        }
    }
}
