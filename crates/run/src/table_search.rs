//! Searches in a table of known values: what a strategy finds, by truth.
//!
//! The table says what every network of a pool is worth (accuracy, and a cost on each device), so that an evaluation is a
//! look-up. The two objectives are accuracy and the worst ratio of a cost to that device's median over the table.

mod score;

use std::collections::BTreeMap;
use std::path::Path;

use panarch_format::FileKind;
use panarch_predict::Rows;
use panarch_search::registry::{self, Range, Setting, Settings, Value};
use panarch_search::{
    Begun, Declaration, Evaluator, Plan, Pool, Proposal, Report, STRATEGIES, SearchError, Unconstrained, search,
};
use panarch_space::{Genotype, Space, Subspace};
use panarch_study::{Amount, Direction, ObjectiveValue, Observation};
use panarch_toml::did_you_mean;

use crate::Error;
use crate::event::Cancel;

pub use score::{At, Mean, Score, Truth, means, searches_table};

/// Trials for each evaluation that is asked for: a strategy may propose a network again, which evaluates nothing.
const TRIALS: u64 = 4;

/// Which columns of a table say what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// The accuracy, the more the better.
    pub accuracy: String,
    /// Costs, the less the better: a latency, an energy, a memory.
    pub costs: Vec<String>,
    /// Throughputs, the more the better; each counts as the cost 1 / throughput.
    pub throughputs: Vec<String>,
    /// Where networks were evaluated at several resolutions, the one that counts, in pixels.
    pub resolution: Option<u32>,
}

/// What a table says of one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The network.
    pub genotype: Genotype,
    /// In the unit of the column.
    pub accuracy: f64,
    /// Each cost divided by its median over the table; the costs first, then the inverted throughputs.
    pub ratios: Vec<f64>,
}

