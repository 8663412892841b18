use anyhow::Result;

use super::figures::{number, thousands};
use super::statistics::{least, most};
use super::{Figures, Page, Tables};

pub const PAGE: Page = Page {
    path: "docs/reproductions/analytic-model.md",
    tables: &[
        "docs/reproductions/analytic-model/machines.csv",
        "docs/reproductions/analytic-model/operators.csv",
        "docs/reproductions/analytic-model/requests.csv",
    ],
    figures,
};

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let machines = tables.csv("machines.csv")?;
    let mut rows = Vec::new();
    for device in machines.different("device")? {
        let of = |column: &str| machines.number(&[("device", &device)], column);
        let mut row = vec![device.clone(), machines.text(&[("device", &device)], "array")?];
        row.extend([thousands(of("networks")?), thousands(of("layers")?)]);
        for column in ["layer_median", "layer_p95", "layer_worst", "network_mean"] {
            row.push(number(100.0 * of(column)?, 2));
        }
        row.push(number(of("tau")?, 4));
        rows.push(row);
    }
    figures.table("machines", &COLUMNS, rows);
    for (name, column) in [
        ("median", "layer_median"),
        ("p95", "layer_p95"),
        ("worst", "layer_worst"),
        ("mean", "network_mean"),
    ] {
        figures.number(name, 100.0 * most(&machines.numbers(column)?), 1);
    }
    let p95 = machines.numbers("layer_p95")?;
    let place = p95.iter().position(|it| *it == most(&p95)).unwrap_or_default();
    figures.set("p95-of", machines.texts("device")?[place].clone());
    figures.number("tau", least(&machines.numbers("tau")?), 3);

    let operators = tables.csv("operators.csv")?;
    let mut rows = Vec::new();
    for operator in operators.different("operator")? {
        let of = |column: &str| operators.number(&[("operator", &operator)], column);
        let mut row = vec![operator.clone(), thousands(of("layers")?)];
        for column in ["median", "p95", "worst"] {
            row.push(number(100.0 * of(column)?, 2));
        }
        rows.push(row);
    }
    figures.table(
        "operators",
        &["|operator", "layers", "median (%)", "95th percentile (%)", "worst (%)"],
        rows,
    );

    let requests = tables.csv("requests.csv")?;
    let mut rows = Vec::new();
    for latency in requests.different("off_chip_latency_s")? {
        let of = |column: &str| requests.number(&[("off_chip_latency_s", &latency)], column);
        let (formula, simulated) = (of("analytic_ms")?, of("cycle_ms")?);
        rows.push(vec![
            number(1e6 * latency.parse::<f64>()?, 1),
            number(formula, 2),
            number(simulated, 2),
            number(100.0 * (formula / simulated - 1.0), 1),
        ]);
    }
    figures.table(
        "requests",
        &[
            "a request takes (µs)",
            "formula (ms)",
            "simulator (ms)",
            "difference (%)",
        ],
        rows,
    );
    Ok(figures)
}

const COLUMNS: [&str; 9] = [
    "|profile",
    "|array",
    "networks",
    "layers",
    "layer, median (%)",
    "layer, 95th percentile (%)",
    "layer, worst (%)",
    "network, mean (%)",
    "Kendall τ",
];
