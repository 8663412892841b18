//! Whether searches that go by inherited accuracies find networks that are good in truth.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use panarch_report::Table;
use panarch_run::Error;
use panarch_run::event::Watch;
use panarch_run::table_search::{self, Columns, KnownTable};
use panarch_space::{Genotype, Space};

use super::truth::Truth;
use crate::table::{Csv, shown};

const STRATEGIES: [&str; 6] = ["random", "local", "evolution", "ofa-evolution", "nsga2", "predictor"];
const SEEDS: u64 = 20;
const EVALUATIONS: usize = 200;
/// The share of the networks that counts as found.
const TOP: f64 = 0.01;
const NAME: &str = "searches.csv";
const HEADER: &[&str] = &[
    "schedule",
    "strategy",
    "seed",
    "evaluations",
    "seen_after",
    "chosen_after",
    "chosen",
    "inherited_accuracy",
    "published_accuracy",
    "published_rank",
];

/// What is known of the networks of the table, in its order.
struct Judged {
    /// What is published of each.
    truth: Vec<f64>,
    /// From which accuracy on a network is in the top share.
    top: f64,
}

/// What a search has come to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Found {
    evaluations: usize,
    /// Evaluations until a network of the top share was among them.
    seen_after: Option<usize>,
    /// Evaluations from which the network with the largest inherited accuracy is of the top share for good.
    chosen_after: Option<usize>,
    chosen: usize,
}

pub(super) fn run(
    folder: &Path,
    space: &Space,
    truth: &Truth,
    schedule: &str,
    inherited: &Csv,
    watch: &mut Watch<'_>,
) -> Result<Table, Error> {
    let mut text = "key,accuracy,macs\n".to_owned();
    let mut published: BTreeMap<Genotype, (f64, f64)> = BTreeMap::new();
    for (key, known) in &truth.networks {
        let Some(row) = inherited.find(&[schedule, key]) else {
            return Err(Error::Input(format!(
                "the network {key} has no accuracy with the weights of {schedule}; run the part `{}` first",
                super::ALL
            )));
        };
        let accuracy = inherited.number(row, "inherited_accuracy")?;
        let _ = writeln!(text, "{key},{accuracy},{}", known.macs);
        let sum = published
            .entry(space.canonical(&space.parse_genotype(key)?))
            .or_default();
        *sum = (sum.0 + known.accuracy, sum.1 + 1.0);
    }
    let columns = Columns {
        accuracy: "accuracy".to_owned(),
        costs: vec!["macs".to_owned()],
        throughputs: Vec::new(),
        resolution: None,
    };
    let table = KnownTable::of_text(space, &text, &columns)?;
    let of = |genotype: &Genotype| published.get(genotype).map_or(0.0, |(sum, count)| sum / count);
    let judged = Judged {
        truth: table.networks.iter().map(|known| of(&known.genotype)).collect(),
        top: truth.top(TOP),
    };
    let path = folder.join(NAME);
    if path.is_file() {
        std::fs::remove_file(&path).map_err(Error::writing(&path))?;
    }
    let mut csv = Csv::open(&path, HEADER)?;
    let mut rows = Vec::new();
    for name in STRATEGIES {
        watch.step(format!("Searching by {name}"));
        let declaration = table_search::strategy(name)?;
        let settings = table_search::settings(declaration, EVALUATIONS, &[])?;
        let (mut all, mut lines) = (Vec::new(), Vec::new());
        for seed in 1..=SEEDS {
            let places = table.search(declaration, &settings, seed, EVALUATIONS, &watch.cancel)?;
            let Some(found) = judged.found(&places, &|place| accuracy(&table, place)) else {
                continue;
            };
            let after = |count: Option<usize>| count.map_or_else(|| "never".to_owned(), |it| it.to_string());
            let chosen = table.networks.get(found.chosen);
            lines.push(vec![
                schedule.to_owned(),
                name.to_owned(),
                seed.to_string(),
                found.evaluations.to_string(),
                after(found.seen_after),
                after(found.chosen_after),
                chosen.map_or_else(String::new, |known| known.genotype.to_string()),
                format!("{:.3}", accuracy(&table, found.chosen)),
                format!("{:.3}", judged.of(found.chosen)),
                judged.rank(found.chosen).to_string(),
            ]);
            watch.progress(seed, SEEDS, "searches", "");
            all.push(found);
        }
        csv.extend(lines)?;
        watch.done(format!("{} searches", all.len()));
        let seen: Vec<f64> = all.iter().filter_map(|it| it.seen_after).map(|it| it as f64).collect();
        let chose: Vec<f64> = all
            .iter()
            .filter_map(|it| it.chosen_after)
            .map(|it| it as f64)
            .collect();
        let ranks: Vec<f64> = all.iter().map(|it| judged.rank(it.chosen) as f64).collect();
        let of_all = |found: &[f64]| match median(found) {
            Some(median) => format!("{} of {}, after {median:.0}", found.len(), all.len()),
            None => format!("0 of {}", all.len()),
        };
        rows.push(vec![
            name.to_owned(),
            of_all(&seen),
            of_all(&chose),
            median(&ranks).map_or_else(String::new, |rank| format!("{rank:.0}")),
        ]);
    }
    let mut shown = shown(
        "Searches by inherited accuracies, judged by the published ones",
        &[
            "strategy",
            "top 1 % seen",
            "top 1 % chosen",
            "published rank of the chosen",
        ],
        rows,
    );
    shown.note(format!(
        "Weights of {schedule}; {EVALUATIONS} evaluations and {SEEDS} seeds each; the top 1 % of the {} keys have {:.2} % or more; \
         medians; ranks among {}.",
        truth.networks.len(),
        judged.top,
        judged.truth.len()
    ));
    Ok(shown)
}

