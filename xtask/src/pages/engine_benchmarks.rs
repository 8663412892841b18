use anyhow::Result;

use super::csv::Csv;
use super::figures::{number, range, thousands};
use super::statistics::{mean, most, quantile};
use super::{Figures, Page, Tables};

pub const PAGE: Page = Page {
    path: "docs/results/engine-benchmarks.md",
    tables: &[
        "docs/results/engine/training.csv",
        "docs/results/engine/supernet.csv",
        "docs/results/engine/evaluation.csv",
        "docs/results/engine/full-size.csv",
        "docs/results/engine/loader.csv",
        "docs/results/engine/peaks.csv",
        "docs/results/engine/roofline.csv",
        "docs/results/engine/step.csv",
    ],
    figures,
};

/// The cells of a table as they are, `–` for empty ones.
fn as_it_is(csv: &Csv, columns: &[&str]) -> Result<Vec<Vec<String>>> {
    let columns: Vec<Vec<String>> = columns.iter().map(|column| csv.texts(column)).collect::<Result<_>>()?;
    let cell = |text: &String| {
        if text.is_empty() {
            "–".to_owned()
        } else {
            text.clone()
        }
    };
    Ok((0..csv.len())
        .map(|row| columns.iter().map(|column| cell(&column[row])).collect())
        .collect())
}

/// Images a second of an engine, run in turn with the other one on one kind of processor.
fn in_turn(training: &Csv, processor: &str, engine: &str) -> Result<Vec<f64>> {
    let turns = training.with(&[("run", "turns"), ("processor", processor), ("engine", engine)])?;
    turns.numbers("images_per_s")
}

/// The ratio of the median rates of both engines.
fn against_pytorch(training: &Csv, processor: &str) -> Result<f64> {
    let rate = |engine: &str| -> Result<f64> {
        // Of two the mean, as the script has it.
        let rates = in_turn(training, processor, engine)?;
        Ok(if rates.len() == 2 {
            mean(&rates)
        } else {
            quantile(&rates, 0.5)
        })
    };
    Ok(rate("panarch-nn")? / rate("torch")?)
}

/// Images a second of both engines in turn with AVX-512, and how many times as fast ours is.
pub fn rates(figures: &mut Figures, training: &Csv) -> Result<()> {
    for (name, engine) in [("ours", "panarch-nn"), ("pytorch", "torch")] {
        let of = in_turn(training, "AVX-512", engine)?;
        let rates: Vec<String> = of.iter().map(|it| number(*it, 0)).collect();
        figures.set(name, rates.join(" and "));
    }
    figures.number("times", against_pytorch(training, "AVX-512")?, 1);
    Ok(())
}

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    summary(&mut figures, tables)?;
    let training = tables.csv("training.csv")?;
    let columns = [
        "run",
        "engine",
        "storage",
        "images_per_s",
        "window_1",
        "window_2",
        "window_3",
        "peak_resident_mb",
    ];
    let names = [
        "|run",
        "|engine",
        "|values stored as",
        "images a second",
        "window 1",
        "window 2",
        "window 3",
        "peak resident (MB)",
    ];
    let with_rows = training.with(&[("processor", "AVX-512")])?;
    figures.table("training", &names, as_it_is(&with_rows, &columns)?);
    figures.set("ratio-avx2", training.text(&[("processor", "AVX2")], "ratio")?);
    figures.number("ratio", against_pytorch(&training, "AVX-512")?, 2);

    let supernet = tables.csv("supernet.csv")?;
    let columns = [
        "part",
        "median_ms",
        "overhead_percent",
        "lower_quartile_percent",
        "upper_quartile_percent",
    ];
    let names = [
        "|part",
        "median (ms)",
        "overhead (%)",
        "lower quartile (%)",
        "upper quartile (%)",
    ];
    figures.table("supernet", &names, as_it_is(&supernet, &columns)?);

    let evaluation = tables.csv("evaluation.csv")?;
    let of = |column: &str| Ok::<f64, anyhow::Error>(evaluation.numbers(column)?[0]);
    let (forward, evaluated) = (of("training_forward_images_per_s")?, of("evaluation_images_per_s")?);
    figures.set("forward", thousands(forward));
    figures.set("evaluated", thousands(evaluated));
    figures.number("of-medians", evaluated / forward, 2);
    figures.number("of-rounds", of("median_ratio_of_rounds")?, 2);
    figures.number("forward-mb", of("training_workspace_mb")?, 1);
    figures.number("evaluated-mb", of("evaluation_workspace_mb")?, 1);

    let full_size = tables.csv("full-size.csv")?;
    let columns = ["phase", "seconds", "largest_memory_mib"];
    figures.table(
        "full-size",
        &["|phase", "seconds", "largest memory so far (MiB)"],
        as_it_is(&full_size, &columns)?,
    );

    loader(&mut figures, &tables.csv("loader.csv")?)?;

    let peaks = tables.csv("peaks.csv")?;
    let rows = as_it_is(&peaks, &["threads", "gflop_per_s", "gb_per_s"])?;
    figures.table("peaks", &["threads", "GFLOP/s", "read and written (GB/s)"], rows);
    roofline(&mut figures, &tables.csv("roofline.csv")?)?;
    let step = tables.csv("step.csv")?;
    let rows = as_it_is(&step, &["part", "ms", "share_percent"])?;
    figures.table("step", &["|part of a step", "ms", "share (%)"], rows);
    Ok(figures)
}

