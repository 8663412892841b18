//! The cover of a certificate: boxes under which nothing is left to look at.

use std::collections::BTreeMap;

use super::bounds::Bounds;
use super::certificate::{BoxJson, CoverJson};
use super::items::{Items, Prices, Wanted, lists};
use super::optimum::{Budget, Priced};
use super::problem::{Problem, Setting};
use super::relaxation;
use super::walk::{Demand, Nodes, Walk};
use crate::SearchError;

impl Problem {
    /// A cover for each resolution that shows that no member within the limits exceeds this accuracy, or without one that no
    /// member is within the limits.
    pub(super) fn cover(&self, best: Option<i64>, most: usize) -> Result<Vec<CoverJson>, SearchError> {
        let mut left = most;
        self.settings
            .iter()
            .map(|setting| self.cover_of(setting, best, &mut left))
            .collect()
    }

    fn cover_of(&self, setting: &Setting, best: Option<i64>, left: &mut usize) -> Result<CoverJson, SearchError> {
        let prices = if best.is_some() {
            Priced::new(self, setting, &[]).0.prices
        } else {
            Prices::of_ratio(&relaxation::ratio(self, setting).multipliers, &self.most)
        };
        let weights = prices.weights(setting);
        let following = self.following(&weights);
        let constant = prices.value(&setting.constants, &self.most);
        let need = best.map_or(0, |best| best + 1);
        let wanted = if best.is_some() { Wanted::Best(1) } else { Wanted::Cheap };
        let sums = (weights.as_slice(), following.as_slice());
        let lists = lists(self, setting, sums, constant, prices.scale * need, wanted);
        let demand = Demand {
            need: if best.is_some() { need } else { i64::MIN },
            most: self.most.clone(),
        };
        let mut nodes = Nodes::default();
        // That nothing is left to be found has been proved.
        let mut take = |_: &[u32], _: &[i64], _: &mut Demand| {};
        let mut walk = Walk::new(&lists, prices, demand, (&Budget::UNLIMITED, &mut nodes), &mut take);
        walk.boxes = Some(*left);
        let mut all = walk.all(&setting.constants);
        *left = walk.boxes.unwrap_or(0);
        let bounds = walk.bounds;
        if nodes.stopped {
            return Err(SearchError::Certificate {
                reason: "its cover needs more boxes than are allowed".to_owned(),
            });
        }
        Ok(CoverJson {
            resolution: setting.resolution,
            multipliers: cited(&bounds, &mut all),
            bound: constant + following.first().and_then(|ways| ways.first()).copied().unwrap_or(0),
            dominated: self.dominated(&lists),
            all,
        })
    }

    fn dominated(&self, lists: &[Vec<Items>]) -> Vec<Vec<(u32, u32)>> {
        let of_stage = |(stage, ways): (&super::stages::Stage, &Vec<Items>)| {
            let ways = ways.iter().enumerate();
            let entries = ways.flat_map(|(way, items)| {
                let first = (way * stage.count) as u32;
                items
                    .dominated
                    .iter()
                    .map(move |(own, other)| (first + own, first + other))
            });
            entries.collect()
        };
        self.stages.iter().zip(lists).map(of_stage).collect()
    }
}

/// The multipliers that boxes go by; their numbers are put into the boxes. The first ones stay the first.
fn cited(bounds: &Bounds, all: &mut BoxJson) -> Vec<Vec<i64>> {
    let mut numbers = BTreeMap::from([(0, 0)]);
    let mut cited = vec![0];
    renumber(all, &mut |by| {
        *numbers.entry(by).or_insert_with(|| {
            cited.push(by);
            cited.len() as u32 - 1
        })
    });
    let bounds = cited.iter().filter_map(|by| bounds.all.get(*by as usize));
    bounds
        .map(|bound| {
            let multipliers = bound.prices.multipliers.iter().copied();
            std::iter::once(bound.prices.scale).chain(multipliers).collect()
        })
        .collect()
}

fn renumber(it: &mut BoxJson, number: &mut impl FnMut(u32) -> u32) {
    match it {
        BoxJson::Closed(by) | BoxJson::Members(by, _) => *by = number(*by),
        BoxJson::Split(by, _, boxes) => {
            *by = number(*by);
            for (_, inner) in boxes {
                renumber(inner, number);
            }
        }
    }
}
