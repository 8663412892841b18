//! `[search]`: strategy, budget and what is searched for.

use panarch_search::Evolution;
use panarch_study::{DEFAULT_BETA, RewardForm};
use panarch_toml::{Key, Table, did_you_mean};

use super::write::Writer;

/// What the section's keys mean.
pub(super) const KEYS: &[Key] = &[
    Key::new("search", "The searches: one for each goal and seed, over one shared pool of evaluated networks.")
        .known_as(&["nas", "searches"]),
    Key::new("search.strategy", "How the next network is proposed: ageing evolution, or uniformly at random.")
        .known_as(&["algorithm", "method", "searcher", "sampler"]),
    Key::new("search.evaluations", "Networks that each search evaluates.")
        .known_as(&["trials", "max_trials", "n_trials", "num_trials", "budget", "samples", "num_samples", "iterations"]),
    Key::new(
        "search.population",
        "Networks that are alive at a time. Evolution only.",
    )
    .with_default("50, or the number of evaluations where that is less")
    .known_as(&["population_size", "pop_size"]),
    Key::new(
        "search.tournament",
        "Networks drawn, of which the best becomes a parent; at most the population. Evolution only.",
    )
    .with_default("12, or the population where that is less")
    .known_as(&["tournament_size", "sample_size"]),
    Key::new(
        "search.mutation_rate",
        "The probability that each decision of a child changes, besides the one that always does. Evolution only.",
    )
    .known_as(&["mutation", "mutation_probability", "mutation_prob", "mutate_prob"]),
    Key::new("search.seeds", "One search of every goal for each of these different numbers.").known_as(&["seed", "random_seed"]),
    Key::new(
        "search.goals",
        "What is searched for. `alone` is one goal for every device by itself, a device's name is the goal of that device alone; `average` is the mean \
         of r over all devices, `worst` the largest r. `each` is the hard limit: only a network within its target on every device can win.",
    )
    .with_default("`alone` and, with several devices, `average` and `worst`")
    .known_as(&["goal", "objective", "objectives", "metric", "metrics"]),
    Key::new(
        "search.reward",
        "How accuracy and latency become one number, with b for `beta`. `absolute`: accuracy + b·|r − 1|. `soft`: accuracy · r^b. `hard`: \
         accuracy as it is up to the target, accuracy · r^b beyond it. None of the three is a hard limit, not even `hard`: a network over its target can win if it is accurate enough. The hard limit is `goals = [\"each\"]`.",
    )
    .known_as(&["reward_type", "reward_form", "reward_function"]),
    Key::new(
        "search.beta",
        "The weight of latency in the reward; the more negative, the larger.",
    )
    .known_as(&["exponent", "slope", "latency_weight", "w", "alpha"]),
];

/// The searches: one for each goal and seed, over one shared pool of evaluations.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchSection {
    /// How the next network is proposed. Default ageing evolution.
    pub strategy: StrategyKind,
    /// Networks that each search evaluates. Default 200.
    pub evaluations: usize,
    /// Networks that are alive at a time; evolution only. Default 50.
    pub population: usize,
    /// Networks drawn, of which the best becomes a parent; evolution only. Default 12.
    pub tournament: usize,
    /// Chance of each decision of a child to change, besides the one that always does; evolution only. Default 0.
    pub mutation_rate: f64,
    /// One search of every goal for each of these. Default 1.
    pub seeds: Vec<u64>,
    /// What is searched for. Default each device alone and, of several, the average and the worst case.
    pub goals: Vec<Goal>,
    /// How accuracy and latency become one number. Default absolute, with the usual slope.
    pub reward: RewardForm,
}

/// How the next network is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StrategyKind {
    /// Uniform random search.
    Random,
    /// Ageing evolution.
    Evolution,
}

impl StrategyKind {
    /// Every strategy with its name in run files and tables.
    pub const NAMES: [(&'static str, Self); 2] = [("random", Self::Random), ("evolution", Self::Evolution)];

    /// The name used in run files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Evolution => "evolution",
        }
    }
}

/// Which devices a search looks at, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Goal {
    /// One device alone, by its name in [`super::DevicesSection::names`].
    Device(String),
    /// The mean of r over all devices.
    Average,
    /// The largest r of all devices.
    Worst,
    /// A hard limit on every device.
    Each,
}

impl Goal {
    /// The goals that concern all devices.
    const SHARED: [Self; 3] = [Self::Average, Self::Worst, Self::Each];

    /// The name used in run files and tables; for a device, the device's.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Device(name) => name,
            Self::Average => "average",
            Self::Worst => "worst",
            Self::Each => "each",
        }
    }
}

/// In a run file, stands for one goal for every device.
const ALONE: &str = "alone";
/// A reward of a form that still lacks its slope.
type RewardOf = fn(f64) -> RewardForm;
/// The forms of the reward by name.
const REWARDS: [(&str, RewardOf); 3] = [
    ("absolute", |beta| RewardForm::Absolute { beta }),
    ("soft", |beta| RewardForm::Soft { beta }),
    ("hard", |beta| RewardForm::Hard { beta }),
];