impl Known {
    /// The largest of the ratios.
    #[must_use]
    pub fn worst(&self) -> f64 {
        self.ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// A table of networks with known values: a pool to search.
#[derive(Debug, Clone)]
pub struct KnownTable {
    /// The space that the networks are of.
    pub space: Space,
    /// The networks, each once, with the means of its rows.
    pub networks: Vec<Known>,
    /// The names of the columns that the ratios are of.
    pub devices: Vec<String>,
    /// Rows that lack one of the values, or are of another resolution.
    pub skipped: usize,
    /// Rows that are networks of no space or another, with what is wrong with the first.
    pub outside: Option<(usize, String)>,
    pool: Pool,
    places: BTreeMap<Genotype, usize>,
}

impl KnownTable {
    /// Reads a table of networks of a space, in any layout that [`Rows::read`] knows.
    ///
    /// # Errors
    /// A file that cannot be read, a column that is not there or named twice, a cost or throughput that is not positive, no
    /// row with all values, networks at several resolutions of which none was chosen.
    pub fn read(space: &Space, path: &Path, columns: &Columns) -> Result<Self, Error> {
        Self::of_text(space, &panarch_format::read_text(path, FileKind::TEXT)?, columns)
    }

    /// The same from the text of a file.
    ///
    /// # Errors
    /// As [`KnownTable::read`].
    pub fn of_text(space: &Space, text: &str, columns: &Columns) -> Result<Self, Error> {
        let devices: Vec<String> = columns.costs.iter().chain(&columns.throughputs).cloned().collect();
        let names: Vec<&str> = std::iter::once(&columns.accuracy)
            .chain(&devices)
            .map(String::as_str)
            .collect();
        for (index, name) in names.iter().enumerate() {
            if names[..index].contains(name) {
                return Err(Error::Input(format!("the column `{name}` is named twice")));
            }
        }
        if devices.is_empty() {
            return Err(Error::Input(
                "name at least one column of costs or throughputs".to_owned(),
            ));
        }
        let read = Rows::read(space, text, &names)?;
        let mut sums: BTreeMap<Genotype, (f64, Vec<f64>)> = BTreeMap::new();
        let (mut skipped, mut resolutions) = (0, Vec::new());
        for row in &read.rows {
            if let Some(resolution) = row.member.resolution
                && !resolutions.contains(&resolution)
            {
                resolutions.push(resolution);
            }
            let chosen = columns.resolution.is_none() || row.member.resolution == columns.resolution;
            let values: Option<Vec<f64>> = row.values.iter().copied().collect();
            let Some(mut values) = values.filter(|_| chosen) else {
                skipped += 1;
                continue;
            };
            for (value, name) in values.iter_mut().zip(&names).skip(1) {
                if *value <= 0.0 {
                    let genotype = &row.member.genotype;
                    return Err(Error::Input(format!(
                        "`{name}` of network {genotype} is {value}, it must be positive"
                    )));
                }
                if columns.throughputs.iter().any(|throughput| throughput == name) {
                    *value = 1.0 / *value;
                }
            }
            let sum = sums
                .entry(row.member.genotype.clone())
                .or_insert_with(|| (0.0, vec![0.0; names.len()]));
            sum.0 += 1.0;
            sum.1.iter_mut().zip(&values).for_each(|(sum, value)| *sum += value);
        }
        if columns.resolution.is_none() && resolutions.len() > 1 {
            resolutions.sort_unstable();
            return Err(Error::Input(format!(
                "the table has networks at the resolutions {resolutions:?}; choose one with --resolution"
            )));
        }
        let Some(pool) = Pool::new(space, sums.keys().cloned())? else {
            return Err(Error::Input(format!(
                "none of the {} rows has all of these values",
                read.rows.len()
            )));
        };
        let mut networks: Vec<Known> = sums
            .into_iter()
            .map(|(genotype, (count, sums))| {
                let mut means = sums.into_iter().map(|sum| sum / count);
                Known {
                    genotype,
                    accuracy: means.next().unwrap_or_default(),
                    ratios: means.collect(),
                }
            })
            .collect();
        for device in 0..devices.len() {
            let median = median(networks.iter().map(|known| known.ratios[device]).collect());
            networks.iter_mut().for_each(|known| known.ratios[device] /= median);
        }
        Ok(Self {
            space: space.clone(),
            places: (0..)
                .zip(&networks)
                .map(|(place, known)| (known.genotype.clone(), place))
                .collect(),
            networks,
            devices,
            skipped,
            outside: read.outside,
            pool,
        })
    }

    /// The same table without a device: what a search sees that does not know it.
    ///
    /// # Errors
    /// When there would be no device left.
    pub fn without(&self, device: usize) -> Result<Self, Error> {
        let mut table = self.clone();
        if table.devices.len() < 2 || device >= table.devices.len() {
            return Err(Error::Input("a table without a device needs another one".to_owned()));
        }
        table.devices.remove(device);
        for known in &mut table.networks {
            known.ratios.remove(device);
        }
        Ok(table)
    }

    /// What a strategy evaluates: the places of so many different networks among [`KnownTable::networks`], in the order in
    /// which it proposed them; fewer where it finds nothing new any more.
    ///
    /// # Errors
    /// Those of the strategy; [`Error::Interrupted`].
    pub fn search(
        &self,
        declaration: &Declaration,
        settings: &Settings,
        seed: u64,
        evaluations: usize,
        cancel: &Cancel,
    ) -> Result<Vec<usize>, Error> {
        let mut strategy = (declaration.new)(seed, settings)?;
        let plan = Plan {
            subspace: &Subspace::whole(&self.space),
            pool: Some(&self.pool),
            constraint: &Unconstrained,
            sums: None,
            budget: TRIALS.saturating_mul(evaluations as u64),
            batch: 1,
        };
        let mut lookups = Lookups {
            table: self,
            found: Vec::new(),
            evaluations,
            cancel,
        };
        match search(&plan, strategy.as_mut(), Begun::default(), &mut lookups) {
            Ok(_) | Err(Stop::Enough) => Ok(lookups.found),
            Err(Stop::Search(error)) => Err(error.into()),
            Err(Stop::Interrupted) => Err(Error::Interrupted),
        }
    }
}

/// The strategy of this name.
///
/// # Errors
/// An unknown name, with the closest known one.
pub fn strategy(name: &str) -> Result<&'static Declaration, Error> {
    Declaration::named(name).ok_or_else(|| {
        let known: Vec<&str> = STRATEGIES.iter().map(|declaration| declaration.name).collect();
        Error::Input(format!(
            "there is no strategy `{name}`{}; known are {}",
            meant(name, &known),
            known.join(", ")
        ))
    })
}

/// The settings of a strategy for so many evaluations, with overrides of the form `search.starts=20`; those that only other
/// strategies have are passed over.
///
/// # Errors
/// An override that is none of a setting of any strategy, with the closest known one; a value out of range; settings that do
/// not fit together.
pub fn settings(declaration: &Declaration, evaluations: usize, overrides: &[String]) -> Result<Settings, Error> {
    let mut given: Vec<(&'static str, Value)> = Vec::new();
    for change in overrides {
        let (key, text) = change.split_once('=').unwrap_or((change, ""));
        let name = key.trim().trim_start_matches("search.");
        let Some(setting) = registry::settings().find(|setting| setting.name() == name) else {
            let known: Vec<&str> = registry::settings().map(Setting::name).collect();
            return Err(Error::Input(format!(
                "--set {change}: `{key}` is no setting of a strategy{}",
                meant(name, &known)
            )));
        };
        let text = text.trim();
        let wrong = |what: String| Error::Input(format!("--set {change}: `{key}` must be {what}"));
        given.push((
            setting.name(),
            match setting.range {
                Range::Whole(least, most) => match text.parse() {
                    Ok(value) if (least..=most).contains(&value) => Value::Whole(value),
                    _ => return Err(wrong(format!("a whole number from {least} to {most}"))),
                },
                Range::Real(least, most) => match text.parse() {
                    Ok(value) if (least..=most).contains(&value) => Value::Real(value),
                    _ => return Err(wrong(format!("a number from {least} to {most}"))),
                },
            },
        ));
    }
    let settings = declaration.settings(evaluations, |setting| {
        let last = given.iter().rev().find(|(name, _)| *name == setting.name());
        last.map(|(_, value)| *value)
    });
    (declaration.check)(&settings).map_err(|(_, reason)| Error::Input(reason))?;
    Ok(settings)
}

fn meant(name: &str, known: &[&str]) -> String {
    did_you_mean(name, known).map_or_else(String::new, |meant| format!(" (did you mean `{meant}`?)"))
}

/// The median of values, of which there is at least one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let middle = |place: usize| values.get(place).copied().unwrap_or(1.0);
    if values.len() % 2 == 1 {
        middle(half)
    } else {
        (middle(half.saturating_sub(1)) + middle(half)) / 2.0
    }
}

/// Evaluates by looking up.
struct Lookups<'a> {
    table: &'a KnownTable,
    /// The places of the different networks that were evaluated.
    found: Vec<usize>,
    evaluations: usize,
    cancel: &'a Cancel,
}

