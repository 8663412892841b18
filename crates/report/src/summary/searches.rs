//! Every search with what it came to.

use crate::RunReport;
use crate::table::{Cell, Column, Table};

/// One row a search: objective, strategy, seed, trials, best reward and when it came, winner.
pub fn searches_table(report: &RunReport) -> Table {
    let mut table = Table::new(
        "Searches",
        vec![
            Column::text("search"),
            Column::text("objective"),
            Column::text("strategy"),
            Column::number("seed"),
            Column::number("trials"),
            Column::number("best reward"),
            Column::number("found at trial"),
            Column::text("winner"),
        ],
    );
    for search in &report.searches {
        let mut best: Option<(usize, f64)> = None;
        for (index, trial) in search.trials.iter().enumerate() {
            if let Some(reward) = trial.reward
                && best.is_none_or(|(_, other)| reward > other)
            {
                best = Some((index, reward));
            }
        }
        let winner = search.winner.and_then(|index| report.networks.get(index as usize));
        table.push(vec![
            Cell::text(&search.name),
            Cell::text(&search.objective),
            Cell::text(&search.strategy),
            Cell::count(search.seed).shown_as(search.seed.to_string()),
            Cell::count(search.trials.len() as u64),
            best.map_or_else(Cell::missing, |(_, reward)| Cell::decimal(reward, 4).with_value(reward)),
            best.map_or_else(Cell::missing, |(index, _)| Cell::count(index as u64 + 1)),
            winner.map_or_else(Cell::missing, |network| Cell::text(&network.genotype)),
        ]);
    }
    table
}