impl Default for SearchSection {
    /// Without the goals of single devices, which are known only with the devices.
    fn default() -> Self {
        let evolution = Evolution::default();
        Self {
            strategy: StrategyKind::Evolution,
            evaluations: 200,
            population: evolution.population,
            tournament: evolution.tournament,
            mutation_rate: evolution.mutation_rate,
            seeds: vec![1],
            goals: vec![Goal::Average, Goal::Worst],
            reward: RewardForm::Absolute { beta: DEFAULT_BETA },
        }
    }
}

impl SearchSection {
    pub(super) fn read(table: Table<'_>, devices: Option<&[String]>) -> Self {
        let default = Self::default();
        let strategy = table
            .optional_one_of("strategy", &StrategyKind::NAMES)
            .unwrap_or(default.strategy);
        let evaluations = table
            .optional_usize_in("evaluations", 1..=10_000_000)
            .unwrap_or(default.evaluations);
        let population = table.optional_usize_in("population", 2..=1_000_000);
        let tournament = table.optional_usize_in("tournament", 1..=1_000_000);
        // Small budgets shrink the defaults rather than contradict them.
        let population = population.unwrap_or(default.population.min(evaluations.max(2)));
        let tournament_size = tournament.unwrap_or(default.tournament.min(population));
        if tournament_size > population {
            let message = format!(
                "`search.tournament` is {tournament_size}, more than the {population} networks of `search.population`"
            );
            table.problem("tournament", message, None);
        }
        let seeds = table.optional_list_of_u64("seeds");
        if let Some(seeds) = &seeds {
            let mut distinct = seeds.clone();
            distinct.sort_unstable();
            distinct.dedup();
            if seeds.is_empty() || distinct.len() < seeds.len() {
                table.problem("seeds", "`search.seeds` must be one or more different numbers", None);
            }
        }
        let reward = table.optional_one_of("reward", &REWARDS);
        let beta = table.optional_f64_in("beta", -100.0..0.0).unwrap_or(DEFAULT_BETA);
        let section = Self {
            strategy,
            evaluations,
            population,
            tournament: tournament_size,
            mutation_rate: table
                .optional_f64_in("mutation_rate", 0.0..=1.0)
                .unwrap_or(default.mutation_rate),
            seeds: seeds.unwrap_or(default.seeds),
            goals: read_goals(&table, devices),
            reward: reward.map_or(RewardForm::Absolute { beta }, |form| form(beta)),
        };
        table.finish();
        section
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.text("strategy", self.strategy.name());
        writer.key("evaluations", self.evaluations);
        writer.key("population", self.population);
        writer.key("tournament", self.tournament);
        writer.key("mutation_rate", self.mutation_rate);
        writer.list("seeds", &self.seeds);
        writer.texts("goals", self.goals.iter().map(Goal::name));
        writer.text("reward", self.reward.name());
        writer.key("beta", self.reward.beta());
    }
}

fn read_goals(table: &Table<'_>, devices: Option<&[String]>) -> Vec<Goal> {
    let alone = || devices.unwrap_or_default().iter().cloned().map(Goal::Device);
    let Some(names) = table.optional_list_of_strings_spanned("goals") else {
        let one = devices.is_some_and(|devices| devices.len() == 1);
        let shared = if one {
            Vec::new()
        } else {
            vec![Goal::Average, Goal::Worst]
        };
        return alone().chain(shared).collect();
    };
    let mut goals: Vec<Goal> = Vec::new();
    for name in &names {
        let text = name.value.as_str();
        let shared = Goal::SHARED.into_iter().find(|goal| goal.name() == text);
        let device = devices.is_none_or(|devices| devices.iter().any(|device| device == text));
        let found: Vec<Goal> = match shared {
            Some(goal) => vec![goal],
            None if text == ALONE => alone().collect(),
            None if device => vec![Goal::Device(text.to_owned())],
            None => {
                let shared = Goal::SHARED.each_ref().map(|goal| goal.name().to_owned());
                let known = shared.into_iter().chain([ALONE.to_owned()]);
                let known: Vec<String> = known.chain(devices.unwrap_or_default().iter().cloned()).collect();
                let message = format!(
                    "each of `search.goals` must be one of `{}`, found the string \"{text}\"",
                    known.join("`, `")
                );
                table.problem_at(name.at, message, did_you_mean(text, known).as_deref());
                continue;
            }
        };
        for goal in found {
            if goals.contains(&goal) {
                table.problem_at(name.at, format!("`search.goals` names {} twice", goal.name()), None);
            } else {
                goals.push(goal);
            }
        }
    }
    if names.is_empty() {
        table.problem("goals", "`search.goals` must name at least one goal", None);
    }
    goals
}
