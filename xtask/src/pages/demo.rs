use anyhow::Result;

use super::csv::Csv;
use super::figures::{number, range};
use super::statistics::{deviation, mean, most};
use super::{Figures, Page, Tables};

pub const PAGE: Page = Page {
    path: "docs/demo.md",
    tables: &[
        "docs/results/fashion-mnist-three-seeds.csv",
        "docs/results/demo-minutes.csv",
        "docs/reproductions/analytic-model/cube-vector-rate.csv",
        "docs/concepts/measuring/tried.csv",
    ],
    figures,
};

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let finalists = tables.csv("three-seeds.csv")?;
    table(&mut figures, &finalists)?;
    worst_case(&mut figures, &finalists)?;
    let over = |role| of_seeds(&finalists, role, "r_cube-16").map(|it| percent_over(&it));
    let [ethos, cube, a53, host, _, worst] = ROLES;
    let on_cube: Vec<f64> = [ethos, a53, host].into_iter().map(over).collect::<Result<_>>()?;
    figures.set("on-cube", range(&on_cube, 0));
    let (worst, cube) = (
        of_seeds(&finalists, worst, "macs")?,
        of_seeds(&finalists, cube, "macs")?,
    );
    let same = worst.iter().zip(&cube).filter(|(worst, cube)| worst == cube).count();
    figures.number("same-network", same as f64, 0);
    minutes(&mut figures, &tables.csv("demo-minutes.csv")?)?;
    let rates = tables.csv("cube-vector-rate.csv")?;
    for (name, rate) in [("cube-as-assumed", "2.7"), ("cube-faster", "10.8")] {
        let of = |column: &str| rates.number(&[("vector_elements_per_cycle", rate)], column);
        figures.number(name, of("latency_ms")? / of("reference_ms")?, 2);
    }
    let host = tables.csv("tried.csv")?.with(&[("state", "undisturbed")])?;
    figures.number("host-error", mean(&host.numbers("mean_error_left_out_percent")?), 1);
    figures.number("host-tau", mean(&host.numbers("tau_left_out")?), 2);
    Ok(figures)
}

/// How the table calls a role, how the rows of the first seed call it, and how those of the others do.
type Role = (&'static str, &'static str, &'static str);

const ROLES: [Role; 6] = [
    ("ethos-u55-128 alone", "ethos-u55-128 alone", "ethos-u55-128"),
    ("cube-16 alone", "cube-16 alone", "cube-16"),
    ("cortex-a53 alone", "cortex-a53 alone", "cortex-a53"),
    ("host alone", "host alone", "host"),
    ("average", "average", "average"),
    ("worst case", "worst case", "worst"),
];
const RATIOS: [&str; 6] = [
    "r_ethos-u55-128",
    "r_cube-16",
    "r_cortex-a53",
    "r_host",
    "average_r",
    "worst_r",
];

/// A column's number for the finalist of each seed.
fn of_seeds(finalists: &Csv, (_, first, other): Role, column: &str) -> Result<Vec<f64>> {
    let rows = [first.to_owned(), format!("{other} seed 2"), format!("{other} seed 3")];
    rows.iter()
        .map(|role| finalists.number(&[("role", role)], column))
        .collect()
}

const REFERENCE: &str = "reference (mobilenet-v2-like)";

fn of_reference(finalists: &Csv, column: &str) -> Result<f64> {
    finalists.number(&[("role", REFERENCE)], column)
}

fn percent_over(ratios: &[f64]) -> f64 {
    100.0 * (mean(ratios) - 1.0)
}

/// What the searches for the average and for the worst case found, in a few figures.
pub fn worst_case(figures: &mut Figures, finalists: &Csv) -> Result<()> {
    let [.., average, worst] = ROLES;
    let of = |column: &str| of_seeds(finalists, worst, column);
    let reference = |column: &str| of_reference(finalists, column);
    figures.number(
        "average-on-cube",
        percent_over(&of_seeds(finalists, average, "r_cube-16")?),
        0,
    );
    figures.number("worst-over", 100.0 * (most(&of("worst_r")?) - 1.0), 1);
    figures.number("worst-faster", -percent_over(&of("average_r")?), 0);
    let fewer = 1.0 - mean(&of("macs")?) / reference("macs")?;
    figures.number("worst-fewer", 100.0 * fewer, 0);
    figures.number("worst-accuracy", mean(&of("test_accuracy_percent")?), 2);
    figures.number("reference-accuracy", reference("test_accuracy_percent")?, 2);
    let interval = reference("test_accuracy_high_percent")? - reference("test_accuracy_low_percent")?;
    figures.number("accuracy-interval", interval / 2.0, 2);
    Ok(())
}

fn table(figures: &mut Figures, finalists: &Csv) -> Result<()> {
    let spread = |values: &[f64], scale: f64, decimals: usize| {
        format!(
            "{} ± {}",
            number(mean(values) / scale, decimals),
            number(deviation(values) / scale, decimals)
        )
    };
    let mut rows = Vec::new();
    for role in ROLES {
        let of = |column: &str| of_seeds(finalists, role, column);
        let mut row = vec![role.0.to_owned(), spread(&of("test_accuracy_percent")?, 1.0, 2)];
        for column in RATIOS {
            row.push(spread(&of(column)?, 1.0, 2));
        }
        row.push(spread(&of("macs")?, 1e6, 2));
        row.push(spread(&of("parameters")?, 1e3, 1));
        rows.push(row);
    }
    let reference = |column: &str| of_reference(finalists, column);
    let mut row = vec![REFERENCE.to_owned(), number(reference("test_accuracy_percent")?, 2)];
    for column in RATIOS {
        row.push(number(reference(column)?, 2));
    }
    row.push(number(reference("macs")? / 1e6, 2));
    row.push(number(reference("parameters")? / 1e3, 1));
    rows.push(row);
    figures.table("demo", &DEMO, rows);
    Ok(())
}

const DEMO: [&str; 10] = [
    "|network found for",
    "test accuracy (%)",
    "r ethos-u55-128",
    "r cube-16",
    "r cortex-a53",
    "r host",
    "average r",
    "worst r",
    "MACs (M)",
    "parameters (k)",
];

/// Minutes that `make demo` takes on each kind of processor.
pub fn minutes(figures: &mut Figures, minutes: &Csv) -> Result<()> {
    for (name, processor) in [("avx512", "AVX-512"), ("avx2", "AVX2")] {
        for (part, column) in [("build", "build_minutes"), ("run", "run_minutes")] {
            figures.number(
                format!("{name}-{part}"),
                minutes.number(&[("processor", processor)], column)?,
                0,
            );
        }
    }
    Ok(())
}
