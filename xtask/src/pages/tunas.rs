use anyhow::{Result, ensure};

use super::figures::{number, thousands};
use super::statistics::most;
use super::{Figures, Page, Tables};

pub const PAGE: Page = Page {
    path: "docs/reproductions/tunas.md",
    tables: &[
        "docs/reproductions/tunas/curves.csv",
        "docs/reproductions/tunas/evolution.csv",
        "docs/reproductions/tunas/found.csv",
        "docs/reproductions/tunas/training.csv",
        "docs/reproductions/analytic-model/cube-vector-rate.csv",
    ],
    figures,
};

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let found = tables.csv("found.csv")?;
    let mut rows = Vec::new();
    for objective in found.different("objective")? {
        for by in found.different("found_by")? {
            let cells = [("objective", objective.as_str()), ("found_by", by.as_str())];
            let of = |column: &str| found.number(&cells, column);
            let mut row = vec![objective.clone(), by.clone()];
            row.extend([number(100.0 * of("validation_accuracy")?, 2), number(of("reward")?, 4)]);
            for column in [
                "average_r",
                "worst_r",
                "r_ethos_u55_128",
                "r_cube_16",
                "r_cortex_a53",
                "r_host",
            ] {
                row.push(number(of(column)?, 2));
            }
            row.push(number(100.0 * of("test_accuracy")?, 2));
            rows.push(row);
            if by != "reference" {
                figures.number(format!("test-{objective}-{by}"), 100.0 * of("test_accuracy")?, 2);
                figures.number(format!("cube-{objective}-{by}"), of("r_cube_16")?, 2);
            }
        }
        let reward = |by: &str| found.number(&[("objective", &objective), ("found_by", by)], "reward");
        let ahead = reward("evolution")? - reward("tunas")?;
        figures.number(format!("ahead-{objective}"), ahead.abs(), 4);
        figures.set(
            format!("ahead-{objective}-is"),
            if ahead > 0.0 { "evolution's" } else { "the policy's" },
        );
    }
    figures.table("found", &COLUMNS, rows);
    let of_average = [("objective", "average"), ("found_by", "tunas")];
    figures.number(
        "over-target",
        100.0 * (found.number(&of_average, "average_r")? - 1.0),
        0,
    );

    let curves = tables.csv("curves.csv")?;
    for objective in ["average", "worst"] {
        let of = curves.with(&[("objective", objective)])?;
        for (name, column, decimals) in [
            ("reward", "baseline", 3),
            ("entropy", "entropy", 2),
            ("over", "r_cube_16", 2),
        ] {
            let values = of.numbers(column)?;
            if let ([first, ..], [.., last]) = (values.as_slice(), values.as_slice()) {
                if objective == "average" && name == "reward" {
                    figures.number("reward-first", *first, 2);
                }
                figures.number(format!("{name}-{objective}"), *last, decimals);
            }
        }
    }
    let training = tables.csv("training.csv")?;
    let steps = training.number(&[("training", "tunas-average")], "steps")?;
    // A quarter of the steps warms up; every other one is rewarded on 256 images.
    figures.set("reward-images", thousands((0.75 * steps * 256.0 / 1e3).round() * 1e3));
    let evolution = tables.csv("evolution.csv")?;
    for objective in found.different("objective")? {
        let of = evolution.with(&[("objective", &objective)])?;
        let rewards = of.numbers("reward")?;
        let place = rewards.iter().position(|it| *it == most(&rewards)).unwrap_or_default();
        let (best, stated) = (
            &of.texts("genotype")?[place],
            [("objective", objective.as_str()), ("found_by", "evolution")],
        );
        ensure!(
            *best == found.text(&stated, "genotype")?,
            "the best of evolution.csv for the {objective} is {best}, not found.csv's"
        );
    }
    figures.number(
        "evaluations",
        evolution.with(&[("objective", "average")])?.len() as f64,
        0,
    );
    let rates = tables.csv("cube-vector-rate.csv")?;
    let mut rows = Vec::new();
    for rate in rates.different("vector_elements_per_cycle")? {
        let of = |column: &str| rates.number(&[("vector_elements_per_cycle", &rate)], column);
        let (latency, reference) = (of("latency_ms")?, of("reference_ms")?);
        rows.push(vec![
            rate.clone(),
            number(latency, 3),
            number(reference, 3),
            number(latency / reference, 2),
        ]);
    }
    let columns = ["vector elements a cycle", "network (ms)", "reference (ms)", "r"];
    figures.table("vector-rate", &columns, rows);
    figures.number(
        "epochs",
        training.number(&[("training", "tunas-average")], "epochs")?,
        0,
    );
    Ok(figures)
}

const COLUMNS: [&str; 11] = [
    "|objective",
    "|found by",
    "validation accuracy (%)",
    "reward",
    "average r",
    "worst r",
    "r ethos-u55-128",
    "r cube-16",
    "r cortex-a53",
    "r host",
    "test accuracy (%)",
];
