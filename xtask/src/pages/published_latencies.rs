use anyhow::{Context, Result, ensure};

use super::csv::Csv;
use super::figures::{number, range, signed};
use super::statistics::{errors, kendall, mean_magnitude, most, worst};
use super::{Figures, Page, Tables};

pub const PAGE: Page = Page {
    path: "docs/reproductions/published-latencies.md",
    tables: &[
        "docs/reproductions/published-latencies/fits.csv",
        "docs/reproductions/published-latencies/networks.csv",
        "docs/reproductions/published-latencies/intervals.csv",
        "docs/reproductions/published-latencies/never-fitted.csv",
        "docs/reproductions/published-latencies/constants.csv",
        "docs/reproductions/published-latencies/ablation.csv",
        "docs/reproductions/published-latencies/shapes.csv",
    ],
    figures,
};

/// Ways of estimating, and the columns of what they say in sample and left out.
const WAYS: [(&str, &str, &str); 4] = [
    ("profile as it is", "profile_as_it_is_ms", ""),
    ("analytic model", "analytic_model_ms", "analytic_model_left_out_ms"),
    ("cycle simulator", "cycle_simulator_ms", "cycle_simulator_left_out_ms"),
    ("MACs·a + b", "macs_a_b_ms", "macs_a_b_left_out_ms"),
];

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let networks = tables.csv("published-latencies/networks.csv")?;
    let devices = networks.different("device")?;
    fits(&mut figures, &networks, &devices, &tables.csv("fits.csv")?)?;
    single_networks(&mut figures, &networks)?;
    intervals(&mut figures, &tables.csv("intervals.csv")?)?;
    never_fitted(&mut figures, &tables.csv("never-fitted.csv")?)?;
    constants(&mut figures, &tables.csv("constants.csv")?)?;
    terms(&mut figures, &tables.csv("ablation.csv")?, &devices)?;
    shapes(&mut figures, &tables.csv("shapes.csv")?)?;
    Ok(figures)
}

fn fits(figures: &mut Figures, networks: &Csv, devices: &[String], fits: &Csv) -> Result<()> {
    let (mut rows, mut left_out, mut taus, mut apart) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for device in devices {
        let of = networks.with(&[("device", device)])?;
        figures.number(format!("{device}-networks"), of.len() as f64, 0);
        let mut of_ways = Vec::new();
        for (way, within, without) in WAYS {
            let cells = [("device", device.as_str()), ("by", way)];
            let constants = fits.number(&cells, "constants")?;
            let pairs = of.pairs(within, "published_ms")?;
            let error = mean_magnitude(&errors(&pairs));
            let stated = fits.number(&cells, "mean_error_percent")?;
            ensure!(
                (error - stated).abs() < 0.1,
                "fits.csv has {stated} % for {way} on {device}, networks.csv {error:.2} %"
            );
            let mut row = vec![
                device.clone(),
                way.to_owned(),
                number(constants, 0),
                number(kendall(&pairs), 2),
                number(error, 1),
            ];
            if without.is_empty() {
                row.extend(["–", "–", "–"].map(str::to_owned));
            } else {
                let pairs = of.pairs(without, "published_ms")?;
                let found = errors(&pairs);
                let place = found.iter().position(|it| *it == worst(&found)).unwrap_or_default();
                let name = &of.texts("network")?[place];
                row.extend([
                    number(kendall(&pairs), 2),
                    number(mean_magnitude(&found), 1),
                    format!("{name} {} %", signed(worst(&found), 1)),
                ]);
                of_ways.push((kendall(&pairs), mean_magnitude(&found)));
            }
            rows.push(row);
        }
        let [(tau, model), (_, simulator), (line_tau, line)] = of_ways[..] else {
            continue;
        };
        figures.number(format!("{device}-model"), model, 1);
        figures.number(format!("{device}-line"), line, 1);
        match device.as_str() {
            "edgetpu-pixel4" => figures.number("edgetpu-pixel4-line-tau", line_tau, 2),
            "ascend-310" => {
                figures.number("ascend-310-line-tau", line_tau, 2);
                figures.number("ascend-310-tau", tau, 2);
            }
            _ => {}
        }
        left_out.push(model);
        taus.push(tau);
        apart.push((model - simulator).abs());
    }
    figures.table("fits", &FITS, rows);
    figures.set("left-out", range(&left_out, 0));
    figures.number("reached", taus.iter().filter(|it| **it >= 0.9).count() as f64, 0);
    figures.number("tau-one", taus.iter().filter(|it| **it > 0.999).count() as f64, 0);
    figures.number("simulator-apart", most(&apart), 1);
    Ok(())
}

