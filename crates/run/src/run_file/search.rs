//! `[search]`: strategy, budget and what is searched for.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use panarch_predict::normal_quantile;
use panarch_search::registry::{self, AGEING_EVOLUTION, Range, Setting, Settings, Value};
use panarch_search::{Declaration, STRATEGIES};
use panarch_study::{DEFAULT_BETA, DEFAULT_POWER, Metric, RewardForm};
use panarch_toml::{Key, Table, did_you_mean};

use super::write::Writer;

/// What the section's keys mean.
pub(super) const KEYS: &[Key] = &[
    Key::new("search", "The searches: one for each goal and seed, over one shared pool of evaluated networks.")
        .known_as(&["nas", "searches"]),
    Key::new("search.evaluations", "Networks that each search evaluates.")
        .known_as(&["trials", "max_trials", "n_trials", "num_trials", "budget", "samples", "num_samples", "iterations"]),
    Key::new("search.seeds", "One search of every goal for each of these different numbers.").known_as(&["seed", "random_seed"]),
    Key::new(
        "search.goals",
        "What is searched for. `alone` is one goal for every device by itself, a device's name is the goal of that device alone; `average` is the mean \
         of r over all devices, `worst` the largest r, `smooth-worst` a power mean between the two (`power`). `each` is the hard limit: only a network within its target on every device can win.",
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
    Key::new(
        "search.power",
        "The power p of the goal `smooth-worst`: 1 is the average, the larger the nearer to `worst`.",
    )
    .with_default("8")
    .known_as(&["p", "p_norm", "norm"]),
    Key::new(
        "search.confidence",
        "How sure it is to be that every hard limit holds on every device at once, as far as latencies and energies are estimates with an \
         interval: networks are proposed only as far below the limits as that takes.",
    )
    .with_default("none: estimates count as they are")
    .known_as(&["guard_band", "margin", "safety"]),
    Key::new(
        "search.racing",
        "How sure it is to be that a network is behind the best one before its evaluation is stopped; asked after every batch of validation images, both \
         on the same ones. 1 judges every network on all images, as every winner is. Only strategies that go by which reward is larger race: `random`, \
         `exhaustive`, `evolution` and `ofa-evolution`.",
    )
    .known_as(&["early_stopping", "pruning", "race"]),
];

/// The keys that the registry of strategies declares: the strategy itself, and the settings of each.
pub(super) fn strategy_keys() -> impl Iterator<Item = Key> {
    static MEANING: LazyLock<String> = LazyLock::new(|| {
        let each = STRATEGIES.iter().map(|it| format!("`{}` {}", it.name, it.summary));
        format!(
            "How the next network is proposed: {}.",
            each.collect::<Vec<_>>().join("; ")
        )
    });
    let strategy = Key::new("search.strategy", &MEANING).known_as(&["algorithm", "method", "searcher", "sampler"]);
    std::iter::once(strategy).chain(registry::settings().map(|setting| setting.key))
}

/// The searches: one for each goal and seed, over one shared pool of evaluations.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchSection {
    /// How the next network is proposed. Default ageing evolution.
    pub strategy: &'static Declaration,
    /// The settings of the strategy.
    pub settings: Settings,
    /// Networks that each search evaluates. Default 200.
    pub evaluations: usize,
    /// One search of every goal for each of these. Default 1.
    pub seeds: Vec<u64>,
    /// What is searched for. Default each device alone and, of several, the average and the worst case.
    pub goals: Vec<Goal>,
    /// How accuracy and latency become one number. Default absolute, with the usual slope.
    pub reward: RewardForm,
    /// The power of the goal `smooth-worst`.
    pub power: f64,
    /// How sure it is to be that every hard limit holds. Default that of the estimates as they are.
    pub confidence: Option<f64>,
    /// How sure it is to be that a network is behind the best one before its evaluation is stopped; 1 judges all on all images.
    pub racing: f64,
}

/// The confidence of races where a file states none.
const RACING: f64 = 0.95;

/// Which devices a search looks at, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Goal {
    /// One device alone, by its name in [`super::DevicesSection::names`].
    Device(String),
    /// All devices, joined by a metric.
    All(Metric),
}

