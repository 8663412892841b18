//! Latency follows matrix work and what is done besides: a fit to the ten latencies that ISyNet's repository publishes for an
//! Ascend 310 (Letunovskiy et al. 2022), in sample and with each network left out.

use std::path::Path;

use panarch_cost::matrix_efficiency::{Closeness, DepthwiseUnit, LatencyFit, MatrixWork, Term, raw};
use panarch_cost::published::PublishedDevice;
use panarch_cost::{Calibration, Model, StartingFigure};
use panarch_graph::{Latency, Network};
use panarch_report::{Panel, Series, Table, panels_svg};
use panarch_space::zoo;

use super::statistics::kendall;
use super::table::shown;
use panarch_run::event::Watch;
use panarch_run::matrix_efficiency::of_network;
use panarch_run::{Error, lookup};

const DEVICE: &str = "ascend-310";
/// Height and width of the images that the published latencies are of.
const PIXELS: u32 = 224;

/// A law by name and what it makes latency proportional to.
const LAWS: [(&str, &[Term]); 4] = [
    ("MACs", &[Term::Matrix]),
    ("MACs + vector", &[Term::Matrix, Term::Vector]),
    ("MACs + data", &[Term::Matrix, Term::Moved]),
    ("MACs + vector + data", &[Term::Matrix, Term::Vector, Term::Moved]),
];
/// The analytic model beside them.
const MODEL: &str = "analytic model";
/// The profile's figures that are fitted to these latencies, and where every fit begins: round values, so that nothing of
/// the profile, which has seen all ten, gets into a fit to nine.
const FIGURES: [(&str, f64); 4] = [
    ("array.utilisation", 0.5),
    ("memory.off_chip_bytes_per_s", 50e9),
    ("overhead.inference_s", 20e-6),
    ("overhead.layer_s", 10e-6),
];

/// A published network.
struct Sample {
    name: &'static str,
    network: Network,
    work: MatrixWork,
    latency: Latency,
}

/// What a law says of the ten networks.
struct Answers {
    law: &'static str,
    /// Its constants, in words.
    constants: String,
    within: Vec<Latency>,
    left_out: Vec<Latency>,
}

pub(super) fn run(folder: &Path, watch: &mut Watch<'_>) -> Result<Vec<Table>, Error> {
    std::fs::create_dir_all(folder).map_err(Error::writing(folder))?;
    watch.step("Counting the ten networks");
    let samples = samples()?;
    let works: Vec<(MatrixWork, Latency)> = samples.iter().map(|it| (it.work, it.latency)).collect();
    watch.done(format!("{} networks at {PIXELS} pixels", samples.len()));
    let mut answers = Vec::new();
    for (law, terms) in LAWS {
        answers.push(of_law(law, terms, &works).ok_or_else(|| Error::Input(format!("`{law}` cannot be fitted")))?);
    }
    watch.step(format!(
        "Fitting the analytic model of {DEVICE}, and again without each network"
    ));
    answers.push(of_model(&samples)?);
    watch.done("fitted");
    let (networks, fits) = (networks_table(&samples, &answers), fits_table(&samples, &answers)?);
    let ranks = ranks_table(&samples)?;
    for (name, table) in [("networks.csv", &networks), ("fits.csv", &fits), ("ranks.csv", &ranks)] {
        let text = table.render(panarch_report::Format::Csv, None, false);
        panarch_format::atomic_write(folder.join(name), text.as_bytes())?;
    }
    let picture = panels_svg(
        "Latency on an Ascend 310, each network left out of the fit",
        &panels(&samples, &answers),
    );
    panarch_format::atomic_write(folder.join("left-out.svg"), picture.as_bytes())?;
    Ok(vec![networks, fits, ranks])
}

fn samples() -> Result<Vec<Sample>, Error> {
    let published = PublishedDevice::of(DEVICE).map_or(&[][..], |device| device.rows);
    let samples = published.iter().map(|row| {
        let network = zoo::network(row.network, 1000, PIXELS)?;
        Ok(Sample {
            name: row.network,
            work: raw(&network, DepthwiseUnit::Vector).total(),
            network,
            latency: row.latency,
        })
    });
    samples.collect()
}

