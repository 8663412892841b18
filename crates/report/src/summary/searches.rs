//! Every search with what it came to.

use crate::RunReport;
use crate::run_report::SearchFacts;
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
        let best = improvements(search).last().copied();
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

/// One row for each target and limit that the winner of a search was held to, the tightest first: what was asked for, what it
/// has, what is left, and what one more per cent would buy in accuracy. At most so many rows for each search.
pub fn requirements_table(report: &RunReport, most: usize) -> Table {
    let mut table = Table::new(
        "What binds",
        vec![
            Column::text("search"),
            Column::text("requirement"),
            Column::text("kind"),
            Column::text("asked for"),
            Column::text("winner has"),
            Column::number("left (%)"),
            Column::text("tightest"),
            Column::number("one more per cent buys (points)"),
            Column::text("towards"),
        ],
    );
    for search in &report.searches {
        for (place, it) in search.requirements.iter().take(most).enumerate() {
            let on = it.device.as_deref().unwrap_or("the network");
            table.push(vec![
                Cell::text(&search.name),
                Cell::text(format!("{} of {on}", it.quantity)),
                Cell::text(if it.hard { "limit" } else { "target" }),
                Cell::text(&it.asked),
                Cell::text(&it.found),
                Cell::decimal(it.slack() * 100.0, 1),
                Cell::flag(place == 0),
                it.gain
                    .map_or_else(Cell::missing, |gain| Cell::decimal(gain * 100.0, 3)),
                match (&it.towards, it.gain) {
                    (Some(towards), _) => Cell::text(towards),
                    (None, Some(_)) => Cell::text("by the proof"),
                    (None, None) => Cell::missing(),
                },
            ]);
        }
    }
    table
}

/// One row for each exact search: what its table of accuracies proves of the winner, and the certificate.
pub fn proofs_table(report: &RunReport) -> Table {
    let mut table = Table::new(
        "What is proved",
        vec![
            Column::text("search"),
            Column::number("networks in the table"),
            Column::number("error (points)"),
            Column::number("most possible by the table (%)"),
            Column::number("winner by the table (%)"),
            Column::number("winner evaluated (%)"),
            Column::text("best by the table"),
            Column::text("verdict"),
            Column::text("certificate"),
        ],
    );
    for search in &report.searches {
        let Some(proof) = &search.proof else { continue };
        let winner = search.winner.and_then(|index| report.networks.get(index as usize));
        table.push(vec![
            Cell::text(&search.name),
            Cell::count(proof.networks),
            Cell::decimal(proof.error * 100.0, 2),
            Cell::decimal(proof.bound.percent(), 2),
            Cell::decimal(proof.winner_accuracy.percent(), 2),
            winner.map_or_else(Cell::missing, |winner| {
                Cell::decimal(winner.accuracy.value.percent(), 2)
            }),
            Cell::text(&proof.best),
            Cell::text(match proof.settled {
                true => "settled: within the table's error of the most possible",
                false => "open: the table promises more",
            }),
            proof.certificate.as_ref().map_or_else(Cell::missing, Cell::text),
        ]);
    }
    table
}

/// Index and reward of every trial that was better than all before it; rewards that are not finite do not count.
pub(crate) fn improvements(search: &SearchFacts) -> Vec<(usize, f64)> {
    let mut improvements: Vec<(usize, f64)> = Vec::new();
    for (index, trial) in search.trials.iter().enumerate() {
        if let Some(reward) = trial.reward.filter(|reward| reward.is_finite())
            && improvements.last().is_none_or(|(_, best)| reward > *best)
        {
            improvements.push((index, reward));
        }
    }
    improvements
}

/// Every trial of one search that was better than all before it.
pub fn improvements_table(report: &RunReport, search: &SearchFacts) -> Table {
    let mut table = Table::new(
        format!("Best so far, search {}", search.name),
        vec![
            Column::number("trial"),
            Column::number("reward"),
            Column::text("genotype"),
        ],
    );
    for (index, reward) in improvements(search) {
        table.push(vec![
            Cell::count(index as u64 + 1),
            Cell::decimal(reward, 4).with_value(reward),
            genotype(report, search.trials[index].network),
        ]);
    }
    table
}

/// Every trial of every search.
pub fn trials_table(report: &RunReport) -> Table {
    let mut table = Table::new(
        "Trials",
        vec![
            Column::text("search"),
            Column::number("trial"),
            Column::number("reward"),
            Column::text("genotype"),
        ],
    );
    for search in &report.searches {
        for (index, trial) in search.trials.iter().enumerate() {
            table.push(vec![
                Cell::text(&search.name),
                Cell::count(index as u64 + 1),
                trial
                    .reward
                    .map_or_else(Cell::missing, |reward| Cell::decimal(reward, 4).with_value(reward)),
                genotype(report, trial.network),
            ]);
        }
    }
    table
}

fn genotype(report: &RunReport, network: Option<u32>) -> Cell {
    let network = network.and_then(|index| report.networks.get(index as usize));
    network.map_or_else(Cell::missing, |network| Cell::text(&network.genotype))
}
