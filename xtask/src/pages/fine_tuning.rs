use anyhow::Result;

use super::csv::Csv;
use super::figures::{number, thousands};
use super::statistics::{least, mean, student};
use super::{Figures, Page, Tables};

pub const PAGE: Page = Page {
    path: "docs/reproductions/fine-tuning.md",
    tables: &[
        "docs/reproductions/fine-tuning/fine-tuning.csv",
        "docs/reproductions/fine-tuning/training.csv",
    ],
    figures,
};

/// Each network's gain in points over its inherited weights.
pub fn gains(table: &Csv, epochs: &str, distillation: &str) -> Result<Vec<f64>> {
    let share = |cells: &[(&str, &str)]| -> Result<f64> {
        Ok(100.0 * table.number(cells, "correct")? / table.number(cells, "images")?)
    };
    let networks = table.different("genotype")?;
    let gains = networks.iter().map(|network| {
        let tuned = share(&[
            ("genotype", network),
            ("epochs", epochs),
            ("distillation", distillation),
        ])?;
        Ok(tuned - share(&[("genotype", network), ("epochs", "0")])?)
    });
    gains.collect()
}

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let table = tables.csv("fine-tuning.csv")?;
    let lengths: Vec<String> = table.different("epochs")?.into_iter().filter(|it| it != "0").collect();
    let (mut rows, mut means, mut less) = (Vec::new(), Vec::new(), Vec::new());
    for epochs in &lengths {
        let mut row = vec![epochs.clone()];
        let [alone, taught] = [gains(&table, epochs, "0")?, gains(&table, epochs, "1")?];
        for gains in [&alone, &taught] {
            let of = student(gains);
            row.push(format!(
                "{} ({} to {})",
                number(of.value, 2),
                number(of.low, 2),
                number(of.high, 2)
            ));
        }
        means.push(number(mean(&alone), 1));
        let pairs = alone.iter().zip(&taught);
        less.push(pairs.map(|(alone, taught)| alone - taught).collect::<Vec<f64>>());
        if epochs == "1" {
            figures.number("least-after-one", least(&alone), 2);
        }
        rows.push(row);
    }
    figures.table("gains", &["epochs", "labels alone", "labels and teacher"], rows);
    figures.set("means", means.join(", "));
    for (name, less) in ["half", "one", "two", "four"].iter().zip(&less) {
        if matches!(*name, "two" | "four") {
            let of = student(less);
            figures.number(format!("less-{name}"), of.value, 2);
            figures.set(
                format!("less-{name}-interval"),
                format!("{} to {}", number(of.low, 2), number(of.high, 2)),
            );
            figures.number(
                format!("worse-{name}"),
                less.iter().filter(|it| **it > 0.0).count() as f64,
                0,
            );
        }
    }
    let inherited = table.with(&[("epochs", "0")])?;
    let shares = inherited.pairs("correct", "images")?;
    let shares: Vec<f64> = shares
        .iter()
        .map(|(correct, images)| 100.0 * correct / images)
        .collect();
    figures.number("inherited", mean(&shares), 1);
    figures.number("networks", shares.len() as f64, 0);
    figures.set("images", thousands(mean(&inherited.numbers("images")?)));
    let training = tables.csv("training.csv")?;
    figures.number("supernet-epochs", training.numbers("epochs")?.iter().sum(), 0);
    Ok(figures)
}
