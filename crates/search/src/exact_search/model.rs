use std::borrow::Cow;
use std::collections::BTreeSet;

use panarch_predict::{Additive, Measurement};
use panarch_space::{Genotype, Space, Subspace};
use panarch_study::{ACCURACY, Direction, ObjectiveValue, Observation, REWARD, pareto_front};

use crate::exact::{Budget, CostLimit, Factored, Found, Problem, Solution, Tables};
use crate::{SearchError, SummedCost, Sums};

/// Nodes that one answer may take: about a second.
const NODES: u64 = 2_000_000;
/// Ratios at which the front of accuracy against the worst ratio is worked out.
const CAPS: usize = 16;
/// A ratio that is no limit.
const LOOSE: f64 = 1e4;
/// The most members that one problem is asked for.
const MOST_ASKED: usize = 128;

const BUDGET: Budget<'static> = Budget {
    nodes: NODES,
    stop: &|| false,
};

/// Tables of accuracy and costs, as far as the trials of a search say it.
pub(super) struct Model<'a> {
    subspace: &'a Subspace,
    sums: Option<&'a dyn Sums>,
    accuracy: Factored,
    /// The root of the mean square error of an accuracy that was left out.
    error: f64,
    costs: Cow<'a, [SummedCost]>,
}

/// The front of accuracy against the ratio of cost to target, by the tables: what may be expected at best.
pub(super) struct Outlook {
    problem: Problem,
    steps: Vec<Step>,
}

/// Members whose ratio is at most `cap`, and above that of the step before.
struct Step {
    cap: f64,
    best: Vec<Found>,
    /// The largest reward of any, by the tables; none where rewards are not known.
    bound: Option<f64>,
}

impl<'a> Model<'a> {
    /// Fits the tables; none while too little is known.
    pub fn fit(
        subspace: &'a Subspace,
        sums: Option<&'a dyn Sums>,
        known: &[Observation],
    ) -> Result<Option<Self>, SearchError> {
        let space = subspace.space();
        let Some(accuracy) = table(space, known, accuracy) else {
            return Ok(None);
        };
        let costs = match sums {
            Some(sums) => Cow::Borrowed(sums.costs()),
            None => Cow::Owned(fitted_costs(space, known)?),
        };
        Ok(Some(Self {
            subspace,
            sums,
            error: accuracy.held_out().rmse,
            accuracy: Factored::of_table(&accuracy, space)?,
            costs,
        }))
    }

    /// By how much the table's accuracies are wrong: the root of the mean square error of those that were left out.
    pub const fn error(&self) -> f64 {
        self.error
    }

    /// What the table says of a member.
    pub fn accuracy(&self, genotype: &Genotype) -> f64 {
        let value = self.accuracy.value(self.subspace.space(), genotype);
        value.unwrap_or(f64::NEG_INFINITY)
    }

    /// The largest ratio of cost to target by the tables; one without targets.
    pub fn ratio_by_tables(&self, genotype: &Genotype) -> f64 {
        let space = self.subspace.space();
        let soft = self.costs.iter().filter(|cost| !cost.hard);
        let ratios = soft.filter_map(|cost| Some(cost.table.value(space, genotype)? / cost.most));
        ratios.reduce(f64::max).unwrap_or(1.0)
    }

    /// The problem with limits at this ratio of their targets, hard limits as they are; where `errors`, all of them wider by what
    /// their tables may be wrong.
    pub fn limits(&self, cap: f64, errors: bool) -> Vec<f64> {
        let limit = |cost: &SummedCost| {
            let most = if cost.hard { cost.most } else { cost.most * cap };
            if errors { most * (1.0 + cost.error) } else { most }
        };
        self.costs.iter().map(limit).collect()
    }

    /// The problem that the tables make, with these limits in the order of the costs.
    pub fn problem(&self, limits: &[f64]) -> Result<Problem, SearchError> {
        let limits = self.costs.iter().zip(limits).map(|(cost, most)| CostLimit {
            name: cost.name.clone(),
            most: *most,
        });
        let tables = Tables {
            resolution: self.resolution(),
            accuracy: self.accuracy.clone(),
            costs: self.costs.iter().map(|cost| cost.table.clone()).collect(),
        };
        Problem::new(self.subspace, &[tables], &limits.collect::<Vec<_>>())
    }

    fn resolution(&self) -> u32 {
        match self.sums {
            Some(sums) => sums.resolution(),
            None => self.subspace.space().default_resolution(),
        }
    }

