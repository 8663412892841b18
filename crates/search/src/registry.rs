//! Every strategy by name: what a run file's `[search]` section may say, and how a strategy is made of it.

use panarch_toml::Key;

use crate::{
    SearchError, Strategy, exact_search, exhaustive, local_search, nsga2, ofa_evolution, predictor, random_search,
};

pub use crate::ageing_evolution::DECLARATION as AGEING_EVOLUTION;

/// Every strategy. A new one is a file that declares it, and a line here: the reader of run files, its suggestions and
/// its reference page, and the conformance suite go by this list.
pub const STRATEGIES: &[&Declaration] = &[
    &random_search::DECLARATION,
    &exhaustive::DECLARATION,
    &local_search::DECLARATION,
    &AGEING_EVOLUTION,
    &ofa_evolution::DECLARATION,
    &nsga2::DECLARATION,
    &predictor::DECLARATION,
    &exact_search::DECLARATION,
];

/// Makes a strategy with a seed and settings.
pub type New = fn(u64, &Settings) -> Result<Box<dyn Strategy>, SearchError>;

/// What a strategy says of itself.
#[derive(Debug)]
pub struct Declaration {
    /// The name used in run files and tables.
    pub name: &'static str,
    /// How it proposes, as the end of a sentence: "draws every network uniformly at random".
    pub summary: &'static str,
    /// Its own settings.
    pub settings: &'static [Setting],
    /// Whether its proposals depend on the seed.
    pub randomised: bool,
    /// Whether it makes use of [`crate::Situation::sums`], which take time to work out.
    pub sums: bool,
    /// Whether it loses nothing where a network that is behind the best is known less exactly: it goes by which reward is larger,
    /// and neither learns from accuracies nor lists a front.
    pub races: bool,
    /// What does not fit together: the setting that is wrong, and why.
    pub check: fn(&Settings) -> Result<(), (&'static str, String)>,
    /// Makes one with a seed and settings, which name every setting of the declaration.
    pub new: New,
}

/// A strategy is known by its name.
impl PartialEq for Declaration {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Declaration {
    /// The declaration of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        STRATEGIES.iter().copied().find(|declaration| declaration.name == name)
    }

    /// Its settings for a search of this many evaluations: those that are given, and the defaults of the others.
    #[must_use]
    pub fn settings(&self, evaluations: usize, given: impl Fn(&Setting) -> Option<Value>) -> Settings {
        let mut settings = Settings(Vec::new());
        for setting in self.settings {
            let value = given(setting).unwrap_or_else(|| (setting.default)(evaluations, &settings));
            settings.0.push((setting.name(), value));
        }
        settings
    }
}

/// A setting of a strategy.
#[derive(Debug)]
pub struct Setting {
    /// Its key in a run file, with its meaning and what other tools call it; below `search`.
    pub key: Key,
    /// What it may be.
    pub range: Range,
    /// What it is where nothing is said, by the number of evaluations and the settings that were declared before it.
    pub default: fn(usize, &Settings) -> Value,
}

impl Setting {
    /// The key without its section.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.key.name()
    }
}

/// What a setting may be, both ends among it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Range {
    /// A whole number.
    Whole(usize, usize),
    /// Any number.
    Real(f64, f64),
}

/// The value of a setting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A whole number.
    Whole(usize),
    /// Any number.
    Real(f64),
}

/// As it stands in a run file.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(value) => value.fmt(f),
            Self::Real(value) => value.fmt(f),
        }
    }
}

/// The settings of a strategy with their values, in the order in which they are declared.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings(Vec<(&'static str, Value)>);

impl Settings {
    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Value)> + '_ {
        self.0.iter().copied()
    }

    /// The value of a setting.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// A setting that is a whole number.
    ///
    /// # Errors
    /// [`SearchError::Settings`] when there is none of this name.
    pub fn whole(&self, name: &str) -> Result<usize, SearchError> {
        match self.get(name) {
            Some(Value::Whole(value)) => Ok(value),
            _ => Err(Self::lacks(name)),
        }
    }

    /// A setting that is any number.
    ///
    /// # Errors
    /// [`SearchError::Settings`] when there is none of this name.
    pub fn real(&self, name: &str) -> Result<f64, SearchError> {
        match self.get(name) {
            Some(Value::Real(value)) => Ok(value),
            _ => Err(Self::lacks(name)),
        }
    }

    fn lacks(name: &str) -> SearchError {
        SearchError::Settings {
            reason: format!("the setting `{name}` is missing"),
        }
    }
}

/// Every setting of any strategy; one that several strategies have comes once.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    let all = || STRATEGIES.iter().flat_map(|declaration| declaration.settings);
    all()
        .enumerate()
        .filter(move |(index, setting)| {
            let mut before = all().take(*index);
            !before.any(|other| other.name() == setting.name())
        })
        .map(|(_, setting)| setting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_agree_with_the_strategies_that_they_make() {
        for declaration in STRATEGIES {
            assert_eq!(Declaration::named(declaration.name), Some(*declaration));
            for evaluations in [1, 2, 7, 200, 10_000_000] {
                let settings = declaration.settings(evaluations, |_| None);
                (declaration.check)(&settings).unwrap_or_else(|(name, reason)| panic!("{name}: {reason}"));
                let strategy = (declaration.new)(1, &settings).unwrap();
                assert_eq!(strategy.name(), declaration.name);
                for (setting, (name, value)) in declaration.settings.iter().zip(settings.iter()) {
                    assert_eq!(setting.name(), name);
                    assert_eq!(setting.key.section(), "search");
                    let fits = match (setting.range, value) {
                        (Range::Whole(least, most), Value::Whole(value)) => (least..=most).contains(&value),
                        (Range::Real(least, most), Value::Real(value)) => (least..=most).contains(&value),
                        _ => false,
                    };
                    assert!(fits, "{}: the default {value} of `{name}`", declaration.name);
                }
                let missing = (declaration.new)(1, &Settings::default());
                assert_eq!(missing.is_err(), !declaration.settings.is_empty());
            }
        }
    }

    /// A setting that several strategies share means the same and has one range.
    #[test]
    fn shared_settings_are_one_setting() {
        for setting in settings() {
            let others = STRATEGIES.iter().flat_map(|declaration| declaration.settings);
            for other in others.filter(|other| other.name() == setting.name()) {
                assert_eq!(other.range, setting.range, "`{}`", setting.name());
            }
        }
    }
}
