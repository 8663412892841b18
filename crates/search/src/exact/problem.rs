use std::sync::Arc;

use panarch_graph::stream;
use panarch_space::{Genotype, Space, Subspace};

use super::Factored;
use super::factored::states;
use super::quantum::{self, Rounded};
use super::stages::{self, Stage, When, chain};
use crate::SearchError;

/// Configurations up to which neighbouring stages become one.
const JOINED: usize = 8_192;
/// Members whose active decisions are compared with the space's own answer before anything is proved.
const COMPARED: u64 = 64;

/// What holds at one resolution.
#[derive(Debug, Clone, PartialEq)]
pub struct Tables {
    /// Height and width of the images in pixels.
    pub resolution: u32,
    /// The accuracy of members; any unit that is to be maximised.
    pub accuracy: Factored,
    /// What members cost, in the order of the limits.
    pub costs: Vec<Factored>,
}

/// A limit on one cost.
#[derive(Debug, Clone, PartialEq)]
pub struct CostLimit {
    /// What is limited, in words: `latency on cortex-a53 in s`.
    pub name: String,
    /// The most that is allowed, above zero, in the unit of the cost's tables.
    pub most: f64,
}

/// Members of a subspace, their accuracy, their costs, and limits on these: what is to be solved exactly.
#[derive(Debug, Clone)]
pub struct Problem {
    pub(super) space: Space,
    pub(super) open: Vec<Vec<u8>>,
    pub(super) when: Vec<When>,
    pub(super) stages: Arc<Vec<Stage>>,
    pub(super) limits: Vec<CostLimit>,
    /// Of accuracy, then of each cost: the quantum is 10 to the minus this.
    pub(super) decimals: Vec<i32>,
    /// The limits in multiples of their quanta.
    pub(super) most: Vec<i64>,
    pub(super) settings: Arc<Vec<Setting>>,
    pub(super) moved: f64,
}

/// The tables of a resolution in multiples, summed over every stage.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub resolution: u32,
    /// Of accuracy, then of each cost: the decisions of the factors and their rounded values.
    pub rounded: Vec<(Vec<Vec<usize>>, Rounded)>,
    pub constants: Vec<i64>,
    /// By stage, then by column (accuracy, costs), then by entry. Whole numbers below 2⁵³, so that they are exact.
    pub values: Vec<Vec<Vec<f64>>>,
}

impl Problem {
    /// Joins the parts and lists the configurations of every stage.
    ///
    /// # Errors
    /// [`SearchError::NotExact`] for a space that cannot be listed stage by stage, [`SearchError::Settings`] for tables that
    /// are not the space's, or limits that are not above zero.
    pub fn new(subspace: &Subspace, tables: &[Tables], limits: &[CostLimit]) -> Result<Self, SearchError> {
        Self::in_stages(subspace, tables, limits, JOINED)
    }

    /// The same, with stages that become one only where they have at most so many configurations together: more of them, and
    /// the same answers.
    ///
    /// # Errors
    /// As [`Problem::new`].
    pub fn in_stages(
        subspace: &Subspace,
        tables: &[Tables],
        limits: &[CostLimit],
        configurations: usize,
    ) -> Result<Self, SearchError> {
        let space = subspace.space();
        check(space, tables, limits)?;
        let when = stages::conditions(space)?;
        let columns = |index: usize| tables.iter().filter_map(move |tables| column(tables, index));
        let most = |index: usize| limits.get(index.wrapping_sub(1)).map_or(0.0, |limit| limit.most);
        let decimals = (0..=limits.len()).map(|index| quantum::decimals(columns(index), most(index)));
        let decimals: Vec<i32> = decimals.collect();
        let mut scopes: Vec<Vec<usize>> = Vec::new();
        let all = (0..=limits.len()).flat_map(columns).flat_map(|table| &table.factors);
        for factor in all {
            if !scopes.contains(&factor.decisions) {
                scopes.push(factor.decisions.clone());
            }
        }
        let stages = chain(subspace, &when, &scopes, configurations)?;
        compare(subspace, &when)?;
        let indices = entry_indices(space, &stages, &scopes);
        let settings: Vec<Setting> = tables
            .iter()
            .map(|tables| Setting::new(tables, &decimals, &scopes, &indices, &stages))
            .collect();
        let moved = |index: usize| {
            let moved = settings
                .iter()
                .filter_map(|setting| setting.rounded.get(index))
                .map(|(_, it)| it.moved);
            moved.fold(0.0, f64::max)
        };
        let most = limits.iter().zip(decimals.iter().skip(1)).enumerate();
        let most = most.map(|(index, (limit, decimals))| quantum::limit(limit.most, *decimals, moved(index + 1)));
        Ok(Self {
            most: most.collect(),
            moved: moved(0),
            space: space.clone(),
            open: subspace.open().to_vec(),
            when,
            stages: Arc::new(stages),
            limits: limits.to_vec(),
            decimals,
            settings: Arc::new(settings),
        })
    }

