//! What each strategy finds where the best is known: all networks of NAS-Bench-Macro, on three devices.

use std::path::Path;

use panarch_report::Table;
use panarch_run::Error;
use panarch_run::event::Watch;
use panarch_run::table_search::{Columns, KnownTable, Truth};
use panarch_space::Space;

use super::pools::{by_seed, by_strategy, searches, write};
use super::reference_data;

const TABLE: &str = "nasbench_macro/latency_three_profiles.csv";
const DEVICES: [&str; 3] = ["ethos-u55-128", "cube-16", "cortex-a53"];
/// The accuracy, in per cent, from which the hypervolume counts.
const REFERENCE: f64 = 80.0;
const STRATEGIES: [&str; 8] = [
    "random",
    "exhaustive",
    "local",
    "evolution",
    "ofa-evolution",
    "nsga2",
    "predictor",
    "exact",
];
const SEEDS: u64 = 20;
const EVALUATIONS: usize = 200;

pub(super) fn run(folder: &Path, watch: &mut Watch<'_>) -> Result<Vec<Table>, Error> {
    let space = Space::preset("nas-bench-macro")?;
    let columns = Columns {
        accuracy: "acc".to_owned(),
        costs: DEVICES.map(str::to_owned).into(),
        throughputs: Vec::new(),
        resolution: None,
    };
    let table = KnownTable::read(&space, &reference_data::path(TABLE)?, &columns)?;
    let truth = Truth::of(&table, Some(REFERENCE), 1.0)?;
    std::fs::create_dir_all(folder).map_err(Error::writing(folder))?;
    let all = searches(&table, &truth, &STRATEGIES, (SEEDS, EVALUATIONS), watch)?;
    write(folder, "searches.csv", &by_seed(&all))?;
    let mut summary = by_strategy("Known optima: NAS-Bench-Macro on three devices", &all, &[50, 100, 200]);
    summary.note(format!(
        "Share of the hypervolume of all {} networks ({} on the front); accuracy from {REFERENCE} % against the worst ratio of \
         latency to its median, up to {:.3}; means over seeds.",
        table.networks.len(),
        truth.front.len(),
        truth.reference.1
    ));
    Ok(vec![summary])
}
