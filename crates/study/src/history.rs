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
    /// [`StudyError::TwiceInHistory`] when two trials have one number.
    pub fn of_trials(trials: &[Trial]) -> Result<Self, StudyError> {
        let mut history = Self::new();
        for trial in trials.iter().filter(|trial| trial.state != TrialState::Running) {
            history.push(Observation {
                number: trial.number,
                genotype: trial.genotype.clone(),
                reward: trial.reward,
            })?;
        }
        Ok(history)
    }

    /// Adds a finished trial in its place by number: usually the end, but a trial that was saved from a damaged study and
    /// has to run again is finished after later ones.
    ///
    /// # Errors
    /// [`StudyError::TwiceInHistory`] when there is one of its number.
    pub fn push(&mut self, observation: Observation) -> Result<(), StudyError> {
        let number = observation.number;
        let place = self.observations.partition_point(|other| other.number < number);
        if self.observations.get(place).is_some_and(|other| other.number == number) {
            return Err(StudyError::TwiceInHistory { number });
        }
        *self.times_seen.entry(observation.genotype.clone()).or_default() += 1;
        self.observations.insert(place, observation);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn observation(number: u64, choice: u8, reward: Option<f64>) -> Observation {
        Observation {
            number,
            genotype: Genotype::new(vec![choice]),
            reward,
        }
    }

    #[test]
    fn trials_find_their_places() {
        let mut history = History::new();
        for (number, choice, reward) in [(0, 1, Some(0.5)), (3, 2, None), (1, 1, Some(0.7)), (4, 3, Some(0.7))] {
            history.push(observation(number, choice, reward)).unwrap();
        }
        let numbers: Vec<u64> = history
            .observations()
            .iter()
            .map(|observation| observation.number)
            .collect();
        assert_eq!(numbers, [0, 1, 3, 4]);
        assert_eq!((history.len(), history.distinct()), (4, 3));
        assert_eq!(history.best().unwrap().number, 1, "of equal rewards the first");
        assert!(history.contains(&Genotype::new(vec![2])) && !history.contains(&Genotype::new(vec![4])));
        let twice = history.push(observation(3, 9, None));
        assert!(matches!(twice, Err(StudyError::TwiceInHistory { number: 3 })));
        assert_eq!(history.len(), 4);
        assert!(History::new().best().is_none());
    }
}
