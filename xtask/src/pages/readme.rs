use anyhow::Result;

use super::csv::Csv;
use super::engine_benchmarks::{against_pytorch, heavy_over_training};
use super::figures::{number, range};
use super::statistics::{deviation, least, mean, most};
use super::{Figures, Page, Tables};

pub const PAGE: Page = Page {
    path: "README.md",
    tables: &[
        "docs/results/fashion-mnist-three-seeds.csv",
        "docs/results/demo-minutes.csv",
        "docs/reproductions/analytic-model/cube-vector-rate.csv",
        "docs/concepts/measuring/tried.csv",
        "docs/results/costs/estimates.csv",
        "docs/results/costs/scalesim.csv",
        "docs/results/costs/zigzag.csv",
        "docs/results/engine/training.csv",
        "docs/results/engine/supernet.csv",
        "docs/results/engine/evaluation.csv",
        "docs/results/engine/full-size.csv",
        "docs/results/engine/loader.csv",
    ],
    figures,
};

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    demo(&mut figures, &tables.csv("three-seeds.csv")?)?;
    minutes(&mut figures, &tables.csv("demo-minutes.csv")?)?;
    let rates = tables.csv("cube-vector-rate.csv")?;
    for (name, rate) in [("cube-as-assumed", "2.7"), ("cube-faster", "10.8")] {
        let of = |column: &str| rates.number(&[("vector_elements_per_cycle", rate)], column);
        figures.number(name, of("latency_ms")? / of("reference_ms")?, 2);
    }
    let host = tables.csv("tried.csv")?.with(&[("state", "undisturbed")])?;
    figures.number("host-error", mean(&host.numbers("mean_error_left_out_percent")?), 1);
    figures.number("host-tau", mean(&host.numbers("tau_left_out")?), 2);
    costs(&mut figures, tables)?;
    engine(&mut figures, tables)?;
    Ok(figures)
}

/// Roles as the table has them, as rows of the first seed and of others are called.
const ROLES: [(&str, &str, &str); 6] = [
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

fn demo(figures: &mut Figures, finalists: &Csv) -> Result<()> {
    let of = |(_, first, other): (&str, &str, &str), column: &str| -> Result<Vec<f64>> {
        let rows = [first.to_owned(), format!("{other} seed 2"), format!("{other} seed 3")];
        rows.iter()
            .map(|role| finalists.number(&[("role", role)], column))
            .collect()
    };
    let spread = |values: &[f64], scale: f64, decimals: usize| {
        format!(
            "{} ± {}",
            number(mean(values) / scale, decimals),
            number(deviation(values) / scale, decimals)
        )
    };
    let mut rows = Vec::new();
    for role in ROLES {
        let mut row = vec![role.0.to_owned(), spread(&of(role, "test_accuracy_percent")?, 1.0, 2)];
        for column in RATIOS {
            row.push(spread(&of(role, column)?, 1.0, 2));
        }
        row.push(spread(&of(role, "macs")?, 1e6, 2));
        row.push(spread(&of(role, "parameters")?, 1e3, 1));
        rows.push(row);
    }
    let name = "reference (mobilenet-v2-like)";
    let reference = |column: &str| finalists.number(&[("role", name)], column);
    let mut row = vec![name.to_owned(), number(reference("test_accuracy_percent")?, 2)];
    for column in RATIOS {
        row.push(number(reference(column)?, 2));
    }
    row.push(number(reference("macs")? / 1e6, 2));
    row.push(number(reference("parameters")? / 1e3, 1));
    rows.push(row);
    figures.table("demo", &DEMO, rows);

    let over = |values: &[f64]| 100.0 * (mean(values) - 1.0);
    let [ethos, _, a53, host, average, worst] = ROLES;
    let on_cube = [ethos, a53, host].map(|role| of(role, "r_cube-16").map(|it| over(&it)));
    let on_cube: Vec<f64> = on_cube.into_iter().collect::<Result<_>>()?;
    figures.set("on-cube", range(&on_cube, 0));
    figures.number("average-on-cube", over(&of(average, "r_cube-16")?), 0);
    figures.number("worst-over", 100.0 * (most(&of(worst, "worst_r")?) - 1.0), 1);
    figures.number("worst-faster", -over(&of(worst, "average_r")?), 0);
    figures.number(
        "worst-fewer",
        100.0 * (1.0 - mean(&of(worst, "macs")?) / reference("macs")?),
        0,
    );
    figures.number("worst-accuracy", mean(&of(worst, "test_accuracy_percent")?), 2);
    figures.number("reference-accuracy", reference("test_accuracy_percent")?, 2);
    let interval = reference("test_accuracy_high_percent")? - reference("test_accuracy_low_percent")?;
    figures.number("accuracy-interval", interval / 2.0, 2);
    let same = of(worst, "macs")?
        .iter()
        .zip(&of(ROLES[1], "macs")?)
        .filter(|(worst, cube)| worst == cube)
        .count();
    figures.number("same-network", same as f64, 0);
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

fn minutes(figures: &mut Figures, minutes: &Csv) -> Result<()> {
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

fn costs(figures: &mut Figures, tables: &Tables) -> Result<()> {
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
    Ok(())
}

fn engine(figures: &mut Figures, tables: &Tables) -> Result<()> {
    let training = tables.csv("training.csv")?;
    for (name, engine) in [("ours", "panarch-nn"), ("pytorch", "torch")] {
        let of = training.with(&[("run", "turns"), ("processor", "AVX-512"), ("engine", engine)])?;
        let rates: Vec<String> = of.numbers("images_per_s")?.iter().map(|it| number(*it, 0)).collect();
        figures.set(name, rates.join(" and "));
        let peak = most(&of.numbers("peak_resident_mb")?);
        match engine {
            "torch" => figures.number("pytorch-gb", peak / 1e3, 1),
            _ => figures.number("ours-mb", peak, 0),
        }
    }
    figures.number("times", against_pytorch(&training, "AVX-512")?, 1);
    figures.number(
        "times-avx2",
        training.number(&[("run", "stated"), ("processor", "AVX2")], "ratio")?,
        1,
    );
    let kept = training.with(&[("run", "storage"), ("storage", "bf16")])?;
    figures.number("bf16-mb", most(&kept.numbers("peak_resident_mb")?), 0);
    let views = tables.csv("supernet.csv")?.with(&[("part", "views")])?;
    for (name, column) in [
        ("views", "overhead_percent"),
        ("views-low", "lower_quartile_percent"),
        ("views-high", "upper_quartile_percent"),
    ] {
        figures.number(name, mean(&views.numbers(column)?), usize::from(name == "views"));
    }
    figures.number(
        "evaluation",
        mean(&tables.csv("evaluation.csv")?.numbers("median_ratio_of_rounds")?),
        1,
    );
    figures.set("loader", heavy_over_training(&tables.csv("loader.csv")?)?);
    let full_size = tables.csv("full-size.csv")?;
    figures.set("full-size", range(&full_size.numbers("seconds")?, 1));
    figures.number("full-size-mib", most(&full_size.numbers("largest_memory_mib")?), 0);
    Ok(())
}
