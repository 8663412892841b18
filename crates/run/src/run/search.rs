//! The searches, one for each goal and seed, over one shared pool.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::error::Error as StdError;

use panarch_cost::CostError;
use panarch_graph::{Accuracy, Latency, Network};
use panarch_report::run_report::ProofFacts;
use panarch_search::{Begun, Constraint, End, Evaluator, Plan, Proposal, Report, Situation, Strategy, Sums, Verdict};
use panarch_space::{Genotype, Subspace};
use panarch_study::{
    ACCURACY, Amount, Choice, CostSummary, DeviceTarget, Direction, History, Limit, Metric, Objective, ObjectiveValue,
    Observation, Outcome, Quantity, RATIO, RewardForm, Subject, Violation,
};
use panarch_train::{Supernet, TrainError};

use super::cost_tables::CostTables;
use super::guard_band::GuardBand;
use super::pool::{self, Pool};
use super::sums::GoalSums;
use super::{Devices, Setup, Watch, inputs, limits, proof, sums};
use crate::Error;
use crate::run_file::Goal;

/// Networks that are proposed at once at most.
const BATCH: usize = 8;

/// A finished search.
#[derive(Debug, Clone)]
pub struct Searched {
    /// Its name in the study.
    pub name: String,
    /// What it was for.
    pub goal: Goal,
    /// Its seed.
    pub seed: u64,
    /// The objective in words.
    pub objective: String,
    /// The strategy with its settings, in words.
    pub strategy: String,
    /// What nothing else that was found dominates in the objectives of the search, in the order of the trials.
    pub front: Vec<Genotype>,
    /// The rule by which the winner was chosen from the front.
    pub choice: Choice,
    /// The genotype that was chosen: for the goals of today, that with the largest reward.
    pub winner: Genotype,
    /// What is proved of it, where the search was exact.
    pub proof: Option<ProofFacts>,
}

/// The name in the study of the search for a goal with a seed.
#[must_use]
pub fn search_name(goal: &Goal, seed: u64) -> String {
    format!("{} seed {seed}", goal.name())
}

/// Runs every search of the run file, going on from what the study holds.
pub(super) fn all(
    setup: &Setup,
    devices: &Devices,
    supernet: &Supernet,
    watch: &mut Watch<'_>,
) -> Result<Vec<Searched>, Error> {
    let mut pool = Pool::new(setup, supernet, watch)?;
    let names = setup.file.search.seeds.iter().flat_map(|seed| {
        let goals = setup.file.search.goals.iter();
        goals.map(|goal| search_name(goal, *seed))
    });
    let names: Vec<String> = names.collect();
    let others = setup.study.subjects()?.into_iter();
    let others = others.filter(|subject| matches!(subject, Subject::Search(name) if !names.contains(name)));
    setup.study.close(others)?;
    let tables = match setup.file.search.strategy.sums {
        true => Some(CostTables::new(setup, devices, watch)?),
        false => None,
    };
    let mut searched = Vec::new();
    for seed in &setup.file.search.seeds {
        for goal in &setup.file.search.goals {
            searched.push(one(setup, devices, goal, *seed, tables.as_ref(), &mut pool, watch)?);
        }
    }
    let pooled = pool::latest(setup)?;
    let stopped = pooled.values().filter(|(_, all)| !all).count();
    let (fresh, seconds) = (pool.fresh(), pool.spent.as_secs_f64());
    let pace = match fresh {
        0 => String::new(),
        _ => format!(" in {seconds:.1} s"),
    };
    let stopped = match stopped {
        0 => String::new(),
        _ => format!("; {stopped} were stopped before all images, behind the best"),
    };
    watch.note(format!(
        "{} different networks in the shared pool, {fresh} of them judged just now{pace}{stopped}",
        pooled.len()
    ));
    Ok(searched)
}

