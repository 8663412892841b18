//! Published latencies of real devices: how close the models come when at most four figures of a profile are fitted, in sample
//! and with each network left out; and what each term of the analytic model is worth.

mod ablation;
mod fit;
mod intervals;
mod macs_line;
mod sample;
mod score;
mod shapes;

use std::path::Path;

use panarch_cost::Model;
use panarch_graph::Latency;
use panarch_report::{Format, Panel, Series, Table, panels_svg};

use super::table::shown;
use panarch_run::Error;
use panarch_run::event::Watch;

use ablation::TERMS;
use fit::{Fit, estimates};
use intervals::NeverFitted;
use macs_line::MacsLine;
use sample::Sample;
use score::Score;

/// What one way of estimating says of a device's networks.
struct Answers {
    way: &'static str,
    /// Constants that were fitted.
    constants: usize,
    within: Vec<Latency>,
    /// Absent where nothing was fitted here.
    left_out: Option<Vec<Latency>>,
}

/// All that was computed of a device.
struct Study {
    sample: Sample,
    answers: Vec<Answers>,
    /// Rows of the table of constants.
    constants: Vec<Vec<String>>,
    /// Rows of the table of terms.
    terms: Vec<Vec<String>>,
    /// The row of the table of intervals.
    interval: Vec<String>,
    /// Rows of the table of networks that are in no fit.
    never_fitted: Vec<Vec<String>>,
}

const PROFILE: &str = "profile as it is";
const ANALYTIC: &str = "analytic model";
const CYCLE: &str = "cycle simulator";
const MACS: &str = "MACs·a + b";

pub(super) fn run(folder: &Path, watch: &mut Watch<'_>) -> Result<Vec<Table>, Error> {
    std::fs::create_dir_all(folder).map_err(Error::writing(folder))?;
    let mut studies = Vec::new();
    for sample in Sample::all()? {
        studies.push(study(sample, watch)?);
    }
    let of = |rows: fn(&Study) -> Vec<Vec<String>>| studies.iter().flat_map(rows).collect();
    let [intervals, never_fitted] =
        intervals::tables(of(|it| vec![it.interval.clone()]), of(|it| it.never_fitted.clone()));
    let tables = [
        ("fits.csv", fits_table(&studies)),
        ("intervals.csv", intervals),
        ("never-fitted.csv", never_fitted),
        ("networks.csv", networks_table(&studies)),
        ("constants.csv", constants_table(&studies)),
        ("ablation.csv", ablation_table(&studies)),
        ("shapes.csv", shapes_table(&studies, watch)?),
    ];
    for (name, table) in &tables {
        let text = table.render(Format::Csv, None, false);
        panarch_format::atomic_write(folder.join(name), text.as_bytes())?;
    }
    // Two rows of panels, so that they can be read on a page.
    for (name, part) in ["left-out-1.svg", "left-out-2.svg"].iter().zip(studies.chunks(4)) {
        let title = "Latency of each network, by fits to all others";
        let panels: Vec<Panel> = part.iter().map(panel).collect();
        panarch_format::atomic_write(folder.join(name), panels_svg(title, &panels).as_bytes())?;
    }
    Ok(tables.into_iter().map(|(_, table)| table).collect())
}

fn study(sample: Sample, watch: &mut Watch<'_>) -> Result<Study, Error> {
    let name = sample.name();
    watch.step(format!("Fitting {name}, and again without each network"));
    let fit = Fit::new(&sample, &sample.text, &sample.figures)?;
    let answers = answers(&sample, &fit)?;
    let terms = terms(&sample, &fit, watch)?;
    let found = fit.left_out(&sample, Model::Analytic)?;
    let score = Score::of(&sample, &found);
    watch.done(format!(
        "{name}: left out τ {:.2}, mean error {:.1} %",
        score.tau,
        score.mean_error * 100.0
    ));
    let never = NeverFitted::of(&sample)?;
    Ok(Study {
        constants: constants(&sample, &fit)?,
        interval: intervals::row(&sample, &found, &never)?,
        never_fitted: never.rows(&sample),
        sample,
        answers,
        terms,
    })
}