    /// The same members and tables with other limits, in the order of those before.
    ///
    /// # Errors
    /// [`SearchError::Settings`] for another number of limits, or one that is not above zero.
    pub fn with_limits(&self, most: &[f64]) -> Result<Self, SearchError> {
        if most.len() != self.limits.len() || !most.iter().all(|most| most.is_finite() && *most > 0.0) {
            return Err(SearchError::Settings {
                reason: format!("{} limits above zero are wanted", self.limits.len()),
            });
        }
        let mut problem = self.clone();
        for (index, most) in most.iter().enumerate() {
            let moved = self
                .settings
                .iter()
                .filter_map(|setting| setting.rounded.get(index + 1))
                .map(|(_, it)| it.moved);
            let decimals = self.decimals.get(index + 1).copied().unwrap_or(0);
            if let (Some(limit), Some(multiples)) = (problem.limits.get_mut(index), problem.most.get_mut(index)) {
                limit.most = *most;
                *multiples = quantum::limit(*most, decimals, moved.fold(0.0, f64::max));
            }
        }
        Ok(problem)
    }

    /// The space.
    #[must_use]
    pub const fn space(&self) -> &Space {
        &self.space
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &[CostLimit] {
        &self.limits
    }

    /// The quanta of accuracy and of each cost: values are whole multiples of them.
    #[must_use]
    pub fn quanta(&self) -> Vec<f64> {
        self.decimals
            .iter()
            .map(|decimals| quantum::value(1, *decimals))
            .collect()
    }

    /// By how much rounding has moved the accuracy of any member at most.
    #[must_use]
    pub fn rounding(&self) -> f64 {
        let decimals = self.decimals.first().copied().unwrap_or(0);
        self.moved * quantum::value(1, decimals)
    }

    /// For each stage the number of its configurations.
    #[must_use]
    pub fn configurations(&self) -> Vec<usize> {
        self.stages.iter().map(|stage| stage.count).collect()
    }

    pub(super) fn genotype(&self, path: &[u32]) -> Genotype {
        stages::genotype(&self.stages, path, self.space.decisions().len())
    }

    /// The sum of `weights` (by stage and entry) that can follow at most, by stage and way in; after the last stage 0.
    pub(super) fn following(&self, weights: &[Vec<i64>]) -> Vec<Vec<i64>> {
        let mut following = vec![vec![0]];
        for (stage, weights) in self.stages.iter().zip(weights).rev() {
            let after = following.last().map_or(&[][..], Vec::as_slice);
            let best = |way: usize| {
                let entries = way * stage.count..(way + 1) * stage.count;
                let pairs = weights
                    .get(entries.clone())
                    .into_iter()
                    .flatten()
                    .zip(stage.next.get(entries).into_iter().flatten());
                pairs
                    .map(|(weight, next)| weight + after.get(*next as usize).copied().unwrap_or(0))
                    .max()
            };
            let here = (0..stage.ways.len()).map(|way| best(way).unwrap_or(0)).collect();
            following.push(here);
        }
        following.reverse();
        following
    }
}

impl Setting {
    fn new(
        tables: &Tables,
        decimals: &[i32],
        scopes: &[Vec<usize>],
        indices: &[Vec<(usize, Vec<u32>)>],
        stages: &[Stage],
    ) -> Self {
        let mut rounded = Vec::new();
        let mut values: Vec<Vec<Vec<f64>>> = vec![Vec::new(); stages.len()];
        for (index, decimals) in decimals.iter().enumerate() {
            let Some(table) = column(tables, index) else { continue };
            let own = Rounded::new(table, *decimals);
            let of_scope = |scope: &Vec<usize>| {
                let factors = table
                    .factors
                    .iter()
                    .zip(&own.factors)
                    .filter(move |(factor, _)| factor.decisions == *scope);
                let factors: Vec<&Vec<i64>> = factors.map(|(_, values)| values).collect();
                factors
            };
            let by_scope: Vec<Vec<&Vec<i64>>> = scopes.iter().map(of_scope).collect();
            for ((stage, indices), values) in stages.iter().zip(indices).zip(&mut values) {
                let mut sums = vec![0_i64; stage.entries()];
                for (scope, entries) in indices {
                    for factor in by_scope.get(*scope).into_iter().flatten() {
                        for (sum, entry) in sums.iter_mut().zip(entries) {
                            *sum += factor.get(*entry as usize).copied().unwrap_or(0);
                        }
                    }
                }
                values.push(sums.into_iter().map(|sum| sum as f64).collect());
            }
            rounded.push((
                table.factors.iter().map(|factor| factor.decisions.clone()).collect(),
                own,
            ));
        }
        Self {
            resolution: tables.resolution,
            constants: rounded.iter().map(|(_, it)| it.constant).collect(),
            rounded,
            values,
        }
    }