fn one(
    setup: &Setup,
    devices: &Devices,
    goal: &Goal,
    seed: u64,
    tables: Option<&CostTables>,
    pool: &mut Pool<'_>,
    watch: &mut Watch<'_>,
) -> Result<Searched, Error> {
    let name = search_name(goal, seed);
    let goal_devices = GoalDevices::new(setup, devices, goal)?;
    let mut strategy = strategy(setup, seed)?;
    watch.step(format!("Searching: {}", goal.title()));
    let study = &setup.study;
    let made_of = inputs::search(setup, devices, (goal, &goal_devices.chosen), seed, &pool.inputs);
    let what = format!("the search {name} begins again");
    if inputs::take_up(setup, Subject::Search(name.clone()), &made_of, &what, watch)? {
        // What an earlier run ended with is not what this one has found.
        let others = study.subjects()?.into_iter();
        study.close(others.filter(|subject| matches!(subject, Subject::Finalist(_))))?;
    }
    let trials = inputs::trials(setup, &name)?;
    let full = pool.protocol.key();
    let judged = trials.iter().filter(|trial| trial.protocol == Some(full));
    let judged = judged.map(|trial| trial.number).collect();
    let begun = Begun::of_trials(&trials)?;
    let budget = setup.file.search.evaluations as u64;
    let sums = tables.map(|tables| GoalSums::new(&goal_devices, tables));
    let plan = Plan {
        subspace: &Subspace::whole(&setup.space),
        pool: None,
        constraint: &goal_devices.constraint(),
        sums: sums.as_ref().map(|sums| sums as &dyn Sums),
        budget,
        batch: BATCH,
    };
    let mut trials = Trials {
        name: &name,
        seed,
        budget,
        begun: begun.running.iter().map(|proposal| proposal.number).collect(),
        goal_devices: &goal_devices,
        judged,
        deviations: setup.file.search.racing_deviations(),
        pool,
        watch,
    };
    let (history, end) = panarch_search::search(&plan, strategy.as_mut(), begun, &mut trials)?;
    let (mut front, choice) = (history.front(), Choice::largest_reward());
    // What was stopped could not win, and is known too little to stand in a front.
    front.retain(|member| trials.judged.contains(&member.number));
    let best = choice
        .winner(&front)?
        .ok_or_else(|| Error::Infeasible(format!("search {name} found no feasible network")))?;
    let note = match end {
        End::Budget => "",
        End::Exhausted => "; stopped early, everything near has been seen",
        End::Settled => "; stopped early, nothing better is to be expected by the table of accuracies and its error",
    };
    trials.watch.done(format!(
        "{} with reward {:.4}{note}",
        best.genotype,
        best.fitness().unwrap_or(f64::NAN)
    ));
    let proof = match &sums {
        Some(sums) => proof::of(setup, sums, &name, &history, best, trials.watch)?,
        None => None,
    };
    Ok(Searched {
        proof,
        winner: best.genotype.clone(),
        front: front.iter().map(|member| member.genotype.clone()).collect(),
        choice,
        name,
        goal: goal.clone(),
        seed,
        objective: format!(
            "{}; {}{}",
            goal.title(),
            reward_words(goal, setup.file.search.reward),
            limit_words(setup)
        ),
        strategy: strategy_words(setup),
    })
}

fn strategy(setup: &Setup, seed: u64) -> Result<Box<dyn Strategy>, Error> {
    let search = &setup.file.search;
    Ok((search.strategy.new)(seed, &search.settings)?)
}

/// The trials of one search: judged one after the other, each written down before and after.
struct Trials<'a, 'p, 'w> {
    name: &'a str,
    seed: u64,
    budget: u64,
    /// Those that an earlier process has begun.
    begun: Vec<u64>,
    goal_devices: &'a GoalDevices<'a>,
    /// Those that were judged on all images.
    judged: BTreeSet<u64>,
    /// How many standard errors above its estimate a network must still lie behind to be stopped; none where none is.
    deviations: Option<f64>,
    pool: &'a mut Pool<'p>,
    watch: &'a mut Watch<'w>,
}

/// The best network of a search that was judged on all images.
struct Rival<'a> {
    genotype: &'a Genotype,
    reward: f64,
    /// How many standard errors above its estimate another one must still lie behind to be stopped.
    deviations: f64,
}

impl Trials<'_, '_, '_> {
    /// Whom a trial races: the best of those before it, so that it does not matter when it is evaluated.
    fn rival<'h>(&self, number: u64, history: &'h History) -> Option<Rival<'h>> {
        let deviations = self.deviations?;
        let before = history.observations().iter().filter(|it| it.number < number);
        let judged = before.filter(|it| self.judged.contains(&it.number));
        let rewarded = judged.filter_map(|it| Some((it, it.fitness()?)));
        let best = rewarded.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map(|(best, reward)| Rival {
            genotype: &best.genotype,
            reward,
            deviations,
        })
    }
}

impl Evaluator for Trials<'_, '_, '_> {
    type Error = Error;

    fn evaluate(&mut self, proposals: &[Proposal], report: &mut Report<'_>) -> Result<(), Error> {
        let study = &self.goal_devices.setup.study;
        for Proposal { number, genotype } in proposals {
            self.watch.check()?;
            if !self.begun.contains(number) {
                study.start_trial(self.name, *number, genotype, self.seed)?;
            }
            let rival = self.rival(*number, report.history());
            let outcome = self.goal_devices.judge(self.pool, genotype, rival.as_ref())?;
            if outcome.protocol() == Some(self.pool.protocol.key()) {
                self.judged.insert(*number);
            }
            let observation = Observation::of(*number, genotype.clone(), &outcome);
            study.finish_trial(self.name, *number, outcome)?;
            let best = report.finished(observation)?.best().and_then(Observation::fitness);
            self.watch.progress(
                number + 1,
                self.budget,
                "trials",
                best.map_or_else(String::new, |best| format!("best reward {best:.4}")),
            );
        }
        Ok(())
    }
}

