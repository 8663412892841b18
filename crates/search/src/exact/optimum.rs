use panarch_space::Genotype;

use super::LeastRatio;
use super::items::{Items, Prices, Wanted, lists};
use super::problem::{Problem, Setting};
use super::quantum;
use super::relaxation::{self, Met};
use super::walk::{Demand, Nodes, Walk};
use crate::SearchError;

/// The first trial of a proof looks for members within this part of the accuracy that is in question; each further one
/// within four times as much.
const FIRST: i64 = 1 << 14;

/// When to stop before the proof is done.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// Nodes that may be looked at.
    pub nodes: u64,
    /// Asked now and then; true ends the search. Here a caller looks at a clock.
    pub stop: &'a dyn Fn() -> bool,
}

impl Budget<'_> {
    /// As long as it takes.
    pub const UNLIMITED: Budget<'static> = Budget {
        nodes: u64::MAX,
        stop: &|| false,
    };

    pub(super) fn is_used_up(&self, nodes: u64) -> bool {
        nodes >= self.nodes || (self.stop)()
    }
}

/// A member that was found, with what the rounded tables say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Height and width of the images in pixels.
    pub resolution: u32,
    /// In canonical form.
    pub genotype: Genotype,
    /// A multiple of the accuracy's quantum.
    pub accuracy: f64,
    /// In the order of the limits.
    pub costs: Vec<f64>,
    pub(super) sums: Vec<i64>,
}

/// The best members within the limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimum {
    /// The most accurate first; as many as were asked for, or all that there are. Of equally accurate members those count that
    /// the walk meets first, which is always the same.
    pub best: Vec<Found>,
    /// No member within the limits is more accurate than this: the accuracy of the best when the proof is done.
    pub bound: f64,
    /// Whether the proof is done: no other member is better than these.
    pub proven: bool,
    /// The nodes that were looked at.
    pub nodes: u64,
    /// For each limit, what one more per cent of it would buy in accuracy at most, by the multipliers of the relaxed problem
    /// at the resolution of the best member.
    pub prices: Vec<f64>,
}

impl Optimum {
    /// How much more accurate another member might be; 0 when the proof is done.
    #[must_use]
    pub fn gap(&self) -> Option<f64> {
        self.best.first().map(|best| self.bound - best.accuracy)
    }
}

/// No member keeps all limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Infeasible {
    /// Which limit cannot be met: by its position. Where each could be met without the others, the one that the nearest member
    /// exceeds most.
    pub limit: usize,
    /// The limit's name.
    pub name: String,
    /// The limit.
    pub most: f64,
    /// The nearest value that can be reached: the least of all members where `alone`, else that of the nearest member.
    pub nearest: f64,
    /// Whether no member keeps this limit, whatever the others are.
    pub alone: bool,
    /// The member whose largest ratio of cost to limit is the least.
    pub member: Found,
}

/// What there is to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Solution {
    /// Members keep the limits; whether the best is proved to be so is said there.
    Optimum(Optimum),
    /// It is proved that no member does.
    Infeasible(Infeasible),
}

/// A resolution with its prices and what follows from them.
pub(super) struct Priced<'a> {
    pub setting: &'a Setting,
    pub prices: Prices,
    pub weights: Vec<Vec<i64>>,
    pub following: Vec<Vec<i64>>,
    /// No member within the limits is more accurate, in multiples.
    pub bound: i64,
    pub multipliers: Vec<f64>,
}

impl<'a> Priced<'a> {
    /// The best prices of a resolution, with the members that were met on the way.
    pub fn new(problem: &Problem, setting: &'a Setting, known: &[Met]) -> (Self, Vec<Met>) {
        let relaxed = relaxation::accuracy(problem, setting, known);
        let prices = Prices::of_accuracy(&relaxed.multipliers, &problem.most);
        let weights = prices.weights(setting);
        let following = problem.following(&weights);
        let largest = following.first().and_then(|ways| ways.first()).copied().unwrap_or(0);
        let priced = Self {
            bound: (largest + prices.value(&setting.constants, &problem.most)).div_euclid(prices.scale),
            setting,
            prices,
            weights,
            following,
            multipliers: relaxed.multipliers,
        };
        (priced, relaxed.met)
    }

