use std::collections::BTreeMap;

use panarch_space::Genotype;

use crate::{ObjectiveValue, Observation, StudyError, Trial, TrialState, pareto_front};

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
    /// As [`History::push`].
    pub fn of_trials(trials: &[Trial]) -> Result<Self, StudyError> {
        let mut history = Self::new();
        for trial in trials.iter().filter(|trial| trial.state != TrialState::Running) {
            history.push(Observation::of_trial(trial))?;
        }
        Ok(history)
    }

    /// Adds a finished trial in its place by number: usually the end, but a trial that was saved from a damaged study and
    /// has to run again is finished after later ones.
    ///
    /// # Errors
    /// [`StudyError::TwiceInHistory`] when there is one of its number, [`StudyError::OtherObjectives`] when it was judged by
    /// other objectives than those before it.
    pub fn push(&mut self, observation: Observation) -> Result<(), StudyError> {
        let number = observation.number;
        let place = self.observations.partition_point(|other| other.number < number);
        if self.observations.get(place).is_some_and(|other| other.number == number) {
            return Err(StudyError::TwiceInHistory { number });
        }
        if !observation.objectives.is_empty() {
            let known = self.observations.iter().find(|other| !other.objectives.is_empty());
            if known.is_some_and(|known| !same(&known.objectives, &observation.objectives)) {
                return Err(StudyError::OtherObjectives { number });
            }
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

    /// The feasible trial with the largest [`Observation::fitness`]; of equal ones the first.
    #[must_use]
    pub fn best(&self) -> Option<&Observation> {
        let mut best: Option<(&Observation, f64)> = None;
        for observation in &self.observations {
            if let Some(fitness) = observation.fitness()
                && best.is_none_or(|(_, top)| fitness > top)
            {
                best = Some((observation, fitness));
            }
        }
        best.map(|(observation, _)| observation)
    }

    /// The feasible trials that no other one dominates in the objectives of the search, by number.
    #[must_use]
    pub fn front(&self) -> Vec<&Observation> {
        let feasible: Vec<&Observation> = self.observations.iter().filter(|it| it.is_feasible()).collect();
        let losses = feasible.iter().map(|observation| {
            let losses = observation.objectives.iter().map(ObjectiveValue::loss);
            losses.collect::<Vec<f64>>()
        });
        let losses: Vec<Vec<f64>> = losses.collect();
        let places = pareto_front(&losses).into_iter();
        places.filter_map(|place| feasible.get(place).copied()).collect()
    }
}

/// Whether two networks were judged by the same objectives, in the same order.
fn same(a: &[ObjectiveValue], b: &[ObjectiveValue]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_of(b))
}

#[cfg(test)]
mod tests {
    use panarch_graph::Latency;

    use super::*;
    use crate::{Amount, Choice, Direction, Limit};

    fn observation(number: u64, choice: u8, reward: Option<f64>) -> Observation {
        Observation {
            objectives: reward
                .map(|reward| ObjectiveValue::reward(reward, None))
                .into_iter()
                .collect(),
            ..Observation::rewarded(number, Genotype::new(vec![choice]), 0.0)
        }
    }

    /// Reward and latency of a network.
    fn judged(number: u64, reward: f64, millis: f64) -> Observation {
        let mut observation = observation(number, number as u8, Some(reward));
        observation.objectives.push(ObjectiveValue {
            name: "latency on npu".into(),
            direction: Direction::Minimise,
            value: Amount::Latency(Latency::from_millis(millis)),
            standard_error: Some(1e-5),
        });
        observation
    }

    #[test]
    fn a_front_is_of_feasible_trials_and_a_winner_is_one_of_it() {
        let mut history = History::new();
        let mut over = judged(4, 0.99, 0.5);
        let limit = Limit::on("npu", Amount::Latency(Latency::from_millis(0.2))).unwrap();
        over.violations
            .extend(limit.violation(over.objectives[1].value).unwrap());
        for observation in [
            judged(0, 0.5, 1.0),
            judged(1, 0.8, 3.0),
            judged(2, 0.8, 2.0),
            observation(3, 9, None),
            over,
            judged(5, 0.8, 2.0),
        ] {
            history.push(observation).unwrap();
        }
        let front = history.front();
        let numbers: Vec<u64> = front.iter().map(|member| member.number).collect();
        assert_eq!(
            numbers,
            [0, 2, 5],
            "1 is as good as 2 and slower, 3 failed, 4 is over its limit"
        );
        let rule = Choice::largest_reward();
        assert_eq!(rule.to_string(), "the best reward, of equal ones the earliest");
        assert_eq!(rule.winner(&front).unwrap().unwrap().number, 2);
        let fastest = Choice::Best {
            objective: "latency on npu".into(),
        };
        assert_eq!(fastest.winner(&front).unwrap().unwrap().number, 0);
        let unknown = Choice::Best {
            objective: "beauty".into(),
        };
        assert!(matches!(unknown.winner(&front), Err(StudyError::Objective { .. })));
        assert_eq!(rule.winner(&[]).unwrap(), None);
    }

    #[test]
    fn a_reward_beside_its_accuracy_is_no_loss_of_its_own() {
        let mut observation = judged(0, 0.5, 2.0);
        assert_eq!(observation.losses(), [-0.5, 0.002]);
        observation.objectives.push(ObjectiveValue {
            name: crate::ACCURACY.into(),
            direction: Direction::Maximise,
            value: Amount::Score(0.9),
            standard_error: None,
        });
        assert_eq!(observation.losses(), [0.002, -0.9]);
    }

    #[test]
    fn one_history_has_one_set_of_objectives() {
        let mut history = History::new();
        history.push(observation(0, 1, Some(0.5))).unwrap();
        history.push(observation(1, 2, None)).unwrap();
        let other = history.push(judged(2, 0.5, 1.0));
        assert!(
            matches!(other, Err(StudyError::OtherObjectives { number: 2 })),
            "{other:?}"
        );
        assert_eq!(history.len(), 2);
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
