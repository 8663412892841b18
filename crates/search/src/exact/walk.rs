//! The depth-first walk over stages, the most promising items first.

use super::items::{Items, Prices, Wanted, lists};
use super::optimum::Budget;
use super::problem::{Problem, Setting};

/// Nodes between two looks at the budget.
const LOOK: u64 = 4_096;

/// What members must have to be looked at; it tightens as members are found.
#[derive(Debug, Clone)]
pub(super) struct Demand {
    /// The least value by the prices.
    pub floor: i64,
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

/// Looks at every member whose value is at least the demand's floor and that keeps its limits, but for those that others
/// make unnecessary ([`lists`]). Returns early when the budget is used up.
#[expect(clippy::too_many_arguments, reason = "one question, asked from two places")]
pub(super) fn walk(
    problem: &Problem,
    setting: &Setting,
    prices: &Prices,
    (weights, following): (&[Vec<i64>], &[Vec<i64>]),
    demand: &mut Demand,
    wanted: Wanted,
    (budget, nodes): (&Budget<'_>, &mut Nodes),
    take: Take<'_>,
) {
    let constant = prices.constant(setting, &demand.most);
    let lists = lists(problem, setting, weights, following, constant, demand.floor, wanted);
    let cheapest = cheapest(&lists, setting.constants.len());
    let mut walk = Walk {
        lists: &lists,
        cheapest: &cheapest,
        columns: setting.constants.len(),
        path: Vec::new(),
        demand,
        nodes,
        budget,
        take,
    };
    walk.descend(0, constant, &setting.constants);
}

/// For each stage and way in, the least of every cost that can follow; after the last stage 0.
fn cheapest(lists: &[Vec<Items>], columns: usize) -> Vec<Vec<Vec<i64>>> {
    let mut all = vec![vec![vec![0; columns]]];
    for ways in lists.iter().rev() {
        let after = all.last().map_or(&[][..], Vec::as_slice);
        let of_way = |items: &Items| {
            // A way that leads nowhere costs more than anything.
            let mut least = vec![i64::MAX / 4; columns];
            for (number, item) in items.list.iter().enumerate() {
                let Some(after) = after.get(item.next as usize) else {
                    continue;
                };
                for ((least, own), after) in least.iter_mut().zip(items.sums(number, columns)).zip(after) {
                    *least = (*least).min(own.saturating_add(*after));
                }
            }
            least
        };
        let here = ways.iter().map(of_way).collect();
        all.push(here);
    }
    all.reverse();
    all
}

struct Walk<'a, 'b> {
    lists: &'a [Vec<Items>],
    cheapest: &'a [Vec<Vec<i64>>],
    columns: usize,
    path: Vec<u32>,
    demand: &'a mut Demand,
    nodes: &'a mut Nodes,
    budget: &'a Budget<'b>,
    take: Take<'a>,
}

impl Walk<'_, '_> {
    fn descend(&mut self, way: usize, value: i64, sums: &[i64]) {
        let stage = self.path.len();
        let (lists, cheapest) = (self.lists, self.cheapest);
        let Some(items) = lists.get(stage).and_then(|ways| ways.get(way)) else {
            return;
        };
        let last = stage + 1 == lists.len();
        let mut with = vec![0; sums.len()];
        for (number, item) in items.list.iter().enumerate() {
            if value + item.key < self.demand.floor || self.nodes.stopped {
                return;
            }
            self.nodes.count += 1;
            if self.nodes.count.is_multiple_of(LOOK) && self.budget.is_used_up(self.nodes.count) {
                self.nodes.stopped = true;
                return;
            }
            let own = items.sums(number, self.columns);
            with.iter_mut()
                .zip(sums)
                .zip(own)
                .for_each(|((with, sum), own)| *with = sum + own);
            let Some(after) = cheapest.get(stage + 1).and_then(|ways| ways.get(item.next as usize)) else {
                continue;
            };
            let costs = with.iter().zip(after).skip(1).zip(&self.demand.most);
            if costs.into_iter().any(|((cost, after), most)| cost + after > *most) {
                continue;
            }
            self.path.push(item.configuration);
            if last {
                (self.take)(&self.path, &with, self.demand);
            } else {
                self.descend(item.next as usize, value + item.weight, &with);
            }
            self.path.pop();
        }
    }
}
