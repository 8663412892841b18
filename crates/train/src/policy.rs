//! A policy over the choices of a space, learned by REINFORCE (Williams 1992) as in TuNAS (Bender et al. 2020).
//!
//! Each decision is an independent categorical with logits that start at 0. A network's log-probability is the sum over
//! its *active* decisions alone: what a choice has made inactive was not chosen. Adam has β₁ = 0, β₂ = 0.999, ε = 1e-8;
//! the baseline is a moving average of the reward, the step's own included, free of the bias of its start at zero.

use panarch_graph::{Tensor, Weights};
use panarch_space::{Genotype, Space, Subspace};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::TrainError;

const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;
const LOGITS: &str = "policy/logits";
const MOMENTS: &str = "policy/second_moments";
const COUNTS: &str = "policy/baseline_and_updates";

/// A policy between two updates.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy {
    open: Subspace,
    /// For each decision, one logit an open choice.
    logits: Vec<Vec<f32>>,
    moments: Vec<Vec<f32>>,
    /// The moving average of the reward, biased.
    average: f32,
    updates: f32,
}

impl Policy {
    /// Equal chances for all open choices.
    pub(crate) fn new(open: Subspace) -> Self {
        let zeros: Vec<Vec<f32>> = open.open().iter().map(|open| vec![0.0; open.len()]).collect();
        Self {
            open,
            logits: zeros.clone(),
            moments: zeros,
            average: 0.0,
            updates: 0.0,
        }
    }

    /// Draws a choice for every decision, inactive ones included; not canonical.
    pub(crate) fn sample(&self, rng: &mut ChaCha8Rng) -> Genotype {
        let choices = self.open.open().iter().zip(&self.logits).map(|(open, logits)| {
            let mut left = rng.random::<f32>();
            let chances = softmax(logits);
            let drawn = chances.iter().position(|chance| {
                left -= chance;
                left < 0.0
            });
            open.get(drawn.unwrap_or(open.len().saturating_sub(1)))
                .copied()
                .unwrap_or(0)
        });
        Genotype::new(choices.collect())
    }

    /// The likeliest choice everywhere.
    pub(crate) fn likeliest(&self, space: &Space) -> Genotype {
        let choices = self.open.open().iter().zip(&self.logits).map(|(open, logits)| {
            let best = (0..logits.len()).fold(0, |best, at| if logits[at] > logits[best] { at } else { best });
            open.get(best).copied().unwrap_or(0)
        });
        space.canonical(&Genotype::new(choices.collect()))
    }

    /// The mean over open decisions of entropy / ln(number of choices).
    pub(crate) fn entropy(&self) -> f64 {
        let open = self.logits.iter().filter(|logits| logits.len() > 1);
        let relative = open.map(|logits| {
            let chances = softmax(logits);
            let terms = chances.iter().filter(|chance| **chance > 0.0);
            let entropy: f64 = terms.map(|chance| -f64::from(*chance) * f64::from(chance.ln())).sum();
            entropy / (logits.len() as f64).ln()
        });
        let all: Vec<f64> = relative.collect();
        all.iter().sum::<f64>() / all.len().max(1) as f64
    }

    /// One update from sampled networks and their rewards; gives the baseline.
    pub(crate) fn learn(
        &mut self,
        space: &Space,
        sampled: &[(Genotype, f64)],
        momentum: f64,
        learning_rate: f64,
    ) -> f64 {
        let count = sampled.len().max(1) as f64;
        let mean = sampled.iter().map(|(_, reward)| reward).sum::<f64>() / count;
        let baseline = self.update_baseline(mean, momentum);
        let mut slopes: Vec<Vec<f32>> = self.logits.iter().map(|logits| vec![0.0; logits.len()]).collect();
        for (genotype, reward) in sampled {
            let advantage = ((reward - baseline) / count) as f32;
            let active = space.active(genotype);
            for decision in (0..slopes.len()).filter(|decision| active.get(*decision) == Some(&true)) {
                let chosen = genotype.choice(decision);
                let open = &self.open.open()[decision];
                for (index, chance) in softmax(&self.logits[decision]).into_iter().enumerate() {
                    let is_chosen = f32::from(u8::from(open[index] == chosen));
                    // The gradient of −advantage · ln π.
                    slopes[decision][index] -= advantage * (is_chosen - chance);
                }
            }
        }
        let correction = 1.0 - BETA2.powf(self.updates);
        let logits = self.logits.iter_mut().flatten().zip(self.moments.iter_mut().flatten());
        for ((logit, moment), slope) in logits.zip(slopes.into_iter().flatten()) {
            *moment = BETA2 * *moment + (1.0 - BETA2) * slope * slope;
            *logit -= learning_rate as f32 * slope / ((*moment / correction).sqrt() + EPSILON);
        }
        baseline
    }

    fn update_baseline(&mut self, reward: f64, momentum: f64) -> f64 {
        self.updates += 1.0;
        self.average = (momentum * f64::from(self.average) + (1.0 - momentum) * reward) as f32;
        let bias = 1.0 - momentum.powf(f64::from(self.updates));
        f64::from(self.average) / bias
    }