/// The page's head: the figures that most readers come for.
fn summary(figures: &mut Figures, tables: &Tables) -> Result<()> {
    let training = tables.csv("training.csv")?;
    rates(figures, &training)?;
    for (name, engine, scale, decimals) in [("ours-mb", "panarch-nn", 1.0, 0), ("pytorch-gb", "torch", 1e3, 1)] {
        let of = training.with(&[("run", "turns"), ("processor", "AVX-512"), ("engine", engine)])?;
        figures.number(name, most(&of.numbers("peak_resident_mb")?) / scale, decimals);
    }
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
    figures.set("loader-heavy", heavy_over_training(&tables.csv("loader.csv")?)?);
    let full_size = tables.csv("full-size.csv")?;
    figures.set("full-size-seconds", range(&full_size.numbers("seconds")?, 1));
    figures.number("full-size-mib", most(&full_size.numbers("largest_memory_mib")?), 0);
    Ok(())
}

fn loader(figures: &mut Figures, loader: &Csv) -> Result<()> {
    let mut rows = Vec::new();
    for image in loader.different("image")? {
        let of_image = loader.with(&[("image", &image)])?;
        let trained = of_image.number(&[("what", "training")], "images_per_s")?;
        rows.push(
            [
                image.clone(),
                "training alone".into(),
                "–".into(),
                thousands(trained),
                "–".into(),
            ]
            .to_vec(),
        );
        for what in ["loading", "both"] {
            let of = of_image.with(&[("what", what)])?;
            let cells = of
                .texts("augmentation")?
                .into_iter()
                .zip(of.texts("workers")?)
                .zip(of.numbers("images_per_s")?);
            for ((augmentation, workers), rate) in cells {
                let workers = if workers.is_empty() { "–".to_owned() } else { workers };
                let times = if what == "loading" {
                    number(rate / trained, 1)
                } else {
                    "–".to_owned()
                };
                rows.push(vec![
                    image.clone(),
                    format!("{what}, {augmentation} augmentation"),
                    workers,
                    thousands(rate),
                    times,
                ]);
            }
        }
    }
    figures.table(
        "loader",
        &["|image", "|what", "workers", "images a second", "times the training"],
        rows,
    );
    Ok(())
}

/// Lowest and highest of loading with heavy augmentation over training.
fn heavy_over_training(loader: &Csv) -> Result<String> {
    let mut times = Vec::new();
    for image in loader.different("image")? {
        let rate = |what: &str, augmentation: &str| {
            loader.number(
                &[("image", &image), ("what", what), ("augmentation", augmentation)],
                "images_per_s",
            )
        };
        times.push(rate("loading", "heavy")? / rate("training", "")?);
    }
    Ok(range(&times, 0))
}

fn roofline(figures: &mut Figures, roofline: &Csv) -> Result<()> {
    let columns = [
        "layer",
        "kind",
        "phase",
        "ms",
        "mb",
        "gflop_per_s",
        "gb_per_s",
        "bound",
        "share_percent",
    ];
    let mut rows = as_it_is(roofline, &columns)?;
    // A rate of operations above the peak is of a difference of two timings, and none.
    let (mut beyond, mut highest) = (0, 0.0);
    for row in &mut rows {
        let share: f64 = row[8].parse()?;
        if row[2] == "data" && share > 100.0 {
            beyond += 1;
            highest = most(&[highest, share]);
            for cell in &mut row[5..9] {
                "–".clone_into(cell);
            }
        }
    }
    let names = [
        "|layer",
        "|kind",
        "|phase",
        "ms",
        "MB",
        "GFLOP/s",
        "GB/s",
        "|bound",
        "share (%)",
    ];
    figures.table("roofline", &names, rows);
    figures.number("beyond", f64::from(beyond), 0);
    figures.number("beyond-most", highest, 0);
    Ok(())
}