/// Why a search in a table ends.
enum Stop {
    Enough,
    Interrupted,
    Search(SearchError),
}

impl From<SearchError> for Stop {
    fn from(error: SearchError) -> Self {
        Self::Search(error)
    }
}

impl Evaluator for Lookups<'_> {
    type Error = Stop;

    fn evaluate(&mut self, proposals: &[Proposal], report: &mut Report<'_>) -> Result<(), Stop> {
        for Proposal { number, genotype } in proposals {
            if self.cancel.is_cancelled() {
                return Err(Stop::Interrupted);
            }
            let known = self
                .table
                .places
                .get(genotype)
                .and_then(|place| Some((*place, self.table.networks.get(*place)?)));
            let Some((place, known)) = known else {
                let reason = "the strategy proposed a network that the table does not have";
                return Err(Stop::Search(SearchError::Report {
                    number: *number,
                    reason,
                }));
            };
            if !self.found.contains(&place) {
                self.found.push(place);
            }
            if self.found.len() >= self.evaluations {
                return Err(Stop::Enough);
            }
            let value = |name: &str, direction, value| ObjectiveValue {
                name: name.to_owned(),
                direction,
                value: Amount::Score(value),
                standard_error: None,
            };
            report.finished(Observation {
                number: *number,
                genotype: genotype.clone(),
                objectives: vec![
                    value("accuracy", Direction::Maximise, known.accuracy),
                    value("worst ratio", Direction::Minimise, known.worst()),
                ],
                violations: Vec::new(),
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