    /// The front by the tables; none when no member keeps the hard limits by them.
    pub fn outlook(&self) -> Result<Option<Outlook>, SearchError> {
        let problem = self.problem(&self.limits(1.0, true))?;
        let Some(top) = best(&problem.with_limits(&self.limits(LOOSE, true))?, 1)? else {
            return Ok(None);
        };
        let highest = top.0.first().map_or(1.0, |top| self.ratio_by_tables(&top.genotype));
        let caps = match self.costs.iter().any(|cost| !cost.hard) {
            false => vec![1.0],
            true => {
                let least = self.least_ratio()?;
                let step = (highest - least).max(0.0) / (CAPS - 1) as f64;
                (0..CAPS).map(|index| least + step * index as f64).collect()
            }
        };
        let mut steps: Vec<Step> = Vec::new();
        let mut before = None;
        for cap in caps {
            let wider = cap * (1.0 + 1e-9) + f64::MIN_POSITIVE;
            if let Some((found, most)) = best(&problem.with_limits(&self.limits(wider, true))?, 1)? {
                steps.push(Step {
                    cap,
                    bound: self.most_reward(most, before.unwrap_or(cap), cap),
                    best: found,
                });
            }
            before = Some(cap);
        }
        Ok(Some(Outlook { problem, steps }))
    }

    /// The least ratio of any member, by the tables of the costs that have targets.
    fn least_ratio(&self) -> Result<f64, SearchError> {
        let soft = Self {
            costs: self.costs.iter().filter(|cost| !cost.hard).cloned().collect(),
            accuracy: self.accuracy.clone(),
            ..*self
        };
        Ok(soft.problem(&soft.limits(1.0, false))?.least_ratio(&BUDGET)?.ratio)
    }

    /// The largest reward of this accuracy and any ratio between two; none where rewards are not known.
    fn most_reward(&self, accuracy: f64, from: f64, to: f64) -> Option<f64> {
        if self.costs.iter().all(|cost| cost.hard) {
            return Some(match self.sums {
                Some(sums) => sums.reward(accuracy, 1.0),
                None => accuracy,
            });
        }
        let sums = self.sums?;
        // A reward is monotonic on either side of the target.
        let ratios = [from, to, 1.0_f64.clamp(from.min(to), to)];
        ratios
            .into_iter()
            .map(|ratio| sums.reward(accuracy, ratio))
            .reduce(f64::max)
    }

    /// Members that were not evaluated, the most promising first.
    pub fn promising(
        &self,
        outlook: &Outlook,
        known: &[Observation],
        count: usize,
    ) -> Result<Vec<Genotype>, SearchError> {
        let seen: BTreeSet<&Genotype> = known.iter().map(|it| &it.genotype).collect();
        let mut steps: Vec<&Step> = outlook.steps.iter().collect();
        steps.sort_by(|a, b| b.bound.unwrap_or(0.0).total_cmp(&a.bound.unwrap_or(0.0)));
        let rewarded = steps.iter().all(|step| step.bound.is_some());
        let mut found: BTreeSet<Genotype> = BTreeSet::new();
        for step in steps {
            // Where there is no reward, every step has its say.
            if rewarded && found.len() >= 4 * count {
                break;
            }
            let new = |it: &Found| (!seen.contains(&it.genotype)).then(|| it.genotype.clone());
            let before = found.len();
            found.extend(step.best.iter().filter_map(new));
            if !rewarded && found.len() > before {
                continue;
            }
            let problem = outlook.problem.with_limits(&self.limits(step.cap, true))?;
            let asked = [2 * count, MOST_ASKED];
            for asked in asked.into_iter().skip_while(|asked| *asked <= step.best.len()) {
                let members = best(&problem, asked)?.map_or_else(Vec::new, |(found, _)| found);
                found.extend(members.iter().filter_map(new));
                if found.len() > before + 1 || members.len() < asked {
                    break;
                }
            }
        }
        if !rewarded {
            return Ok(self.spread(found.into_iter().collect(), count));
        }
        let mut scored = Vec::with_capacity(found.len());
        for genotype in found {
            let ratio = match self.sums {
                // A device that cannot run a member vetoes it later.
                Some(sums) => sums.ratio(&genotype).unwrap_or(f64::INFINITY),
                None => 1.0,
            };
            let accuracy = self.accuracy(&genotype);
            let reward = self.most_reward(accuracy, ratio, ratio).unwrap_or(f64::NEG_INFINITY);
            scored.push((reward, genotype));
        }
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        Ok(scored.into_iter().map(|(_, genotype)| genotype).collect())
    }

