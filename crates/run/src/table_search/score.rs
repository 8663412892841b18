use panarch_report::{Cell, Column, Table};
use panarch_study::{hypervolume, pareto_front};
use serde::Serialize;

use super::{Known, KnownTable};
use crate::Error;

/// Numbers of evaluations at which searches are compared.
const CHECKPOINTS: [usize; 10] = [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

/// What is true of a table: what the best search could find.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// The point beyond which nothing counts: an accuracy, and the largest worst ratio of the table.
    pub reference: (f64, f64),
    /// The hypervolume of all networks.
    pub hypervolume: f64,
    /// The places of the networks on the front.
    pub front: Vec<usize>,
    /// The worst ratio that a winner keeps.
    pub limit: f64,
    /// The place of the most accurate network that keeps it; none where no network does.
    pub optimum: Option<usize>,
}

/// What a search has found after some evaluations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct At {
    /// How many different networks it has evaluated.
    pub evaluations: usize,
    /// The share of the hypervolume of all networks.
    pub hypervolume_share: f64,
    /// The accuracy that its winner lacks to the optimum; where nothing that it found keeps the limit, that of the reference.
    /// None where there is no optimum.
    pub regret: Option<f64>,
}

/// What one search has found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// The search's seed.
    pub seed: u64,
    /// After 10, 20, 50, … evaluations, and at the end.
    pub at: Vec<At>,
    /// After how many evaluations it had the optimum, or one as accurate; none where it has not.
    pub optimum_after: Option<usize>,
}

/// Several searches that differ in their seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mean {
    /// How many different networks each has evaluated.
    pub evaluations: usize,
    /// The mean share of the hypervolume.
    pub hypervolume_share: f64,
    /// The least share.
    pub least_share: f64,
    /// The mean regret.
    pub regret: Option<f64>,
}

impl Truth {
    /// What is true of a table. The reference accuracy is the lowest of the table where none is given.
    ///
    /// # Errors
    /// A limit or reference that is not a number; a reference that nothing is better than.
    pub fn of(table: &KnownTable, reference_accuracy: Option<f64>, limit: f64) -> Result<Self, Error> {
        if !(limit.is_finite() && limit > 0.0) || reference_accuracy.is_some_and(|it| !it.is_finite()) {
            return Err(Error::Input(
                "the limit must be a positive number, the reference a number".to_owned(),
            ));
        }
        let networks = &table.networks;
        let lowest = networks
            .iter()
            .map(|known| known.accuracy)
            .fold(f64::INFINITY, f64::min);
        let largest = networks.iter().map(Known::worst).fold(0.0, f64::max);
        let reference = (reference_accuracy.unwrap_or(lowest), largest);
        let volume = volume(networks.iter(), reference);
        if volume <= 0.0 {
            return Err(Error::Input(format!(
                "no network is better than the reference of accuracy {} and worst ratio {largest:.3} in both",
                reference.0
            )));
        }
        let points: Vec<[f64; 2]> = networks.iter().map(point).collect();
        Ok(Self {
            reference,
            hypervolume: volume,
            front: pareto_front(&points),
            limit,
            optimum: winner(networks.iter().enumerate(), limit).map(|(place, _)| place),
        })
    }

    /// The place of the most accurate of these networks that keeps the limit.
    #[must_use]
    pub fn winner(&self, table: &KnownTable, found: &[usize]) -> Option<usize> {
        let known = found
            .iter()
            .filter_map(|place| Some((*place, table.networks.get(*place)?)));
        winner(known, self.limit).map(|(place, _)| place)
    }

    /// How good a search is that has evaluated these networks in this order.
    #[must_use]
    pub fn score(&self, table: &KnownTable, seed: u64, found: &[usize]) -> Score {
        let found: Vec<&Known> = found.iter().filter_map(|place| table.networks.get(*place)).collect();
        let best = self.optimum.and_then(|place| table.networks.get(place));
        let at = |evaluations: usize| {
            let seen = || found.iter().take(evaluations).copied();
            let winner = winner(seen().enumerate(), self.limit);
            At {
                evaluations,
                hypervolume_share: volume(seen(), self.reference) / self.hypervolume,
                regret: best.map(|best| best.accuracy - winner.map_or(self.reference.0, |(_, known)| known.accuracy)),
            }
        };
        let checkpoints = CHECKPOINTS.into_iter().filter(|it| *it < found.len());
        let is_best =
            |known: &&Known| best.is_some_and(|best| known.accuracy >= best.accuracy && known.worst() <= self.limit);
        Score {
            seed,
            at: checkpoints.chain([found.len()]).map(at).collect(),
            optimum_after: found.iter().position(is_best).map(|place| place + 1),
        }
    }
}

/// The means of searches, at the checkpoints that all have reached.
#[must_use]
pub fn means(scores: &[Score]) -> Vec<Mean> {
    let Some(first) = scores.first() else { return Vec::new() };
    let count = scores.len() as f64;
    let mut means = Vec::new();
    for At {
        evaluations, regret, ..
    } in &first.at
    {
        let found = scores
            .iter()
            .map(|score| score.at.iter().find(|at| at.evaluations == *evaluations));
        let Some(all) = found.collect::<Option<Vec<&At>>>() else {
            continue;
        };
        means.push(Mean {
            evaluations: *evaluations,
            hypervolume_share: all.iter().map(|at| at.hypervolume_share).sum::<f64>() / count,
            least_share: all.iter().map(|at| at.hypervolume_share).fold(f64::INFINITY, f64::min),
            regret: regret.map(|_| all.iter().filter_map(|at| at.regret).sum::<f64>() / count),
        });
    }
    means
}

/// Both objectives, to be minimised.
fn point(known: &Known) -> [f64; 2] {
    [-known.accuracy, known.worst()]
}

fn volume<'a>(networks: impl Iterator<Item = &'a Known>, reference: (f64, f64)) -> f64 {
    hypervolume(&networks.map(point).collect::<Vec<_>>(), &[-reference.0, reference.1])
}

/// The most accurate network that keeps a limit on the worst ratio; of equal ones the first.
fn winner<'a>(networks: impl Iterator<Item = (usize, &'a Known)>, limit: f64) -> Option<(usize, &'a Known)> {
    let mut best: Option<(usize, &Known)> = None;
    for (place, known) in networks.filter(|(_, known)| known.worst() <= limit) {
        if best.is_none_or(|(_, top)| known.accuracy > top.accuracy) {
            best = Some((place, known));
        }
    }
    best
}

/// Every search of several strategies at every checkpoint, for machines: strategy, seed, evaluations, share of the hypervolume,
/// regret, and after how many evaluations the optimum was found.
pub fn searches_table<'a>(all: impl IntoIterator<Item = (&'static str, &'a [Score])>) -> Table {
    let columns = [
        "strategy",
        "seed",
        "evaluations",
        "hypervolume_share",
        "regret",
        "optimum_after",
    ];
    let mut table = Table::new("Searches", columns.map(Column::raw).into());
    for (strategy, scores) in all {
        for score in scores {
            for at in &score.at {
                table.push(vec![
                    Cell::text(strategy),
                    Cell::count(score.seed),
                    Cell::count(at.evaluations as u64),
                    Cell::decimal(at.hypervolume_share, 6),
                    at.regret.map_or_else(Cell::missing, |regret| Cell::decimal(regret, 6)),
                    score
                        .optimum_after
                        .map_or_else(Cell::missing, |after| Cell::count(after as u64)),
                ]);
            }
        }
    }
    table
}
