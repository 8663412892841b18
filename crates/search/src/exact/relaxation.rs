//! The best prices of limits: the linear programme over the hull of all members, by the simplex method with generated
//! columns (Dantzig and Wolfe 1960).

use super::items::Items;
use super::problem::{Problem, Setting};

/// Columns that are generated at most.
const MOST_COLUMNS: usize = 300;
/// What counts as zero among scaled numbers.
const TINY: f64 = 1e-11;
/// What it costs to use no member at all, relative to the largest value of an objective.
const NONE: f64 = 1e4;

/// How much a known member must be worth, relative to its size, to be taken without looking for the best.
const KNOWN: f64 = 1e-9;
/// How much of what is still to be shown the bound of a part may be from its best.
const NEAR: f64 = 0.02;
/// By how much a bound has to be on the right side, so that it still is with whole multipliers.
const MARGIN: f64 = 1e-7;

/// The relaxed problem, solved.
#[derive(Debug, Clone)]
pub(super) struct Relaxed {
    /// One price for each limit, in multiples of accuracy for each multiple of cost; for the least ratio, weights.
    pub multipliers: Vec<f64>,
    /// The members that were looked at.
    pub met: Vec<Met>,
}

/// A member with the largest value for some prices: accuracy and costs, and the configurations that were chosen.
#[derive(Debug, Clone)]
pub(super) struct Met {
    pub sums: Vec<i64>,
    pub path: Vec<u32>,
}

/// The largest accuracy of a mixture of members whose mean costs keep the limits.
///
/// `known` are members from which it may begin, of whatever limits; they save looking for them.
pub(super) fn accuracy(problem: &Problem, setting: &Setting, known: &[Met]) -> Relaxed {
    solve(&problem.most, (Some(scale(setting)), None), known, |coefficients| {
        best_member(problem, setting, coefficients)
    })
}

/// The smallest worst ratio of mean cost to limit of a mixture of members.
pub(super) fn ratio(problem: &Problem, setting: &Setting) -> Relaxed {
    solve(&problem.most, (None, None), &[], |coefficients| {
        best_member(problem, setting, coefficients)
    })
}

/// A size of accuracy.
fn scale(setting: &Setting) -> f64 {
    let largest = setting.values.iter().filter_map(|columns| columns.first());
    let largest = largest.map(|column| column.iter().fold(0.0_f64, |most, value| most.max(value.abs())));
    largest.sum::<f64>().max(1.0)
}

fn best_member(problem: &Problem, setting: &Setting, coefficients: &[f64]) -> (f64, Met) {
    let (value, path) = best_path(problem, setting, coefficients);
    let sums = setting.sums(&problem.stages, &path);
    (value, Met { sums, path })
}

/// What is left of a member that begins with some sums.
pub(super) struct Rest<'a> {
    pub lists: &'a [Vec<Items>],
    /// The next stage and the way into it.
    pub place: (usize, usize),
    pub sums: &'a [i64],
}

impl Rest<'_> {
    /// As [`accuracy`], until the bound is less than what is needed.
    pub fn accuracy(&self, need: i64, most: &[i64]) -> Relaxed {
        let scale = (need as f64).abs().max(1.0);
        let enough = need as f64 / scale - MARGIN;
        solve(most, (Some(scale), Some(enough)), &[], |coefficients| {
            self.best(coefficients)
        })
    }

    /// As [`ratio`], until no mixture keeps the limits.
    pub fn ratio(&self, most: &[i64]) -> Relaxed {
        solve(most, (None, Some(-1.0 - MARGIN)), &[], |coefficients| {
            self.best(coefficients)
        })
    }

    /// The largest Σ of coefficient times column, and who has it.
    fn best(&self, coefficients: &[f64]) -> (f64, Met) {
        let (first, way) = self.place;
        let mut following: Vec<(f64, usize)> = vec![(0.0, 0)];
        let mut chosen: Vec<Vec<(f64, usize)>> = Vec::new();
        let mut weights: Vec<f64> = Vec::new();
        for ways in self.lists.iter().skip(first).rev() {
            let of_way = |items: &Items| {
                weights.clear();
                weights.resize(items.list.len(), 0.0);
                for (column, coefficient) in items.columns.iter().zip(coefficients) {
                    let pairs = weights.iter_mut().zip(column);
                    pairs.for_each(|(weight, value)| *weight += coefficient * value);
                }
                let mut best = (f64::NEG_INFINITY, 0);
                for (number, (weight, item)) in weights.iter().zip(&items.list).enumerate() {
                    let value = weight + following.get(item.next as usize).map_or(f64::NEG_INFINITY, |it| it.0);
                    if value > best.0 {
                        best = (value, number);
                    }
                }
                best
            };
            let here: Vec<(f64, usize)> = ways.iter().map(of_way).collect();
            chosen.push(std::mem::replace(&mut following, here));
        }
        chosen.push(following);
        let mut met = Met {
            sums: self.sums.to_vec(),
            path: Vec::with_capacity(chosen.len()),
        };
        let base: f64 = self
            .sums
            .iter()
            .zip(coefficients)
            .map(|(sum, it)| *sum as f64 * it)
            .sum();
        let value = chosen.last().and_then(|ways| ways.get(way)).map_or(0.0, |it| it.0);
        let mut way = way;
        for (ways, best) in self.lists.iter().skip(first).zip(chosen.iter().rev()) {
            let number = best.get(way).map_or(0, |it| it.1);
            let item = ways.get(way).and_then(|items| items.at(number, met.sums.len()));
            let Some((item, own)) = item else { break };
            met.sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
            met.path.push(item.configuration);
            way = item.next as usize;
        }
        (base + value, met)
    }
}

