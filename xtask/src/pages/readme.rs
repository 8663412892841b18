use anyhow::Result;

use super::figures::range;
use super::{Figures, Page, Tables, demo, engine_benchmarks};

pub const PAGE: Page = Page {
    path: "README.md",
    tables: &[
        "docs/results/fashion-mnist-three-seeds.csv",
        "docs/results/demo-minutes.csv",
        "docs/reproductions/published-latencies/fits.csv",
        "docs/reproductions/vela/named-closeness.csv",
        "docs/results/engine/training.csv",
    ],
    figures,
};

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    demo::worst_case(&mut figures, &tables.csv("three-seeds.csv")?)?;
    demo::minutes(&mut figures, &tables.csv("demo-minutes.csv")?)?;
    let fits = tables.csv("fits.csv")?;
    for (name, by) in [("left-out", "analytic model"), ("left-out-line", "MACs·a + b")] {
        let errors = fits.with(&[("by", by)])?.numbers("mean_error_left_out_percent")?;
        figures.set(name, range(&errors, 0));
    }
    let vela = tables.csv("named-closeness.csv")?;
    for (name, estimate) in [("vela", "analytic"), ("vela-line", "a line in MACs")] {
        let held_out = vela.with(&[("estimate", estimate), ("split", "held out")])?;
        figures.set(
            name,
            range(&held_out.numbers("mape_percent")?, if name == "vela" { 1 } else { 0 }),
        );
    }
    engine_benchmarks::rates(&mut figures, &tables.csv("training.csv")?)?;
    Ok(figures)
}
