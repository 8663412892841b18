//! The cover of a certificate: boxes under which nothing is left to look at.

use std::cmp::Reverse;

use super::certificate::{BoxJson, CoverJson};
use super::items::Prices;
use super::optimum::Priced;
use super::problem::Problem;
use super::relaxation;
use crate::SearchError;

impl Problem {
    /// A cover for each resolution that shows that no member within the limits exceeds this accuracy, or without one that no
    /// member is within the limits.
    pub(super) fn cover(&self, best: Option<i64>, most: usize) -> Result<Vec<CoverJson>, SearchError> {
        let mut left = most;
        let mut covers = Vec::new();
        for setting in self.settings.iter() {
            let (prices, weights) = match best {
                Some(_) => {
                    let (priced, _) = Priced::new(self, setting);
                    (priced.prices, priced.weights)
                }
                None => {
                    let relaxed = relaxation::ratio(self, setting);
                    let prices = Prices::of_ratio(&relaxed.multipliers, &self.most);
                    let weights = prices.weights(setting);
                    (prices, weights)
                }
            };
            let following = self.following(&weights);
            let ordered = self.ordered(&weights, &following);
            let start = prices.constant(setting, &self.most);
            let floor = best.map_or(0, |best| prices.scale * (best + 1));
            let mut cutter = Cutter {
                problem: self,
                ordered: &ordered,
                floor,
                left: &mut left,
            };
            covers.push(CoverJson {
                resolution: setting.resolution,
                scale: prices.scale,
                multipliers: prices.multipliers.clone(),
                bound: start + following.first().and_then(|ways| ways.first()).copied().unwrap_or(0),
                all: cutter.cut(0, 0, start)?,
            });
        }
        Ok(covers)
    }

    /// For each stage and way in, the entries with the largest value that they and what follows can have, the largest first.
    fn ordered(&self, weights: &[Vec<i64>], following: &[Vec<i64>]) -> Vec<Vec<Vec<Entry>>> {
        let stages = self.stages.iter().zip(weights).zip(following.iter().skip(1));
        let of_stage = |((stage, weights), after): ((&super::stages::Stage, &Vec<i64>), &Vec<i64>)| {
            let of_way = |(weights, next): (&[i64], &[u32])| {
                let entries = weights
                    .iter()
                    .zip(next)
                    .enumerate()
                    .map(|(number, (weight, next))| Entry {
                        key: weight + after.get(*next as usize).copied().unwrap_or(0),
                        weight: *weight,
                        configuration: number as u32,
                        next: *next,
                    });
                let mut entries: Vec<Entry> = entries.collect();
                entries.sort_unstable_by_key(|entry| (Reverse(entry.key), entry.configuration));
                entries
            };
            let count = stage.count.max(1);
            weights
                .chunks(count)
                .zip(stage.next.chunks(count))
                .map(of_way)
                .collect()
        };
        stages.map(of_stage).collect()
    }
}

struct Entry {
    key: i64,
    weight: i64,
    configuration: u32,
    next: u32,
}

struct Cutter<'a> {
    problem: &'a Problem,
    ordered: &'a [Vec<Vec<Entry>>],
    /// Members of less value need no look.
    floor: i64,
    left: &'a mut usize,
}

impl Cutter<'_> {
    fn cut(&mut self, stage: usize, way: usize, value: i64) -> Result<BoxJson, SearchError> {
        *self.left = self.left.checked_sub(1).ok_or_else(|| SearchError::Certificate {
            reason: "its cover needs more boxes than are allowed".to_owned(),
        })?;
        let ordered = self.ordered;
        let entries = ordered
            .get(stage)
            .and_then(|ways| ways.get(way))
            .map_or(&[][..], Vec::as_slice);
        let enough = entries.partition_point(|entry| value + entry.key >= self.floor);
        if stage + 1 >= self.problem.stages.len() {
            return Ok(BoxJson::Members(enough as u64));
        }
        let (inside, outside) = entries.split_at_checked(enough).unwrap_or((entries, &[]));
        let boxes = inside.iter().map(|entry| {
            Ok((
                entry.configuration,
                self.cut(stage + 1, entry.next as usize, value + entry.weight)?,
            ))
        });
        let boxes = boxes.collect::<Result<_, SearchError>>()?;
        Ok(BoxJson::Split(outside.first().map(|entry| value + entry.key), boxes))
    }
}
