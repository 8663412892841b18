//! A space as a chain of stages: decisions that switch each other together, their configurations listed.

use std::collections::BTreeMap;

use panarch_space::{Condition, Genotype, Space, Subspace};

use crate::SearchError;

/// Configurations that one stage may have, and entries (configurations times what may come in).
const MOST: usize = 2_000_000;

/// Some decisions, all of their configurations, and how these hang on what came before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stage {
    /// Those that switch others first.
    pub decisions: Vec<usize>,
    /// The states of the decisions, configuration after configuration.
    pub configurations: Vec<u8>,
    pub count: usize,
    /// The decisions of earlier stages whose states terms from here on ask for.
    pub carried: Vec<usize>,
    /// The states of those, for each way in.
    pub ways: Vec<Vec<u8>>,
    /// For each entry (way in × configuration), the way into the next stage.
    pub next: Vec<u32>,
}

impl Stage {
    pub fn configuration(&self, number: usize) -> &[u8] {
        let width = self.decisions.len();
        self.configurations
            .get(number * width..(number + 1) * width)
            .unwrap_or_default()
    }

    pub fn entries(&self) -> usize {
        self.ways.len() * self.count
    }

    /// The state of a decision at an entry.
    pub fn state(&self, decision: usize, way: usize, configuration: usize) -> Option<u8> {
        if let Some(place) = self.decisions.iter().position(|it| *it == decision) {
            return self.configuration(configuration).get(place).copied();
        }
        let place = self.carried.iter().position(|it| *it == decision)?;
        self.ways.get(way)?.get(place).copied()
    }
}

/// When a decision counts: each of these decisions is active and takes one of these choices.
pub(super) type When = Vec<(usize, Vec<u8>)>;

/// The conditions of all decisions.
pub(super) fn conditions(space: &Space) -> Result<Vec<When>, SearchError> {
    let refused = |reason: String| SearchError::NotExact {
        space: space.name().to_owned(),
        reason,
    };
    let mut all = Vec::new();
    for decision in space.decisions() {
        let mut when = When::new();
        for condition in &decision.conditions {
            match condition {
                Condition::Choice { decision, choices, .. } => when.push((*decision, choices.clone())),
                Condition::ResidualFits => {
                    return Err(refused(format!("whether `{}` counts hangs on widths", decision.name)));
                }
            }
        }
        all.push(when);
    }
    Ok(all)
}

/// The stages of a subspace for terms over these sets of decisions.
pub(super) fn chain(
    subspace: &Subspace,
    when: &[When],
    scopes: &[Vec<usize>],
    most: usize,
) -> Result<Vec<Stage>, SearchError> {
    let space = subspace.space();
    let groups = joined(groups(space, when)?, subspace, when, most)?;
    let mut position = vec![0; space.decisions().len()];
    for (stage, group) in groups.iter().enumerate() {
        for decision in group {
            if let Some(position) = position.get_mut(*decision) {
                *position = stage;
            }
        }
    }
    let last = |scope: &[usize]| {
        scope
            .iter()
            .filter_map(|it| position.get(*it))
            .max()
            .copied()
            .unwrap_or(0)
    };
    let mut ways: Vec<Vec<u8>> = vec![Vec::new()];
    let mut carried: Vec<usize> = Vec::new();
    let mut stages = Vec::new();
    for (number, decisions) in groups.into_iter().enumerate() {
        let configurations = configurations(&decisions, subspace, when)?;
        let count = configurations.len().checked_div(decisions.len()).unwrap_or(1);
        let mut stage = Stage {
            decisions,
            configurations,
            count,
            carried,
            ways,
            next: Vec::new(),
        };
        if stage.entries() > MOST {
            return Err(too_many(space, &stage.decisions));
        }
        // What later stages ask for of this one and of earlier ones.
        let later = scopes.iter().filter(|scope| last(scope) > number).flatten();
        let mut onwards: Vec<usize> = later
            .copied()
            .filter(|it| position.get(*it).is_some_and(|stage| *stage <= number))
            .collect();
        onwards.sort_unstable();
        onwards.dedup();
        let mut numbers: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
        let mut leaving = Vec::new();
        stage.next = Vec::with_capacity(stage.entries());
        for way in 0..stage.ways.len() {
            for configuration in 0..count {
                let state = |decision: &usize| stage.state(*decision, way, configuration).unwrap_or(0);
                let states: Vec<u8> = onwards.iter().map(state).collect();
                let next = match numbers.get(&states) {
                    Some(next) => *next,
                    None => {
                        let next = numbers.len() as u32;
                        numbers.insert(states.clone(), next);
                        leaving.push(states);
                        next
                    }
                };
                stage.next.push(next);
            }
        }
        (carried, ways) = (onwards, leaving);
        stages.push(stage);
    }
    Ok(stages)
}