    /// What these prices leave of every stage for members of an accuracy.
    pub fn lists(&self, problem: &Problem, need: i64, wanted: Wanted) -> Vec<Vec<Items>> {
        let constant = self.prices.value(&self.setting.constants, &problem.most);
        let floor = self.prices.scale * need;
        let sums = (self.weights.as_slice(), self.following.as_slice());
        lists(problem, self.setting, sums, constant, floor, wanted)
    }
}

/// The best members so far: the sums, the resolution's position and the path of each.
struct Best {
    count: usize,
    members: Vec<(Vec<i64>, usize, Vec<u32>)>,
}

impl Best {
    /// What a further member must exceed.
    fn least(&self) -> i64 {
        let last = self.members.get(self.count.saturating_sub(1));
        last.and_then(|(sums, ..)| sums.first()).copied().unwrap_or(i64::MIN)
    }

    fn take(&mut self, sums: &[i64], setting: usize, path: &[u32]) {
        let accuracy = sums.first().copied().unwrap_or(i64::MIN);
        if accuracy <= self.least()
            || self
                .members
                .iter()
                .any(|(_, other, known)| *other == setting && known == path)
        {
            return;
        }
        let place = self
            .members
            .partition_point(|(other, ..)| other.first().is_some_and(|other| *other >= accuracy));
        self.members.insert(place, (sums.to_vec(), setting, path.to_vec()));
        self.members.truncate(self.count);
    }
}

impl Problem {
    /// The most accurate member within the limits.
    ///
    /// # Errors
    /// As [`Problem::best`].
    pub fn optimum(&self, budget: &Budget<'_>) -> Result<Solution, SearchError> {
        self.best(1, budget)
    }

    /// The `count` most accurate members within the limits.
    ///
    /// # Errors
    /// [`SearchError::Settings`] when none is asked for; [`SearchError::Unsettled`] when the budget ends before it is known
    /// whether any member keeps the limits.
    pub fn best(&self, count: usize, budget: &Budget<'_>) -> Result<Solution, SearchError> {
        self.best_from(count, budget, &mut Vec::new())
    }

    /// The same, with the members by resolution that were met when other limits were priced, to which it adds.
    pub(super) fn best_from(
        &self,
        count: usize,
        budget: &Budget<'_>,
        known: &mut Vec<Vec<Met>>,
    ) -> Result<Solution, SearchError> {
        if count == 0 {
            return Err(SearchError::Settings {
                reason: "at least one network has to be asked for".to_owned(),
            });
        }
        let mut best = Best {
            count,
            members: Vec::new(),
        };
        let mut nodes = Nodes::default();
        let mut all = Vec::new();
        for (position, setting) in self.settings.iter().enumerate() {
            known.resize(self.settings.len(), Vec::new());
            let Some(known) = known.get_mut(position) else { continue };
            let (priced, met) = Priced::new(self, setting, known);
            for it in met.iter().filter(|it| self.keeps_limits(&it.sums)) {
                best.take(&it.sums, position, &it.path);
            }
            known.extend(met);
            all.push(priced);
        }
        if best.members.is_empty() {
            let least = self.least_ratio_from(true, budget, &mut nodes)?;
            match least {
                LeastRatio {
                    proven: true,
                    member,
                    ratio,
                    ..
                } if ratio > 1.0 && !self.keeps_limits(&member.sums) => {
                    return Ok(Solution::Infeasible(self.infeasible(member)));
                }
                LeastRatio { member, .. } if !self.keeps_limits(&member.sums) => return Err(SearchError::Unsettled),
                LeastRatio {
                    member, position, path, ..
                } => best.take(&member.sums, position, &path),
            }
        }
        let top = all.iter().map(|priced| priced.bound).max().unwrap_or(0);
        let mut bound = top;
        let span = top.saturating_sub(
            best.members
                .first()
                .and_then(|(sums, ..)| sums.first())
                .copied()
                .unwrap_or(0),
        );
        let mut reach = (span / FIRST).max(1);
        while !nodes.stopped {
            // Members that are more accurate than this are looked for.
            let beyond = top.saturating_sub(reach).max(best.least());
            for (position, priced) in all.iter().enumerate() {
                let least = beyond.max(best.least());
                if priced.bound <= least || nodes.stopped {
                    continue;
                }
                let demand = Demand {
                    need: least.max(-SMALLEST) + 1,
                    most: self.most.clone(),
                };
                let mut take = |path: &[u32], sums: &[i64], demand: &mut Demand| {
                    best.take(sums, position, path);
                    demand.need = demand.need.max(best.least() + 1);
                };
                let lists = priced.lists(self, demand.need, Wanted::Best(count));
                let prices = priced.prices.clone();
                Walk::new(&lists, prices, demand, (budget, &mut nodes), &mut take).all(&priced.setting.constants);
            }
            if nodes.stopped {
                break;
            }
            bound = beyond;
            if best.least() >= beyond || beyond < -SMALLEST {
                break;
            }
            reach = reach.saturating_mul(4);
        }
        let found: Vec<Found> = best
            .members
            .iter()
            .map(|(sums, position, path)| self.found(*position, sums, path))
            .collect();
        let first = best.members.first();
        let accuracy = first.and_then(|(sums, ..)| sums.first()).copied().unwrap_or(i64::MIN);
        let winner = first.and_then(|(_, position, _)| all.get(*position));
        Ok(Solution::Optimum(Optimum {
            bound: self.accuracy(if nodes.stopped { bound.max(accuracy) } else { accuracy }),
            proven: !nodes.stopped,
            nodes: nodes.count,
            prices: winner
                .map(|priced| self.per_cent(&priced.multipliers))
                .unwrap_or_default(),
            best: found,
        }))
    }

