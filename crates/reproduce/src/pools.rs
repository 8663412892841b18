//! Strategies compared on pools of networks whose accuracy and costs are known.

use std::path::Path;

use panarch_report::{Cell, Column, Format, Table};
use panarch_run::Error;
use panarch_run::event::Watch;
use panarch_run::table_search::{self, KnownTable, Score, Truth, means, searches_table};
use panarch_search::Declaration;

/// The searches of one strategy.
pub(super) struct Searches {
    pub(super) strategy: &'static str,
    pub(super) scores: Vec<Score>,
    /// What each found, as places in the table.
    pub(super) found: Vec<Vec<usize>>,
}

/// Searches with each strategy and seed.
pub(super) fn searches(
    table: &KnownTable,
    truth: &Truth,
    strategies: &[&'static str],
    (seeds, evaluations): (u64, usize),
    watch: &mut Watch<'_>,
) -> Result<Vec<Searches>, Error> {
    let mut all = Vec::new();
    for name in strategies {
        let declaration: &Declaration = table_search::strategy(name)?;
        let settings = table_search::settings(declaration, evaluations, &[])?;
        watch.step(format!("Searching by {name}"));
        let mut of = Searches {
            strategy: declaration.name,
            scores: Vec::new(),
            found: Vec::new(),
        };
        for seed in 1..=if declaration.randomised { seeds } else { 1 } {
            let found = table.search(declaration, &settings, seed, evaluations, &watch.cancel)?;
            of.scores.push(truth.score(table, seed, &found));
            of.found.push(found);
            watch.progress(seed, seeds, "searches", "");
        }
        watch.done(format!("{} searches", of.scores.len()));
        all.push(of);
    }
    Ok(all)
}

/// Every search at every checkpoint.
pub(super) fn by_seed(all: &[Searches]) -> Table {
    searches_table(all.iter().map(|of| (of.strategy, of.scores.as_slice())))
}

/// Means over seeds for people.
pub(super) fn by_strategy(title: &str, all: &[Searches], checkpoints: &[usize]) -> Table {
    let mut columns = vec![Column::text("strategy")];
    columns.extend(
        checkpoints
            .iter()
            .map(|count| Column::number(format!("hypervolume after {count}"))),
    );
    columns.extend([Column::number("regret"), Column::text("optimum found")]);
    let mut table = Table::new(title, columns);
    for of in all {
        let means = means(&of.scores);
        let at = |count: &usize| means.iter().find(|mean| mean.evaluations == *count);
        let mut row = vec![Cell::text(of.strategy)];
        row.extend(
            checkpoints
                .iter()
                .map(|count| at(count).map_or_else(Cell::missing, |mean| Cell::decimal(mean.hypervolume_share, 4))),
        );
        let regret = means.last().and_then(|mean| mean.regret);
        row.push(regret.map_or_else(Cell::missing, |regret| Cell::decimal(regret, 3)));
        let after: Vec<usize> = of.scores.iter().filter_map(|score| score.optimum_after).collect();
        let mean = after.iter().sum::<usize>() as f64 / after.len().max(1) as f64;
        row.push(Cell::text(match after.len() {
            0 => format!("0 of {}", of.scores.len()),
            found => format!("{found} of {}, after {mean:.0}", of.scores.len()),
        }));
        table.push(row);
    }
    table
}

/// Writes a table as a CSV file.
pub(super) fn write(folder: &Path, name: &str, table: &Table) -> Result<(), Error> {
    let text = table.render(Format::Csv, None, false);
    Ok(panarch_format::atomic_write(folder.join(name), text.as_bytes())?)
}
