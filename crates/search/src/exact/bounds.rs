//! Multipliers with the bounds that follow from them, gathered as a walk meets what the first ones leave open.

use super::items::{Items, Prices};

/// How many of the bounds that closed something lately are tried on whatever comes next.
const TRIED: usize = 64;
/// Less than any value.
const NONE: i64 = i64::MIN / 4;

/// Multipliers, and by stage and way in the largest value that can follow; after the last stage 0.
pub(super) struct Bound {
    pub prices: Prices,
    pub following: Vec<Vec<i64>>,
}

impl Bound {
    pub fn new(prices: Prices, lists: &[Vec<Items>]) -> Self {
        let mut following = vec![vec![0]];
        for ways in lists.iter().rev() {
            let after = following.last().map_or(&[][..], Vec::as_slice);
            let here = ways.iter().map(|items| {
                let values = items
                    .each()
                    .map(|(item, sums)| prices.weight(sums) + after.get(item.next as usize).copied().unwrap_or(NONE));
                values.max().unwrap_or(NONE).max(NONE)
            });
            let here = here.collect();
            following.push(here);
        }
        following.reverse();
        Self { prices, following }
    }

    /// Whether members that begin with these sums and go on from this way into a stage have less value than `need` of
    /// accuracy has.
    pub fn closes(&self, (stage, way): (usize, usize), sums: &[i64], need: i64, most: &[i64]) -> bool {
        let after = self.following.get(stage).and_then(|ways| ways.get(way));
        let value = self
            .prices
            .value(sums, most)
            .saturating_add(after.copied().unwrap_or(NONE));
        value < self.prices.scale * need
    }
}

/// All bounds of a walk. The first one has the best multipliers of the whole; each limit has one of its own.
pub(super) struct Bounds {
    pub all: Vec<Bound>,
    limits: usize,
    /// The numbers of those that closed something, the last one first.
    recent: Vec<usize>,
}

impl Bounds {
    pub fn new(prices: Prices, lists: &[Vec<Items>]) -> Self {
        let limits = prices.multipliers.len();
        let alone = (0..limits).map(|limit| Prices::of_limit(limit, limits));
        let all = std::iter::once(prices).chain(alone);
        Self {
            all: all.map(|prices| Bound::new(prices, lists)).collect(),
            limits,
            recent: Vec::with_capacity(TRIED + 1),
        }
    }

    /// The number of a bound by which nothing that begins so is worth a look: it has less value than `need` of accuracy has.
    pub fn closing(&mut self, place: (usize, usize), sums: &[i64], need: i64, most: &[i64]) -> Option<usize> {
        let closes = |number: &usize| {
            self.all
                .get(*number)?
                .closes(place, sums, need, most)
                .then_some(*number)
        };
        if let Some(number) = (0..=self.limits).find_map(|number| closes(&number)) {
            return Some(number);
        }
        let found = self
            .recent
            .iter()
            .enumerate()
            .find_map(|(at, number)| Some((at, closes(number)?)));
        let (at, number) = found?;
        if let Some(up_to_it) = self.recent.get_mut(..=at) {
            up_to_it.rotate_right(1);
        }
        Some(number)
    }

    /// Adds a bound and says its number.
    pub fn add(&mut self, bound: Bound) -> usize {
        self.all.push(bound);
        let number = self.all.len() - 1;
        self.recent.insert(0, number);
        self.recent.truncate(TRIED);
        number
    }
}