fn answers(sample: &Sample, fit: &Fit) -> Result<Vec<Answers>, Error> {
    let mut answers = vec![Answers {
        way: PROFILE,
        constants: 0,
        within: estimates(&sample.text, &sample.networks, Model::Analytic)?,
        left_out: None,
    }];
    for (way, model) in [(ANALYTIC, Model::Analytic), (CYCLE, Model::Cycle)] {
        answers.push(Answers {
            way,
            constants: sample.figures.len(),
            within: fit.within(sample, model)?,
            left_out: Some(fit.left_out(sample, model)?),
        });
    }
    let (_, within, left_out) = MacsLine::of(sample).ok_or_else(|| {
        let name = sample.name();
        Error::Input(format!("all networks of `{name}` have the same MACs"))
    })?;
    answers.push(Answers {
        way: MACS,
        constants: 2,
        within,
        left_out: Some(left_out),
    });
    Ok(answers)
}

fn constants(sample: &Sample, fit: &Fit) -> Result<Vec<Vec<String>>, Error> {
    let committed = panarch_cost::Calibration::new(&sample.text, &unmoved(sample), &[])?;
    let fitted = fit.whole.figures.iter().zip(&sample.figures).zip(&committed.figures);
    let mut rows: Vec<Vec<String>> = fitted
        .map(|(((path, value), figure), (_, before))| {
            let (low, high) = fit.spread(path);
            let start = figure.value.unwrap_or(*before);
            let numbers = [start, *value, low, high, *before].map(|it| format!("{it:.4e}"));
            [sample.name().to_owned(), path.clone()]
                .into_iter()
                .chain(numbers)
                .collect()
        })
        .collect();
    if let Some((line, _, _)) = MacsLine::of(sample) {
        for (what, value) in [
            ("a of MACs·a + b (s/MAC)", line.slope),
            ("b of MACs·a + b (s)", line.intercept),
        ] {
            let mut row = vec![sample.name().to_owned(), what.to_owned(), String::new()];
            row.push(format!("{value:.4e}"));
            row.resize(7, String::new());
            rows.push(row);
        }
    }
    Ok(rows)
}

/// The fitted figures at the profile's own values.
fn unmoved(sample: &Sample) -> Vec<panarch_cost::StartingFigure> {
    let figures = sample.figures.iter();
    figures
        .map(|it| panarch_cost::StartingFigure {
            path: it.path.clone(),
            value: None,
        })
        .collect()
}

fn terms(sample: &Sample, fit: &Fit, watch: &mut Watch<'_>) -> Result<Vec<Vec<String>>, Error> {
    let row = |name: &str, constants: usize, fit: &Fit, base: Option<&Score>| -> Result<(Vec<String>, Score), Error> {
        let within = Score::of(sample, &fit.within(sample, Model::Analytic)?);
        let left_out = Score::of(sample, &fit.left_out(sample, Model::Analytic)?);
        let mut row = vec![sample.name().to_owned(), name.to_owned(), constants.to_string()];
        row.extend(within.cells());
        row.extend(left_out.cells());
        let base = base.unwrap_or(&left_out);
        row.push(format!("{:+.2}", left_out.tau - base.tau));
        row.push(format!("{:+.1}", (left_out.mean_error - base.mean_error) * 100.0));
        Ok((row, left_out))
    };
    let (first, base) = row("nothing", sample.figures.len(), fit, None)?;
    let mut rows = vec![first];
    for (done, term) in TERMS.iter().enumerate() {
        if watch.cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
        watch.progress(done as u64, TERMS.len() as u64, "terms", term.name);
        let off = term.off(&sample.text).ok_or_else(|| {
            let name = sample.name();
            Error::Input(format!("`{}` cannot be switched off in `{name}`", term.name))
        })?;
        let figures = term.left_to_fit(&sample.figures);
        let without = Fit::new(sample, &off, &figures)?;
        rows.push(row(term.name, figures.len(), &without, Some(&base))?.0);
    }
    Ok(rows)
}

fn fits_table(studies: &[Study]) -> Table {
    let mut rows = Vec::new();
    for study in studies {
        for it in &study.answers {
            let sample = &study.sample;
            let mut row = vec![
                sample.name().to_owned(),
                it.way.to_owned(),
                sample.rows().len().to_string(),
                it.constants.to_string(),
            ];
            let within = Score::of(sample, &it.within);
            row.extend(within.cells());
            row.extend(within.worst_cells());
            match it.left_out.as_ref().map(|found| Score::of(sample, found)) {
                Some(score) => {
                    row.extend(score.cells());
                    row.extend(score.worst_cells());
                }
                None => row.resize(row.len() + 4, String::new()),
            }
            rows.push(row);
        }
    }
    let columns = [
        "device",
        "by",
        "networks",
        "constants",
        "τ",
        "mean error (%)",
        "worst",
        "its error (%)",
        "τ left out",
        "mean error left out (%)",
        "worst left out",
        "its error left out (%)",
    ];
    let mut table = shown("How near the models come to published latencies", &columns, rows);
    table.note("left out: each network's latency by a fit to all other networks of the device");
    table.note("latencies are quoted; nothing here is measured");
    table
}

