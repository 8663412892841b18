use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use panarch_graph::{ContentHash, Inputs};
use panarch_space::Genotype;

use crate::transition::{self, Standing};
use crate::validation;
use crate::{Change, CostRecord, Evaluation, Event, Finalist, Header, Storage, StudyError, Subject, Trial, TrialState};

/// A study that ends with the process: for tests, and for runs that nobody will resume.
#[derive(Debug)]
pub struct MemoryStorage {
    content: Mutex<Content>,
}

/// The inputs that a row belongs to; none where nobody has said them.
type Key = Option<ContentHash>;

/// What a subject is made of, and whether it is closed.
#[derive(Debug, Clone, Default)]
struct Made {
    of: Option<Inputs>,
    closed: bool,
}

/// Everything that belongs to inputs stands beside their key.
#[derive(Debug, Clone)]
struct Content {
    header: Header,
    bases: BTreeMap<Subject, Made>,
    evaluations: Vec<(Key, Evaluation)>,
    costs: Vec<CostRecord>,
    cost_keys: BTreeSet<(Genotype, String, ContentHash)>,
    searches: Vec<String>,
    /// By search, key and number.
    trials: BTreeMap<(String, Key, u64), Trial>,
    finalists: Vec<(Key, Finalist)>,
    events: Vec<Event>,
}

impl MemoryStorage {
    /// An empty study.
    #[must_use]
    pub fn new(header: Header) -> Self {
        Self {
            content: Mutex::new(Content {
                header,
                bases: BTreeMap::new(),
                evaluations: Vec::new(),
                costs: Vec::new(),
                cost_keys: BTreeSet::new(),
                searches: Vec::new(),
                trials: BTreeMap::new(),
                finalists: Vec::new(),
                events: Vec::new(),
            }),
        }
    }

    // A thread that panics while it holds the lock cannot leave half a commit: changes are made in a copy.
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for MemoryStorage {
    fn header(&self) -> Result<Header, StudyError> {
        Ok(self.content().header.clone())
    }

    fn commit(&self, changes: &[Change]) -> Result<(), StudyError> {
        let mut content = self.content();
        let mut changed = content.clone();
        changes.iter().try_for_each(|change| changed.apply(change))?;
        *content = changed;
        Ok(())
    }

    fn inputs(&self, subject: &Subject) -> Result<Option<Inputs>, StudyError> {
        let content = self.content();
        Ok(content.bases.get(subject).and_then(|made| made.of.clone()))
    }

    fn evaluation(&self, genotype: &Genotype, protocol: ContentHash) -> Result<Option<Evaluation>, StudyError> {
        Ok(self.content().evaluation(genotype, protocol).cloned())
    }

    fn evaluations(&self) -> Result<Vec<Evaluation>, StudyError> {
        let content = self.content();
        let key = content.key(&Subject::Evaluations);
        let present = content.evaluations.iter().filter(|(of, _)| Some(*of) == key);
        Ok(present.map(|(_, evaluation)| evaluation.clone()).collect())
    }

    fn costs(&self, genotype: Option<&Genotype>) -> Result<Vec<CostRecord>, StudyError> {
        let content = self.content();
        let wanted = |cost: &&CostRecord| genotype.is_none_or(|genotype| cost.genotype == *genotype);
        Ok(content.costs.iter().filter(wanted).cloned().collect())
    }

    fn trials(&self, search: Option<&str>) -> Result<Vec<Trial>, StudyError> {
        let content = self.content();
        let wanted = content
            .searches
            .iter()
            .filter(|name| search.is_none_or(|search| search == name.as_str()));
        let of = |name: &String| {
            let key = content.key(&Subject::Search(name.clone()));
            key.map(|key| {
                content
                    .trials
                    .range((name.clone(), key, 0)..=(name.clone(), key, u64::MAX))
            })
        };
        Ok(wanted
            .filter_map(of)
            .flatten()
            .map(|(_, trial)| trial.clone())
            .collect())
    }

    fn finalists(&self) -> Result<Vec<Finalist>, StudyError> {
        let content = self.content();
        let present = content.finalists.iter().filter(|(key, finalist)| {
            let subject = Subject::Finalist(finalist.genotype.clone());
            Some(*key) == content.key(&subject)
        });
        Ok(present.map(|(_, finalist)| finalist.clone()).collect())
    }

    fn events(&self) -> Result<Vec<Event>, StudyError> {
        Ok(self.content().events.clone())
    }
}

impl Content {
    /// The key of a subject's rows at present; none when it is closed.
    fn key(&self, subject: &Subject) -> Option<Key> {
        match self.bases.get(subject) {
            Some(made) if made.closed => None,
            made => Some(made.and_then(|made| made.of.as_ref()).map(Inputs::key)),
        }
    }

