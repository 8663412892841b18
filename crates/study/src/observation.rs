use panarch_space::Genotype;

use crate::{Amount, Outcome, StudyError, Trial, Violation};

/// The name of the objective that joins accuracy and latencies into one number, as [`crate::Objective`] does.
pub const REWARD: &str = "reward";

/// The name of the objective that is the accuracy alone.
pub const ACCURACY: &str = "accuracy";

/// The name of the objective that is the ratio of cost to target alone, joined over all devices.
pub const RATIO: &str = "ratio";

/// Which way an objective is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// The more, the better.
    Maximise,
    /// The less, the better.
    Minimise,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Maximise, Self::Minimise];

    /// The name used in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Maximise => "maximise",
            Self::Minimise => "minimise",
        }
    }
}

/// What one objective of a search says of one network.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectiveValue {
    /// The objective's name, such as `reward` or `latency on cube-16`; different for each objective of a search.
    pub name: String,
    /// Which way it is to go.
    pub direction: Direction,
    /// The value.
    pub value: Amount,
    /// The standard error of the value in its own unit, where it is known.
    pub standard_error: Option<f64>,
}

impl ObjectiveValue {
    /// A reward, to be maximised.
    #[must_use]
    pub fn reward(value: f64, standard_error: Option<f64>) -> Self {
        Self {
            name: REWARD.to_owned(),
            direction: Direction::Maximise,
            value: Amount::Score(value),
            standard_error,
        }
    }

    /// The value as a number to be maximised.
    #[must_use]
    pub fn fitness(&self) -> f64 {
        match self.direction {
            Direction::Maximise => self.value.number(),
            Direction::Minimise => -self.value.number(),
        }
    }

    /// The value as a number to be minimised, as [`crate::pareto_front`] and [`crate::hypervolume`] take it.
    #[must_use]
    pub fn loss(&self) -> f64 {
        -self.fitness()
    }

    /// Whether another value is of the same objective.
    #[must_use]
    pub fn is_of(&self, other: &Self) -> bool {
        self.name == other.name && self.direction == other.direction && self.value.quantity() == other.value.quantity()
    }
}

/// What a strategy may know of one finished trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The trial's number.
    pub number: u64,
    /// The genotype in canonical form.
    pub genotype: Genotype,
    /// What every objective of the search says of it, in the search's order; empty where the network was not evaluated,
    /// because it was refused before or failed.
    pub objectives: Vec<ObjectiveValue>,
    /// The limits that it does not keep, the furthest over first.
    pub violations: Vec<Violation>,
}

impl Observation {
    /// An evaluated network with one objective, a reward.
    #[must_use]
    pub fn rewarded(number: u64, genotype: Genotype, reward: f64) -> Self {
        Self {
            number,
            genotype,
            objectives: vec![ObjectiveValue::reward(reward, None)],
            violations: Vec::new(),
        }
    }

    /// What the outcome of a trial tells a strategy.
    #[must_use]
    pub fn of(number: u64, genotype: Genotype, outcome: &Outcome) -> Self {
        Self {
            number,
            genotype,
            objectives: outcome.objectives().to_vec(),
            violations: outcome.violations().to_vec(),
        }
    }

    /// What a finished trial tells a strategy.
    #[must_use]
    pub fn of_trial(trial: &Trial) -> Self {
        Self {
            number: trial.number,
            genotype: trial.genotype.clone(),
            objectives: trial.objectives.clone(),
            violations: trial.violations.clone(),
        }
    }

    /// Whether it was evaluated and keeps every limit.
    #[must_use]
    pub fn is_feasible(&self) -> bool {
        !self.objectives.is_empty() && self.violations.is_empty()
    }

    /// The first objective of a feasible network as a number to be maximised: what a strategy of one objective climbs.
    #[must_use]
    pub fn fitness(&self) -> Option<f64> {
        self.objectives
            .first()
            .filter(|_| self.is_feasible())
            .map(ObjectiveValue::fitness)
    }

    /// The objectives as numbers to be minimised, as [`crate::pareto_front`] takes them. A reward that stands beside the
    /// [`ACCURACY`] that it is made of is left out: it chooses among the front.
    #[must_use]
    pub fn losses(&self) -> Vec<f64> {
        let joined = self.value(ACCURACY).is_some();
        let own = self.objectives.iter().filter(|it| !joined || it.name != REWARD);
        own.map(ObjectiveValue::loss).collect()
    }

    /// The value of the objective of this name.
    #[must_use]
    pub fn value(&self, objective: &str) -> Option<&ObjectiveValue> {
        self.objectives.iter().find(|value| value.name == objective)
    }
}

/// The rule by which one network of a front is the winner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The best by one objective; of equal ones the earliest.
    Best {
        /// The objective's name.
        objective: String,
    },
}

impl Choice {
    /// The rule of searches that join everything into one reward.
    #[must_use]
    pub fn largest_reward() -> Self {
        Self::Best {
            objective: REWARD.to_owned(),
        }
    }

    /// The winner among the members of a front, which are in the order of their trials; none of an empty front.
    ///
    /// # Errors
    /// [`StudyError::Objective`] when the members have no such objective.
    pub fn winner<'a>(&self, front: &[&'a Observation]) -> Result<Option<&'a Observation>, StudyError> {
        let Self::Best { objective } = self;
        let mut best: Option<(&Observation, f64)> = None;
        for member in front {
            let value = member.value(objective).ok_or_else(|| StudyError::Objective {
                reason: format!("the search has no objective `{objective}` to choose by"),
            })?;
            if best.is_none_or(|(_, top)| value.fitness() > top) {
                best = Some((*member, value.fitness()));
            }
        }
        Ok(best.map(|(member, _)| member))
    }
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Best { objective } = self;
        write!(f, "the best {objective}, of equal ones the earliest")
    }
}
