//! `panarch search`: in a run's supernet, or in a table of known values.

use std::path::PathBuf;

use clap::Args;
use panarch::{Error, lookup, table_search};
use panarch_report::{Cell, Column, Format, Table};
use panarch_search::{Declaration, STRATEGIES};
use serde::Serialize;
use table_search::{Columns, KnownTable, Mean, Score, Truth, searches_table};

use super::args::{FormatArgs, RunArgs};
use super::output::Printer;
use super::run::{self, watched};
use super::shell;

#[derive(Debug, Args)]
#[command(
    override_usage = "panarch search <FILE> [OPTIONS]\n       panarch search --table <CSV> --space <SPACE> --accuracy <COLUMN> --cost <COLUMN>,… [OPTIONS]"
)]
pub struct SearchArgs {
    /// Run file (TOML); `panarch reference run-file` lists its keys
    #[arg(required_unless_present = "table", conflicts_with = "table")]
    pub file: Option<PathBuf>,
    /// Override a key of the run file, such as search.evaluations=100, or set one of a strategy, such as search.starts=20;
    /// repeatable
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    #[command(flatten)]
    pub table: TableArgs,
    #[command(flatten)]
    pub format: FormatArgs,
}

/// A search among networks whose values are known.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search in a table of known values")]
pub struct TableArgs {
    /// Search among the networks of this file (CSV) instead, and compare what is found with the best of them
    #[arg(long, value_name = "CSV", requires_all = ["space", "accuracy"])]
    pub table: Option<PathBuf>,
    /// Space that the networks are of: preset name or TOML file
    #[arg(long, requires = "table")]
    pub space: Option<String>,
    /// Column with the accuracies
    #[arg(long, value_name = "COLUMN", requires = "table")]
    pub accuracy: Option<String>,
    /// Columns with costs, such as latencies; repeatable, or separated by commas
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', requires = "table")]
    pub cost: Vec<String>,
    /// Columns with throughputs, each of which counts as the cost 1 / throughput
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', requires = "table")]
    pub throughput: Vec<String>,
    /// Strategies to compare, separated by commas, or `all` [default: predictor]
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "table")]
    pub strategy: Vec<String>,
    /// Different networks that each search evaluates
    #[arg(long, default_value_t = 200, requires = "table", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub evaluations: u32,
    /// Searches of each strategy, with the seeds 1, 2, …
    #[arg(long, default_value_t = 20, requires = "table", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub seeds: u32,
    /// Accuracy from which the hypervolume counts [default: the lowest of the table]
    #[arg(long, value_name = "ACCURACY", requires = "table", allow_negative_numbers = true)]
    pub reference: Option<f64>,
    /// Worst ratio of a cost to its median that a winner keeps
    #[arg(long, default_value_t = 1.0, value_name = "RATIO", requires = "table")]
    pub limit: f64,
    /// Take only the networks that were evaluated at this resolution
    #[arg(long, requires = "table")]
    pub resolution: Option<u32>,
}

/// What was found, as JSON.
#[derive(Serialize)]
struct Found<'a> {
    space: &'a str,
    devices: &'a [String],
    networks: usize,
    skipped: usize,
    of_another_space: usize,
    reference_accuracy: f64,
    reference_worst_ratio: f64,
    front: usize,
    limit_worst_ratio: f64,
    optimum: Option<String>,
    optimum_accuracy: Option<f64>,
    strategies: Vec<OfStrategy>,
}

/// All searches of one strategy.
#[derive(Serialize)]
struct OfStrategy {
    strategy: &'static str,
    settings: String,
    mean: Vec<Mean>,
    optimum_found: usize,
    optimum_after_mean: Option<f64>,
    seeds: Vec<Score>,
}

pub fn search(args: &SearchArgs) -> anyhow::Result<()> {
    match (&args.file, &args.table.table) {
        (_, Some(table)) => in_table(args, table),
        (file, None) => run::search(&RunArgs {
            file: file.clone().unwrap_or_default(),
            overrides: args.overrides.clone(),
            format: args.format,
        }),
    }
}

