//! The depth-first walk over stages, the most promising items first.

use std::cmp::Reverse;

use super::bounds::{Bound, Bounds};
use super::certificate::BoxJson;
use super::items::{Items, Prices};
use super::optimum::Budget;
use super::relaxation;

/// Nodes between two looks at the budget.
const LOOK: u64 = 1_024;

/// What members must have to be looked at; it tightens as members are found.
#[derive(Debug, Clone)]
pub(super) struct Demand {
    /// The least accuracy.
    pub need: i64,
    /// The limits.
    pub most: Vec<i64>,
}

/// The nodes that are looked at, over all walks of one question.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Nodes {
    pub count: u64,
    pub stopped: bool,
}

/// Takes a member that keeps the limits of the demand: its path and sums. May tighten the demand.
pub(super) type Take<'a> = &'a mut dyn FnMut(&[u32], &[i64], &mut Demand);

/// Looks at every member of some lists that meets the demand, but for those that others make unnecessary
/// ([`lists`](super::items::lists)). Stops early when the budget is used up.
///
/// What begins with some configurations is closed where multipliers leave it too little value. Where none that are known do,
/// the relaxed problem of what can follow is solved, which is small, for multipliers of its own.
pub(super) struct Walk<'a, 'b> {
    pub lists: &'a [Vec<Items>],
    pub bounds: Bounds,
    pub demand: Demand,
    pub budget: &'a Budget<'b>,
    pub nodes: &'a mut Nodes,
    pub take: Take<'a>,
    /// How many boxes may still be written down; none where none are wanted.
    pub boxes: Option<usize>,
    path: Vec<u32>,
}

impl<'a, 'b> Walk<'a, 'b> {
    pub fn new(
        lists: &'a [Vec<Items>],
        prices: Prices,
        demand: Demand,
        (budget, nodes): (&'a Budget<'b>, &'a mut Nodes),
        take: Take<'a>,
    ) -> Self {
        Self {
            bounds: Bounds::new(prices, lists),
            lists,
            demand,
            budget,
            nodes,
            take,
            boxes: None,
            path: Vec::new(),
        }
    }

    /// Looks at all members; `constants` is what they have besides the sums over stages. Says how all of them were covered.
    pub fn all(&mut self, constants: &[i64]) -> BoxJson {
        match self
            .bounds
            .closing((0, 0), constants, self.demand.need, &self.demand.most)
        {
            Some(by) => BoxJson::Closed(by as u32),
            None => self.open((0, 0), constants, 0),
        }
    }

    /// What begins so, going by the bound of this number.
    fn open(&mut self, (stage, way): (usize, usize), sums: &[i64], by: usize) -> BoxJson {
        let lists = self.lists;
        let (Some(items), Some(bound)) = (lists.get(stage).and_then(|ways| ways.get(way)), self.bounds.all.get(by))
        else {
            return BoxJson::Closed(by as u32);
        };
        let (scale, start) = (bound.prices.scale, bound.prices.value(sums, &self.demand.most));
        let floor = scale * self.demand.need;
        let after = bound.following.get(stage + 1).map_or(&[][..], Vec::as_slice);
        let mut rest = None;
        let mut inside: Vec<(i64, usize)> = Vec::new();
        for (number, (item, own)) in items.each().enumerate() {
            let following = after.get(item.next as usize).copied().unwrap_or(i64::MIN / 4);
            let value = start.saturating_add(bound.prices.weight(own) + following);
            if value >= floor {
                inside.push((value, number));
            } else {
                rest = rest.max(Some(value));
            }
        }
        let mut with = vec![0; sums.len()];
        let mut add = |own: &[i64]| {
            with.iter_mut()
                .zip(sums)
                .zip(own)
                .for_each(|((with, sum), own)| *with = sum + own);
            with.clone()
        };
        if stage + 1 == lists.len() {
            self.nodes.count += 1;
            for (_, number) in &inside {
                let Some((item, own)) = items.at(*number, sums.len()) else {
                    continue;
                };
                let with = add(own);
                if self.demand.met(&with) {
                    self.path.push(item.configuration);
                    (self.take)(&self.path, &with, &mut self.demand);
                    self.path.pop();
                }
            }
            return BoxJson::Members(by as u32, inside.len() as u64);
        }
        inside.sort_unstable_by_key(|(value, number)| (Reverse(*value), *number));
        let mut boxes = Vec::with_capacity(inside.len());
        for (value, number) in inside {
            if self.nodes.stopped || value < scale * self.demand.need {
                break;
            }
            self.nodes.count += 1;
            if self.nodes.count.is_multiple_of(LOOK) && self.budget.is_used_up(self.nodes.count) {
                self.nodes.stopped = true;
                break;
            }
            let Some((item, own)) = items.at(number, sums.len()) else {
                continue;
            };
            let place = (stage + 1, item.next as usize);
            let with = add(own);
            self.path.push(item.configuration);
            let inner = self.one(place, &with, by);
            self.path.pop();
            match &mut self.boxes {
                None => {}
                Some(0) => self.nodes.stopped = true,
                Some(left) => {
                    *left -= 1;
                    boxes.push((item.configuration, inner));
                }
            }
        }
        BoxJson::Split(by as u32, rest, boxes)
    }

    /// What begins with the path, at first by the bound that it was met with.
    fn one(&mut self, place: (usize, usize), sums: &[i64], by: usize) -> BoxJson {
        let most = &self.demand.most;
        if let Some(by) = self.bounds.closing(place, sums, self.demand.need, most) {
            return BoxJson::Closed(by as u32);
        }
        if place.0 + 1 >= self.lists.len() {
            return self.open(place, sums, by);
        }
        let priced = self.bounds.all.first().is_some_and(|bound| bound.prices.scale > 0);
        let rest = relaxation::Rest {
            lists: self.lists,
            place,
            sums,
        };
        let (prices, met) = if priced {
            let relaxed = rest.accuracy(self.demand.need, most);
            (Prices::of_accuracy(&relaxed.multipliers, most), relaxed.met)
        } else {
            let relaxed = rest.ratio(most);
            (Prices::of_ratio(&relaxed.multipliers, most), relaxed.met)
        };
        for it in met {
            if self.demand.met(&it.sums) {
                let length = self.path.len();
                self.path.extend(it.path);
                (self.take)(&self.path, &it.sums, &mut self.demand);
                self.path.truncate(length);
            }
        }
        let bound = Bound::new(prices, self.lists);
        let closed = bound.closes(place, sums, self.demand.need, &self.demand.most);
        let number = self.bounds.add(bound);
        if closed {
            BoxJson::Closed(number as u32)
        } else {
            self.open(place, sums, number)
        }
    }
}

impl Demand {
    /// Whether a member meets it.
    fn met(&self, sums: &[i64]) -> bool {
        sums.first().is_some_and(|accuracy| *accuracy >= self.need)
            && sums.iter().skip(1).zip(&self.most).all(|(cost, most)| cost <= most)
    }
}
