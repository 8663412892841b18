//! One network for six devices whose latencies and throughputs were measured: the pool of Accel-NASBench.

use std::path::Path;

use panarch_report::{Cell, Column, Table};
use panarch_run::Error;
use panarch_run::event::Watch;
use panarch_run::table_search::{Columns, Known, KnownTable, Truth};
use panarch_space::Space;

use super::pools::{Searches, by_seed, by_strategy, searches, write};
use super::reference_data;

const TABLE: &str = "anb/accelnasbench.csv";
const LATENCIES: [&str; 2] = ["latency_zcu102", "latency_vck190"];
const THROUGHPUTS: [&str; 4] = [
    "throughput_a100",
    "throughput_3090",
    "throughput_tpuv2",
    "throughput_tpuv3",
];
/// Those that are compared at length, and those that search without one of the devices.
const STRATEGIES: [&str; 7] = [
    "random",
    "local",
    "evolution",
    "ofa-evolution",
    "nsga2",
    "predictor",
    "exact",
];
const LEFT_OUT: [&str; 4] = ["random", "nsga2", "predictor", "exact"];
const SEEDS: u64 = 20;
const EVALUATIONS: usize = 500;
const EVALUATIONS_LEFT_OUT: usize = 200;
const SEEDS_LEFT_OUT: u64 = 20;

pub(super) fn run(folder: &Path, watch: &mut Watch<'_>) -> Result<Vec<Table>, Error> {
    let space = Space::preset("mnasnet-anb-table")?;
    let columns = Columns {
        accuracy: "val_top1".to_owned(),
        costs: LATENCIES.map(str::to_owned).into(),
        throughputs: THROUGHPUTS.map(str::to_owned).into(),
        resolution: None,
    };
    let table = KnownTable::read(&space, &reference_data::path(TABLE)?, &columns)?;
    let truth = Truth::of(&table, None, 1.0)?;
    std::fs::create_dir_all(folder).map_err(Error::writing(folder))?;
    let optima = optima(&table);
    write(folder, "optima.csv", &optima)?;
    let left_out = left_out(&table, watch)?;
    write(folder, "left-out.csv", &left_out_rows(&table, &left_out))?;
    let all = searches(&table, &truth, &STRATEGIES, (SEEDS, EVALUATIONS), watch)?;
    write(folder, "searches.csv", &by_seed(&all))?;
    let mut summary = by_strategy(
        "Six devices, measured: accuracy against the worst ratio",
        &all,
        &[50, 100, 200, 500],
    );
    summary.note(format!(
        "Share of the hypervolume of all {} networks ({} on the front), from accuracy {} and worst ratio {:.3} on; means over \
         seeds.",
        table.networks.len(),
        truth.front.len(),
        truth.reference.0,
        truth.reference.1
    ));
    Ok(vec![optima, summary, left_out_means(&table, &left_out)])
}

/// The most accurate network whose ratio is at most 1, by the ratio of each device, their mean and the largest: found by
/// looking at all.
fn optima(table: &KnownTable) -> Table {
    let mut columns = vec![Column::raw("goal"), Column::raw("genotype"), Column::raw("accuracy")];
    columns.extend(table.devices.iter().map(Column::raw));
    let mut optima = Table::new("The best network for each goal, by scanning", columns);
    let mut goal = |name: &str, ratio: &dyn Fn(&Known) -> f64| {
        if let Some(best) = best_within(table, ratio, 1.0) {
            let mut row = vec![
                Cell::text(name),
                Cell::text(best.genotype.to_string()),
                Cell::decimal(best.accuracy, 3),
            ];
            row.extend(best.ratios.iter().map(|ratio| Cell::decimal(*ratio, 4)));
            optima.push(row);
        }
    };
    for (index, device) in table.devices.iter().enumerate() {
        goal(device, &|known| known.ratios[index]);
    }
    goal("average", &|known| {
        known.ratios.iter().sum::<f64>() / known.ratios.len() as f64
    });
    goal("worst", &Known::worst);
    optima
}

