//! The check of one resolution's cover.

use std::collections::{BTreeMap, BTreeSet};

use super::super::certificate::{BoxJson, CoverJson, ProblemJson, SettingJson};
use super::chain::{Chain, Entry};
use super::{Found, malformed, refused, within};

/// No multiplier is larger.
const LARGEST_MULTIPLIER: u64 = 1 << 60;
/// Entries that are looked at over all boxes and multipliers.
const MOST_ENTRIES: u64 = 1 << 33;

/// What a check has looked at.
#[derive(Default)]
pub(super) struct Counts {
    pub boxes: u64,
    pub members: u64,
    /// Entries, over all boxes and multipliers.
    entries: u64,
}

impl Counts {
    fn look_at(&mut self, entries: usize) -> Found<()> {
        self.entries += entries as u64;
        if self.entries > MOST_ENTRIES {
            return malformed("checking it takes too long");
        }
        Ok(())
    }
}

/// Scale and multipliers, and by stage and way the largest value that can follow, none where no entry can.
struct Multipliers {
    factors: Vec<i128>,
    following: Vec<Vec<Option<i128>>>,
}

impl Multipliers {
    fn weight(&self, sums: &[i128]) -> i128 {
        self.factors.iter().zip(sums).map(|(factor, sum)| factor * sum).sum()
    }
}

impl Multipliers {
    fn of(&self, stage: usize, way: usize) -> Option<i128> {
        self.following.get(stage)?.get(way).copied().flatten()
    }
}

/// The check of one resolution.
pub(super) struct Checker<'a> {
    problem: &'a ProblemJson,
    /// By stage and way in.
    entries: Vec<Vec<Vec<Entry>>>,
    constants: Vec<i128>,
    best: Option<i128>,
    /// The largest value by the first multipliers.
    bound: i128,
    known: BTreeMap<u32, Multipliers>,
}

impl<'a> Checker<'a> {
    pub fn new(
        problem: &'a ProblemJson,
        chain: &'a Chain,
        setting: &SettingJson,
        cover: &CoverJson,
        best: Option<i128>,
    ) -> Found<Self> {
        let moderate = |it: &i64| *it >= 0 && it.unsigned_abs() <= LARGEST_MULTIPLIER;
        for multipliers in &cover.multipliers {
            if multipliers.len() != problem.limits.len() + 1 || !multipliers.iter().all(moderate) {
                return refused("there is not a scale and one multiplier of zero or more for each limit");
            }
            // Without an optimum the proof is that no member keeps the limits, in which accuracy has no part.
            if best.is_none() && multipliers.first() != Some(&0) {
                return refused("accuracy has a part in a proof that no member keeps the limits");
            }
        }
        let mut checker = Self {
            problem,
            entries: chain.entries(setting),
            constants: setting.tables.iter().map(|table| i128::from(table.constant)).collect(),
            best,
            bound: 0,
            known: BTreeMap::new(),
        };
        let Some(first) = cover.multipliers.first() else {
            return refused("there are no multipliers");
        };
        let first = checker.multipliers(first);
        checker.bound = checker.start(&first, &checker.constants) + first.of(0, 0).unwrap_or(0);
        checker.leave_out(chain, &first, &cover.dominated)?;
        Ok(checker)
    }

    fn multipliers(&self, stated: &[i64]) -> Multipliers {
        let scale = stated.iter().take(1).map(|it| i128::from(*it));
        let factors = scale.chain(stated.iter().skip(1).map(|it| -i128::from(*it)));
        let mut all = Multipliers {
            factors: factors.collect(),
            following: vec![vec![Some(0)]],
        };
        for ways in self.entries.iter().rev() {
            let after = all.following.last().map_or(&[][..], Vec::as_slice);
            let largest = |entries: &Vec<Entry>| {
                let values = entries.iter().filter_map(|entry| {
                    let after = after.get(entry.next).copied().flatten()?;
                    Some(all.weight(&entry.sums) + after)
                });
                values.max()
            };
            let here = ways.iter().map(largest).collect();
            all.following.push(here);
        }
        all.following.reverse();
        all
    }

    /// The value of what is known of a member.
    fn start(&self, by: &Multipliers, sums: &[i128]) -> i128 {
        let limits = self.problem.limits.iter().zip(by.factors.iter().skip(1));
        let limits: i128 = limits.map(|(limit, factor)| factor * i128::from(limit.most)).sum();
        by.weight(sums) - limits
    }

    /// Members of less value are not both within the limits and better than the best.
    fn floor(&self, by: &Multipliers) -> i128 {
        let scale = by.factors.first().copied().unwrap_or(0);
        self.best.map_or(0, |best| scale * (best + 1))
    }

