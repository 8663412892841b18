use std::fmt;

use panarch_graph::{ContentHash, Inputs};
use panarch_space::Genotype;

use crate::{
    Basis, Change, CostRecord, Evaluation, EvaluationProtocol, Event, EventKind, Finalist, Header, History, Outcome,
    Storage, StudyError, Subject, Timestamp, Trial, TrialState,
};

/// Everything that was found out for a run, kept so that it is used again only for what it was found out for.
pub struct Study {
    storage: Box<dyn Storage>,
    header: Header,
    before: Option<Header>,
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
        Ok(Self {
            storage,
            header,
            before: None,
        })
    }

    /// Opens a study to go on with it. It is about `wanted` from now on; what it was about before, if that was something
    /// else, is [`Study::before`].
    ///
    /// # Errors
    /// When the storage cannot be read or written.
    pub fn resume(storage: Box<dyn Storage>, wanted: &Header) -> Result<Self, StudyError> {
        let stored = storage.header()?;
        let header = Header {
            created: stored.created,
            ..wanted.clone()
        };
        if stored == header {
            return Self::open(storage);
        }
        storage.commit(&[Change::Renewed(header.clone())])?;
        Ok(Self {
            storage,
            header,
            before: Some(stored),
        })
    }

    /// What the study was about when it was opened, if that has changed.
    #[must_use]
    pub const fn before(&self) -> Option<&Header> {
        self.before.as_ref()
    }

    /// Says what a subject is made of from now on, and gives what it was made of before: none when nobody had said so.
    ///
    /// # Errors
    /// When the storage cannot be read or written.
    pub fn base(&self, subject: Subject, inputs: &Inputs) -> Result<Option<Inputs>, StudyError> {
        let before = self.storage.inputs(&subject)?;
        let inputs = Some(inputs.clone());
        self.storage.commit(&[Change::Based(Basis { subject, inputs })])?;
        Ok(before)
    }

    /// Closes subjects: they are no part of the present run until they are taken up again.
    ///
    /// # Errors
    /// When the storage cannot be written.
    pub fn close(&self, subjects: impl IntoIterator<Item = Subject>) -> Result<(), StudyError> {
        let subjects = subjects.into_iter();
        let changes: Vec<Change> = subjects
            .map(|subject| Change::Based(Basis { subject, inputs: None }))
            .collect();
        self.storage.commit(&changes)
    }

    /// The searches and finalists that are part of the present run.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub fn subjects(&self) -> Result<Vec<Subject>, StudyError> {
        let trials = self.storage.trials(None)?;
        let by_search = trials.chunk_by(|a, b| a.search == b.search);
        let searches = by_search.filter_map(|group| group.first());
        let mut subjects: Vec<Subject> = searches.map(|trial| Subject::Search(trial.search.clone())).collect();
        let finalists = self.storage.finalists()?.into_iter();
        subjects.extend(finalists.map(|finalist| Subject::Finalist(finalist.genotype)));
        Ok(subjects)
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

    /// The evaluation of a canonical genotype by a protocol, by whichever search it was made.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub fn evaluation(
        &self,
        genotype: &Genotype,
        protocol: &EvaluationProtocol,
    ) -> Result<Option<Evaluation>, StudyError> {
        self.storage.evaluation(genotype, protocol.key())
    }

    /// Adds an evaluation to the pool and gives back the one that is in it now: the first one of a genotype by a protocol
    /// stays.
    ///
    /// # Errors
    /// When the storage cannot be written.
    pub fn add_evaluation(&self, evaluation: Evaluation) -> Result<Evaluation, StudyError> {
        self.storage.commit(&[Change::Evaluated(evaluation.clone())])?;
        Ok(self
            .evaluation(&evaluation.genotype, &evaluation.protocol)?
            .unwrap_or(evaluation))
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
