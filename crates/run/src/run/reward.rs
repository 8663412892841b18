//! The reward of a policy: accuracy and the latencies on all devices of a run.

use panarch_graph::{Accuracy, Inputs, Latency};
use panarch_space::Genotype;
use panarch_study::{DeviceTarget, Metric, Objective};
use panarch_train::{Reward, Rewarder, TrainError};

use super::{Devices, Setup, Watch};
use crate::Error;

/// Asks the devices of a run, each by what answers for it: a model, or the table of a machine.
pub struct DeviceRewarder<'a> {
    setup: &'a Setup,
    devices: Devices,
    objective: Objective,
}

impl<'a> DeviceRewarder<'a> {
    /// Opens the devices, and measures what has not been measured yet.
    ///
    /// # Errors
    /// A device that cannot be opened or measured, and an objective that means nothing.
    pub fn open(setup: &'a Setup, watch: &mut Watch<'_>) -> Result<Self, Error> {
        let devices = Devices::open(setup, watch)?;
        let weights = setup.file.devices.weights.iter();
        let targets = devices.iter().zip(weights).map(|(device, weight)| DeviceTarget {
            weight: *weight,
            ..DeviceTarget::new(device.name(), device.target)
        });
        let form = setup.file.search.reward;
        let objective = Objective::new(setup.file.train.objective, form, targets.collect())?;
        let objective = objective.with_power(setup.file.search.power)?;
        Ok(Self {
            setup,
            devices,
            objective,
        })
    }

    /// What the rewards depend on, besides the accuracies.
    pub(super) fn inputs(&self) -> Inputs {
        super::inputs::reward(self.setup, &self.devices)
    }

    /// A network's latency over target on every device, in words.
    pub(super) fn describe(&self, genotype: &Genotype) -> Result<String, Error> {
        let costs = self.devices.costs(self.setup, genotype)?;
        let latencies: Vec<Latency> = costs.iter().map(|cost| cost.latency.value).collect();
        let ratios = self.objective.ratios(&latencies)?;
        let named = self.devices.iter().zip(ratios);
        let named: Vec<String> = named
            .map(|(device, ratio)| format!("{ratio:.2} on {}", device.name()))
            .collect();
        Ok(format!("latency over target {}", named.join(", ")))
    }

    fn answer(&self, genotype: &Genotype, accuracy: Accuracy) -> Result<Reward, Error> {
        let costs = self.devices.costs(self.setup, genotype)?;
        let latencies: Vec<Latency> = costs.iter().map(|cost| cost.latency.value).collect();
        let ratios = self.objective.ratios(&latencies)?;
        let value = match self.objective.metric() {
            // A limit that holds costs nothing, one that does not costs by how much: REINFORCE needs a slope where a search is
            // content with a refusal.
            Metric::Each => {
                let beta = self.objective.form().beta();
                let over: f64 = ratios.iter().map(|ratio| (ratio - 1.0).max(0.0)).sum();
                accuracy.share() + beta * over
            }
            _ => self.objective.assess(accuracy, &latencies)?.reward.unwrap_or(0.0),
        };
        Ok(Reward { value, ratios })
    }
}

impl Rewarder for DeviceRewarder<'_> {
    fn reward(&mut self, genotype: &Genotype, accuracy: Accuracy) -> Result<Reward, TrainError> {
        self.answer(genotype, accuracy)
            .map_err(|error| TrainError::Reward(Box::new(error)))
    }
}