    /// Takes out what no better member has by the first multipliers, and what is dominated.
    fn leave_out(&mut self, chain: &Chain, first: &Multipliers, dominated: &[Vec<(u32, u32)>]) -> Found<()> {
        if dominated.len() != chain.stages.len() {
            return refused("there is not one list of dominated entries for each stage");
        }
        let floor = self.floor(first);
        let accurate = self.best.is_some();
        let mut before = vec![Some(self.start(first, &self.constants))];
        for (number, ((ways, dominated), stage)) in
            self.entries.iter_mut().zip(dominated).zip(&chain.stages).enumerate()
        {
            let count = stage.configurations.len();
            let out: BTreeSet<usize> = dominated.iter().map(|(entry, _)| *entry as usize).collect();
            for (entry, other) in dominated {
                let (entry, other) = (*entry as usize, *other as usize);
                let found = |it: usize| ways.get(it.checked_div(count)?)?.get(it % count);
                let right = out.len() == dominated.len()
                    && !out.contains(&other)
                    && entry / count.max(1) == other / count.max(1)
                    && found(entry).zip(found(other)).is_some_and(|(entry, other)| {
                        let mut costs = entry.sums.iter().zip(&other.sums).skip(1);
                        entry.next == other.next
                            && costs.all(|(entry, other)| entry >= other)
                            && (!accurate || entry.sums.first() <= other.sums.first())
                    });
                if !right {
                    return refused("an entry is not dominated as it is said to be");
                }
            }
            let mut onwards = vec![None; stage.ways_out()];
            for (way, entries) in ways.iter_mut().enumerate() {
                let before = before.get(way).copied().flatten();
                entries.retain(|entry| {
                    let own = before.map(|before| before + first.weight(&entry.sums));
                    let after = first.of(number + 1, entry.next);
                    let kept = own.zip(after).is_some_and(|(own, after)| own + after >= floor)
                        && !out.contains(&(way * count + entry.configuration));
                    if kept && let Some(most) = onwards.get_mut(entry.next) {
                        *most = own.max(*most);
                    }
                    kept
                });
            }
            before = onwards;
        }
        Ok(())
    }

    pub fn check(&mut self, cover: &CoverJson, counts: &mut Counts) -> Found<()> {
        if self.bound != i128::from(cover.bound) {
            return refused("the bound of a resolution is another");
        }
        let constants = self.constants.clone();
        self.check_box((0, 0), &constants, cover, &cover.all, counts)
    }

    fn check_box(
        &mut self,
        (stage, way): (usize, usize),
        sums: &[i128],
        cover: &CoverJson,
        stated: &BoxJson,
        counts: &mut Counts,
    ) -> Found<()> {
        counts.boxes += 1;
        let (BoxJson::Closed(by) | BoxJson::Members(by, _) | BoxJson::Split(by, ..)) = stated;
        if !self.known.contains_key(by) {
            let Some(stated) = cover.multipliers.get(*by as usize) else {
                return refused("a box goes by multipliers that there are not");
            };
            counts.look_at(self.entries.iter().flatten().map(Vec::len).sum())?;
            self.known.insert(*by, self.multipliers(stated));
        }
        let Some(by) = self.known.get(by) else {
            return refused("a box goes by multipliers that there are not");
        };
        let (start, floor) = (self.start(by, sums), self.floor(by));
        let entries = self
            .entries
            .get(stage)
            .and_then(|ways| ways.get(way))
            .map_or(&[][..], Vec::as_slice);
        let with = |entry: &Entry| sums.iter().zip(&entry.sums).map(|(a, b)| a + b).collect::<Vec<i128>>();
        let value = |entry: &Entry| {
            let after = by.of(stage + 1, entry.next)?;
            Some(start + by.weight(&entry.sums) + after)
        };
        let last = stage + 1 == self.entries.len();
        match stated {
            BoxJson::Closed(_) => {
                if by.of(stage, way).is_some_and(|following| start + following >= floor) {
                    return refused("a box is not closed by its multipliers");
                }
                Ok(())
            }
            BoxJson::Members(_, stated) if last => {
                counts.look_at(entries.len())?;
                let mut members = 0;
                for entry in entries
                    .iter()
                    .filter(|entry| value(entry).is_some_and(|it| it >= floor))
                {
                    members += 1;
                    let sums = with(entry);
                    let better = self
                        .best
                        .is_none_or(|best| sums.first().is_some_and(|accuracy| *accuracy > best));
                    if better && within(self.problem, &sums) {
                        return refused("a member within the limits is better");
                    }
                }
                counts.members += members;
                if members == *stated {
                    Ok(())
                } else {
                    refused("a box has another number of members to look at")
                }
            }
            BoxJson::Split(_, rest, boxes) if !last => {
                counts.look_at(entries.len())?;
                let listed: BTreeMap<usize, &BoxJson> =
                    boxes.iter().map(|(number, it)| (*number as usize, it)).collect();
                if listed.len() != boxes.len() {
                    return refused("a box lists a configuration twice");
                }
                let mut outside = None;
                let mut inner = Vec::new();
                for entry in entries {
                    match listed.get(&entry.configuration) {
                        Some(it) => inner.push((entry.next, with(entry), *it)),
                        None => outside = outside.max(value(entry)),
                    }
                }
                if outside != rest.map(i128::from) {
                    return refused("the bound of a box is another");
                }
                if outside.is_some_and(|outside| outside >= floor) {
                    return refused("the bound of a box leaves room for better members");
                }
                if inner.len() != listed.len() {
                    return refused("a box lists a configuration that there is not");
                }
                for (next, sums, it) in inner {
                    self.check_box((stage + 1, next), &sums, cover, it, counts)?;
                }
                Ok(())
            }
            _ => refused("the boxes do not go with the stages"),
        }
    }
}
