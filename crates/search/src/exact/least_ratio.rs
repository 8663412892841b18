use super::items::{Prices, Wanted, lists};
use super::optimum::{Budget, Found};
use super::problem::Problem;
use super::quantum::{self, WIDE};
use super::relaxation;
use super::walk::{Demand, Nodes, Walk};
use crate::SearchError;

/// The member whose worst ratio of cost to limit is the least.
#[derive(Debug, Clone, PartialEq)]
pub struct LeastRatio {
    /// The member.
    pub member: Found,
    /// Its worst ratio.
    pub ratio: f64,
    /// Whether it is proved that none is less.
    pub proven: bool,
    pub(super) position: usize,
    pub(super) path: Vec<u32>,
}

/// A ratio of a cost to its limit, exact: `cost / limit`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ratio {
    cost: i64,
    limit: i64,
}

impl Ratio {
    /// The worst of a member.
    pub fn worst(sums: &[i64], most: &[i64]) -> Self {
        let ratios = sums.iter().skip(1).zip(most).map(|(cost, limit)| Self {
            cost: *cost,
            limit: (*limit).max(1),
        });
        ratios.fold(
            Self {
                cost: i64::MIN / 2,
                limit: 1,
            },
            |worst, other| if worst.less(other) { other } else { worst },
        )
    }

    pub fn less(self, other: Self) -> bool {
        i128::from(self.cost) * i128::from(other.limit) < i128::from(other.cost) * i128::from(self.limit)
    }

    /// The most that every cost may be for a ratio that is less than this one.
    pub fn below(self, most: &[i64]) -> Vec<i64> {
        let below =
            |limit: &i64| (i128::from((*limit).max(1)) * i128::from(self.cost) - 1).div_euclid(i128::from(self.limit));
        most.iter()
            // A large ratio takes a limit beyond all sums, where it forbids nothing.
            .map(|limit| i64::try_from(below(limit).min(i128::from(WIDE))).unwrap_or(-WIDE))
            .collect()
    }

    pub fn value(self) -> f64 {
        self.cost as f64 / self.limit as f64
    }
}

impl Problem {
    /// The member whose worst ratio of cost to limit is the least: the cheapest end of the front.
    ///
    /// # Errors
    /// [`SearchError::Settings`] without limits.
    pub fn least_ratio(&self, budget: &Budget<'_>) -> Result<LeastRatio, SearchError> {
        self.least_ratio_from(false, budget, &mut Nodes::default())
    }

    /// The same; where `enough`, the first member that keeps all limits will do.
    pub(super) fn least_ratio_from(
        &self,
        enough: bool,
        budget: &Budget<'_>,
        nodes: &mut Nodes,
    ) -> Result<LeastRatio, SearchError> {
        let mut best: Option<(Ratio, Vec<i64>, usize, Vec<u32>)> = None;
        let mut prices = Vec::new();
        for (position, setting) in self.settings.iter().enumerate() {
            let relaxed = relaxation::ratio(self, setting);
            for it in relaxed.met {
                let ratio = Ratio::worst(&it.sums, &self.most);
                if best.as_ref().is_none_or(|(least, ..)| ratio.less(*least)) {
                    best = Some((ratio, it.sums, position, it.path));
                }
            }
            prices.push(Prices::of_ratio(&relaxed.multipliers, &self.most));
        }
        let (mut ratio, mut sums, mut place, mut path) =
            best.filter(|_| !self.most.is_empty())
                .ok_or_else(|| SearchError::Settings {
                    reason: "without limits there is no ratio".to_owned(),
                })?;
        for (position, (setting, prices)) in self.settings.iter().zip(&prices).enumerate() {
            if nodes.stopped || (enough && self.keeps_limits(&sums)) {
                break;
            }
            let weights = prices.weights(setting);
            let following = self.following(&weights);
            // A value of zero or more is what members within the limits have; the limits are those of a smaller ratio.
            let most = ratio.below(&self.most);
            let constant = prices.value(&setting.constants, &most);
            let largest = following.first().and_then(|ways| ways.first()).copied().unwrap_or(0);
            if largest + constant < 0 {
                continue;
            }
            let mut take = |found: &[u32], costs: &[i64], demand: &mut Demand| {
                ratio = Ratio::worst(costs, &self.most);
                (sums, place, path) = (costs.to_vec(), position, found.to_vec());
                demand.most = ratio.below(&self.most);
                if enough && self.keeps_limits(costs) {
                    demand.most.fill(-quantum::WIDE);
                }
            };
            let both = (weights.as_slice(), following.as_slice());
            let lists = lists(self, setting, both, constant, 0, Wanted::Cheap);
            let demand = Demand { need: i64::MIN, most };
            Walk::new(&lists, prices.clone(), demand, (budget, &mut *nodes), &mut take).all(&setting.constants);
        }
        Ok(LeastRatio {
            ratio: ratio.value(),
            member: self.found(place, &sums, &path),
            proven: !nodes.stopped,
            position: place,
            path,
        })
    }
}
