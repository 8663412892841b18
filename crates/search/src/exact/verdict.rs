//! Checking a certificate from nothing but its text: none of the solver's own work is used.

use std::collections::{BTreeMap, BTreeSet};

use super::certificate::{BoxJson, Certificate, CoverJson, LimitJson, ProblemJson, SettingJson, hash};
use crate::SearchError;

/// Configurations of a stage, and entries, that are listed at most.
const MOST: usize = 2_000_000;
/// Sizes of numbers and counts under which no sum leaves `i128`.
const LARGEST_VALUE: u64 = 1 << 42;
const LARGEST_MULTIPLIER: u64 = 1 << 60;
const MOST_FACTORS: usize = 1 << 14;
const MOST_COLUMNS: usize = 64;

/// What a certificate was found to prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The space.
    pub space: String,
    /// The limits in words.
    pub limits: Vec<String>,
    /// The best member, as text, with its resolution and accuracy in words; none when no member keeps the limits.
    pub best: Option<(String, u32, String)>,
    /// The boxes of the cover.
    pub boxes: u64,
    /// The members that were looked at one by one.
    pub members: u64,
}

/// What a check found.
type Found<T> = Result<T, SearchError>;

fn refused<T>(reason: impl Into<String>) -> Found<T> {
    Err(SearchError::Refuted { reason: reason.into() })
}

fn malformed<T>(reason: impl Into<String>) -> Found<T> {
    Err(SearchError::Certificate { reason: reason.into() })
}

impl Certificate {
    /// Computes everything anew and says what is proved.
    ///
    /// # Errors
    /// [`SearchError::Refuted`] when anything is not as the certificate says, [`SearchError::Certificate`] when it is no
    /// certificate that can be followed.
    pub fn check(&self) -> Result<Claim, SearchError> {
        let problem = &self.problem;
        check_form(problem)?;
        if hash(problem)? != self.hash {
            return refused("the hash of the problem is another");
        }
        for setting in &problem.settings {
            for table in &setting.tables {
                if hash(&(table.constant, &table.factors))? != table.hash {
                    return refused(format!(
                        "the hash of a table of resolution {} is another",
                        setting.resolution
                    ));
                }
            }
        }
        let chain = Chain::new(problem)?;
        let mut best = None;
        if let Some(member) = &self.optimum {
            let setting = problem
                .settings
                .iter()
                .find(|setting| setting.resolution == member.resolution);
            let Some(setting) = setting else {
                return refused("the optimum has a resolution without tables");
            };
            let path = chain.path(problem, member.genotype.as_bytes())?;
            let sums = chain.sums(setting, &path);
            let stated: Vec<i128> = std::iter::once(&member.accuracy)
                .chain(&member.costs)
                .map(|it| i128::from(*it))
                .collect();
            if sums != stated {
                return refused("the optimum's accuracy or costs are others");
            }
            if !within(problem, &sums) {
                return refused("the optimum does not keep the limits");
            }
            best = sums.first().copied();
        }
        let resolutions: Vec<u32> = problem.settings.iter().map(|setting| setting.resolution).collect();
        if self.cover.iter().map(|cover| cover.resolution).collect::<Vec<_>>() != resolutions {
            return refused("the cover is not of the resolutions of the problem");
        }
        let mut counts = (0, 0);
        for (cover, setting) in self.cover.iter().zip(&problem.settings) {
            Checker::new(problem, &chain, setting, cover, best)?.check(cover, &mut counts)?;
        }
        Ok(Claim {
            space: problem.space.clone(),
            limits: problem.limits.iter().map(limit_words).collect(),
            best: self.optimum.as_ref().map(|member| {
                (
                    member.genotype.to_string(),
                    member.resolution,
                    decimal(member.accuracy, problem.decimals),
                )
            }),
            boxes: counts.0,
            members: counts.1,
        })
    }
}

