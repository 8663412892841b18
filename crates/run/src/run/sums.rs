//! The costs of one goal as sums, for strategies that reason about them.

use std::error::Error as StdError;

use panarch_graph::{Accuracy, Latency};
use panarch_report::run_report::ProvedLimit;
use panarch_search::exact::{Factored, Problem, Tables};
use panarch_search::{SearchError, SummedCost, Sums};
use panarch_space::{Genotype, Subspace};
use panarch_study::{CostSummary, Metric, Quantity};

use super::Setup;
use super::cost_tables::{CostTable, CostTables};
use super::search::GoalDevices;
use crate::Error;

/// The sums of one goal.
pub(super) struct GoalSums<'a, 'b> {
    goal: &'a GoalDevices<'b>,
    costs: Vec<SummedCost>,
    /// What each cost is on: the device's name in the run file, none for the mean over several; and the quantity.
    of: Vec<(Option<String>, Quantity)>,
}

impl<'a, 'b> GoalSums<'a, 'b> {
    /// The targets of a goal and the limits of the run as sums; limits that are no sums are left out.
    pub(super) fn new(goal: &'a GoalDevices<'b>, tables: &CostTables) -> Self {
        let setup = goal.setup;
        let mut sums = Self {
            goal,
            costs: Vec::new(),
            of: Vec::new(),
        };
        sums.add_targets(tables);
        for limit in setup.file.limits.iter() {
            let Some(CostTable { table, error }) = tables.of_limit(setup, goal.devices, limit) else {
                continue;
            };
            let quantity = limit.most().quantity();
            let place = setup
                .file
                .devices
                .names
                .iter()
                .position(|known| Some(known.as_str()) == limit.device());
            let band = place.map_or(1.0, |place| sums.band(tables, place, quantity));
            let cost = SummedCost {
                name: format!("{quantity} on {}", limit.device().unwrap_or("the network")),
                most: limit.most().number() / band,
                table,
                hard: true,
                error,
            };
            sums.add(cost, limit.device(), quantity);
        }
        sums
    }

    fn add(&mut self, cost: SummedCost, device: Option<&str>, quantity: Quantity) {
        self.costs.push(cost);
        self.of.push((device.map(str::to_owned), quantity));
    }

    /// What the goal asks for: a limit or a target on every device, or one target on their mean.
    fn add_targets(&mut self, tables: &CostTables) {
        let goal = self.goal;
        let names = &goal.setup.file.devices.names;
        let chosen = goal.chosen.iter().zip(goal.objective.targets());
        let chosen = chosen.filter_map(|(place, target)| Some((*place, target, tables.latencies.get(*place)?)));
        let metric = goal.objective.metric();
        // A smooth worst is no less than the mean: what is proved of the mean holds for it.
        let joined = matches!(metric, Metric::Average | Metric::SmoothWorst) && goal.chosen.len() > 1;
        if joined {
            let weights: f64 = goal.objective.targets().iter().map(|target| target.weight).sum();
            let mut cost = SummedCost {
                name: "mean over the devices of latency / target".to_owned(),
                table: Factored::default(),
                most: 1.0,
                hard: false,
                error: 0.0,
            };
            for (_, target, CostTable { table, error }) in chosen {
                let share = target.weight / weights / target.latency.seconds();
                cost.table = cost.table.plus(table, share);
                cost.error = cost.error.max(*error);
            }
            self.add(cost, None, Quantity::Latency);
            return;
        }
        let hard = metric == Metric::Each;
        for (place, target, CostTable { table, error }) in chosen {
            let band = if hard {
                self.band(tables, place, Quantity::Latency)
            } else {
                1.0
            };
            let cost = SummedCost {
                name: format!("latency on {} in s", target.device),
                table: table.clone(),
                most: target.latency.seconds() / band,
                hard,
                error: *error,
            };
            self.add(cost, names.get(place).map(String::as_str), Quantity::Latency);
        }
    }

    /// What the guard band makes of a cost, as a factor: the largest among the device's answers.
    fn band(&self, tables: &CostTables, place: usize, quantity: Quantity) -> f64 {
        let factor = |cost: &CostSummary| match quantity {
            Quantity::Latency => Some(self.goal.band.latency(cost.latency) / cost.latency.value),
            Quantity::Energy => cost
                .energy
                .map(|energy| self.goal.band.energy(energy).joules() / energy.value.joules()),
            _ => None,
        };
        let answers = tables.answers.get(place).into_iter().flatten();
        let factors = answers.filter_map(|(_, cost)| factor(cost));
        factors.filter(|factor| factor.is_finite()).fold(1.0, f64::max)
    }

    /// What one more per cent of each cost buys at these prices, by device: that of a mean is shared out by what a device has of
    /// it.
    ///
    /// # Errors
    /// When a device cannot run the winner.
    pub(super) fn limits(&self, winner: &Genotype, prices: &[f64]) -> Result<Vec<ProvedLimit>, Error> {
        let mut limits = Vec::new();
        for ((device, quantity), gain) in self.of.iter().zip(prices) {
            let limit = |device: Option<&String>, gain| ProvedLimit {
                device: device.cloned(),
                quantity: quantity.name().to_owned(),
                gain,
            };
            if device.is_some() || *quantity != Quantity::Latency {
                limits.push(limit(device.as_ref(), *gain));
                continue;
            }
            let targets = self.goal.objective.targets();
            let parts = targets
                .iter()
                .zip(self.ratios(winner)?)
                .map(|(target, ratio)| target.weight * ratio);
            let parts: Vec<f64> = parts.collect();
            let whole: f64 = parts.iter().sum();
            for (place, part) in self.goal.chosen.iter().zip(parts) {
                limits.push(limit(
                    self.goal.setup.file.devices.names.get(*place),
                    gain * part / whole,
                ));
            }
        }
        Ok(limits)
    }

    /// The ratio of latency to target on every device of the goal.
    fn ratios(&self, genotype: &Genotype) -> Result<Vec<f64>, Error> {
        let network = self.goal.setup.network(genotype)?;
        let devices = self.goal.chosen.iter();
        let devices = devices.filter_map(|place| self.goal.devices.iter().nth(*place));
        let latencies = devices.map(|device| Ok(device.cost(genotype, &network)?.latency.value));
        let latencies: Vec<Latency> = latencies.collect::<Result<_, Error>>()?;
        Ok(self.goal.objective.ratios(&latencies)?)
    }
}

impl Sums for GoalSums<'_, '_> {
    fn resolution(&self) -> u32 {
        self.goal.setup.resolution
    }

    fn costs(&self) -> &[SummedCost] {
        &self.costs
    }

    fn ratio(&self, genotype: &Genotype) -> Result<f64, Box<dyn StdError + Send + Sync>> {
        Ok(self.goal.objective.joined(&self.ratios(genotype)?))
    }

    fn reward(&self, accuracy: f64, ratio: f64) -> f64 {
        match self.goal.objective.metric() {
            Metric::Each => accuracy,
            Metric::Average | Metric::Worst | Metric::SmoothWorst => {
                self.goal.objective.form().reward(Accuracy::from_share(accuracy), ratio)
            }
        }
    }
}

/// Whether a strategy of sums can be used at all, before anything is trained for it.
///
/// # Errors
/// [`SearchError::NotExact`] for a space that cannot be listed stage by stage.
pub(super) fn check(setup: &Setup) -> Result<(), SearchError> {
    let tables = Tables {
        resolution: setup.resolution,
        accuracy: Factored::default(),
        costs: Vec::new(),
    };
    Problem::new(&Subspace::whole(&setup.space), &[tables], &[]).map(|_| ())
}
