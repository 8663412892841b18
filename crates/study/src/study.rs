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
            Some((key, stored, given)) => Err(StudyError::OtherRun { key, stored, given }),
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

/// The first key that two resolved run files give other values, with both; a value that is not there is "not given".
fn first_difference(stored: &str, given: &str) -> Option<(String, String, String)> {
    let (stored, given) = (values(stored), values(given));
    let value = |of: &[(String, String)], wanted: &str| {
        let found = of.iter().find(|(key, _)| key == wanted);
        found.map_or_else(|| "not given".to_owned(), |(_, value)| format!("`{value}`"))
    };
    let other = given
        .iter()
        .chain(&stored)
        .find(|(key, _)| value(&stored, key) != value(&given, key));
    other.map(|(key, _)| (key.clone(), value(&stored, key), value(&given, key)))
}

/// The dotted keys and values of a run file as it is stored: a key a line, each section once.
fn values(run: &str) -> Vec<(String, String)> {
    let mut section = String::new();
    let mut values = Vec::new();
    for line in run.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
        } else if let Some((key, value)) = line.split_once(" = ") {
            values.push((format!("{section}{key}"), value.to_owned()));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_differing_key_is_named_with_both_values() {
        let stored = "seed = 1\n\n[train]\nepochs = 3\nbatch = 32\n\n[data]\ndataset = \"a\"\n";
        let table = [
            (stored.to_owned(), None),
            (format!("{stored}\n"), None),
            (stored.replace("32", "64"), Some(("train.batch", "`32`", "`64`"))),
            (
                stored.replace("epochs = 3\n", ""),
                Some(("train.epochs", "`3`", "not given")),
            ),
            (
                format!("{stored}resolution = 28\n"),
                Some(("data.resolution", "not given", "`28`")),
            ),
            (
                stored.replace("seed = 1", "seed = 2").replace("32", "64"),
                Some(("seed", "`1`", "`2`")),
            ),
        ];
        for (given, expected) in table {
            let expected = expected.map(|(key, a, b)| (key.to_owned(), a.to_owned(), b.to_owned()));
            assert_eq!(first_difference(stored, &given), expected);
        }
    }
}