/// The most accurate network whose ratio is at most a limit.
fn best_within<'a>(table: &'a KnownTable, ratio: &dyn Fn(&Known) -> f64, limit: f64) -> Option<&'a Known> {
    let within = table.networks.iter().filter(|known| ratio(known) <= limit);
    within.max_by(|a, b| a.accuracy.total_cmp(&b.accuracy))
}

/// The winner of a search that did not know one of the devices.
struct LeftOut {
    device: usize,
    strategy: &'static str,
    seed: u64,
    accuracy: f64,
    /// Its cost on the device that was left out, divided by the median there.
    ratio: f64,
    /// What it lacks to the most accurate network that costs no more there.
    regret: f64,
}

/// Searches on five devices, whose winner is the most accurate network found that keeps their medians; `scan` has seen all.
fn left_out(table: &KnownTable, watch: &mut Watch<'_>) -> Result<Vec<LeftOut>, Error> {
    let mut all = Vec::new();
    for device in 0..table.devices.len() {
        let others = table.without(device)?;
        let truth = Truth::of(&others, None, 1.0)?;
        let mut winners: Vec<(&'static str, u64, usize)> = Vec::new();
        winners.extend(truth.optimum.map(|place| ("scan", 0, place)));
        let searches = searches(
            &others,
            &truth,
            &LEFT_OUT,
            (SEEDS_LEFT_OUT, EVALUATIONS_LEFT_OUT),
            watch,
        )?;
        for Searches {
            strategy,
            scores,
            found,
        } in &searches
        {
            for (score, found) in scores.iter().zip(found) {
                let winner = truth.winner(&others, found);
                winners.extend(winner.map(|place| (*strategy, score.seed, place)));
            }
        }
        for (strategy, seed, place) in winners {
            let Some(winner) = table.networks.get(place) else {
                continue;
            };
            let ratio = winner.ratios[device];
            let best = best_within(table, &|known| known.ratios[device], ratio).unwrap_or(winner);
            all.push(LeftOut {
                device,
                strategy,
                seed,
                accuracy: winner.accuracy,
                ratio,
                regret: best.accuracy - winner.accuracy,
            });
        }
    }
    Ok(all)
}

fn left_out_rows(table: &KnownTable, all: &[LeftOut]) -> Table {
    let columns = ["device", "strategy", "seed", "accuracy", "ratio", "regret"];
    let mut rows = Table::new("A device left out", columns.map(Column::raw).into());
    for of in all {
        rows.push(vec![
            Cell::text(&table.devices[of.device]),
            Cell::text(of.strategy),
            Cell::count(of.seed),
            Cell::decimal(of.accuracy, 3),
            Cell::decimal(of.ratio, 4),
            Cell::decimal(of.regret, 3),
        ]);
    }
    rows
}

fn left_out_means(table: &KnownTable, all: &[LeftOut]) -> Table {
    let mut columns = vec![Column::text("left out")];
    let strategies: Vec<&'static str> = std::iter::once("scan").chain(LEFT_OUT).collect();
    for strategy in &strategies {
        columns.push(Column::number(format!("{strategy}: ratio")));
        columns.push(Column::number(format!("{strategy}: regret")));
    }
    let mut means = Table::new("Searched on five devices, judged on the sixth", columns);
    for (device, name) in table.devices.iter().enumerate() {
        let mut row = vec![Cell::text(name)];
        for strategy in &strategies {
            let of: Vec<&LeftOut> = all
                .iter()
                .filter(|it| it.device == device && it.strategy == *strategy)
                .collect();
            let mean = |value: fn(&LeftOut) -> f64| of.iter().map(|it| value(it)).sum::<f64>() / of.len() as f64;
            let shown = |value: f64, digits| {
                if of.is_empty() {
                    Cell::missing()
                } else {
                    Cell::decimal(value, digits)
                }
            };
            row.push(shown(mean(|it| it.ratio), 3));
            row.push(shown(mean(|it| it.regret), 3));
        }
        means.push(row);
    }
    means.note(format!(
        "The winner of each search, the most accurate network that keeps the medians of five devices, on the sixth: its ratio \
         to the median there, and the points of accuracy that it lacks to the best network that is no slower there. Means \
         over {SEEDS_LEFT_OUT} seeds of {EVALUATIONS_LEFT_OUT} evaluations; scan: the best of all networks on the five."
    ));
    means
}