fn accuracy(table: &KnownTable, place: usize) -> f64 {
    table
        .networks
        .get(place)
        .map_or(f64::NEG_INFINITY, |known| known.accuracy)
}

impl Judged {
    fn of(&self, place: usize) -> f64 {
        self.truth.get(place).copied().unwrap_or(f64::NEG_INFINITY)
    }

    /// 1 is the best.
    fn rank(&self, place: usize) -> usize {
        1 + self.truth.iter().filter(|other| **other > self.of(place)).count()
    }

    /// What a search that evaluated these places in this order has come to; none where it evaluated nothing.
    fn found(&self, places: &[usize], inherited: &dyn Fn(usize) -> f64) -> Option<Found> {
        let mut chosen = *places.first()?;
        let (mut seen_after, mut chosen_after) = (None, None);
        for (count, place) in (1..).zip(places) {
            if inherited(*place) > inherited(chosen) {
                chosen = *place;
            }
            if self.of(*place) >= self.top {
                seen_after = seen_after.or(Some(count));
            }
            chosen_after = match self.of(chosen) >= self.top {
                true => chosen_after.or(Some(count)),
                false => None,
            };
        }
        Some(Found {
            evaluations: places.len(),
            seen_after,
            chosen_after,
            chosen,
        })
    }
}

/// None of no values.
fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (
        sorted.get(sorted.len().checked_sub(1)? / 2)?,
        sorted.get(sorted.len() / 2)?,
    );
    Some((low + high) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_judged_by_what_it_would_have_chosen() {
        let judged = Judged {
            truth: vec![90.0, 95.0, 80.0, 94.0],
            top: 94.0,
        };
        let inherited = [50.0, 60.0, 70.0, 80.0];
        let found = |places: &[usize]| judged.found(places, &|place| inherited[place]).unwrap();
        // 1 is in the top share and chosen, until 2 looks better; 3 is chosen for good.
        let all = found(&[0, 1, 2, 3]);
        assert_eq!((all.seen_after, all.chosen_after, all.chosen), (Some(2), Some(4), 3));
        assert_eq!(judged.rank(all.chosen), 2);
        let without = found(&[0, 1, 2]);
        assert_eq!(
            (without.seen_after, without.chosen_after, without.chosen),
            (Some(2), None, 2)
        );
        assert!(judged.found(&[], &|_| 0.0).is_none());
        assert_eq!(
            (median(&[]), median(&[3.0, 1.0]), median(&[5.0, 1.0, 2.0])),
            (None, Some(2.0), Some(2.0))
        );
    }
}
