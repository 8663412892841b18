//! Checking a certificate from nothing but its text: none of the solver's own work is used.

mod chain;
mod resolution;

use std::collections::BTreeSet;

use chain::Chain;
use resolution::{Checker, Counts};

use super::certificate::{Certificate, LimitJson, ProblemJson, hash};
use crate::SearchError;

/// Configurations of a stage, and entries, that are listed at most.
const MOST: usize = 2_000_000;
/// Sizes of numbers and counts under which no sum leaves `i128`.
const LARGEST_VALUE: u64 = 1 << 42;
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
        if hash(&(problem, &self.optimum, &self.cover))? != self.hash {
            return refused("the hash is another: something was changed");
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
        let mut counts = Counts::default();
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
            boxes: counts.boxes,
            members: counts.members,
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