/// The devices that a goal looks at.
pub(super) struct GoalDevices<'a> {
    pub(super) setup: &'a Setup,
    pub(super) devices: &'a Devices,
    /// Which of the run's devices these are.
    pub(super) chosen: Vec<usize>,
    pub(super) objective: Objective,
    pub(super) band: GuardBand,
}

impl<'a> GoalDevices<'a> {
    fn new(setup: &'a Setup, devices: &'a Devices, goal: &Goal) -> Result<Self, Error> {
        let names = &setup.file.devices.names;
        let chosen: Vec<usize> = match goal {
            Goal::Device(name) => names.iter().position(|known| known == name).into_iter().collect(),
            _ => (0..names.len()).collect(),
        };
        let targets = devices
            .iter()
            .enumerate()
            .filter(|(index, _)| chosen.contains(index))
            .map(|(index, device)| DeviceTarget {
                weight: setup.file.devices.weights.get(index).copied().unwrap_or(1.0),
                ..DeviceTarget::new(device.name(), device.target)
            })
            .collect();
        let objective = Objective::new(goal.metric(), setup.file.search.reward, targets)?;
        let objective = objective.with_power(setup.file.search.power)?;
        let estimated = |limit: &&Limit| matches!(limit.most().quantity(), Quantity::Latency | Quantity::Energy);
        let limits = objective.limits().iter().chain(setup.file.limits.iter());
        Ok(Self {
            setup,
            devices,
            chosen,
            band: GuardBand::new(setup.file.search.confidence, limits.filter(estimated).count()),
            objective,
        })
    }

    /// The latencies on the devices that the goal looks at, of those on all devices.
    fn latencies(&self, costs: &[CostSummary]) -> Vec<Latency> {
        let chosen = self.chosen.iter().filter_map(|index| costs.get(*index));
        chosen.map(|cost| cost.latency.value).collect()
    }

    /// The hard limits that a network does not keep, those of the goal and those of the run, the furthest over first.
    fn violations(
        &self,
        network: Option<&Network>,
        genotype: &Genotype,
        costs: &[CostSummary],
    ) -> Result<Vec<Violation>, Error> {
        let chosen = self.chosen.iter().filter_map(|index| costs.get(*index));
        let latencies: Vec<Latency> = chosen.map(|cost| self.band.latency(cost.latency)).collect();
        let mut violations = self.objective.violations(&latencies)?;
        if self.setup.file.limits.iter().len() > 0 {
            let lowered = match network {
                Some(network) => Cow::Borrowed(network),
                None => Cow::Owned(self.setup.network(genotype)?),
            };
            violations.extend(limits::violations(
                self.setup,
                self.devices,
                &lowered,
                costs,
                self.band,
            )?);
            violations.sort_by(|a, b| b.ratio().total_cmp(&a.ratio()));
        }
        Ok(violations)
    }

    /// Judges a proposal. Costs come first: a vetoed network is not evaluated.
    fn judge(&self, pool: &mut Pool<'_>, genotype: &Genotype, rival: Option<&Rival<'_>>) -> Result<Outcome, Error> {
        let costs = self.devices.costs(self.setup, genotype)?;
        let latencies = self.latencies(&costs);
        let violations = self.violations(None, genotype, &costs)?;
        if let Some(first) = violations.first() {
            return Ok(Outcome::Infeasible {
                reason: first.to_string(),
                violations,
                objectives: Vec::new(),
            });
        }
        let raced = match rival {
            None => pool.evaluate(genotype).map(|evaluation| (evaluation, None)),
            Some(rival) => pool.race(genotype, rival.genotype, &mut |lead| {
                let most = Accuracy::from_share(lead.upper(rival.deviations));
                let most = self.objective.assess(most, &latencies)?.reward;
                Ok(most.is_some_and(|most| most < rival.reward))
            }),
        };
        let (evaluation, lead) = match raced {
            // One network without an answer is no reason to lose all others.
            Err(Error::Train(error @ TrainError::Answer { .. })) => {
                return Ok(Outcome::Failed {
                    reason: error.to_string(),
                });
            }
            other => other?,
        };
        let mut accuracy = evaluation.accuracy.value;
        let mut sampling = evaluation.protocol.standard_error(accuracy.share());
        if let Some(lead) = lead.filter(|_| evaluation.protocol.key() != pool.protocol.key()) {
            // A strategy compares it with networks that were judged on all images, so that what it hears must not hang on
            // whether the first ones are easy.
            accuracy = Accuracy::from_share(lead.share);
            let of_all = pool.protocol.standard_error(lead.share);
            sampling = of_all.map(|of_all| of_all.hypot(lead.standard_error));
        }
        let assessment = self.objective.assess(accuracy, &latencies)?;
        let standard_error = sampling.map(|error| assessment.slope * error);
        Ok(match assessment.reward {
            Some(reward) => Outcome::Complete {
                objectives: vec![
                    ObjectiveValue::reward(reward, standard_error),
                    ObjectiveValue {
                        name: ACCURACY.to_owned(),
                        direction: Direction::Maximise,
                        value: Amount::Accuracy(accuracy),
                        standard_error: sampling,
                    },
                    ObjectiveValue {
                        name: RATIO.to_owned(),
                        direction: Direction::Minimise,
                        value: Amount::Score(assessment.ratio),
                        standard_error: None,
                    },
                ],
                protocol: evaluation.protocol.key(),
            },
            None => Outcome::Infeasible {
                reason: "vetoed".to_owned(),
                violations: assessment.violations,
                objectives: Vec::new(),
            },
        })
    }