fn in_table(args: &SearchArgs, path: &std::path::Path) -> anyhow::Result<()> {
    let printer = Printer::new(args.format);
    let options = &args.table;
    let evaluations = options.evaluations as usize;
    let space = lookup::space(options.space.as_deref().unwrap_or_default())?;
    let columns = Columns {
        accuracy: options.accuracy.clone().unwrap_or_default(),
        costs: options.cost.clone(),
        throughputs: options.throughput.clone(),
        resolution: options.resolution,
    };
    let chosen = strategies(&options.strategy)?;
    let table = KnownTable::read(&space, path, &columns)?;
    let truth = Truth::of(&table, options.reference, options.limit)?;
    let mut all = Vec::new();
    let command = shell::command(["search", "--table", &path.display().to_string()]);
    watched(printer, &command, |watch| {
        for declaration in chosen {
            let settings = table_search::settings(declaration, evaluations, &args.overrides)?;
            watch.step(format!("Searching by {}", declaration.name));
            let mut seeds = Vec::new();
            // What draws nothing finds the same every time.
            let count = if declaration.randomised {
                u64::from(options.seeds)
            } else {
                1
            };
            for seed in 1..=count {
                let found = table.search(declaration, &settings, seed, evaluations, &watch.cancel)?;
                seeds.push(truth.score(&table, seed, &found));
                watch.progress(seed, count, "searches", "");
            }
            let words = settings.iter().map(|(name, value)| format!("{name} {value}"));
            let after: Vec<usize> = seeds.iter().filter_map(|score| score.optimum_after).collect();
            let sum: usize = after.iter().sum();
            all.push(OfStrategy {
                strategy: declaration.name,
                settings: words.collect::<Vec<_>>().join(", "),
                mean: table_search::means(&seeds),
                optimum_found: after.len(),
                optimum_after_mean: (!after.is_empty()).then(|| sum as f64 / after.len() as f64),
                seeds,
            });
            watch.done(format!("{count} searches"));
        }
        Ok(())
    })?;
    let optimum = truth.optimum.and_then(|place| table.networks.get(place));
    if printer.format() == Format::Json {
        return printer.json(&Found {
            space: table.space.name(),
            devices: &table.devices,
            networks: table.networks.len(),
            skipped: table.skipped,
            of_another_space: table.outside.as_ref().map_or(0, |(count, _)| *count),
            reference_accuracy: truth.reference.0,
            reference_worst_ratio: truth.reference.1,
            front: truth.front.len(),
            limit_worst_ratio: truth.limit,
            optimum: optimum.map(|known| known.genotype.to_string()),
            optimum_accuracy: optimum.map(|known| known.accuracy),
            strategies: all,
        });
    }
    if printer.format() == Format::Csv {
        printer.table(&searches_table(all.iter().map(|of| (of.strategy, of.seeds.as_slice()))));
        return Ok(());
    }
    let mut shown = by_strategy(&all, &table, &truth);
    if let Some((count, first)) = &table.outside {
        shown.note(format!(
            "{count} rows are no networks of space {}: {first}",
            table.space.name()
        ));
    }
    printer.table(&shown);
    Ok(())
}

fn strategies(names: &[String]) -> Result<Vec<&'static Declaration>, Error> {
    if names.is_empty() {
        return Ok(Declaration::named("predictor").into_iter().collect());
    }
    let mut chosen: Vec<&'static Declaration> = Vec::new();
    for name in names {
        let found: Vec<&'static Declaration> = match name.as_str() {
            "all" => STRATEGIES.to_vec(),
            name => vec![table_search::strategy(name)?],
        };
        chosen.extend(found);
    }
    let mut once: Vec<&'static Declaration> = Vec::new();
    for declaration in chosen {
        if !once.contains(&declaration) {
            once.push(declaration);
        }
    }
    Ok(once)
}

fn by_strategy(all: &[OfStrategy], table: &KnownTable, truth: &Truth) -> Table {
    let columns = vec![
        Column::text("strategy"),
        Column::number("evaluations"),
        Column::number("hypervolume share"),
        Column::number("least"),
        Column::number("regret"),
        Column::text("optimum found"),
    ];
    let title = format!(
        "{} networks of space {}: accuracy against the worst ratio on {}",
        table.networks.len(),
        table.space.name(),
        table.devices.join(", ")
    );
    let mut shown = Table::new(title, columns);
    for of in all {
        for (index, mean) in of.mean.iter().enumerate() {
            let last = index + 1 == of.mean.len();
            let found = match of.optimum_after_mean {
                Some(after) => format!("{} of {}, after {after:.0}", of.optimum_found, of.seeds.len()),
                None => format!("0 of {}", of.seeds.len()),
            };
            shown.push(vec![
                Cell::text(of.strategy),
                Cell::count(mean.evaluations as u64),
                Cell::decimal(mean.hypervolume_share, 4),
                Cell::decimal(mean.least_share, 4),
                mean.regret
                    .map_or_else(Cell::missing, |regret| Cell::decimal(regret, 4)),
                if last { Cell::text(found) } else { Cell::missing() },
            ]);
        }
    }
    shown.note(format!(
        "Hypervolume from accuracy {} and worst ratio {:.3} on, as a share of that of all networks ({} on the front); means over seeds.",
        truth.reference.0,
        truth.reference.1,
        truth.front.len()
    ));
    if let Some(best) = truth.optimum.and_then(|place| table.networks.get(place)) {
        shown.note(format!(
            "Regret: what the best network found with a worst ratio of at most {} lacks to accuracy {} of {}.",
            truth.limit, best.accuracy, best.genotype
        ));
    }
    if table.skipped > 0 {
        shown.note(format!(
            "{} rows lack one of the values, or are of another resolution.",
            table.skipped
        ));
    }
    shown
}
