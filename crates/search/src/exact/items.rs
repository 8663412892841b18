//! What the prices of limits leave of every stage.

use std::cmp::Reverse;

use super::problem::{Problem, Setting};

/// What accuracy is multiplied by at most, so that multipliers are whole numbers.
const SCALE: i64 = 1 << 18;
/// No weighted sum is larger, so that `i64` holds all of them.
const LARGEST: f64 = (1_u64 << 59) as f64;
/// No column's sum is larger.
const LARGEST_SUM: f64 = 2e12;
/// Items of one list up to which dominated ones are taken out.
const COMPARED: usize = 2_000;

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

    /// Nothing but this limit among so many counts.
    pub fn of_limit(limit: usize, count: usize) -> Self {
        Self {
            scale: 0,
            multipliers: (0..count).map(|it| i64::from(it == limit)).collect(),
        }
    }

    /// The value of sums over a member, or a part of one, for these limits.
    pub fn value(&self, sums: &[i64], most: &[i64]) -> i64 {
        let costs = sums.iter().skip(1).zip(most).zip(&self.multipliers);
        let costs = costs.map(|((cost, most), multiplier)| multiplier * (most - cost));
        self.scale * sums.first().copied().unwrap_or(0) + costs.sum::<i64>()
    }

    /// The part of the value that these sums make, without the limits.
    pub fn weight(&self, sums: &[i64]) -> i64 {
        let costs = sums.iter().skip(1).zip(&self.multipliers);
        self.scale * sums.first().copied().unwrap_or(0) - costs.map(|(cost, it)| it * cost).sum::<i64>()
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
    sums: Vec<i64>,
    /// The same, item after item of column after column.
    pub columns: Vec<Vec<f64>>,
    /// Entries that were left out, each with one that stays and dominates it.
    pub dominated: Vec<(u32, u32)>,
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
    (weights, following): (&[Vec<i64>], &[Vec<i64>]),
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
            items.without_dominated(wanted);
            items.columns = (0..columns.len())
                .map(|column| {
                    items
                        .each()
                        .filter_map(|(_, sums)| Some(*sums.get(column)? as f64))
                        .collect()
                })
                .collect();
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
    /// The items with their accuracy and costs.
    pub fn each(&self) -> impl Iterator<Item = (&Item, &[i64])> {
        let columns = self.sums.len().checked_div(self.list.len()).unwrap_or(1).max(1);
        self.list.iter().zip(self.sums.chunks_exact(columns))
    }

    /// One of them, with so many columns.
    pub fn at(&self, item: usize, columns: usize) -> Option<(&Item, &[i64])> {
        let sums = self.sums.get(item * columns..(item + 1) * columns)?;
        Some((self.list.get(item)?, sums))
    }

    fn without_dominated(&mut self, wanted: Wanted) {
        if self.list.len() > COMPARED {
            return;
        }
        let (most, ignored) = match wanted {
            Wanted::Best(most) => (most, 0),
            Wanted::Cheap => (1, 1),
        };
        // A dominator has no smaller key, so that it stands before; of equal ones the first stays.
        let mut kept: Vec<(&Item, &[i64])> = Vec::new();
        let mut dominated = Vec::new();
        for (item, own) in self.each() {
            let dominator = |(other, sums): &&(&Item, &[i64])| other.next == item.next && dominates(sums, own, ignored);
            match kept.iter().filter(dominator).nth(most - 1) {
                Some((other, _)) => dominated.push((item.configuration, other.configuration)),
                None => kept.push((item, own)),
            }
        }
        *self = Self {
            sums: kept.iter().flat_map(|(_, sums)| *sums).copied().collect(),
            list: kept.iter().map(|(item, _)| **item).collect(),
            columns: Vec::new(),
            dominated,
        };
    }
}

/// Whether accuracy is no smaller and no cost larger.
fn dominates(a: &[i64], b: &[i64], ignored: usize) -> bool {
    let (accurate, cheap) = (a.first() >= b.first(), a.iter().zip(b).skip(1).all(|(a, b)| a <= b));
    cheap && (accurate || ignored > 0)
}