    /// What proposals must keep: every device of the run can run them, also those that the goal does not look at, since
    /// every network is costed everywhere; and the goal's hard limits, if it has any, hold.
    fn constraint(&self) -> impl Constraint + '_ {
        |genotype: &Genotype| -> Result<Verdict, Box<dyn StdError + Send + Sync>> {
            let network = self.setup.network(genotype)?;
            let mut costs = Vec::new();
            for device in self.devices.iter() {
                match device.cost(genotype, &network) {
                    Ok(cost) => costs.push(cost),
                    Err(Error::Cost(CostError::Unsupported { device, refused })) => {
                        let reason = refused.to_string();
                        return Ok(Verdict::Unsupported { device, reason });
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(self.violations(Some(&network), genotype, &costs)?.into())
        }
    }
}

/// Ends a run whose limits nothing keeps, before anything is trained for it.
pub(super) fn check_limits(setup: &Setup, devices: &Devices, watch: &mut Watch<'_>) -> Result<(), Error> {
    if setup.file.search.strategy.sums {
        sums::check(setup)?;
    }
    limits::check_answers(setup, devices)?;
    let search = &setup.file.search;
    let limited = setup.file.limits.iter().len() > 0;
    // The limits of the run are the same for every goal.
    let mut goals: Vec<&Goal> = search
        .goals
        .iter()
        .filter(|goal| goal.metric() == Metric::Each)
        .collect();
    if goals.is_empty() && limited {
        goals.extend(search.goals.first());
    }
    for goal in goals {
        let sure = search
            .confidence
            .map_or_else(String::new, |it| format!(" with a confidence of {} %", it * 100.0));
        watch.step(format!("Looking for a network that keeps every limit{sure}"));
        let goal_devices = GoalDevices::new(setup, devices, goal)?;
        let situation = Situation {
            subspace: &Subspace::whole(&setup.space),
            pool: None,
            constraint: &goal_devices.constraint(),
            sums: None,
            history: &History::new(),
            pending: &[],
            number: 0,
        };
        let found = strategy(setup, search.seeds.first().copied().unwrap_or_default())?.ask(&situation)?;
        watch.done(format!("{found} does"));
    }
    Ok(())
}

fn reward_words(goal: &Goal, form: RewardForm) -> String {
    if goal.metric() == Metric::Each {
        return "accuracy alone, within the limits".to_owned();
    }
    let beta = form.beta();
    match form {
        RewardForm::Absolute { .. } => format!("accuracy {beta:+} · |r − 1|"),
        RewardForm::Soft { .. } => format!("accuracy · r^{beta}"),
        RewardForm::Hard { .. } => format!("accuracy · min(r^{beta}, 1)"),
    }
}

/// The hard limits of the run in words, after a semicolon; nothing where there are none.
fn limit_words(setup: &Setup) -> String {
    let limits = setup.file.limits.iter().map(|limit| {
        let (quantity, on) = (limit.most().quantity(), limit.device());
        match on {
            Some(device) => format!("{quantity} on {device} ≤ {}", limit.most()),
            None => format!("{quantity} ≤ {}", limit.most()),
        }
    });
    let mut words: Vec<String> = limits.collect();
    words.extend(
        setup
            .file
            .search
            .confidence
            .map(|it| format!("limits hold with {} %", it * 100.0)),
    );
    match words.is_empty() {
        true => String::new(),
        false => format!("; {}", words.join(", ")),
    }
}

fn strategy_words(setup: &Setup) -> String {
    let search = &setup.file.search;
    let words = format!("{}, {} evaluations", search.strategy.name, search.evaluations);
    search.settings.iter().fold(words, |words, (name, value)| {
        format!("{words}, {} {value}", name.replace('_', " "))
    })
}