fn of_law(law: &'static str, terms: &[Term], samples: &[(MatrixWork, Latency)]) -> Option<Answers> {
    let fit = LatencyFit::new(samples, terms)?;
    let constants = fit.coefficients.iter().map(|(term, seconds)| match term {
        Term::Matrix => format!("{:.4} ms/GMAC", seconds * 1e12),
        Term::Vector => format!("{:.5} ms/M operations", seconds * 1e9),
        Term::Moved => format!("{:.5} ms/M elements", seconds * 1e9),
    });
    let mut constants: Vec<String> = constants.collect();
    if let Some(exchange) = fit.exchange().filter(|_| terms.len() > 1) {
        constants.push(format!("kv {:.0} kd {:.0}", exchange.vector, exchange.moved));
    }
    Some(Answers {
        law,
        constants: constants.join("; "),
        within: samples.iter().map(|(work, _)| fit.latency(work)).collect(),
        left_out: LatencyFit::leave_one_out(samples, terms)?,
    })
}

fn of_model(samples: &[Sample]) -> Result<Answers, Error> {
    let text = lookup::device_text(DEVICE)?;
    let figures = FIGURES.map(|(path, value)| StartingFigure {
        path: path.to_owned(),
        value: Some(value),
    });
    let cases: Vec<(&Network, Latency)> = samples.iter().map(|it| (&it.network, it.latency)).collect();
    let fitted = Calibration::new(&text, &figures, &cases)?;
    let model = fitted.model()?;
    let within = samples.iter().map(|it| Ok(model.cost(&it.network)?.latency.value));
    let constants = fitted.figures.iter().map(|(path, value)| format!("{path} {value:.3e}"));
    Ok(Answers {
        law: MODEL,
        constants: constants.collect::<Vec<_>>().join("; "),
        within: within.collect::<Result<_, Error>>()?,
        left_out: Calibration::leave_one_out(&text, &figures, &cases)?,
    })
}

fn networks_table(samples: &[Sample], answers: &[Answers]) -> Table {
    let mut columns = vec![
        "network",
        "GMACs",
        "M operations",
        "M elements",
        "raw",
        "published (ms)",
    ];
    let named: Vec<String> = answers.iter().map(|it| format!("{}, left out (ms)", it.law)).collect();
    columns.extend(named.iter().map(String::as_str));
    let rows = samples.iter().enumerate().map(|(index, sample)| {
        let work = &sample.work;
        let mut cells = vec![
            sample.name.to_owned(),
            format!("{:.3}", work.matrix.0 as f64 / 1e9),
            format!("{:.2}", work.vector.0 as f64 / 1e6),
            format!("{:.2}", work.moved.0 as f64 / 1e6),
            format!("{:.0}", work.efficiency()),
            format!("{:.2}", sample.latency.millis()),
        ];
        let foreseen = answers.iter().filter_map(|it| it.left_out.get(index));
        cells.extend(foreseen.map(|latency| format!("{:.3}", latency.millis())));
        cells
    });
    shown(
        "Matrix work of the ten networks, and what fits to the other nine foresee",
        &columns,
        rows.collect(),
    )
}

fn fits_table(samples: &[Sample], answers: &[Answers]) -> Result<Table, Error> {
    let mut rows = Vec::new();
    for it in answers {
        let close = |latencies: &[Latency]| {
            let pairs: Vec<_> = latencies
                .iter()
                .copied()
                .zip(samples.iter().map(|it| it.latency))
                .collect();
            Closeness::of(&pairs).ok_or_else(|| Error::Input(format!("`{}` says the same of all networks", it.law)))
        };
        let mut cells = vec![it.law.to_owned()];
        for closeness in [close(&it.within)?, close(&it.left_out)?] {
            cells.push(format!("{:.3}", closeness.correlation));
            cells.push(format!("{:.1}", closeness.mean_error * 100.0));
            cells.push(format!("{:.1}", closeness.largest_error * 100.0));
        }
        cells.push(it.constants.clone());
        rows.push(cells);
    }
    let columns = [
        "latency by",
        "r",
        "mean error (%)",
        "largest (%)",
        "r left out",
        "mean error left out (%)",
        "largest left out (%)",
        "constants of the fit to all ten",
    ];
    let mut table = shown("How close each law comes to the ten latencies", &columns, rows);
    table.note("left out: each network's latency as foreseen by a fit to the other nine");
    table.note(format!(
        "quoted latencies: f16, {PIXELS} pixels, one image of a batch of 16; nothing here is measured"
    ));
    Ok(table)
}