/// The largest Σ of coefficient (accuracy, costs) times column over all members, constants among it, and who has it.
pub(super) fn best_path(problem: &Problem, setting: &Setting, coefficients: &[f64]) -> (f64, Vec<u32>) {
    let mut following: Vec<f64> = vec![0.0];
    let mut choices: Vec<Vec<u32>> = Vec::new();
    let mut weights: Vec<f64> = Vec::new();
    for (stage, columns) in problem.stages.iter().zip(&setting.values).rev() {
        weights.clear();
        weights.resize(stage.entries(), 0.0);
        for (column, coefficient) in columns.iter().zip(coefficients) {
            if *coefficient != 0.0 {
                weights
                    .iter_mut()
                    .zip(column)
                    .for_each(|(weight, value)| *weight += coefficient * value);
            }
        }
        let mut here = Vec::with_capacity(stage.ways.len());
        let mut chosen = Vec::with_capacity(stage.ways.len());
        let count = stage.count.max(1);
        for (weights, next) in weights.chunks(count).zip(stage.next.chunks(count)) {
            let mut best = (f64::NEG_INFINITY, 0);
            if let [only] = following.as_slice() {
                for (number, weight) in weights.iter().enumerate() {
                    if *weight > best.0 {
                        best = (*weight, number);
                    }
                }
                best.0 += only;
            } else {
                for (number, (weight, next)) in weights.iter().zip(next).enumerate() {
                    let value = weight + following.get(*next as usize).copied().unwrap_or(0.0);
                    if value > best.0 {
                        best = (value, number);
                    }
                }
            }
            here.push(best.0);
            chosen.push(best.1 as u32);
        }
        following = here;
        choices.push(chosen);
    }
    let mut way = 0;
    let mut path = Vec::new();
    for (stage, chosen) in problem.stages.iter().zip(choices.iter().rev()) {
        let configuration = chosen.get(way).copied().unwrap_or(0);
        path.push(configuration);
        way = stage
            .next
            .get(way * stage.count + configuration as usize)
            .copied()
            .unwrap_or(0) as usize;
    }
    let constants = setting
        .constants
        .iter()
        .zip(coefficients)
        .map(|(constant, it)| *constant as f64 * it)
        .sum::<f64>();
    (following.first().copied().unwrap_or(0.0) + constants, path)
}

/// With a scale of accuracy: maximise accuracy within the limits. Without: minimise the ratio t, Σ cost / limit − t ≤ 0.
/// Ends when a bound is less than `enough`, in units of the scale.
///
/// Rows are the limits, divided by themselves, and last that the shares of members are one in all.
fn solve(
    most: &[i64],
    (scale, enough): (Option<f64>, Option<f64>),
    known: &[Met],
    mut oracle: impl FnMut(&[f64]) -> (f64, Met),
) -> Relaxed {
    let limits: Vec<f64> = most.iter().map(|most| (*most as f64).max(1.0)).collect();
    let rows = limits.len();
    let right = |row: usize| if row == rows || scale.is_some() { 1.0 } else { 0.0 };
    let mut simplex = Simplex::new((0..=rows).map(right).collect(), -NONE);
    let mut all: Vec<Met> = Vec::new();
    let mut best: Option<(f64, Vec<f64>)> = None;
    for _ in 0..MOST_COLUMNS {
        let duals = simplex.duals();
        let (prices, share) = (
            duals.get(..rows).unwrap_or_default(),
            duals.get(rows).copied().unwrap_or(0.0),
        );
        let cheapest = prices.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
        if let Some((row, _)) = cheapest.filter(|(_, price)| **price < -TINY) {
            let mut column = vec![0.0; rows + 1];
            if let Some(slack) = column.get_mut(row) {
                *slack = 1.0;
            }
            if !simplex.enter(0.0, &column) {
                break;
            }
            continue;
        }
        if scale.is_none() && prices.iter().sum::<f64>() > 1.0 + TINY {
            // The ratio itself is worth taking: it eases every limit by one.
            let mut column = vec![-1.0; rows + 1];
            if let Some(last) = column.last_mut() {
                *last = 0.0;
            }
            if simplex.enter(-1.0, &column) {
                continue;
            }
            break;
        }
        let prices: Vec<f64> = prices.iter().map(|price| price.max(0.0)).collect();
        let mut coefficients = vec![scale.map_or(0.0, f64::recip)];
        coefficients.extend(prices.iter().zip(&limits).map(|(price, limit)| -price / limit));
        let worth = |met: &Met| {
            met.sums
                .iter()
                .zip(&coefficients)
                .map(|(sum, it)| *sum as f64 * it)
                .sum::<f64>()
        };
        let best_known = known
            .iter()
            .map(|met| (worth(met), met))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((value, met)) = best_known
            && value - share > KNOWN * (1.0 + value.abs())
        {
            let (objective, column) = column(met, scale, &limits);
            if !simplex.enter(objective, &column) {
                break;
            }
            continue;
        }
        let (value, met) = oracle(&coefficients);
        // For the ratio only weights that sum to one at most give a bound.
        let within = scale.is_some() || prices.iter().sum::<f64>() <= 1.0 + 1e-9;
        let bound = value + if scale.is_some() { prices.iter().sum() } else { 0.0 };
        if within && best.as_ref().is_none_or(|(least, _)| bound < *least) {
            best = Some((bound, prices));
        }
        let least = best.as_ref().map_or(f64::INFINITY, |(least, _)| *least);
        let near = enough.map_or(0.0, |enough| NEAR * (least - enough));
        if value - share <= (TINY * (1.0 + value.abs()) * 10.0).max(near)
            || enough.is_some_and(|enough| least < enough)
            || all.iter().any(|other| other.path == met.path)
        {
            all.push(met);
            break;
        }
        let (objective, column) = column(&met, scale, &limits);
        all.push(met);
        if !simplex.enter(objective, &column) {
            break;
        }
    }
    let prices = best.map_or_else(|| vec![0.0; rows], |(_, prices)| prices);
    let unit = scale.unwrap_or(1.0);
    Relaxed {
        multipliers: prices
            .iter()
            .zip(&limits)
            .map(|(price, limit)| price * unit / limit)
            .collect(),
        met: all,
    }
}

