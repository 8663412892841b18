use anyhow::Result;

use super::csv::Csv;
use super::figures::{number, thousands};
use super::statistics::{correlation, errors, kendall, mean_magnitude, worst};
use super::{Figures, Page, Tables};

pub const PAGE: Page = Page {
    path: "docs/reproductions/matrix-efficiency.md",
    tables: &[
        "docs/reproductions/matrix-efficiency/networks.csv",
        "docs/reproductions/matrix-efficiency/fits.csv",
        "docs/reproductions/matrix-efficiency/ranks.csv",
        "docs/reproductions/published-latencies/networks.csv",
    ],
    figures,
};

/// Laws and the columns of what they foresee.
pub const LAWS: [(&str, &str); 5] = [
    ("MACs", "macs_left_out_ms"),
    ("MACs + vector", "macs_vector_left_out_ms"),
    ("MACs + data", "macs_data_left_out_ms"),
    ("MACs + vector + data", "macs_vector_data_left_out_ms"),
    ("analytic model", "analytic_model_left_out_ms"),
];

/// A row of how near a law comes: r and mean and largest error, in sample and left out.
pub fn row(tables: &Tables, law: &str) -> Result<Vec<String>> {
    if law == "MACs·a + b" {
        let of = tables
            .csv("published-latencies/networks.csv")?
            .with(&[("device", "ascend-310")])?;
        let mut row = vec![law.to_owned()];
        for column in ["macs_a_b_ms", "macs_a_b_left_out_ms"] {
            row.extend(cells(&of.pairs(column, "published_ms")?));
        }
        return Ok(row);
    }
    let fits = tables.csv("matrix-efficiency/fits.csv")?;
    let of = |column: &str| fits.number(&[("latency_by", law)], column);
    let mut row = vec![
        law.to_owned(),
        number(of("r")?, 3),
        number(of("mean_error_percent")?, 1),
        number(of("largest_percent")?, 1),
    ];
    let column = LAWS
        .iter()
        .find(|(name, _)| *name == law)
        .map_or("", |(_, column)| column);
    row.extend(cells(
        &tables
            .csv("matrix-efficiency/networks.csv")?
            .pairs(column, "published_ms")?,
    ));
    Ok(row)
}

fn cells(pairs: &[(f64, f64)]) -> [String; 3] {
    let errors = errors(pairs);
    [
        number(correlation(pairs), 3),
        number(mean_magnitude(&errors), 1),
        number(worst(&errors).abs(), 1),
    ]
}

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let laws = [
        "MACs",
        "MACs·a + b",
        "MACs + vector",
        "MACs + data",
        "MACs + vector + data",
        "analytic model",
    ];
    let rows: Vec<Vec<String>> = laws.iter().map(|law| row(tables, law)).collect::<Result<_>>()?;
    for (name, law, cell) in [
        ("vector-r", 2, 1),
        ("data-r", 3, 1),
        ("line-in", 1, 2),
        ("vector-in", 2, 2),
        ("model-in", 5, 2),
        ("line-left-out", 1, 5),
        ("vector-left-out", 2, 5),
        ("model-left-out", 5, 5),
    ] {
        figures.set(name, rows[law][cell].clone());
    }
    figures.set("macs-r", rows[0][1].clone());
    figures.set("vector-r-left-out", rows[2][4].clone());
    figures.table("laws", &COLUMNS, rows);
    let fits = tables.csv("fits.csv")?;
    let constants = |law: &str| fits.text(&[("latency_by", law)], "constants_of_the_fit_to_all_ten");
    let lines = [
        "MACs",
        "MACs + vector",
        "MACs + data",
        "MACs + vector + data",
        "analytic model",
    ];
    let lines: Vec<Vec<String>> = lines
        .iter()
        .map(|law| Ok(vec![(*law).to_owned(), constants(law)?]))
        .collect::<Result<_>>()?;
    figures.table("constants", &["|latency by", "|constants of the fit to all ten"], lines);

    let networks = tables.csv("matrix-efficiency/networks.csv")?;
    let of = |network: &str, column: &str| networks.number(&[("network", network)], column);
    let error = |network: &str, column: &str| -> Result<f64> {
        Ok(100.0 * (of(network, column)? / of(network, "published_ms")? - 1.0))
    };
    figures.number("resnet-data", error("resnet-50", LAWS[2].1)?, 0);
    figures.number("resnet-vector", error("resnet-50", LAWS[1].1)?, 0);
    figures.number("resnet-model", -error("resnet-50", LAWS[4].1)?, 0);
    figures.number("n0-published", of("isynet-n0", "published_ms")?, 2);
    figures.number("n0-vector", of("isynet-n0", LAWS[1].1)?, 2);
    figures.number("n0-model", of("isynet-n0", LAWS[4].1)?, 2);
    let raw = networks.numbers("raw")?;
    figures.set(
        "raw",
        raw.iter().map(|it| number(*it, 0)).collect::<Vec<_>>().join(", "),
    );
    ranks(&mut figures, &tables.csv("ranks.csv")?)?;
    Ok(figures)
}

fn ranks(figures: &mut Figures, ranks: &Csv) -> Result<()> {
    let columns = [
        "published_rate_tmac_s",
        "raw",
        "share_by_kv",
        "model_in_the_matrix_unit",
        "model_useful",
    ];
    let mut rows = Vec::new();
    for network in ranks.different("network")? {
        let mut row = vec![network.clone()];
        for column in columns {
            let value = ranks.number(&[("network", &network)], column)?;
            row.push(if column == "raw" {
                thousands(value)
            } else {
                number(value, 2)
            });
        }
        rows.push(row);
    }
    let mut last = vec!["τ with the rate".to_owned(), "–".to_owned()];
    for column in &columns[1..] {
        last.push(number(kendall(&ranks.pairs(column, columns[0])?), 2));
    }
    rows.push(last);
    let names = [
        "|network",
        "published rate (TMAC/s)",
        "raw",
        "share by kv",
        "model: in unit",
        "model: useful",
    ];
    figures.table("ranks", &names, rows);
    Ok(())
}

pub const COLUMNS: [&str; 7] = [
    "|latency by",
    "r",
    "mean error (%)",
    "largest (%)",
    "r left out",
    "mean error left out (%)",
    "largest left out (%)",
];