/// Single networks of which the page speaks.
fn single_networks(figures: &mut Figures, networks: &Csv) -> Result<()> {
    let error = |device: &str, network: &str, column: &str| -> Result<f64> {
        let of = |column: &str| networks.number(&[("device", device), ("network", network)], column);
        Ok(100.0 * (of(column)? / of("published_ms")? - 1.0))
    };
    let (left_out, within) = ("analytic_model_left_out_ms", "analytic_model_ms");
    for (name, device, network, column) in [
        ("coral-l", "edgetpu-coral", "efficientnet-edgetpu-l", left_out),
        ("coral-m", "edgetpu-coral", "efficientnet-edgetpu-m", left_out),
        ("a53-v2", "cortex-a53", "mobilenet-v2", left_out),
        ("a53-resnet", "cortex-a53", "resnet-50-v1", within),
        ("pixel4-lite2", "edgetpu-pixel4", "efficientnet-lite2", left_out),
        ("pixel4-lite3", "edgetpu-pixel4", "efficientnet-lite3", left_out),
        ("gpu-lite4", "mobile-gpu", "efficientnet-lite4", left_out),
        (
            "gpu-lite4-line",
            "mobile-gpu",
            "efficientnet-lite4",
            "macs_a_b_left_out_ms",
        ),
        ("ascend-resnet", "ascend-310", "resnet-50", left_out),
        ("ascend-resnet-line", "ascend-310", "resnet-50", "macs_a_b_left_out_ms"),
    ] {
        figures.set(name, signed(error(device, network, column)?, 0));
    }
    let vggs = ["vgg-16", "vgg-19"].map(|network| error("cortex-a53", network, within));
    let vggs: Vec<f64> = vggs.into_iter().collect::<Result<_>>()?;
    figures.set("a53-vggs", range(&vggs.iter().map(|it| -it).collect::<Vec<_>>(), 0));
    Ok(())
}

fn intervals(figures: &mut Figures, intervals: &Csv) -> Result<()> {
    let mut rows = Vec::new();
    for device in intervals.different("device")? {
        let of = |column: &str| intervals.number(&[("device", &device)], column);
        let conformal = intervals.text(&[("device", &device)], "conformal_percent")?;
        rows.push(vec![
            device.clone(),
            number(of("left_out_in_turn")?, 0),
            number(of("never_fitted")?, 0),
            number(of("worst_percent")?, 1),
            if conformal.is_empty() {
                "–".to_owned()
            } else {
                number(conformal.parse()?, 1)
            },
            format!("{} %", number(of("profile_percent")?, 0)),
            format!(
                "{} of {}",
                number(of("inside")?, 0),
                number(of("left_out_in_turn")? + of("never_fitted")?, 0)
            ),
            intervals.text(&[("device", &device)], "origin")?,
        ]);
    }
    let columns = [
        "|profile",
        "left out in turn",
        "never fitted",
        "largest error (%)",
        "conformal, 90 % (%)",
        "interval of the profile",
        "inside",
        "|it is",
    ];
    figures.table("intervals", &columns, rows);
    Ok(())
}

fn never_fitted(figures: &mut Figures, rows: &Csv) -> Result<()> {
    let mut lines = Vec::new();
    for device in rows.different("device")? {
        let of_device = rows.with(&[("device", &device)])?;
        for network in of_device.different("network")? {
            let of = |column: &str| of_device.number(&[("network", &network)], column);
            lines.push(vec![
                device.clone(),
                network.clone(),
                number(of("pixels")?, 0),
                number(of("published_ms")?, 1),
                number(of("profile_ms")?, 1),
                signed(100.0 * (of("profile_ms")? / of("published_ms")? - 1.0), 0),
            ]);
        }
    }
    let columns = [
        "|profile",
        "|network",
        "pixels",
        "published (ms)",
        "profile (ms)",
        "error (%)",
    ];
    figures.table("never-fitted", &columns, lines);
    Ok(())
}

