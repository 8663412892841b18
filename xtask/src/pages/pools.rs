//! The pages of searches in pools of which everything is known.

use anyhow::Result;

use super::csv::Csv;
use super::figures::number;
use super::statistics::{least, mean};
use super::{Figures, Page, Tables};

pub const KNOWN_OPTIMA: Page = Page {
    path: "docs/reproductions/known-optima.md",
    tables: &[
        "docs/reproductions/known-optima/searches.csv",
        "docs/reproductions/known-optima/optuna.csv",
    ],
    figures: known_optima,
};

pub const SILICON: Page = Page {
    path: "docs/reproductions/silicon.md",
    tables: &[
        "docs/reproductions/silicon/optima.csv",
        "docs/reproductions/silicon/searches.csv",
        "docs/reproductions/silicon/left-out.csv",
    ],
    figures: silicon,
};

/// The rows of a strategy: its mean shares at checkpoints, the least share and the mean regret at the last one, and how often
/// and when the optimum was found.
fn of_strategy(searches: &Csv, strategy: &str, checkpoints: &[&str]) -> Result<Vec<String>> {
    let of = searches.with(&[("strategy", strategy)])?;
    let mut row = vec![strategy.to_owned()];
    for count in checkpoints {
        let shares = of.with(&[("evaluations", count)])?.numbers("hypervolume_share")?;
        row.push(number(mean(&shares), 3));
    }
    let last = of.with(&[("evaluations", checkpoints.last().copied().unwrap_or_default())])?;
    row.push(number(least(&last.numbers("hypervolume_share")?), 3));
    row.push(number(mean(&last.numbers("regret")?), 2));
    let after = last.texts("optimum_after")?;
    let found: Vec<f64> = after.iter().filter_map(|cell| cell.parse().ok()).collect();
    row.push(match found.len() {
        0 => format!("0 of {}", after.len()),
        count => format!("{count} of {}, after {}", after.len(), number(mean(&found), 0)),
    });
    Ok(row)
}

fn known_optima(tables: &Tables) -> Result<Figures> {
    const CHECKPOINTS: [&str; 3] = ["50", "100", "200"];
    let mut figures = Figures::default();
    let (searches, optuna) = (tables.csv("searches.csv")?, tables.csv("optuna.csv")?);
    let strategies = searches.different("strategy")?;
    let rows = strategies
        .iter()
        .map(|strategy| of_strategy(&searches, strategy, &CHECKPOINTS));
    let mut rows: Vec<Vec<String>> = rows.collect::<Result<_>>()?;
    for (count, cell) in CHECKPOINTS.iter().zip(1..) {
        let best = rows
            .iter()
            .find(|row| row[0] == "predictor")
            .map_or("", |row| &row[cell]);
        figures.set(format!("predictor-{count}"), best);
    }
    for sampler in optuna.texts("strategy")? {
        let cell = |column: &str| optuna.text(&[("strategy", &sampler)], column);
        let quoted = ["after_50", "after_100", "after_200"].map(cell);
        let mut row = vec![sampler.clone()];
        for cell in quoted {
            row.push(cell?);
        }
        row.extend(["", "", ""].map(str::to_owned));
        rows.push(row);
    }
    let columns = [
        "|strategy",
        "after 50",
        "after 100",
        "after 200",
        "least",
        "regret",
        "|optimum found",
    ];
    figures.table("strategies", &columns, rows);
    Ok(figures)
}

fn silicon(tables: &Tables) -> Result<Figures> {
    const CHECKPOINTS: [&str; 4] = ["50", "100", "200", "500"];
    let mut figures = Figures::default();
    let (optima, searches) = (tables.csv("optima.csv")?, tables.csv("searches.csv")?);
    let left_out = tables.csv("left-out.csv")?;
    let devices: Vec<String> = left_out.different("device")?;
    let mut rows = Vec::new();
    for goal in optima.different("goal")? {
        let of = [("goal", goal.as_str())];
        let mut row = vec![goal.clone(), number(optima.number(&of, "accuracy")?, 2)];
        for device in &devices {
            row.push(number(optima.number(&of, device)?, 2));
        }
        rows.push(row);
    }
    let names: Vec<String> = devices
        .iter()
        .map(|device| device.replace("latency_", "").replace("throughput_", ""))
        .collect();
    let mut columns = vec!["|best for", "accuracy (%)"];
    columns.extend(names.iter().map(String::as_str));
    figures.table("optima", &columns, rows);

    let strategies = searches.different("strategy")?;
    let rows = strategies
        .iter()
        .map(|strategy| of_strategy(&searches, strategy, &CHECKPOINTS));
    let rows: Vec<Vec<String>> = rows.collect::<Result<_>>()?;
    let of_predictor = rows.iter().find(|row| row[0] == "predictor");
    figures.set("predictor-200", of_predictor.map_or("", |row| &row[3]));
    let columns = [
        "|strategy",
        "after 50",
        "after 100",
        "after 200",
        "after 500",
        "least",
        "regret",
        "|optimum found",
    ];
    figures.table("strategies", &columns, rows);

    let strategies = left_out.different("strategy")?;
    let mut rows = Vec::new();
    for (device, name) in devices.iter().zip(&names) {
        let mut row = vec![name.clone()];
        for strategy in &strategies {
            let of = left_out.with(&[("device", device), ("strategy", strategy)])?;
            row.push(number(mean(&of.numbers("ratio")?), 2));
            row.push(number(mean(&of.numbers("regret")?), 2));
        }
        rows.push(row);
    }
    let columns = strategies
        .iter()
        .flat_map(|strategy| [format!("{strategy}: ratio"), format!("{strategy}: regret")]);
    let columns: Vec<String> = std::iter::once("|left out".to_owned()).chain(columns).collect();
    figures.table(
        "left-out",
        &columns.iter().map(String::as_str).collect::<Vec<_>>(),
        rows,
    );
    let of_predictor = left_out.with(&[("strategy", "predictor")])?;
    figures.number("regret-left-out", mean(&of_predictor.numbers("regret")?), 2);
    let scanned = left_out.with(&[("strategy", "scan")])?;
    figures.number("regret-scan", mean(&scanned.numbers("regret")?), 2);
    Ok(figures)
}