    /// Of these members those that were not evaluated, the most promising first.
    pub fn of_list(&self, members: &[Genotype], known: &[Observation], count: usize) -> Vec<Genotype> {
        let seen: BTreeSet<&Genotype> = known.iter().map(|it| &it.genotype).collect();
        let new = members.iter().filter(|member| !seen.contains(member));
        self.spread(new.cloned().collect(), count)
    }

    /// Members front by front of accuracy against ratio by the tables; of each front, `count` that are spread evenly come first.
    fn spread(&self, members: Vec<Genotype>, count: usize) -> Vec<Genotype> {
        let losses = |genotype: &Genotype| [-self.accuracy(genotype), self.ratio_by_tables(genotype)];
        let mut left: Vec<([f64; 2], Genotype)> = members.into_iter().map(|it| (losses(&it), it)).collect();
        let mut ordered = Vec::new();
        while !left.is_empty() && ordered.len() < MOST_ASKED {
            let losses: Vec<[f64; 2]> = left.iter().map(|(losses, _)| *losses).collect();
            let front: BTreeSet<usize> = pareto_front(&losses).into_iter().collect();
            if front.is_empty() {
                break;
            }
            let mut first: Vec<([f64; 2], Genotype)> = Vec::new();
            let mut others = Vec::new();
            for (place, member) in left.into_iter().enumerate() {
                match front.contains(&place) {
                    true => first.push(member),
                    false => others.push(member),
                }
            }
            first.sort_by(|a, b| a.0[1].total_cmp(&b.0[1]).then_with(|| a.1.cmp(&b.1)));
            let step = (first.len() / count.max(1)).max(1);
            for from in 0..step {
                ordered.extend(
                    first
                        .iter()
                        .skip(from)
                        .step_by(step)
                        .map(|(_, genotype)| genotype.clone()),
                );
            }
            left = others;
        }
        ordered
    }
}

impl Outlook {
    /// No member can have more reward than this by the tables; none where rewards are not known.
    pub fn bound(&self) -> Option<f64> {
        let bounds: Option<Vec<f64>> = self.steps.iter().map(|step| step.bound).collect();
        bounds?.into_iter().reduce(f64::max)
    }
}

/// The best members of a problem with what no member exceeds; none when none keeps the limits, or that is not known in time.
fn best(problem: &Problem, count: usize) -> Result<Option<(Vec<Found>, f64)>, SearchError> {
    match problem.best(count, &BUDGET) {
        Ok(Solution::Optimum(optimum)) => Ok(Some((optimum.best, optimum.bound))),
        Ok(Solution::Infeasible(_)) | Err(SearchError::Unsettled) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The accuracy of a trial, else its first objective, to be maximised.
fn accuracy(observation: &Observation) -> Option<f64> {
    let value = observation.value(ACCURACY).or_else(|| observation.objectives.first())?;
    Some(value.fitness())
}

/// A table fitted to what the trials say; none while they are too few.
fn table(space: &Space, known: &[Observation], of: impl Fn(&Observation) -> Option<f64>) -> Option<Additive> {
    let rows = known
        .iter()
        .filter_map(|it| Some(Measurement::new(it.genotype.clone(), of(it)?)));
    Additive::fit(space, &rows.collect::<Vec<_>>()).ok()
}

/// Tables of the objectives that are to be minimised, as costs with targets of one.
fn fitted_costs(space: &Space, known: &[Observation]) -> Result<Vec<SummedCost>, SearchError> {
    let objectives = known.iter().map(|it| &it.objectives).find(|it| !it.is_empty());
    let minimised = |it: &&ObjectiveValue| it.direction == Direction::Minimise && it.name != REWARD;
    let mut costs = Vec::new();
    for objective in objectives.into_iter().flatten().skip(1).filter(minimised) {
        let value = |it: &Observation| it.value(&objective.name).map(|value| value.value.number());
        let Some(table) = table(space, known, value) else {
            continue;
        };
        costs.push(SummedCost {
            name: objective.name.clone(),
            table: Factored::of_table(&table, space)?,
            most: 1.0,
            hard: false,
            error: 0.0,
        });
    }
    Ok(costs)
}