    pub(super) fn keeps_limits(&self, sums: &[i64]) -> bool {
        sums.iter().skip(1).zip(&self.most).all(|(cost, most)| cost <= most)
    }

    pub(super) fn found(&self, position: usize, sums: &[i64], path: &[u32]) -> Found {
        let values = sums
            .iter()
            .zip(&self.decimals)
            .map(|(sum, decimals)| quantum::value(*sum, *decimals));
        let mut values = values.collect::<Vec<f64>>().into_iter();
        Found {
            resolution: self.settings.get(position).map_or(0, |setting| setting.resolution),
            genotype: self.genotype(path),
            accuracy: values.next().unwrap_or(f64::NAN),
            costs: values.collect(),
            sums: sums.to_vec(),
        }
    }

    fn accuracy(&self, multiples: i64) -> f64 {
        quantum::value(multiples, self.decimals.first().copied().unwrap_or(0))
    }

    /// What one more per cent of each limit is worth at these prices.
    fn per_cent(&self, multipliers: &[f64]) -> Vec<f64> {
        let unit = self.accuracy(1);
        let pairs = multipliers.iter().zip(&self.most);
        pairs
            .map(|(multiplier, most)| multiplier * (*most as f64) * unit / 100.0)
            .collect()
    }

    /// Names the limit that cannot be met.
    fn infeasible(&self, member: Found) -> Infeasible {
        let alone = |limit: usize| {
            let least = self.settings.iter().map(|setting| {
                let mut coefficients = vec![0.0; self.most.len() + 1];
                if let Some(it) = coefficients.get_mut(limit + 1) {
                    *it = -1.0;
                }
                let (_, path) = relaxation::best_path(self, setting, &coefficients);
                setting
                    .sums(&self.stages, &path)
                    .get(limit + 1)
                    .copied()
                    .unwrap_or(i64::MAX)
            });
            least.min().unwrap_or(i64::MAX)
        };
        let over = |value: i64, most: i64| value as f64 / most.max(1) as f64;
        let least: Vec<i64> = (0..self.most.len()).map(alone).collect();
        let unreachable = least
            .iter()
            .zip(&self.most)
            .enumerate()
            .filter(|(_, (least, most))| least > most);
        let unreachable = unreachable.max_by(|a, b| over(*a.1.0, *a.1.1).total_cmp(&over(*b.1.0, *b.1.1)));
        let joint = || {
            let costs = member.sums.iter().skip(1).zip(&self.most).enumerate();
            costs.max_by(|a, b| over(*a.1.0, *a.1.1).total_cmp(&over(*b.1.0, *b.1.1)))
        };
        let is_alone = unreachable.is_some();
        let (limit, (nearest, _)) = unreachable.or_else(joint).unwrap_or((0, (&0, &0)));
        let decimals = self.decimals.get(limit + 1).copied().unwrap_or(0);
        let named = self.limits.get(limit);
        Infeasible {
            limit,
            name: named.map_or_else(String::new, |limit| limit.name.clone()),
            most: named.map_or(f64::NAN, |limit| limit.most),
            nearest: quantum::value(*nearest, decimals),
            alone: is_alone,
            member,
        }
    }
}

/// No accuracy is less, in multiples.
const SMALLEST: i64 = 2_000_000_000_000;