/// How the measures rank the networks by the rate at which the machine really did their MACs.
fn ranks_table(samples: &[Sample]) -> Result<Table, Error> {
    let works: Vec<(MatrixWork, Latency)> = samples.iter().map(|it| (it.work, it.latency)).collect();
    let exchange = LatencyFit::new(&works, &[Term::Matrix, Term::Vector]).and_then(|fit| fit.exchange());
    let exchange = exchange.ok_or_else(|| Error::Input("the ten latencies cannot be fitted".to_owned()))?;
    let profile = lookup::device(DEVICE)?;
    let mut measured = Vec::new();
    let mut measures: [(&str, Vec<f64>); 4] = [
        ("raw", Vec::new()),
        ("share by kv", Vec::new()),
        ("model: in the matrix unit", Vec::new()),
        ("model: useful", Vec::new()),
    ];
    for sample in samples {
        let whole = of_network(&sample.network, &profile, Model::Analytic)?.network();
        measured.push(sample.work.matrix.0 as f64 / sample.latency.seconds() / 1e12);
        let found = [
            sample.work.efficiency(),
            exchange.share(&sample.work),
            whole.share(),
            whole.useful_share(),
        ];
        measures
            .iter_mut()
            .zip(found)
            .for_each(|((_, values), value)| values.push(value));
    }
    let mut columns = vec!["network", "published rate (TMAC/s)"];
    columns.extend(measures.iter().map(|(name, _)| *name));
    let mut rows = Vec::new();
    for (index, (sample, rate)) in samples.iter().zip(&measured).enumerate() {
        // With more digits than are shown, so that ranks of rounded figures are ranks of the figures.
        let mut cells = vec![sample.name.to_owned(), format!("{rate:.5}")];
        let found = measures.iter().filter_map(|(_, values)| values.get(index));
        cells.extend(found.map(|value| format!("{value:.5}")));
        rows.push(cells);
    }
    let mut table = shown(
        "The measures beside the rate that the latencies come to",
        &columns,
        rows,
    );
    for (name, values) in measures {
        let pairs: Vec<(f64, f64)> = values.into_iter().zip(measured.iter().copied()).collect();
        table.note(format!(
            "{name}: Kendall's τ with the published rate {:.2}",
            kendall(&pairs)
        ));
    }
    table.note("kv and the model's constants were fitted to these latencies; the raw measure was not");
    Ok(table)
}

fn panels(samples: &[Sample], answers: &[Answers]) -> Vec<Panel> {
    let longest = samples.iter().map(|it| it.latency.millis()).fold(0.0, f64::max);
    // All terms together show nothing that two do not.
    let shown = answers.iter().filter(|it| it.law != LAWS[3].0);
    let panels = shown.map(|it| {
        let pairs = samples.iter().zip(&it.left_out);
        Panel {
            title: it.law.to_owned(),
            x: "published (ms)".to_owned(),
            y: "foreseen (ms)".to_owned(),
            series: vec![
                Series {
                    name: "networks".to_owned(),
                    points: pairs
                        .map(|(sample, ms)| (sample.latency.millis(), ms.millis()))
                        .collect(),
                    joined: false,
                },
                Series {
                    name: "equal".to_owned(),
                    points: vec![(0.0, 0.0), (longest, longest)],
                    joined: true,
                },
            ],
        }
    });
    panels.collect()
}