/// Decisions that switch each other, directly or not; those that switch others first.
fn groups(space: &Space, when: &[When]) -> Result<Vec<Vec<usize>>, SearchError> {
    let mut group: Vec<usize> = (0..when.len()).collect();
    for (decision, when) in when.iter().enumerate() {
        for (driver, _) in when {
            let (a, b) = (group.get(decision).copied(), group.get(*driver).copied());
            if let (Some(a), Some(b)) = (a, b) {
                group
                    .iter_mut()
                    .filter(|it| **it == a.max(b))
                    .for_each(|it| *it = a.min(b));
            }
        }
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for first in 0..when.len() {
        let mut left: Vec<usize> = (0..when.len()).filter(|it| group.get(*it) == Some(&first)).collect();
        let mut ordered = Vec::new();
        while !left.is_empty() {
            let ready = |it: &usize| {
                when.get(*it)
                    .is_some_and(|when| when.iter().all(|(driver, _)| !left.contains(driver)))
            };
            let Some(place) = left.iter().position(ready) else {
                return Err(SearchError::NotExact {
                    space: space.name().to_owned(),
                    reason: "decisions switch each other in a circle".to_owned(),
                });
            };
            ordered.push(left.remove(place));
        }
        if !ordered.is_empty() {
            groups.push(ordered);
        }
    }
    if groups.is_empty() {
        groups.push(Vec::new());
    }
    Ok(groups)
}

/// Joins neighbouring groups while they have no more configurations together than this.
fn joined(
    groups: Vec<Vec<usize>>,
    subspace: &Subspace,
    when: &[When],
    most: usize,
) -> Result<Vec<Vec<usize>>, SearchError> {
    let mut joined: Vec<(Vec<usize>, usize)> = Vec::new();
    for group in groups {
        let count = configurations(&group, subspace, when)?
            .len()
            .checked_div(group.len())
            .unwrap_or(1);
        match joined
            .last_mut()
            .filter(|(_, before)| before.saturating_mul(count) <= most)
        {
            Some((last, before)) => {
                last.extend(group);
                *before *= count;
            }
            None => joined.push((group, count)),
        }
    }
    Ok(joined.into_iter().map(|(group, _)| group).collect())
}

/// The states of some decisions in every member, each combination once, the last decision fastest.
fn configurations(decisions: &[usize], subspace: &Subspace, when: &[When]) -> Result<Vec<u8>, SearchError> {
    let mut open: Vec<Vec<u8>> = Vec::new();
    for decision in decisions {
        let mut choices = subspace.open().get(*decision).cloned().unwrap_or_default();
        choices.sort_unstable();
        open.push(choices.into_iter().map(|choice| choice + 1).collect());
    }
    let place = |decision: usize| decisions.iter().position(|it| *it == decision);
    let mut rules: Vec<Vec<(usize, &[u8])>> = Vec::new();
    for decision in decisions {
        let when = when.get(*decision).map_or(&[][..], Vec::as_slice);
        rules.push(
            when.iter()
                .filter_map(|(driver, choices)| Some((place(*driver)?, choices.as_slice())))
                .collect(),
        );
    }
    let mut all: Vec<u8> = Vec::new();
    let mut partial: Vec<u8> = Vec::with_capacity(decisions.len());
    list(&open, &rules, &mut partial, &mut all).map_err(|()| too_many(subspace.space(), decisions))?;
    Ok(all)
}

fn list(open: &[Vec<u8>], rules: &[Vec<(usize, &[u8])>], partial: &mut Vec<u8>, all: &mut Vec<u8>) -> Result<(), ()> {
    let (Some(choices), Some(rules_here)) = (open.get(partial.len()), rules.get(partial.len())) else {
        if all.len() >= MOST.saturating_mul(open.len()) {
            return Err(());
        }
        all.extend_from_slice(partial);
        return Ok(());
    };
    let taken = |place: usize| partial.get(place).and_then(|state| state.checked_sub(1));
    let active = rules_here
        .iter()
        .all(|(place, wanted)| taken(*place).is_some_and(|choice| wanted.contains(&choice)));
    for state in if active { choices.as_slice() } else { &[0] } {
        partial.push(*state);
        list(open, rules, partial, all)?;
        partial.pop();
    }
    Ok(())
}

fn too_many(space: &Space, decisions: &[usize]) -> SearchError {
    let names = decisions
        .iter()
        .filter_map(|it| space.decisions().get(*it))
        .map(|it| it.name.as_str());
    SearchError::NotExact {
        space: space.name().to_owned(),
        reason: format!(
            "{} hang together in more than {MOST} ways, which are too many to list",
            names.collect::<Vec<_>>().join(", ")
        ),
    }
}

/// The canonical genotype of a configuration of every stage.
pub(super) fn genotype(stages: &[Stage], path: &[u32], decisions: usize) -> Genotype {
    let mut choices = vec![0; decisions];
    for (stage, configuration) in stages.iter().zip(path) {
        let states = stage.configuration(*configuration as usize).iter();
        for (decision, state) in stage.decisions.iter().zip(states) {
            if let Some(choice) = choices.get_mut(*decision) {
                *choice = state.saturating_sub(1);
            }
        }
    }
    Genotype::new(choices)
}