/// Refuses what is not a problem, and numbers so large that sums might not fit.
fn check_form(problem: &ProblemJson) -> Found<()> {
    let decisions = &problem.decisions;
    for decision in decisions {
        let ascending = decision.open.windows(2).all(|pair| pair.first() < pair.last());
        if decision.open.is_empty() || !ascending || decision.open.iter().any(|choice| *choice >= decision.choices) {
            return malformed(format!("the open choices of `{}` are none", decision.name));
        }
        if decision.when.iter().any(|(driver, _)| *driver >= decisions.len()) {
            return malformed(format!("`{}` is switched by a decision that is none", decision.name));
        }
    }
    let staged: BTreeSet<usize> = problem.stages.iter().flatten().copied().collect();
    let count: usize = problem.stages.iter().map(Vec::len).sum();
    if count != decisions.len()
        || staged.len() != count
        || staged.iter().any(|it| *it >= decisions.len())
        || problem.stages.is_empty()
    {
        return malformed("its stages do not hold every decision once");
    }
    let columns = problem.limits.len() + 1;
    if columns > MOST_COLUMNS || problem.settings.is_empty() {
        return malformed("it has too many limits, or no tables");
    }
    let resolutions: BTreeSet<u32> = problem.settings.iter().map(|setting| setting.resolution).collect();
    if resolutions.len() != problem.settings.len() {
        return malformed("a resolution comes twice");
    }
    let small = |value: &i64| value.unsigned_abs() <= LARGEST_VALUE;
    for setting in &problem.settings {
        if setting.tables.len() != columns {
            return malformed("a resolution has another number of tables than limits ask for");
        }
        for table in &setting.tables {
            if table.factors.len() > MOST_FACTORS || !small(&table.constant) {
                return malformed("a table is too large");
            }
            for (scope, values) in &table.factors {
                let states = scope
                    .iter()
                    .map(|it| decisions.get(*it).map(|it| usize::from(it.choices) + 1));
                let size = states
                    .into_iter()
                    .try_fold(1_usize, |size, states| size.checked_mul(states?));
                let different = scope.iter().collect::<BTreeSet<_>>().len() == scope.len();
                if size != Some(values.len()) || !different || !values.iter().all(small) {
                    return malformed("a term has not one moderate value for each combination of states");
                }
            }
        }
    }
    if problem.limits.iter().all(|limit| small(&limit.most)) {
        Ok(())
    } else {
        malformed("a limit is too large")
    }
}

fn limit_words(limit: &LimitJson) -> String {
    format!("{} ≤ {}", limit.name, decimal(limit.most, limit.decimals))
}

