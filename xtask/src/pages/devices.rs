use anyhow::Result;

use super::figures::number;
use super::statistics::{least, most};
use super::{Figures, Page, Tables};

pub const PAGE: Page = Page {
    path: "docs/concepts/devices.md",
    tables: &[
        "docs/results/costs/estimates.csv",
        "docs/results/costs/scalesim.csv",
        "docs/results/costs/zigzag.csv",
    ],
    figures,
};

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let estimates = tables.csv("estimates.csv")?;
    let of = |what: &str| {
        estimates
            .with(&[("what", what), ("network", "mobilenet-v2")])?
            .numbers("ms")
    };
    let simulated = of("cycle")?;
    figures.set(
        "simulated",
        format!("{} to {}", number(least(&simulated), 1), number(most(&simulated), 1)),
    );
    figures.number("formula", most(&of("analytic")?), 2);
    figures.number(
        "blocks",
        1e3 * most(&estimates.with(&[("what", "blocks")])?.numbers("ms")?),
        1,
    );
    figures.number("scalesim", most(&tables.csv("scalesim.csv")?.numbers("scalesim_s")?), 0);
    let zigzag = tables.csv("zigzag.csv")?.with(&[("machine", "Edge-TPU-like")])?;
    figures.number("zigzag", most(&zigzag.numbers("zigzag_least_s")?), 0);
    figures.number("mapper", 1e3 * most(&zigzag.numbers("ours_s")?), 0);
    Ok(figures)
}