    /// Column after column the value of a path.
    pub fn sums(&self, stages: &[Stage], path: &[u32]) -> Vec<i64> {
        let mut sums = self.constants.clone();
        let mut way = 0;
        for ((stage, values), configuration) in stages.iter().zip(&self.values).zip(path) {
            let entry = way * stage.count + *configuration as usize;
            for (sum, column) in sums.iter_mut().zip(values) {
                *sum += column.get(entry).copied().unwrap_or(0.0) as i64;
            }
            way = stage.next.get(entry).copied().unwrap_or(0) as usize;
        }
        sums
    }
}

/// Accuracy is column 0, the costs follow.
fn column(tables: &Tables, index: usize) -> Option<&Factored> {
    match index {
        0 => Some(&tables.accuracy),
        cost => tables.costs.get(cost - 1),
    }
}

/// For each stage the scopes that end in it, and for each the place in a factor's values of every entry.
fn entry_indices(space: &Space, stages: &[Stage], scopes: &[Vec<usize>]) -> Vec<Vec<(usize, Vec<u32>)>> {
    let count = |decision: usize| space.decisions().get(decision).map_or(1, |it| it.choices.len() + 1);
    let mut taken = vec![false; scopes.len()];
    let mut all: Vec<Vec<(usize, Vec<u32>)>> = Vec::new();
    // From the end, so that each scope is taken where all of its decisions are known for the first time.
    for (position, stage) in stages.iter().enumerate().rev() {
        let mut here = Vec::new();
        for ((number, scope), taken) in scopes.iter().enumerate().zip(&mut taken) {
            let first = scope.is_empty() && position == 0;
            if *taken || !(first || scope.iter().any(|decision| stage.decisions.contains(decision))) {
                continue;
            }
            *taken = true;
            let mut indices = Vec::with_capacity(stage.entries());
            for way in 0..stage.ways.len() {
                for configuration in 0..stage.count {
                    let state = |decision: usize| stage.state(decision, way, configuration).unwrap_or(0);
                    let index = scope
                        .iter()
                        .fold(0, |index, it| index * count(*it) as u32 + u32::from(state(*it)));
                    indices.push(index);
                }
            }
            here.push((number, indices));
        }
        all.push(here);
    }
    all.reverse();
    all
}

/// Refuses tables that are not the space's.
fn check(space: &Space, tables: &[Tables], limits: &[CostLimit]) -> Result<(), SearchError> {
    let wrong = |reason: String| Err(SearchError::Settings { reason });
    if tables.is_empty() {
        return wrong("an exact search needs tables of at least one resolution".to_owned());
    }
    for limit in limits {
        if !(limit.most.is_finite() && limit.most > 0.0) {
            return wrong(format!(
                "the limit of {} is {}, it must be above zero",
                limit.name, limit.most
            ));
        }
    }
    for (number, table) in tables.iter().enumerate() {
        if tables
            .iter()
            .take(number)
            .any(|other| other.resolution == table.resolution)
        {
            return wrong(format!("there are two tables for resolution {}", table.resolution));
        }
        if table.costs.len() != limits.len() {
            return wrong(format!(
                "resolution {} has {} tables of costs for {} limits",
                table.resolution,
                table.costs.len(),
                limits.len()
            ));
        }
        for table in table.costs.iter().chain([&table.accuracy]) {
            let mut finite = table.constant.is_finite();
            for factor in &table.factors {
                finite &= factor.values.iter().all(|value| value.is_finite());
                let mut expected = Some(1_usize);
                for (place, decision) in factor.decisions.iter().enumerate() {
                    let repeated = factor.decisions.iter().take(place).any(|other| other == decision);
                    let known = space.decisions().get(*decision).filter(|_| !repeated);
                    expected = expected
                        .zip(known)
                        .and_then(|(size, it)| size.checked_mul(it.choices.len() + 1));
                }
                if expected != Some(factor.values.len()) || factor.values.len() > u32::MAX as usize {
                    return wrong(format!(
                        "a table has a term that is not over decisions of space {}",
                        space.name()
                    ));
                }
            }
            if !finite {
                return wrong("a table has a value that is not a finite number".to_owned());
            }
        }
    }
    Ok(())
}

/// Compares what the conditions of decisions say of members with what the space says of them.
fn compare(subspace: &Subspace, when: &[When]) -> Result<(), SearchError> {
    let space = subspace.space();
    let drawn = (0..COMPARED).map(|number| subspace.sample(&mut stream(0, "activity of decisions", number)));
    for genotype in drawn.chain([subspace.smallest(), subspace.largest()]) {
        let states = states(space, &genotype);
        let taken = |decision: &usize| states.get(*decision).and_then(|state| state.checked_sub(1));
        for ((decision, when), state) in space.decisions().iter().zip(when).zip(&states) {
            let active = when
                .iter()
                .all(|(driver, choices)| taken(driver).is_some_and(|choice| choices.contains(&choice)));
            if active != (*state > 0) {
                return Err(SearchError::NotExact {
                    space: space.name().to_owned(),
                    reason: format!(
                        "when `{}` counts is more than choices of other decisions",
                        decision.name
                    ),
                });
            }
        }
    }
    Ok(())
}