    /// Everything that a checkpoint has to keep.
    pub(crate) fn state(&self) -> Weights {
        let flat = |values: &[Vec<f32>]| {
            let data: Vec<f32> = values.iter().flatten().copied().collect();
            Tensor {
                shape: vec![data.len()],
                data,
            }
        };
        let counts = Tensor {
            shape: vec![2],
            data: vec![self.average, self.updates],
        };
        let mut state = Weights::new();
        state.insert(LOGITS, flat(&self.logits));
        state.insert(MOMENTS, flat(&self.moments));
        state.insert(COUNTS, counts);
        state
    }

    /// Goes back to a kept state.
    pub(crate) fn restore(&mut self, state: &Weights) -> Result<(), TrainError> {
        let length = self.logits.iter().map(Vec::len).sum();
        for (name, values) in [(LOGITS, &mut self.logits), (MOMENTS, &mut self.moments)] {
            let saved = state.require(name, &[length]).map_err(|error| wrong(&error))?;
            let flat = values.iter_mut().flatten();
            flat.zip(&saved.data).for_each(|(value, saved)| *value = *saved);
        }
        let counts = state.require(COUNTS, &[2]).map_err(|error| wrong(&error))?;
        (self.average, self.updates) = (counts.data[0], counts.data[1]);
        Ok(())
    }
}

fn wrong(error: &dyn std::error::Error) -> TrainError {
    TrainError::Setting {
        setting: "policy",
        reason: format!("the checkpoint does not hold this policy: {error}"),
    }
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use panarch_graph::random;

    use super::*;
    use crate::schedule::Open;

    fn space() -> Space {
        Space::preset("multi-hardware-small").unwrap()
    }

    fn policy(space: &Space) -> Policy {
        Policy::new(Open::All.of(space))
    }

    #[test]
    fn equal_chances_at_first() {
        let space = space();
        let policy = policy(&space);
        assert!((policy.entropy() - 1.0).abs() < 1e-6);
        let mut counts = vec![0_usize; space.decisions()[0].choices.len()];
        for index in 0..2_000 {
            let drawn = policy.sample(&mut random::stream(1, "policy", index));
            counts[usize::from(drawn.choice(0))] += 1;
        }
        let expected = 2_000 / counts.len();
        assert!(counts.iter().all(|count| count.abs_diff(expected) < 120), "{counts:?}");
    }

    /// ∂/∂logit of the expected reward, by the definition of one update with plain sums.
    #[test]
    fn one_update_moves_only_active_decisions_towards_the_better() {
        let space = space();
        let mut policy = policy(&space);
        let (good, bad) = (space.smallest(), space.largest());
        policy.learn(&space, &[(good.clone(), 1.0), (bad, 0.0)], 0.95, 0.01);
        let active = space.active(&good);
        for (decision, logits) in policy.logits.iter().enumerate() {
            let open = &policy.open.open()[decision];
            let chosen = open.iter().position(|choice| *choice == good.choice(decision)).unwrap();
            if active[decision] {
                let others = (0..logits.len()).filter(|index| *index != chosen);
                assert!(others.into_iter().all(|index| logits[chosen] > logits[index]));
            }
        }
        // With β₁ = 0 and a first step, Adam moves by the learning rate, whatever the slope.
        let depth = space
            .decisions()
            .iter()
            .position(|it| it.name == "stage2.depth")
            .unwrap();
        assert!(
            (policy.logits[depth][0].abs() - 0.01).abs() < 1e-4,
            "{:?}",
            policy.logits[depth]
        );
    }

    #[test]
    fn a_reward_on_one_choice_is_found() {
        let space = space();
        let mut policy = policy(&space);
        for step in 0..400 {
            let drawn = space.canonical(&policy.sample(&mut random::stream(2, "policy", step)));
            // Few blocks in the second stage are good.
            let depth = space
                .decisions()
                .iter()
                .position(|it| it.name == "stage2.depth")
                .unwrap();
            let reward = -f64::from(drawn.choice(depth));
            policy.learn(&space, &[(drawn, reward)], 0.95, 0.05);
        }
        let found = policy.likeliest(&space);
        let depth = space
            .decisions()
            .iter()
            .position(|it| it.name == "stage2.depth")
            .unwrap();
        assert_eq!(found.choice(depth), 0);
        assert!(policy.entropy() < 1.0);
    }

    #[test]
    fn the_baseline_is_free_of_bias() {
        let space = space();
        let mut policy = policy(&space);
        assert!((policy.update_baseline(2.0, 0.95) - 2.0).abs() < 1e-6);
        // (0.95·0.05·2 + 0.05·4) / (1 − 0.95²)
        assert!((policy.update_baseline(4.0, 0.95) - 0.295 / 0.0975).abs() < 1e-6);
    }

    #[test]
    fn state_comes_back() {
        let space = space();
        let mut first = policy(&space);
        first.learn(&space, &[(space.largest(), 0.5), (space.smallest(), 0.7)], 0.9, 0.1);
        let mut second = policy(&space);
        second.restore(&first.state()).unwrap();
        assert_eq!(first, second);
        assert!(policy(&space).restore(&Weights::new()).is_err());
    }
}
