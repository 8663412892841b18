//! What the prices of limits leave of every stage.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::problem::{Problem, Setting};

/// What accuracy is multiplied by at most, so that multipliers are whole numbers.
const SCALE: i64 = 1 << 18;
/// No weighted sum is larger, so that `i64` holds all of them.
const LARGEST: f64 = (1_u64 << 59) as f64;
/// No column's sum is larger.
const LARGEST_SUM: f64 = 2e12;
/// Items of one list up to which dominated ones are taken out.
const COMPARED: usize = 4_000;

/// Whole multipliers: the value of a member is scale · accuracy − Σ multiplier · (cost − limit).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prices {
    pub scale: i64,
    pub multipliers: Vec<i64>,
}

impl Prices {
    /// The nearest whole multipliers of accuracy's prices.
    pub fn of_accuracy(multipliers: &[f64], most: &[i64]) -> Self {
        let mut scale = SCALE;
        // A high price leaves less room for the scale.
        let fits = |scale: i64| {
            multipliers
                .iter()
                .zip(most)
                .all(|(it, limit)| it * scale as f64 <= cap(*limit, most.len()))
        };
        while scale > 1 && !fits(scale) {
            scale /= 2;
        }
        Self::whole(scale, multipliers.iter().map(|it| it * scale as f64), most)
    }

    /// Weights of ratios, as large as they may be, for want of an accuracy to compare with.
    pub fn of_ratio(multipliers: &[f64], most: &[i64]) -> Self {
        let sizes = multipliers
            .iter()
            .zip(most)
            .map(|(it, most)| it * (*most as f64).max(LARGEST_SUM));
        let largest = sizes.fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        let up = LARGEST / (largest * (most.len() + 1) as f64);
        Self::whole(0, multipliers.iter().map(|it| it * up), most)
    }

    fn whole(scale: i64, multipliers: impl Iterator<Item = f64>, most: &[i64]) -> Self {
        let count = most.len();
        let capped = multipliers
            .zip(most)
            .map(|(it, most)| it.clamp(0.0, cap(*most, count)).round() as i64);
        Self {
            scale,
            multipliers: capped.collect(),
        }
    }

    /// What a member's value is besides the sums over stages, for these limits.
    pub fn constant(&self, setting: &Setting, most: &[i64]) -> i64 {
        let constants = setting.constants.iter();
        let costs = constants.clone().skip(1).zip(most).zip(&self.multipliers);
        let costs =
            costs.map(|((constant, most), multiplier)| multiplier.saturating_mul(most.saturating_sub(*constant)));
        self.scale * constants.clone().next().copied().unwrap_or(0) + costs.sum::<i64>()
    }

    /// The value of every entry, by stage.
    pub fn weights(&self, setting: &Setting) -> Vec<Vec<i64>> {
        let of_stage = |columns: &Vec<Vec<f64>>| {
            let mut weights = vec![0; columns.first().map_or(0, Vec::len)];
            let factors = std::iter::once(self.scale).chain(self.multipliers.iter().map(|it| -it));
            for (column, factor) in columns.iter().zip(factors).filter(|(_, factor)| *factor != 0) {
                weights
                    .iter_mut()
                    .zip(column)
                    .for_each(|(weight, value)| *weight += factor * (*value as i64));
            }
            weights
        };
        setting.values.iter().map(of_stage).collect()
    }
}

/// The largest multiplier of a limit among as many.
fn cap(most: i64, count: usize) -> f64 {
    LARGEST / ((count + 1) as f64 * (most as f64).max(LARGEST_SUM))
}

/// One entry that may be in a member of the value that is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    /// Its weight and the largest that can follow it.
    pub key: i64,
    pub weight: i64,
    pub next: u32,
    pub configuration: u32,
}

/// The items of one way into a stage, the largest key first, with their accuracies and costs.
#[derive(Debug, Clone, Default)]
pub(super) struct Items {
    pub list: Vec<Item>,
    /// Column after column of item after item.
    pub sums: Vec<i64>,
}

/// How many members are wanted, or that only their costs count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Best(usize),
    Cheap,
}