    /// The key of what is added to a subject; what is added to a closed one is of inputs that nobody has said.
    fn key_of_new(&self, subject: &Subject) -> Key {
        self.key(subject).flatten()
    }

    fn evaluation(&self, genotype: &Genotype, protocol: ContentHash) -> Option<&Evaluation> {
        let key = self.key(&Subject::Evaluations)?;
        let mut present = self.evaluations.iter().filter(|(of, _)| *of == key);
        present
            .find(|(_, evaluation)| evaluation.genotype == *genotype && evaluation.protocol.key() == protocol)
            .map(|(_, evaluation)| evaluation)
    }

    fn place(&self, search: &str, number: u64) -> (String, Key, u64) {
        let key = self.key_of_new(&Subject::Search(search.to_owned()));
        (search.to_owned(), key, number)
    }

    fn apply(&mut self, change: &Change) -> Result<(), StudyError> {
        validation::check(change)?;
        match change {
            Change::Renewed(header) => {
                let created = self.header.created;
                self.header = Header {
                    created,
                    ..header.clone()
                };
            }
            Change::Based(basis) => {
                let made = self.bases.entry(basis.subject.clone()).or_default();
                made.closed = basis.inputs.is_none();
                if basis.inputs.is_some() {
                    made.of.clone_from(&basis.inputs);
                }
            }
            Change::Evaluated(evaluation) => {
                if self
                    .evaluation(&evaluation.genotype, evaluation.protocol.key())
                    .is_none()
                {
                    let key = self.key_of_new(&Subject::Evaluations);
                    self.evaluations.push((key, evaluation.clone()));
                }
            }
            Change::Costed(cost) => {
                if self
                    .cost_keys
                    .insert((cost.genotype.clone(), cost.device.clone(), cost.protocol))
                {
                    self.costs.push(cost.clone());
                }
            }
            Change::Started {
                search,
                number,
                genotype,
                seed,
                at,
            } => {
                let place = self.place(search, *number);
                let before = self.trials.get(&place).map(Standing::of);
                transition::start(before, search, *number, genotype, *seed)?;
                if !self.searches.contains(search) {
                    self.searches.push(search.clone());
                }
                let trial = Trial {
                    search: search.clone(),
                    number: *number,
                    genotype: genotype.clone(),
                    seed: *seed,
                    state: TrialState::Running,
                    objectives: Vec::new(),
                    violations: Vec::new(),
                    protocol: None,
                    reason: None,
                    started: *at,
                    finished: None,
                };
                self.trials.insert(place, trial);
            }
            Change::Finished {
                search,
                number,
                outcome,
                at,
            } => {
                let place = self.place(search, *number);
                let before = self.trials.get(&place).map(Standing::of);
                let evaluated = |genotype: &Genotype, protocol| self.evaluation(genotype, protocol).is_some();
                transition::finish(before, search, *number, outcome, evaluated)?;
                if let Some(trial) = self.trials.get_mut(&place) {
                    trial.state = outcome.state();
                    trial.objectives = outcome.objectives().to_vec();
                    trial.violations = outcome.violations().to_vec();
                    trial.protocol = outcome.protocol();
                    trial.reason = outcome.reason().map(str::to_owned);
                    trial.finished = Some(*at);
                }
            }
            Change::Chosen(finalist) => {
                let key = self.key_of_new(&Subject::Finalist(finalist.genotype.clone()));
                let same = |(of, other): &&mut (Key, Finalist)| *of == key && other.genotype == finalist.genotype;
                match self.finalists.iter_mut().find(same) {
                    Some((_, other)) => *other = finalist.clone(),
                    None => self.finalists.push((key, finalist.clone())),
                }
            }
            Change::Logged(event) => self.events.push(event.clone()),
        }
        Ok(())
    }
}