/// A multiple of a power of ten in digits.
fn decimal(multiples: i64, decimals: i32) -> String {
    let Some(places) = usize::try_from(decimals)
        .ok()
        .filter(|places| (1..=30).contains(places))
    else {
        return format!("{multiples}e{}", -i64::from(decimals));
    };
    let digits = format!("{:0>width$}", multiples.unsigned_abs(), width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    let sign = if multiples < 0 { "-" } else { "" };
    format!("{sign}{whole}.{part}")
}

fn within(problem: &ProblemJson, sums: &[i128]) -> bool {
    sums.iter()
        .skip(1)
        .zip(&problem.limits)
        .all(|(cost, limit)| *cost <= i128::from(limit.most))
}

/// Stages with all of their configurations, and the ways from one to the next.
struct Chain {
    stages: Vec<Listed>,
}

struct Listed {
    configurations: Vec<Vec<u8>>,
    /// Way after way, configuration after configuration.
    next: Vec<usize>,
    ways: usize,
    /// For each scope that ends here, the place in its values of every entry.
    places: Vec<(Vec<usize>, Vec<usize>)>,
}

impl Chain {
    fn new(problem: &ProblemJson) -> Found<Self> {
        let mut scopes: BTreeSet<Vec<usize>> = BTreeSet::new();
        for (scope, _) in problem
            .settings
            .iter()
            .flat_map(|setting| &setting.tables)
            .flat_map(|table| &table.factors)
        {
            scopes.insert(scope.clone());
        }
        let stage_of = |decision: &usize| {
            problem
                .stages
                .iter()
                .position(|stage| stage.contains(decision))
                .unwrap_or(0)
        };
        let ends: Vec<(Vec<usize>, usize)> = scopes
            .into_iter()
            .map(|scope| (scope.clone(), scope.iter().map(stage_of).max().unwrap_or(0)))
            .collect();
        let mut ways: Vec<BTreeMap<usize, u8>> = vec![BTreeMap::new()];
        let mut stages = Vec::new();
        for (number, decisions) in problem.stages.iter().enumerate() {
            let configurations = configurations(problem, decisions)?;
            if ways.len().saturating_mul(configurations.len()) > MOST {
                return malformed("a stage has too many configurations");
            }
            let needed = ends
                .iter()
                .filter(|(_, end)| *end > number)
                .flat_map(|(scope, _)| scope);
            let needed: BTreeSet<usize> = needed.copied().filter(|it| stage_of(it) <= number).collect();
            let here: Vec<&Vec<usize>> = ends
                .iter()
                .filter(|(_, end)| *end == number)
                .map(|(scope, _)| scope)
                .collect();
            let mut places: Vec<(Vec<usize>, Vec<usize>)> =
                here.into_iter().map(|scope| (scope.clone(), Vec::new())).collect();
            let mut known: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
            let mut onwards = Vec::new();
            let mut next = Vec::new();
            for way in &ways {
                for configuration in &configurations {
                    let state = |decision: &usize| {
                        let own = decisions
                            .iter()
                            .position(|it| it == decision)
                            .and_then(|it| configuration.get(it));
                        own.or_else(|| way.get(decision)).copied().unwrap_or(0)
                    };
                    for (scope, places) in &mut places {
                        let place = scope.iter().fold(0, |place, it| {
                            let states = problem.decisions.get(*it).map_or(1, |it| usize::from(it.choices) + 1);
                            place * states + usize::from(state(it))
                        });
                        places.push(place);
                    }
                    let leaving: Vec<u8> = needed.iter().map(state).collect();
                    let number = *known.entry(leaving.clone()).or_insert_with(|| {
                        onwards.push(needed.iter().copied().zip(leaving).collect::<BTreeMap<usize, u8>>());
                        onwards.len() - 1
                    });
                    next.push(number);
                }
            }
            stages.push(Listed {
                configurations,
                next,
                ways: ways.len(),
                places,
            });
            ways = onwards;
        }
        Ok(Self { stages })
    }

    /// The configuration of every stage that a genotype takes.
    fn path(&self, problem: &ProblemJson, choices: &[u8]) -> Found<Vec<usize>> {
        if choices.len() != problem.decisions.len() {
            return refused("the optimum is not of the space");
        }
        let mut path = Vec::new();
        for (stage, decisions) in self.stages.iter().zip(&problem.stages) {
            let fits = |configuration: &Vec<u8>| {
                let mut pairs = configuration.iter().zip(decisions);
                pairs.all(|(state, decision)| choices.get(*decision) == Some(&state.saturating_sub(1)))
            };
            match stage.configurations.iter().position(fits) {
                Some(place) => path.push(place),
                None => return refused("the optimum is no canonical member"),
            }
        }
        Ok(path)
    }

    /// Accuracy and costs of a path.
    fn sums(&self, setting: &SettingJson, path: &[usize]) -> Vec<i128> {
        let of_table = |table: &super::certificate::TableJson| {
            let mut sum = i128::from(table.constant);
            let mut way = 0;
            for (stage, configuration) in self.stages.iter().zip(path) {
                let entry = way * stage.configurations.len() + configuration;
                for (scope, values) in &table.factors {
                    let places = stage.places.iter().find(|(known, _)| known == scope);
                    let value = places.and_then(|(_, places)| values.get(*places.get(entry)?));
                    sum += value.map_or(0, |value| i128::from(*value));
                }
                way = stage.next.get(entry).copied().unwrap_or(0);
            }
            sum
        };
        setting.tables.iter().map(of_table).collect()
    }
}

/// Every combination of states that members have, the last decision fastest.
fn configurations(problem: &ProblemJson, decisions: &[usize]) -> Found<Vec<Vec<u8>>> {
    let mut partial: Vec<Vec<u8>> = vec![Vec::new()];
    for (place, decision) in decisions.iter().enumerate() {
        let Some(it) = problem.decisions.get(*decision) else {
            return malformed("a stage has a decision that is none");
        };
        let mut drivers = Vec::new();
        for (driver, choices) in &it.when {
            match decisions.iter().take(place).position(|other| other == driver) {
                Some(place) => drivers.push((place, choices)),
                None => {
                    return malformed(format!(
                        "`{}` is switched from outside its stage, or by a later decision",
                        it.name
                    ));
                }
            }
        }
        let mut longer = Vec::new();
        for start in partial {
            let on = |(place, choices): &(usize, &Vec<u8>)| {
                start
                    .get(*place)
                    .and_then(|state| state.checked_sub(1))
                    .is_some_and(|choice| choices.contains(&choice))
            };
            let off = [0];
            let states: Vec<u8> = it.open.iter().map(|choice| choice + 1).collect();
            for state in if drivers.iter().all(on) {
                states.as_slice()
            } else {
                &off
            } {
                let mut extended = start.clone();
                extended.push(*state);
                longer.push(extended);
            }
        }
        if longer.len() > MOST {
            return malformed("a stage has too many configurations");
        }
        partial = longer;
    }
    Ok(partial)
}

/// The largest value with what follows, the own one, configuration and way out.
type Entry = (i128, i128, usize, usize);

/// The check of one resolution.
struct Checker<'a> {
    problem: &'a ProblemJson,
    chain: &'a Chain,
    /// By stage and way in; the largest first.
    ordered: Vec<Vec<Vec<Entry>>>,
    /// By stage, column and entry.
    columns: Vec<Vec<Vec<i128>>>,
    constants: Vec<i128>,
    floor: i128,
    best: Option<i128>,
    start: i128,
}

