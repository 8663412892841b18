use anyhow::Result;

use super::figures::{number, thousands};
use super::statistics::{least, mean, most};
use super::{Figures, Page, Tables};

pub const PAGE: Page = Page {
    path: "docs/reproductions/compofa-search.md",
    tables: &[
        "docs/reproductions/compofa-search/measurements.csv",
        "docs/reproductions/compofa-search/found.csv",
    ],
    figures,
};

const LIMITS: [&str; 4] = ["15", "20", "25", "30"];

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let table = tables.csv("measurements.csv")?;
    let mut rows = Vec::new();
    let (mut ratios, mut calls) = (Vec::new(), Vec::new());
    for seed in table.different("seed")? {
        let of = |space: &str, column: &str| table.number(&[("space", space), ("seed", &seed)], column);
        for space in table.different("space")? {
            rows.push(vec![
                space.clone(),
                seed.clone(),
                thousands(of(&space, "calls")?),
                thousands(of(&space, "distinct")?),
                thousands(of(&space, "distinct_with_resolution")?),
                thousands(of(&space, "measuring_s")?),
            ]);
        }
        ratios.push(of("Once-for-All", "distinct")? / of("CompOFA", "distinct")?);
        calls.push(of("Once-for-All", "calls")? / of("CompOFA", "calls")?);
    }
    let columns = ["|space", "seed", "calls", "different", "with resolution", "seconds"];
    figures.table("measurements", &columns, rows);
    figures.number("least-ratio", least(&ratios), 0);
    figures.number("largest-ratio", most(&ratios), 0);
    figures.number("calls-ratio", mean(&calls), 1);
    let found = tables.csv("found.csv")?;
    let mut rows = Vec::new();
    let mut means: Vec<Vec<f64>> = Vec::new();
    for search in found.different("search")? {
        let mut row = vec![search.clone()];
        let mut of_search = Vec::new();
        for limit in LIMITS {
            let top1 = mean(
                &found
                    .with(&[("search", &search), ("limit_ms", limit)])?
                    .numbers("top1")?,
            );
            row.push(number(top1, 2));
            of_search.push(top1);
        }
        rows.push(row);
        means.push(of_search);
    }
    figures.table("found", &["|search", "15 ms", "20 ms", "25 ms", "30 ms"], rows);
    if let [ofa, compofa, ..] = means.as_slice() {
        let losses: Vec<f64> = ofa.iter().zip(compofa).map(|(ofa, compofa)| ofa - compofa).collect();
        figures.number("least-loss", least(&losses), 1);
        figures.number("largest-loss", most(&losses), 1);
    }
    Ok(figures)
}