/// For each stage and way in, the items that can be in a member whose value is at least `floor`; `constant` is what a
/// member's value is besides the sums over stages.
///
/// An item that as many others as are wanted dominate is left out: they leave the same way, are at least as accurate and cost
/// no more of anything, so that each member with it is no better than as many others.
pub(super) fn lists(
    problem: &Problem,
    setting: &Setting,
    weights: &[Vec<i64>],
    following: &[Vec<i64>],
    constant: i64,
    floor: i64,
    wanted: Wanted,
) -> Vec<Vec<Items>> {
    let mut before: Vec<Option<i64>> = vec![Some(constant)];
    let mut all = Vec::new();
    for (position, ((stage, weights), columns)) in problem.stages.iter().zip(weights).zip(&setting.values).enumerate() {
        let after = following.get(position + 1).map_or(&[][..], Vec::as_slice);
        let mut onwards: Vec<Option<i64>> = vec![None; after.len()];
        let mut here = Vec::new();
        for (way, before) in before.iter().enumerate() {
            let mut items = Items::default();
            let Some(before) = before else {
                here.push(items);
                continue;
            };
            let entries = way * stage.count..(way + 1) * stage.count;
            let (Some(weights), Some(next)) = (weights.get(entries.clone()), stage.next.get(entries)) else {
                here.push(items);
                continue;
            };
            for (configuration, (weight, next)) in weights.iter().zip(next).enumerate() {
                let key = weight + after.get(*next as usize).copied().unwrap_or(0);
                if before + key >= floor {
                    items.list.push(Item {
                        key,
                        weight: *weight,
                        next: *next,
                        configuration: configuration as u32,
                    });
                }
            }
            items
                .list
                .sort_unstable_by_key(|item| (Reverse(item.key), item.configuration));
            for item in &items.list {
                let entry = way * stage.count + item.configuration as usize;
                items.sums.extend(
                    columns
                        .iter()
                        .map(|column| column.get(entry).copied().unwrap_or(0.0) as i64),
                );
            }
            items.without_dominated(columns.len(), wanted);
            for item in &items.list {
                if let Some(best) = onwards.get_mut(item.next as usize) {
                    *best = Some(best.unwrap_or(i64::MIN).max(before + item.weight));
                }
            }
            here.push(items);
        }
        before = onwards;
        all.push(here);
    }
    all
}

impl Items {
    /// The accuracy and costs of an item.
    pub fn sums(&self, item: usize, columns: usize) -> &[i64] {
        self.sums.get(item * columns..(item + 1) * columns).unwrap_or_default()
    }

    fn without_dominated(&mut self, columns: usize, wanted: Wanted) {
        if self.list.len() > COMPARED {
            return;
        }
        let (most, ignored) = match wanted {
            Wanted::Best(most) => (most, 0),
            Wanted::Cheap => (1, 1),
        };
        // A dominator has no smaller key, so that it stands before; of equal ones the first stays.
        let mut kept: Vec<usize> = Vec::new();
        let mut ways: BTreeMap<u32, usize> = BTreeMap::new();
        for (number, item) in self.list.iter().enumerate() {
            // By accuracy alone, all that stand before and leave the same way are dominators.
            if columns == 1 {
                let before = ways.entry(item.next).or_default();
                *before += 1;
                if *before <= most {
                    kept.push(number);
                }
                continue;
            }
            let own = self.sums(number, columns);
            let mut dominators = 0;
            for other in &kept {
                let same = self.list.get(*other).is_some_and(|other| other.next == item.next);
                if same && dominates(self.sums(*other, columns), own, ignored) {
                    dominators += 1;
                    if dominators >= most {
                        break;
                    }
                }
            }
            if dominators < most {
                kept.push(number);
            }
        }
        let sums = kept
            .iter()
            .flat_map(|number| self.sums(*number, columns))
            .copied()
            .collect();
        let list = kept
            .iter()
            .filter_map(|number| self.list.get(*number))
            .copied()
            .collect();
        (self.list, self.sums) = (list, sums);
    }
}

/// Whether accuracy is no smaller and no cost larger.
fn dominates(a: &[i64], b: &[i64], ignored: usize) -> bool {
    let mut pairs = a.iter().zip(b).enumerate().skip(ignored);
    pairs.all(|(column, (a, b))| if column == 0 { a >= b } else { a <= b })
}