impl Goal {
    /// The name used in run files and tables; for a device, the device's.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Device(name) => name,
            Self::All(metric) => metric.name(),
        }
    }

    /// What it is, in words.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Device(name) => format!("{name} alone"),
            Self::All(metric) => metric.title().to_owned(),
        }
    }

    /// The metric; with one device, all metrics but a limit are the same.
    #[must_use]
    pub const fn metric(&self) -> Metric {
        match self {
            Self::Device(_) => Metric::Average,
            Self::All(metric) => *metric,
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

/// The strategy of a run file that names none.
const DEFAULT_STRATEGY: &Declaration = &AGEING_EVOLUTION;

impl Default for SearchSection {
    /// Without the goals of single devices, which are known only with the devices.
    fn default() -> Self {
        let (strategy, evaluations) = (DEFAULT_STRATEGY, 200);
        Self {
            strategy,
            settings: strategy.settings(evaluations, |_| None),
            evaluations,
            seeds: vec![1],
            goals: vec![Goal::All(Metric::Average), Goal::All(Metric::Worst)],
            reward: RewardForm::Absolute { beta: DEFAULT_BETA },
            power: DEFAULT_POWER,
            confidence: None,
            racing: RACING,
        }
    }
}

impl SearchSection {
    pub(super) fn read(table: Table<'_>, devices: Option<&[String]>) -> Self {
        let default = Self::default();
        let names: Vec<(&str, &'static Declaration)> = STRATEGIES.iter().map(|it| (it.name, *it)).collect();
        let strategy = table.optional_one_of("strategy", &names).unwrap_or(default.strategy);
        let evaluations = table
            .optional_usize_in("evaluations", 1..=10_000_000)
            .unwrap_or(default.evaluations);
        // A file may hold what another strategy is set to, so that strategies are tried by changing one line.
        let given: BTreeMap<&str, Value> = registry::settings()
            .filter_map(|setting| Some((setting.name(), given(&table, setting)?)))
            .collect();
        let settings = strategy.settings(evaluations, |setting| given.get(setting.name()).copied());
        if let Err((setting, reason)) = (strategy.check)(&settings) {
            table.problem(setting, reason, None);
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
            settings,
            evaluations,
            seeds: seeds.unwrap_or(default.seeds),
            goals: read_goals(&table, devices),
            reward: reward.map_or(RewardForm::Absolute { beta }, |form| form(beta)),
            confidence: table.optional_f64_in("confidence", 0.5..=0.9999),
            racing: table.optional_f64_in("racing", 0.5..=1.0).unwrap_or(default.racing),
            power: table.optional_f64_in("power", 1.0..=1000.0).unwrap_or(default.power),
        };
        table.finish();
        section
    }

    /// How many standard errors above its estimate a network must still be behind the best one to be stopped; none where none is.
    #[must_use]
    pub fn racing_deviations(&self) -> Option<f64> {
        (self.strategy.races && self.racing < 1.0).then(|| normal_quantile(self.racing))
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.text("strategy", self.strategy.name);
        writer.key("evaluations", self.evaluations);
        for (name, value) in self.settings.iter() {
            writer.key(name, value);
        }
        writer.list("seeds", &self.seeds);
        writer.texts("goals", self.goals.iter().map(Goal::name));
        writer.text("reward", self.reward.name());
        writer.key("beta", self.reward.beta());
        // A run that does not say it is written as it always was.
        if self.power != DEFAULT_POWER {
            writer.key("power", self.power);
        }
        if let Some(confidence) = self.confidence {
            writer.key("confidence", confidence);
        }
        writer.key("racing", self.racing);
    }
}

/// What a file sets a strategy to, where it says so.
fn given(table: &Table<'_>, setting: &Setting) -> Option<Value> {
    match setting.range {
        Range::Whole(least, most) => table.optional_usize_in(setting.name(), least..=most).map(Value::Whole),
        Range::Real(least, most) => table.optional_f64_in(setting.name(), least..=most).map(Value::Real),
    }
}

/// Takes what decides nothing out of the keys of a file: the settings of strategies that it does not name.
pub(crate) fn forget_other_settings(keys: &mut BTreeMap<String, String>) {
    let named = keys.get("search.strategy").map(|text| text.trim_matches('"'));
    let Some(strategy) = named.and_then(Declaration::named) else {
        return;
    };
    let own = |setting: &Setting| strategy.settings.iter().any(|own| own.name() == setting.name());
    for setting in registry::settings().filter(|setting| !own(setting)) {
        keys.remove(setting.key.path);
    }
}

fn read_goals(table: &Table<'_>, devices: Option<&[String]>) -> Vec<Goal> {
    let alone = || devices.unwrap_or_default().iter().cloned().map(Goal::Device);
    let Some(names) = table.optional_list_of_strings_spanned("goals") else {
        let one = devices.is_some_and(|devices| devices.len() == 1);
        let shared = if one {
            Vec::new()
        } else {
            vec![Goal::All(Metric::Average), Goal::All(Metric::Worst)]
        };
        return alone().chain(shared).collect();
    };
    let mut goals: Vec<Goal> = Vec::new();
    for name in &names {
        let text = name.value.as_str();
        let shared = Metric::ALL.into_iter().find(|metric| metric.name() == text);
        let device = devices.is_none_or(|devices| devices.iter().any(|device| device == text));
        let found: Vec<Goal> = match shared {
            Some(metric) => vec![Goal::All(metric)],
            None if text == ALONE => alone().collect(),
            None if device => vec![Goal::Device(text.to_owned())],
            None => {
                let shared = Metric::ALL.map(|metric| metric.name().to_owned());
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
