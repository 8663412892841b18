use anyhow::Result;

use super::csv::Csv;
use super::figures::{number, range, signed, thousands};
use super::statistics::{Interval, bootstrap, deviation, kendall, least, mean, most};
use super::{Figures, Page, Tables};

pub const PAGE: Page = Page {
    path: "docs/reproductions/ranking.md",
    tables: &[
        "docs/reproductions/ranking/alone.csv",
        "docs/reproductions/ranking/inherited.csv",
        "docs/reproductions/ranking/training.csv",
    ],
    figures,
};

/// As the command has it, so that its intervals come out again.
const SEED: u64 = 1;

fn accuracies(table: &Csv) -> Result<Vec<f64>> {
    let pairs = table.pairs("correct", "images")?;
    Ok(pairs.iter().map(|(correct, images)| 100.0 * correct / images).collect())
}

/// A schedule, and of each network the accuracy with inherited weights and that of training it alone, in per cent.
pub type Compared = (String, Vec<(f64, f64)>);

/// Every schedule, in the order of the table.
pub fn schedules(alone: &Csv, inherited: &Csv) -> Result<Vec<Compared>> {
    let mut schedules = Vec::new();
    for schedule in inherited.different("schedule")? {
        let of = inherited.with(&[("schedule", &schedule)])?;
        let mut pairs = Vec::new();
        for genotype in of.different("genotype")? {
            let taken = accuracies(&of.with(&[("genotype", &genotype)])?)?[0];
            pairs.push((taken, accuracies(&alone.with(&[("genotype", &genotype)])?)?[0]));
        }
        schedules.push((schedule, pairs));
    }
    Ok(schedules)
}

/// Kendall's τ of such pairs, with its interval.
pub fn agreement(pairs: &[(f64, f64)]) -> Interval {
    bootstrap(pairs, SEED, kendall)
}

/// In points, the standard deviation of the networks trained alone and the standard error of one such accuracy.
pub fn noise(alone: &Csv) -> Result<(f64, f64)> {
    let own = accuracies(alone)?;
    let share = mean(&own) / 100.0;
    let images = mean(&alone.numbers("images")?);
    Ok((deviation(&own), 100.0 * (share * (1.0 - share) / images).sqrt()))
}

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let (alone, inherited) = (tables.csv("alone.csv")?, tables.csv("inherited.csv")?);
    let training = tables.csv("training.csv")?;
    let (own, macs) = (accuracies(&alone)?, alone.numbers("macs")?);
    let (mut rows, mut taus, mut orders) = (Vec::new(), Vec::new(), Vec::new());
    let mut holds_nothing = 0;
    for (schedule, pairs) in schedules(&alone, &inherited)? {
        let (taken, _): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let tau = agreement(&pairs);
        holds_nothing += usize::from(tau.low < 0.0 && tau.high > 0.0);
        let gaps: Vec<f64> = pairs.iter().map(|(taken, own)| taken - own).collect();
        let passes = training.with(&[("training", &schedule)])?.numbers("student_images")?;
        let order = kendall(&taken.iter().copied().zip(macs.iter().copied()).collect::<Vec<_>>());
        rows.push(vec![
            schedule.clone(),
            number(passes.iter().sum::<f64>() / 1e3, 0),
            format!(
                "{} ({} to {})",
                number(tau.value, 3),
                number(tau.low, 3),
                number(tau.high, 3)
            ),
            signed(mean(&gaps), 2),
            number(most(&taken), 2),
            number(order, 2),
        ]);
        if schedule == "progressive-shrinking" {
            figures.number("better", gaps.iter().filter(|gap| **gap > 0.0).count() as f64, 0);
        }
        taus.push((tau.value, schedule.clone()));
        orders.push((order, schedule));
    }
    figures.table("schedules", &COLUMNS, rows);
    figures.number("holding", holds_nothing as f64, 0);
    for (name, wanted) in [("lowest", false), ("highest", true)] {
        let order = |a: &&(f64, String), b: &&(f64, String)| a.0.total_cmp(&b.0);
        let found = if wanted {
            taus.iter().max_by(order)
        } else {
            taus.iter().min_by(order)
        };
        if let Some((tau, schedule)) = found {
            figures.number(name, *tau, 2);
            figures.set(format!("{name}-of"), format!("`{schedule}`"));
        }
    }
    for (name, schedule) in [
        ("order-tunas", "tunas"),
        ("order-shrinking", "progressive-shrinking"),
        ("order-sandwich", "sandwich"),
    ] {
        let order = orders.iter().find(|(_, it)| it == schedule);
        figures.number(name, order.map_or(f64::NAN, |(order, _)| *order), 2);
    }
    let named = ["tunas", "progressive-shrinking", "sandwich"];
    let others = orders.iter().filter(|(_, it)| !named.contains(&it.as_str()));
    figures.set(
        "order-others",
        range(&others.map(|(order, _)| *order).collect::<Vec<_>>(), 2),
    );
    figures.number(
        "order-alone",
        kendall(&own.iter().copied().zip(macs.iter().copied()).collect::<Vec<_>>()),
        2,
    );
    figures.number("networks", own.len() as f64, 0);
    figures.set("alone", range(&own, 1));
    let (deviation, standard_error) = noise(&alone)?;
    figures.number("deviation", deviation, 2);
    let images = mean(&alone.numbers("images")?);
    figures.set("images", thousands(images));
    figures.number("standard-error", standard_error, 2);
    // Of a difference on the same images, of which this share is answered rightly by one of the two only.
    for (name, share) in [("paired-4", 0.04), ("paired-12", 0.12_f64)] {
        figures.number(name, 100.0 * (share / images).sqrt(), 2);
    }
    figures.number("fewest-macs", least(&macs) / 1e6, 2);
    figures.number("most-macs", most(&macs) / 1e6, 1);
    Ok(figures)
}

const COLUMNS: [&str; 6] = [
    "|schedule",
    "student passes (k)",
    "Kendall τ (95 % bootstrap)",
    "inherited − alone (points)",
    "best inherited (%)",
    "τ of inherited accuracy and MACs",
];
