use anyhow::Result;

use super::csv::Csv;
use super::figures::{number, range, signed, thousands};
use super::statistics::{Interval, mean, student};
use super::{Figures, Page, Tables};

pub const PAGE: Page = Page {
    path: "docs/reproductions/compofa.md",
    tables: &[
        "docs/reproductions/compofa/training.csv",
        "docs/reproductions/compofa/evaluations.csv",
        "docs/reproductions/compofa/front.csv",
    ],
    figures,
};

const SHRINKING: &str = "progressive-shrinking";
const SHORT: &str = "progressive-shrinking-short";

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    costs(&mut figures, &tables.csv("training.csv")?)?;
    fronts(&mut figures, &tables.csv("front.csv")?)?;
    let evaluations = tables.csv("evaluations.csv")?;
    let mut counts = Vec::new();
    for training in evaluations.different("training")? {
        for seed in evaluations.different("seed")? {
            counts.push(evaluations.with(&[("training", &training), ("seed", &seed)])?.len() as f64);
        }
    }
    figures.set("evaluations", range(&counts, 0));
    figures.set("images", thousands(mean(&evaluations.numbers("images")?)));
    Ok(figures)
}

/// A column's sum over the phases of a training, for each seed.
fn by_seed(training: &Csv, name: &str, column: &str) -> Result<Vec<f64>> {
    let of = training.with(&[("training", name)])?;
    let seeds = of.different("seed")?;
    let sums = seeds
        .iter()
        .map(|seed| Ok(of.with(&[("seed", seed)])?.numbers(column)?.iter().sum()));
    sums.collect()
}

fn costs(figures: &mut Figures, training: &Csv) -> Result<()> {
    let mut rows = Vec::new();
    for name in training.different("training")? {
        let mut row = vec![name.clone()];
        for (column, unit) in [
            ("student_images", 1e3),
            ("teacher_images", 1e3),
            ("wall_s", 1.0),
            ("cpu_s", 1.0),
        ] {
            row.push(number(mean(&by_seed(training, &name, column)?) / unit, 0));
        }
        rows.push(row);
    }
    let columns = [
        "|training",
        "student passes (k)",
        "teacher passes (k)",
        "wall (s)",
        "processor (s)",
    ];
    figures.table("costs", &columns, rows);
    for (name, column) in [
        ("student", "student_images"),
        ("teacher", "teacher_images"),
        ("wall", "wall_s"),
        ("cpu", "cpu_s"),
    ] {
        let of = |training_name: &str| by_seed(training, training_name, column);
        let ratio = student(&quotients(&of("compound")?, &of(SHRINKING)?));
        let digits = if name == "student" { 3 } else { 2 };
        figures.number(name, ratio.value, digits);
        if name == "wall" || name == "cpu" {
            figures.set(format!("{name}-interval"), interval(ratio, 2));
        }
    }
    let with_teacher = |name: &str| -> Result<Vec<f64>> {
        let (own, teacher) = (
            by_seed(training, name, "cpu_s")?,
            by_seed(training, "teacher", "cpu_s")?,
        );
        Ok(own.iter().zip(&teacher).map(|(own, teacher)| own + teacher).collect())
    };
    let ratio = student(&quotients(&with_teacher("compound")?, &with_teacher(SHRINKING)?));
    figures.number("with-teacher", ratio.value, 2);
    figures.set("with-teacher-interval", interval(ratio, 2));
    let seconds: Vec<String> = by_seed(training, "compound", "cpu_s")?
        .iter()
        .map(|it| number(*it, 0))
        .collect();
    figures.set("cpu-by-seed", seconds.join(", "));
    Ok(())
}

fn quotients(of: &[f64], by: &[f64]) -> Vec<f64> {
    of.iter().zip(by).map(|(of, by)| of / by).collect()
}

fn interval(it: Interval, decimals: usize) -> String {
    format!("{} to {}", number(it.low, decimals), number(it.high, decimals))
}

fn fronts(figures: &mut Figures, front: &Csv) -> Result<()> {
    let seeds = front.different("seed")?;
    // Mean over the points of the front of the difference to another training, by seed.
    let over = |name: &str, other: &str| -> Result<Vec<f64>> {
        let of_seed = |seed: &String| -> Result<f64> {
            let of = |name: &str| {
                front
                    .with(&[("training", name), ("seed", seed)])?
                    .numbers("test_accuracy")
            };
            Ok(100.0 * (mean(&of(name)?) - mean(&of(other)?)))
        };
        seeds.iter().map(of_seed).collect()
    };
    let mut rows = Vec::new();
    for name in front.different("training")?.iter().filter(|name| *name != SHRINKING) {
        let differences = over(name, SHRINKING)?;
        let of_all = student(&differences);
        let by_seed: Vec<String> = differences.iter().map(|it| signed(*it, 2)).collect();
        rows.push(vec![
            name.clone(),
            by_seed.join(", "),
            number(of_all.value, 2),
            interval(of_all, 2),
        ]);
        let short = match name.as_str() {
            "compound" => "compound",
            SHORT => "short",
            _ => "long",
        };
        figures.set(format!("{short}-interval"), interval(of_all, 2));
        if short == "compound" {
            figures.number("compound-less", -of_all.value, 2);
            figures.set("compound-by-seed", by_seed.join(", "));
        } else {
            figures.number(short, of_all.value, 2);
        }
    }
    let columns = ["|training", "|by seed", "mean", "|95 % interval over seeds"];
    figures.table("differences", &columns, rows);
    figures.set("equal-short", signed(mean(&over("compound", SHORT)?), 2));
    figures.set("equal-long", signed(mean(&over("compound-long", SHRINKING)?), 2));

    let names = front.different("training")?;
    let mut rows = Vec::new();
    let (mut below, mut limits): (f64, _) = (0.0, Vec::new());
    for device in front.different("device")? {
        let of_device = front.with(&[("device", &device)])?;
        let mut best = vec![f64::NEG_INFINITY; names.len()];
        let mut all = Vec::new();
        for limit in of_device.different("limit_s")? {
            let at = of_device.with(&[("limit_s", &limit)])?;
            let mut row = vec![device.clone(), number(1e3 * limit.parse::<f64>()?, 3)];
            let mut accuracies = Vec::new();
            for (name, best) in names.iter().zip(&mut best) {
                let accuracy = 100.0 * mean(&at.with(&[("training", name)])?.numbers("test_accuracy")?);
                *best = best.max(accuracy);
                accuracies.push(accuracy);
                row.push(number(accuracy, 2));
            }
            all.push(accuracies);
            rows.push(row);
        }
        for accuracies in all.iter().skip(1) {
            below = accuracies
                .iter()
                .zip(&best)
                .fold(below, |below, (it, best)| below.max(best - it));
        }
        limits.push(all.len() as f64);
    }
    figures.number("points", rows.len() as f64, 0);
    figures.number("flat", below, 1);
    figures.number("limits", mean(&limits), 0);
    let mut columns = vec!["|device", "limit (ms)"];
    columns.extend(names.iter().map(String::as_str));
    figures.table("fronts", &columns, rows);
    Ok(())
}