fn networks_table(studies: &[Study]) -> Table {
    let mut rows = Vec::new();
    for study in studies {
        let cases = study.sample.rows().iter().zip(&study.sample.networks);
        for (index, (row, network)) in cases.enumerate() {
            let mut cells = vec![
                study.sample.name().to_owned(),
                row.network.to_owned(),
                row.pixels.to_string(),
                format!("{:.1}", network.macs().0 as f64 / 1e6),
                format!("{:.2}", row.latency.millis()),
            ];
            for it in &study.answers {
                for found in [Some(&it.within), it.left_out.as_ref()].into_iter().flatten() {
                    cells.push(
                        found
                            .get(index)
                            .map_or_else(String::new, |ms| format!("{:.3}", ms.millis())),
                    );
                }
            }
            rows.push(cells);
        }
    }
    let mut columns = ["device", "network", "pixels", "MMACs", "published (ms)"]
        .map(str::to_owned)
        .to_vec();
    if let Some(study) = studies.first() {
        for it in &study.answers {
            columns.push(format!("{} (ms)", it.way));
            if it.left_out.is_some() {
                columns.push(format!("{}, left out (ms)", it.way));
            }
        }
    }
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    shown("Published latencies and estimates", &columns, rows)
}

fn constants_table(studies: &[Study]) -> Table {
    let rows = studies.iter().flat_map(|study| study.constants.clone());
    let columns = [
        "device",
        "figure",
        "start",
        "fitted",
        "lowest left out",
        "highest left out",
        "profile",
    ];
    shown("What was fitted", &columns, rows.collect())
}

fn ablation_table(studies: &[Study]) -> Table {
    let rows = studies.iter().flat_map(|study| study.terms.clone());
    let columns = [
        "device",
        "without",
        "constants",
        "τ",
        "mean error (%)",
        "τ left out",
        "mean error left out (%)",
        "change of τ",
        "change of error (points)",
    ];
    let mut table = shown(
        "The analytic model without one of its terms, fitted anew",
        &columns,
        rows.collect(),
    );
    table.note("changes are of what is left out, against the whole model");
    table
}

fn shapes_table(studies: &[Study], watch: &mut Watch<'_>) -> Result<Table, Error> {
    let mut rows = Vec::new();
    if let Some(study) = studies.iter().find(|study| study.sample.name() == shapes::DEVICE) {
        watch.step(format!("Fitting other shapes of {}", shapes::DEVICE));
        rows = shapes::rows(&study.sample)?;
        watch.done(format!("{} rows", rows.len()));
    }
    let columns = [
        "reduction × outputs × positions",
        "τ",
        "mean error (%)",
        "τ left out",
        "mean error left out (%)",
        "worst left out",
        "its error left out (%)",
    ];
    let title = format!("Shapes that the array of {} might have", shapes::DEVICE);
    Ok(shown(&title, &columns, rows))
}

/// Estimates against published latencies, each network left out; on logarithmic axes.
fn panel(study: &Study) -> Panel {
    let published: Vec<f64> = study
        .sample
        .rows()
        .iter()
        .map(|row| row.latency.millis().log10())
        .collect();
    let mut series = Vec::new();
    for way in [ANALYTIC, MACS] {
        let found = study.answers.iter().find(|it| it.way == way);
        let estimates = found.and_then(|it| it.left_out.as_ref()).into_iter().flatten();
        let points = published.iter().copied().zip(estimates.map(|it| it.millis().log10()));
        series.push(Series {
            name: way.to_owned(),
            points: points.collect(),
            joined: false,
        });
    }
    let ends = published
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| {
            (low.min(*it), high.max(*it))
        });
    series.push(Series {
        name: "equal".to_owned(),
        points: vec![(ends.0, ends.0), (ends.1, ends.1)],
        joined: true,
    });
    Panel {
        title: study.sample.name().to_owned(),
        x: "published (log10 of ms)".to_owned(),
        y: "estimated (log10 of ms)".to_owned(),
        series,
    }
}
