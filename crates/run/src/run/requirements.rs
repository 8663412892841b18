//! What the winner of a search was held to: which target or limit binds, what the others leave, and what more would buy.

use panarch_graph::{Accuracy, Network};
use panarch_report::run_report::Requirement;
use panarch_space::Genotype;
use panarch_study::{Amount, CostSummary, Limit, Metric};

use super::guard_band::NO_BAND;
use super::{Devices, Setup, limits};
use crate::Error;
use crate::run_file::Goal;

/// A target or a limit.
struct Asked {
    requirement: Limit,
    hard: bool,
}

/// An evaluated network with what it has of each requirement, as its share of what was asked for.
struct Point {
    genotype: Genotype,
    accuracy: Accuracy,
    found: Vec<Amount>,
    ratios: Vec<f64>,
}

/// All evaluated networks of a run, with what they have of everything that any goal asks for.
pub(super) struct Requirements {
    asked: Vec<Asked>,
    points: Vec<Point>,
}

impl Requirements {
    /// The targets of all devices, then the limits of the run.
    ///
    /// # Errors
    /// [`Error::Input`] for a target that is none.
    pub(super) fn new(setup: &Setup, devices: &Devices) -> Result<Self, Error> {
        let mut asked = Vec::new();
        for (name, device) in setup.file.devices.names.iter().zip(devices.iter()) {
            asked.push(Asked {
                requirement: Limit::on(name, Amount::Latency(device.target))?,
                hard: false,
            });
        }
        asked.extend(setup.file.limits.iter().map(|limit| Asked {
            requirement: limit.clone(),
            hard: true,
        }));
        Ok(Self {
            asked,
            points: Vec::new(),
        })
    }

    /// Adds an evaluated network with its costs on all devices.
    pub(super) fn add(
        &mut self,
        setup: &Setup,
        devices: &Devices,
        (genotype, network): (&Genotype, &Network),
        accuracy: Accuracy,
        costs: &[CostSummary],
    ) {
        let found = self
            .asked
            .iter()
            .map(|it| limits::found(&it.requirement, setup, devices, network, costs, NO_BAND));
        // What a device does not answer was refused before anything was evaluated.
        let Some(found) = found.collect::<Option<Vec<Amount>>>() else {
            return;
        };
        let ratios = found.iter().zip(&self.asked);
        let ratios = ratios.map(|(found, asked)| found.number() / asked.requirement.most().number());
        self.points.push(Point {
            genotype: genotype.clone(),
            accuracy,
            ratios: ratios.collect(),
            found,
        });
    }

    /// What the winner of a search for a goal was held to, the tightest first.
    pub(super) fn of(&self, setup: &Setup, goal: &Goal, winner: &Genotype) -> Vec<Requirement> {
        let Some(winner) = self.points.iter().find(|point| point.genotype == *winner) else {
            return Vec::new();
        };
        let devices = &setup.file.devices.names;
        let concerns = |place: usize| match goal {
            Goal::Device(name) => place >= devices.len() || devices.get(place) == Some(name),
            Goal::All(_) => true,
        };
        let mut requirements: Vec<Requirement> = (0..self.asked.len())
            .filter(|place| concerns(*place))
            .filter_map(|place| self.requirement(place, goal, winner, concerns))
            .collect();
        requirements.sort_by(|a, b| b.ratio.total_cmp(&a.ratio));
        requirements
    }

    fn requirement(
        &self,
        place: usize,
        goal: &Goal,
        winner: &Point,
        concerns: impl Fn(usize) -> bool,
    ) -> Option<Requirement> {
        let asked = self.asked.get(place)?;
        let (found, ratio) = (winner.found.get(place)?, *winner.ratios.get(place)?);
        let step = self.steepest(place, winner, concerns);
        Some(Requirement {
            device: asked.requirement.device().map(str::to_owned),
            quantity: asked.requirement.most().quantity().name().to_owned(),
            hard: asked.hard || goal.metric() == Metric::Each,
            asked: asked.requirement.most().to_string(),
            found: found.to_string(),
            ratio,
            gain: step.map(|(gain, _)| gain),
            towards: step.map(|(_, point)| point.genotype.to_string()),
        })
    }

    /// The network that has more of one requirement, no more of any other than the winner or than was asked for, and the most
    /// accuracy for each further per cent; with that accuracy.
    fn steepest(&self, place: usize, winner: &Point, concerns: impl Fn(usize) -> bool) -> Option<(f64, &Point)> {
        let others_keep = |point: &Point| {
            let pairs = point.ratios.iter().zip(&winner.ratios).enumerate();
            pairs
                .filter(|(other, _)| *other != place && concerns(*other))
                .all(|(_, (ratio, winners))| *ratio <= winners.max(1.0))
        };
        let steps = self.points.iter().filter_map(|point| {
            let more = point.ratios.get(place)? / winner.ratios.get(place)? - 1.0;
            let better = point.accuracy.share() - winner.accuracy.share();
            (more > 0.0 && better > 0.0 && others_keep(point)).then(|| (better / (more * 100.0), point))
        });
        steps.max_by(|(a, _), (b, _)| a.total_cmp(b))
    }
}
