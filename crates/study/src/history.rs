use std::collections::BTreeMap;

use panarch_space::Genotype;

use crate::{StudyError, Trial, TrialState};

/// What a strategy may know of one finished trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The trial's number.
    pub number: u64,
    /// The genotype in canonical form.
    pub genotype: Genotype,
    /// The reward; none for a trial that was infeasible or failed.
    pub reward: Option<f64>,
}

/// The finished trials of one search, by number: all that a strategy sees.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    observations: Vec<Observation>,
    times_seen: BTreeMap<Genotype, u64>,
}

impl History {
    /// An empty history.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The history that the finished ones of these trials make, whatever their order.
    ///
    /// # Errors
    /// [`StudyError::Order`] when two trials have one number.
    pub fn of_trials(trials: &[Trial]) -> Result<Self, StudyError> {
        let mut finished: Vec<&Trial> = trials
            .iter()
            .filter(|trial| trial.state != TrialState::Running)
            .collect();
        finished.sort_by_key(|trial| trial.number);
        let mut history = Self::new();
        for trial in finished {
            history.push(Observation {
                number: trial.number,
                genotype: trial.genotype.clone(),
                reward: trial.reward,
            })?;
        }
        Ok(history)
    }

    /// Adds a finished trial.
    ///
    /// # Errors
    /// [`StudyError::Order`] unless its number is above those before it.
    pub fn push(&mut self, observation: Observation) -> Result<(), StudyError> {
        if let Some(last) = self.observations.last()
            && observation.number <= last.number
        {
            return Err(StudyError::Order {
                number: observation.number,
                last: last.number,
            });
        }
        *self.times_seen.entry(observation.genotype.clone()).or_default() += 1;
        self.observations.push(observation);
        Ok(())
    }

    /// The finished trials, by number.
    #[must_use]
    pub fn observations(&self) -> &[Observation] {
        &self.observations
    }

    /// The number of finished trials.
    #[must_use]
    pub fn len(&self) -> usize {
        self.observations.len()
    }

    /// Whether no trial is finished.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.observations.is_empty()
    }

    /// Whether a trial with this canonical genotype is finished.
    #[must_use]
    pub fn contains(&self, genotype: &Genotype) -> bool {
        self.times_seen.contains_key(genotype)
    }

    /// How many different genotypes were seen.
    #[must_use]
    pub fn distinct(&self) -> usize {
        self.times_seen.len()
    }

    /// The finished trial with the largest reward; of equal ones the first.
    #[must_use]
    pub fn best(&self) -> Option<&Observation> {
        let mut best: Option<(&Observation, f64)> = None;
        for observation in &self.observations {
            if let Some(reward) = observation.reward
                && best.is_none_or(|(_, top)| reward > top)
            {
                best = Some((observation, reward));
            }
        }
        best.map(|(observation, _)| observation)
    }
}
