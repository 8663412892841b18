use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use panarch_graph::ContentHash;
use panarch_space::Genotype;

use crate::transition::{self, Standing};
use crate::validation;
use crate::{Change, CostRecord, Evaluation, Event, Finalist, Header, Storage, StudyError, Trial, TrialState};

/// A study that ends with the process: for tests, and for runs that nobody will resume.
#[derive(Debug)]
pub struct MemoryStorage {
    header: Header,
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    evaluations: Vec<Evaluation>,
    evaluation_of: BTreeMap<Genotype, usize>,
    costs: Vec<CostRecord>,
    cost_keys: BTreeSet<(Genotype, String, ContentHash)>,
    searches: Vec<String>,
    trials: BTreeMap<(String, u64), Trial>,
    finalists: Vec<Finalist>,
    events: Vec<Event>,
}

impl MemoryStorage {
    /// An empty study.
    #[must_use]
    pub fn new(header: Header) -> Self {
        Self {
            header,
            content: Mutex::default(),
        }
    }

    // A thread that panics while it holds the lock cannot leave half a commit: nothing in `Content::apply` panics between
    // its steps, and everything that can fail is checked before.
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for MemoryStorage {
    fn header(&self) -> Result<Header, StudyError> {
        Ok(self.header.clone())
    }

    fn commit(&self, changes: &[Change]) -> Result<(), StudyError> {
        let mut content = self.content();
        content.check(changes)?;
        for change in changes {
            content.apply(change);
        }
        Ok(())
    }

    fn evaluation(&self, genotype: &Genotype) -> Result<Option<Evaluation>, StudyError> {
        let content = self.content();
        let index = content.evaluation_of.get(genotype);
        Ok(index.map(|&index| content.evaluations[index].clone()))
    }

    fn evaluations(&self) -> Result<Vec<Evaluation>, StudyError> {
        Ok(self.content().evaluations.clone())
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
        Ok(wanted
            .flat_map(|name| content.trials.range((name.clone(), 0)..=(name.clone(), u64::MAX)))
            .map(|(_, trial)| trial.clone())
            .collect())
    }

    fn finalists(&self) -> Result<Vec<Finalist>, StudyError> {
        Ok(self.content().finalists.clone())
    }

    fn events(&self) -> Result<Vec<Event>, StudyError> {
        Ok(self.content().events.clone())
    }
}

impl Content {
    /// Whether all of the changes are allowed, each after those before it.
    fn check(&self, changes: &[Change]) -> Result<(), StudyError> {
        let mut standings: BTreeMap<(&str, u64), Standing> = BTreeMap::new();
        let mut evaluated: BTreeSet<&Genotype> = BTreeSet::new();
        for change in changes {
            validation::check(change)?;
            let standing = |standings: &BTreeMap<(&str, u64), Standing>, search: &str, number: u64| {
                let earlier = standings.get(&(search, number)).cloned();
                earlier.or_else(|| self.trials.get(&(search.to_owned(), number)).map(Standing::of))
            };
            match change {
                Change::Evaluated(evaluation) => {
                    evaluated.insert(&evaluation.genotype);
                }
                Change::Started {
                    search,
                    number,
                    genotype,
                    seed,
                    ..
                } => {
                    let before = standing(&standings, search, *number);
                    let after = transition::start(before, search, *number, genotype, *seed)?;
                    standings.insert((search, *number), after);
                }
                Change::Finished {
                    search,
                    number,
                    outcome,
                    ..
                } => {
                    let before = standing(&standings, search, *number);
                    let known =
                        |genotype: &Genotype| evaluated.contains(genotype) || self.evaluation_of.contains_key(genotype);
                    let after = transition::finish(before, search, *number, outcome, known)?;
                    standings.insert((search, *number), after);
                }
                Change::Costed(_) | Change::Chosen(_) | Change::Logged(_) => {}
            }
        }
        Ok(())
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Evaluated(evaluation) => {
                if !self.evaluation_of.contains_key(&evaluation.genotype) {
                    self.evaluation_of
                        .insert(evaluation.genotype.clone(), self.evaluations.len());
                    self.evaluations.push(evaluation.clone());
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
                if !self.searches.contains(search) {
                    self.searches.push(search.clone());
                }
                let trial = Trial {
                    search: search.clone(),
                    number: *number,
                    genotype: genotype.clone(),
                    seed: *seed,
                    state: TrialState::Running,
                    reward: None,
                    reason: None,
                    started: *at,
                    finished: None,
                };
                self.trials.insert((search.clone(), *number), trial);
            }
            Change::Finished {
                search,
                number,
                outcome,
                at,
            } => {
                if let Some(trial) = self.trials.get_mut(&(search.clone(), *number)) {
                    trial.state = outcome.state();
                    trial.reward = outcome.reward();
                    trial.reason = outcome.reason().map(str::to_owned);
                    trial.finished = Some(*at);
                }
            }
            Change::Chosen(finalist) => {
                match self
                    .finalists
                    .iter_mut()
                    .find(|other| other.genotype == finalist.genotype)
                {
                    Some(other) => *other = finalist.clone(),
                    None => self.finalists.push(finalist.clone()),
                }
            }
            Change::Logged(event) => self.events.push(event.clone()),
        }
    }
}
