//! The page of the guard band: whether networks that predictors chose keep their limits.

use anyhow::Result;

use super::figures::number;
use super::statistics::{Interval, student};
use super::{Figures, Page, Tables};

pub const PAGE: Page = Page {
    path: "docs/reproductions/guard-band.md",
    tables: &["docs/reproductions/guard-band/fits.csv"],
    figures,
};

/// The 95 % interval of a probability of which so many of all cases were seen (Wilson 1927).
fn binomial(seen: f64, all: f64) -> Interval {
    const Z: f64 = 1.959_964;
    let value = seen / all;
    let scale = 1.0 + Z * Z / all;
    let middle = (value + Z * Z / (2.0 * all)) / scale;
    let half = Z / scale * (value * (1.0 - value) / all + Z * Z / (4.0 * all * all)).sqrt();
    Interval {
        value,
        low: middle - half,
        high: middle + half,
    }
}

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let fits = tables.csv("fits.csv")?;
    let mut rows = Vec::new();
    for pool in fits.different("pool")? {
        let of_pool = fits.with(&[("pool", &pool)])?;
        for band in of_pool.different("band")? {
            let of = of_pool.with(&[("band", &band)])?;
            let sum = |column: &str| -> Result<f64> { Ok(of.numbers(column)?.iter().sum()) };
            let (reachable, delivered, kept) = (sum("reachable")?, sum("delivered")?, sum("kept")?);
            let share = binomial(kept, delivered);
            let shares = of.pairs("kept", "delivered")?.into_iter().filter(|(_, all)| *all > 0.0);
            let by_fit = student(&shares.map(|(kept, all)| kept / all).collect::<Vec<_>>());
            let between = |interval: Interval| {
                let (low, high) = (100.0 * interval.low, 100.0 * interval.high);
                format!("{} to {}", number(low, 1), number(high, 1))
            };
            rows.push(vec![
                pool.clone(),
                band,
                number(reachable, 0),
                number(100.0 * delivered / reachable, 1),
                number(100.0 * share.value, 1),
                between(share),
                between(by_fit),
                number(sum("given_up")? / delivered, 2),
            ]);
        }
    }
    let columns = [
        "|pool",
        "|band",
        "limits that can be met",
        "delivered (%)",
        "kept (%)",
        "binomial interval",
        "interval over fits",
        "given up",
    ];
    figures.table("searches", &columns, rows);
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_interval() {
        // Wilson's interval of 8 in 10, as tables have it: 0.490 to 0.943.
        let found = binomial(8.0, 10.0);
        assert!(
            (found.low - 0.4902).abs() < 5e-4 && (found.high - 0.9433).abs() < 5e-4,
            "{found:?}"
        );
        assert!(binomial(10.0, 10.0).high <= 1.0 + 1e-12);
    }
}