fn constants(figures: &mut Figures, constants: &Csv) -> Result<()> {
    let mut rows = Vec::new();
    for device in constants.different("device")? {
        let of = constants.with(&[("device", &device)])?;
        for figure in of.different("figure")? {
            let cell = |column: &str| -> Result<String> {
                let text = of.text(&[("figure", &figure)], column)?;
                Ok(if text.is_empty() {
                    "–".to_owned()
                } else {
                    significant(text.parse()?)
                })
            };
            let mut row = vec![device.clone(), figure.clone()];
            for column in ["start", "fitted", "lowest_left_out", "highest_left_out", "profile"] {
                row.push(cell(column)?);
            }
            rows.push(row);
        }
    }
    figures.table("constants", &CONSTANTS, rows);
    Ok(())
}

/// With three digits; small and large ones by powers of ten.
fn significant(value: f64) -> String {
    if (1e-3..1e3).contains(&value) {
        let decimals = (2.0 - value.log10().floor()).max(0.0) as usize;
        let text = format!("{value:.decimals$}");
        return match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        };
    }
    format!("{value:.2e}")
}

/// Names of terms, as `ablation.csv` has them, and short ones.
const TERMS: [(&str, &str); 11] = [
    ("channels rounded up to lanes", "lanes"),
    ("that, and depthwise slower than dense", "depthwise"),
    ("loading of weights into the array", "loading"),
    ("output stage", "output"),
    ("vector work", "vector"),
    ("streaming of weights (all stay on chip)", "streaming"),
    ("caching of weights (none stay on chip)", "caching"),
    ("fetching ahead", "ahead"),
    ("spilling of activations", "spilling"),
    ("filling, first requests and the on-chip port", "filling"),
    ("fixed costs of inference and layer", "fixed"),
];
/// The terms of which the page speaks by device.
const SPOKEN_OF: [(&str, &str); 18] = [
    ("streaming", "edgetpu-coral"),
    ("caching", "edgetpu-coral"),
    ("streaming", "edgetpu-pixel6"),
    ("caching", "edgetpu-pixel6"),
    ("streaming", "mobile-gpu"),
    ("depthwise", "edgetpu-pixel4"),
    ("depthwise", "edgetpu-coral"),
    ("lanes", "edgetpu-pixel4"),
    ("lanes", "edgetpu-coral"),
    ("fixed", "edgetpu-pixel6"),
    ("fixed", "ascend-310"),
    ("fixed", "edgetpu-coral"),
    ("fixed", "edgetpu-pixel4"),
    ("spilling", "ascend-310"),
    ("spilling", "mobile-gpu"),
    ("spilling", "edgetpu-coral"),
    ("ahead", "edgetpu-coral"),
    ("output", "cortex-a53"),
];

fn terms(figures: &mut Figures, ablation: &Csv, devices: &[String]) -> Result<()> {
    let mut columns = vec!["|without"];
    columns.extend(devices.iter().map(String::as_str));
    let mut first = vec!["nothing: mean error left out (%)".to_owned()];
    for device in devices {
        first.push(number(
            ablation.number(
                &[("device", device), ("without", "nothing")],
                "mean_error_left_out_percent",
            )?,
            1,
        ));
    }
    let mut rows = vec![first];
    for (term, short) in TERMS {
        let mut row = vec![term.to_owned()];
        for device in devices {
            let change = ablation.number(&[("device", device), ("without", term)], "change_of_error_points")?;
            row.push(signed(change, 1));
            if SPOKEN_OF.contains(&(short, device)) {
                figures.set(format!("{short}-{device}"), signed(change, 1));
            }
        }
        rows.push(row);
    }
    figures.table("terms", &columns, rows);
    Ok(())
}

fn shapes(figures: &mut Figures, shapes: &Csv) -> Result<()> {
    let (names, errors) = (
        shapes.texts("reduction_outputs_positions")?,
        shapes.numbers("mean_error_left_out_percent")?,
    );
    let columns: Vec<&str> = names.iter().map(|it| it.split(" (").next().unwrap_or(it)).collect();
    figures.table(
        "shapes",
        &columns,
        vec![errors.iter().map(|it| number(*it, 1)).collect()],
    );
    let chosen = names.iter().position(|it| it.starts_with("chosen each time"));
    let chosen = chosen.and_then(|place| errors.get(place).copied());
    figures.number(
        "shape-chosen",
        chosen.context("shapes.csv has no row for the shape chosen each time")?,
        1,
    );
    Ok(())
}

const FITS: [&str; 8] = [
    "|device",
    "|by",
    "constants",
    "τ",
    "mean error (%)",
    "τ left out",
    "mean error left out (%)",
    "|worst left out",
];
const CONSTANTS: [&str; 7] = [
    "|device",
    "|figure",
    "start",
    "fitted",
    "left out, from",
    "to",
    "profile",
];