/// What a member earns, and its column.
fn column(met: &Met, scale: Option<f64>, limits: &[f64]) -> (f64, Vec<f64>) {
    let objective = scale.map_or(0.0, |scale| met.sums.first().map_or(0.0, |it| *it as f64) / scale);
    let costs = met.sums.iter().skip(1).zip(limits);
    let column = costs.map(|(cost, limit)| *cost as f64 / limit).chain([1.0]);
    (objective, column.collect())
}

/// A revised simplex method over few rows, with a dense inverse of the basis.
struct Simplex {
    inverse: Vec<Vec<f64>>,
    /// The values of the basic variables.
    values: Vec<f64>,
    /// What each of them earns.
    earns: Vec<f64>,
}

impl Simplex {
    /// Begins with slacks, and with no member at all in the last row, which earns `nothing`.
    fn new(right: Vec<f64>, nothing: f64) -> Self {
        let rows = right.len();
        let unit = |row: usize| (0..rows).map(|column| f64::from(u8::from(row == column))).collect();
        let mut earns = vec![0.0; rows];
        if let Some(last) = earns.last_mut() {
            *last = nothing;
        }
        Self {
            inverse: (0..rows).map(unit).collect(),
            values: right,
            earns,
        }
    }

    fn duals(&self) -> Vec<f64> {
        let rows = self.values.len();
        let dual = |column: usize| {
            let parts = self.inverse.iter().zip(&self.earns);
            parts
                .map(|(row, earns)| earns * row.get(column).copied().unwrap_or(0.0))
                .sum()
        };
        (0..rows).map(dual).collect()
    }

    /// Takes a variable into the basis; false when nothing can leave it.
    fn enter(&mut self, earns: f64, column: &[f64]) -> bool {
        let change = |row: &Vec<f64>| row.iter().zip(column).map(|(a, b)| a * b).sum::<f64>();
        let changes: Vec<f64> = self.inverse.iter().map(change).collect();
        let ratio =
            |(row, (change, value)): (usize, (&f64, &f64))| (*change > TINY).then(|| (value.max(0.0) / change, row));
        let ratios = changes.iter().zip(&self.values).enumerate().filter_map(ratio);
        // Of equal ones the largest pivot, so that the inverse stays good.
        let leaving = ratios.min_by(|a, b| {
            let pivot = |row: usize| changes.get(row).copied().unwrap_or(0.0);
            a.0.total_cmp(&b.0).then(pivot(b.1).total_cmp(&pivot(a.1)))
        });
        let Some((step, leaving)) = leaving else { return false };
        let pivot = changes.get(leaving).copied().unwrap_or(1.0);
        let Some(pivot_row) = self
            .inverse
            .get(leaving)
            .map(|row| row.iter().map(|it| it / pivot).collect::<Vec<f64>>())
        else {
            return false;
        };
        for (row, change) in changes.iter().enumerate() {
            let (Some(own), Some(value)) = (self.inverse.get_mut(row), self.values.get_mut(row)) else {
                continue;
            };
            if row == leaving {
                own.clone_from(&pivot_row);
                *value = step;
            } else {
                own.iter_mut()
                    .zip(&pivot_row)
                    .for_each(|(own, pivot)| *own -= change * pivot);
                *value -= change * step;
            }
        }
        if let Some(own) = self.earns.get_mut(leaving) {
            *own = earns;
        }
        true
    }
}
