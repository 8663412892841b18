//! The stages of a certificate's problem, listed anew.

use std::collections::{BTreeMap, BTreeSet};

use super::super::certificate::{ProblemJson, SettingJson, TableJson};
use super::{Found, MOST, malformed, refused};

/// An entry that is in a box: its configuration, its way out, and what it adds to accuracy and costs.
pub(super) struct Entry {
    pub configuration: usize,
    pub next: usize,
    pub sums: Vec<i128>,
}

/// Stages with all of their configurations, and the ways from one to the next.
pub(super) struct Chain {
    pub stages: Vec<Listed>,
}

pub(super) struct Listed {
    pub configurations: Vec<Vec<u8>>,
    /// Way after way, configuration after configuration.
    next: Vec<usize>,
    ways: usize,
    /// For each scope that ends here, the place in its values of every entry.
    places: Vec<(Vec<usize>, Vec<usize>)>,
}

impl Chain {
    pub fn new(problem: &ProblemJson) -> Found<Self> {
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
    pub fn path(&self, problem: &ProblemJson, choices: &[u8]) -> Found<Vec<usize>> {
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

    /// All entries by stage and way in.
    pub fn entries(&self, setting: &SettingJson) -> Vec<Vec<Vec<Entry>>> {
        let of_stage = |stage: &Listed| {
            let mut sums = vec![vec![0_i128; setting.tables.len()]; stage.next.len()];
            for (column, table) in setting.tables.iter().enumerate() {
                for (scope, values) in &table.factors {
                    let places = stage.places.iter().find(|(known, _)| known == scope);
                    for (sums, place) in sums.iter_mut().zip(places.into_iter().flat_map(|(_, places)| places)) {
                        if let (Some(sum), Some(value)) = (sums.get_mut(column), values.get(*place)) {
                            *sum += i128::from(*value);
                        }
                    }
                }
            }
            let count = stage.configurations.len().max(1);
            let mut ways: Vec<Vec<Entry>> = Vec::with_capacity(stage.ways);
            for (number, (sums, next)) in sums.into_iter().zip(&stage.next).enumerate() {
                if number % count == 0 {
                    ways.push(Vec::with_capacity(count));
                }
                let entry = Entry {
                    configuration: number % count,
                    next: *next,
                    sums,
                };
                if let Some(way) = ways.last_mut() {
                    way.push(entry);
                }
            }
            ways
        };
        self.stages.iter().map(of_stage).collect()
    }

    /// Accuracy and costs of a path.
    pub fn sums(&self, setting: &SettingJson, path: &[usize]) -> Vec<i128> {
        let of_table = |table: &TableJson| {
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

impl Listed {
    /// How many ways lead out of it.
    pub fn ways_out(&self) -> usize {
        self.next.iter().max().map_or(0, |most| most + 1)
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