impl<'a> Checker<'a> {
    fn new(
        problem: &'a ProblemJson,
        chain: &'a Chain,
        setting: &SettingJson,
        cover: &CoverJson,
        best: Option<i128>,
    ) -> Found<Self> {
        let moderate = |it: &i64| (0..=LARGEST_MULTIPLIER).contains(&it.unsigned_abs()) && *it >= 0;
        if cover.multipliers.len() != problem.limits.len()
            || !cover.multipliers.iter().chain([&cover.scale]).all(moderate)
        {
            return refused("there is not one multiplier of zero or more for each limit");
        }
        // Without an optimum the proof is that no member keeps the limits, in which accuracy has no part.
        if best.is_some() == (cover.scale == 0) {
            return refused("the scale of accuracy does not go with what is claimed");
        }
        let scale = i128::from(cover.scale);
        let factors: Vec<i128> = std::iter::once(scale)
            .chain(cover.multipliers.iter().map(|it| -i128::from(*it)))
            .collect();
        let constants: Vec<i128> = setting.tables.iter().map(|table| i128::from(table.constant)).collect();
        let limits = std::iter::once(0).chain(problem.limits.iter().map(|limit| i128::from(limit.most)));
        let start = constants
            .iter()
            .zip(limits)
            .zip(&factors)
            .map(|((constant, limit), factor)| factor * (constant - limit))
            .sum();
        let mut columns = Vec::new();
        for stage in &chain.stages {
            let of_table = |table: &super::certificate::TableJson| {
                let mut sums = vec![0_i128; stage.next.len()];
                for (scope, values) in &table.factors {
                    let places = stage.places.iter().find(|(known, _)| known == scope);
                    for (sum, place) in sums.iter_mut().zip(places.into_iter().flat_map(|(_, places)| places)) {
                        *sum += values.get(*place).map_or(0, |value| i128::from(*value));
                    }
                }
                sums
            };
            columns.push(setting.tables.iter().map(of_table).collect::<Vec<_>>());
        }
        let mut following = vec![0_i128];
        let mut ordered = Vec::new();
        for (stage, columns) in chain.stages.iter().zip(&columns).rev() {
            let count = stage.configurations.len();
            let mut here = Vec::new();
            for way in 0..stage.ways {
                let mut entries = Vec::with_capacity(count);
                for configuration in 0..count {
                    let entry = way * count + configuration;
                    let parts = columns.iter().zip(&factors);
                    let own: i128 = parts
                        .map(|(column, factor)| factor * column.get(entry).copied().unwrap_or(0))
                        .sum();
                    let next = stage.next.get(entry).copied().unwrap_or(0);
                    entries.push((
                        own + following.get(next).copied().unwrap_or(0),
                        own,
                        configuration,
                        next,
                    ));
                }
                entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.0));
                here.push(entries);
            }
            following = here
                .iter()
                .map(|entries| entries.first().map_or(0, |entry| entry.0))
                .collect();
            ordered.push(here);
        }
        ordered.reverse();
        Ok(Self {
            problem,
            chain,
            ordered,
            columns,
            constants,
            floor: best.map_or(0, |best| scale * (best + 1)),
            best,
            start,
        })
    }

    fn check(&self, cover: &CoverJson, counts: &mut (u64, u64)) -> Found<()> {
        let largest = self
            .ordered
            .first()
            .and_then(|ways| ways.first()?.first())
            .map_or(0, |entry| entry.0);
        if self.start + largest != i128::from(cover.bound) {
            return refused("the bound of a resolution is another");
        }
        self.check_box(0, 0, self.start, &self.constants, &cover.all, counts)
    }

    fn check_box(
        &self,
        stage: usize,
        way: usize,
        value: i128,
        sums: &[i128],
        stated: &BoxJson,
        counts: &mut (u64, u64),
    ) -> Found<()> {
        counts.0 += 1;
        let entries = self
            .ordered
            .get(stage)
            .and_then(|ways| ways.get(way))
            .map_or(&[][..], Vec::as_slice);
        let last = stage + 1 == self.ordered.len();
        let with = |configuration: usize| {
            let count = self
                .chain
                .stages
                .get(stage)
                .map_or(0, |stage| stage.configurations.len());
            let columns = self.columns.get(stage).into_iter().flatten();
            let entry = way * count + configuration;
            sums.iter()
                .zip(columns)
                .map(|(sum, column)| sum + column.get(entry).copied().unwrap_or(0))
                .collect::<Vec<_>>()
        };
        match stated {
            BoxJson::Members(stated) if last => {
                let mut members = 0;
                for (_, _, configuration, _) in entries.iter().take_while(|entry| value + entry.0 >= self.floor) {
                    members += 1;
                    let sums = with(*configuration);
                    let better = self
                        .best
                        .is_none_or(|best| sums.first().is_some_and(|accuracy| *accuracy > best));
                    if better && within(self.problem, &sums) {
                        return refused("a member within the limits is better");
                    }
                }
                counts.1 += members;
                if members == *stated {
                    Ok(())
                } else {
                    refused("a box has another number of members to look at")
                }
            }
            BoxJson::Split(rest, boxes) if !last => {
                let listed: BTreeMap<usize, &BoxJson> =
                    boxes.iter().map(|(number, it)| (*number as usize, it)).collect();
                if listed.len() != boxes.len() {
                    return refused("a box lists a configuration twice");
                }
                let outside = entries
                    .iter()
                    .find(|entry| !listed.contains_key(&entry.2))
                    .map(|entry| value + entry.0);
                if outside != rest.map(i128::from) {
                    return refused("the bound of a box is another");
                }
                if outside.is_some_and(|outside| outside >= self.floor) {
                    return refused("the bound of a box leaves room for better members");
                }
                let mut met = 0;
                for (_, own, configuration, next) in entries {
                    if met == listed.len() {
                        break;
                    }
                    if let Some(inner) = listed.get(configuration) {
                        met += 1;
                        self.check_box(stage + 1, *next, value + own, &with(*configuration), inner, counts)?;
                    }
                }
                if met == listed.len() {
                    Ok(())
                } else {
                    refused("a box lists a configuration that there is not")
                }
            }
            _ => refused("the boxes do not go with the stages"),
        }
    }
}
