use anyhow::{Result, ensure};

use super::csv::Csv;
use super::figures::{number, signed, thousands};
use super::statistics::{errors, kendall, line, mean, mean_magnitude, quantile, worst};
use super::{Figures, Page, Tables};

pub const PAGE: Page = Page {
    path: "docs/reproductions/vela.md",
    tables: &[
        "docs/reproductions/vela/named.csv",
        "docs/reproductions/vela/named-closeness.csv",
        "docs/reproductions/vela/sizes.csv",
        "docs/reproductions/vela/imported.csv",
        "docs/reproductions/vela/networks.csv",
        "docs/reproductions/vela/closeness.csv",
        "docs/reproductions/vela/constants.csv",
        "docs/reproductions/vela/operators.csv",
    ],
    figures,
};

/// Devices with what their figures are called on the page.
const DEVICES: [(&str, &str); 2] = [("ethos-u55-256", "u55"), ("ethos-u65-512", "u65")];
/// Ways of estimating and their columns.
const ESTIMATES: [(&str, &str); 4] = [
    ("MACs alone", "macs_alone_ms"),
    ("analytic, before the fit", "unfitted_ms"),
    ("analytic", "analytic_ms"),
    ("cycle", "cycle_ms"),
];

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let networks = tables.csv("networks.csv")?;
    let mut rows = Vec::new();
    for (device, short) in DEVICES {
        let of_device = networks.with(&[("device", device)])?;
        let held_out = of_device.with(&[("split", "held out")])?;
        figures.number(format!("{short}-held-out"), held_out.len() as f64, 0);
        figures.number(
            format!("{short}-training"),
            of_device.with(&[("split", "training")])?.len() as f64,
            0,
        );
        let whole = format!("{device}, all {}", held_out.len());
        for (estimate, column) in ESTIMATES {
            let pairs = held_out.pairs(column, "vela_ms")?;
            rows.push(closeness(&whole, estimate, &pairs));
            let key = match estimate {
                "MACs alone" => Some("macs"),
                "analytic, before the fit" => Some("unfitted"),
                "analytic" => Some("analytic"),
                _ => None,
            };
            if let Some(key) = key {
                figures.number(format!("{short}-{key}"), mean_magnitude(&errors(&pairs)), 1);
            }
            if estimate == "MACs alone" {
                let of_all = of_line(&of_device)?;
                figures.number(format!("{short}-line"), mean_magnitude(&errors(&of_all)), 1);
                rows.push(closeness(&whole, "line through MACs", &of_all));
            }
        }
        let analytic = errors(&held_out.pairs("analytic_ms", "vela_ms")?);
        let magnitudes: Vec<f64> = analytic.iter().map(|it| it.abs()).collect();
        figures.number(format!("{short}-nine-in-ten"), quantile(&magnitudes, 0.9), 1);
        figures.number(format!("{short}-worst"), worst(&analytic), 1);
        let apart = errors(&of_device.pairs("analytic_ms", "cycle_ms")?);
        figures.number(format!("{short}-apart"), worst(&apart).abs(), 1);
        for space in held_out.different("space")? {
            let of_space = held_out.with(&[("space", &space)])?;
            let name = format!("{} of {space}", of_space.len());
            let pairs = of_space.pairs("analytic_ms", "vela_ms")?;
            rows.push(closeness(&name, "analytic", &pairs));
            let of_space = of_line(&of_device.with(&[("space", &space)])?)?;
            rows.push(closeness(&name, "line through MACs of the space", &of_space));
            figures.number(format!("{short}-{space}-line"), mean_magnitude(&errors(&of_space)), 1);
            figures.number(format!("{short}-{space}"), mean_magnitude(&errors(&pairs)), 1);
        }
    }
    let columns = [
        "|networks held out",
        "|estimate",
        "τ",
        "MAPE (%)",
        "mean error (%)",
        "worst (%)",
    ];
    figures.table("closeness", &columns, rows);
    named(
        &mut figures,
        &tables.csv("named.csv")?,
        &tables.csv("named-closeness.csv")?,
    )?;
    afterwards(
        &mut figures,
        &tables.csv("named.csv")?,
        [&tables.csv("sizes.csv")?, &tables.csv("imported.csv")?],
    )?;
    constants(&mut figures, &tables.csv("constants.csv")?)?;
    operators(&mut figures, &tables.csv("operators.csv")?)?;
    same(&tables.csv("vela/closeness.csv")?, &networks)?;
    Ok(figures)
}

/// The command's own summary says what its rows say.
fn same(summary: &Csv, networks: &Csv) -> Result<()> {
    for (device, _) in DEVICES {
        let held_out = networks.with(&[("device", device), ("split", "held out")])?;
        for (estimate, column) in ESTIMATES {
            let found = errors(&held_out.pairs(column, "vela_ms")?);
            let cells = [("device", device), ("estimate", estimate), ("networks_of", "held out")];
            let stated = summary.number(&cells, "mape_percent")?;
            ensure!(
                (mean_magnitude(&found) - stated).abs() < 0.06,
                "closeness.csv has {stated} % for {estimate} on {device}, networks.csv {:.2} %",
                mean_magnitude(&found)
            );
        }
    }
    Ok(())
}

fn closeness(networks: &str, estimate: &str, pairs: &[(f64, f64)]) -> Vec<String> {
    let errors = errors(pairs);
    vec![
        networks.to_owned(),
        estimate.to_owned(),
        number(kendall(pairs), 3),
        number(mean_magnitude(&errors), 1),
        signed(mean(&errors), 1),
        signed(worst(&errors), 1),
    ]
}

/// Devices of the networks by name, with what their figures are called on the page.
const NAMED: [(&str, &str); 4] = [
    ("ethos-u55-128", "u55-128"),
    ("ethos-u55-256", "u55"),
    ("ethos-u65-512", "u65"),
    ("ethos-u85-1024", "u85"),
];

/// How far estimates are off: the larger of estimate over truth and truth over estimate, less one, in per cent.
fn factors(pairs: &[(f64, f64)]) -> impl Iterator<Item = f64> {
    let factor = |(ours, theirs): &(f64, f64)| 100.0 * ((ours / theirs).max(theirs / ours) - 1.0);
    pairs.iter().map(factor)
}

/// What bounds the next with 90 %: of n in order the ⌈0.9·(n + 1)⌉-th.
fn conformal(pairs: &[(f64, f64)]) -> f64 {
    let share = (0.9 * (pairs.len() as f64 + 1.0)).ceil() / pairs.len() as f64;
    quantile(&factors(pairs).collect::<Vec<_>>(), share - 1e-9)
}

/// What was asked of the compiler after the rules had been found.
fn afterwards(figures: &mut Figures, named: &Csv, [sizes, imported]: [&Csv; 2]) -> Result<()> {
    let mut rows = Vec::new();
    for (device, short) in NAMED.into_iter().skip(1) {
        let held_out = named.with(&[("device", device), ("split", "held out")])?;
        let bound = conformal(&held_out.pairs("analytic_ms", "vela_ms")?);
        for (what, networks) in [("named, at 128 and 192 pixels", sizes), ("imported", imported)] {
            let of = networks.with(&[("device", device)])?;
            let pairs = of.pairs("analytic_ms", "vela_ms")?;
            let errors = errors(&pairs);
            rows.push(vec![
                device.to_owned(),
                what.to_owned(),
                number(of.len() as f64, 0),
                number(kendall(&pairs), 3),
                number(mean_magnitude(&errors), 2),
                signed(worst(&errors), 1),
                number(factors(&pairs).filter(|it| *it <= bound).count() as f64, 0),
            ]);
        }
        let first = imported.with(&[("device", device), ("mended_after", "no")])?;
        let errors = errors(&first.pairs("analytic_ms", "vela_ms")?);
        figures.number(format!("{short}-imported-first"), mean_magnitude(&errors), 1);
    }
    let columns = [
        "|device",
        "|networks",
        "configurations",
        "τ",
        "MAPE (%)",
        "worst (%)",
        "inside",
    ];
    figures.table("afterwards", &columns, rows);
    Ok(())
}

fn named(figures: &mut Figures, networks: &Csv, summary: &Csv) -> Result<()> {
    let mut rows = Vec::new();
    for (device, short) in NAMED {
        let of_device = networks.with(&[("device", device)])?;
        for half in ["training", "held out"] {
            let of = of_device.with(&[("split", half)])?;
            let (a, b) = line(&of_device.with(&[("split", "training")])?.pairs("macs", "vela_ms")?);
            let through_macs = of.pairs("macs", "vela_ms")?;
            let through_macs: Vec<_> = through_macs.into_iter().map(|(macs, ms)| (a * macs + b, ms)).collect();
            let pairs = of.pairs("analytic_ms", "vela_ms")?;
            for (estimate, pairs) in [("analytic", &pairs), ("a line in MACs", &through_macs)] {
                let errors = errors(pairs);
                let cells = [("device", device), ("estimate", estimate), ("split", half)];
                let stated = summary.number(&cells, "mape_percent")?;
                let found = mean_magnitude(&errors);
                ensure!(
                    (found - stated).abs() < 0.01,
                    "named-closeness.csv has {stated} % for {estimate} on {device}, named.csv {found:.3} %"
                );
                rows.push(vec![
                    device.to_owned(),
                    half.to_owned(),
                    number(of.len() as f64, 0),
                    estimate.to_owned(),
                    number(kendall(pairs), 3),
                    number(found, 2),
                    signed(worst(&errors), 1),
                ]);
            }
            if half == "held out" {
                let errors = errors(&pairs);
                figures.number(format!("{short}-conformal"), conformal(&pairs), 1);
                if short == "u85" {
                    let place = errors.iter().position(|it| *it == worst(&errors)).unwrap_or_default();
                    figures.set("u85-named-worst", signed(worst(&errors), 1));
                    figures.set("u85-named-worst-of", of.texts("network")?[place].clone());
                    figures.set("u85-named-worst-at", of.texts("pixels")?[place].clone());
                    figures.number("u85-named", mean_magnitude(&errors), 0);
                }
            }
        }
    }
    figures.number(
        "named-configurations",
        networks.with(&[("device", NAMED[0].0)])?.len() as f64,
        0,
    );
    let columns = [
        "|device",
        "|half",
        "configurations",
        "|estimate",
        "τ",
        "MAPE (%)",
        "worst (%)",
    ];
    figures.table("named", &columns, rows);
    Ok(())
}

/// What a line a · MACs + b through the training networks says of the networks held out, beside the compiler's time.
fn of_line(networks: &Csv) -> Result<Vec<(f64, f64)>> {
    let (a, b) = line(&networks.with(&[("split", "training")])?.pairs("macs", "vela_ms")?);
    let held_out = networks.with(&[("split", "held out")])?.pairs("macs", "vela_ms")?;
    Ok(held_out.into_iter().map(|(macs, ms)| (a * macs + b, ms)).collect())
}

fn constants(figures: &mut Figures, constants: &Csv) -> Result<()> {
    let mut rows = Vec::new();
    for (device, _) in DEVICES {
        let of = constants.with(&[("device", device)])?;
        for figure in of.different("figure")? {
            let mut row = vec![device.to_owned(), format!("`{figure}`")];
            for column in ["before", "this_fit", "in_the_profile"] {
                row.push(significant(of.number(&[("figure", &figure)], column)?));
            }
            rows.push(row);
        }
    }
    figures.table(
        "constants",
        &["|device", "|figure", "before", "this fit", "profile"],
        rows,
    );
    Ok(())
}

/// With four digits, by powers of ten where it is large.
fn significant(value: f64) -> String {
    let (scale, unit) = if value >= 1e6 { (1e9, "e9") } else { (1.0, "") };
    let text = format!("{:.4}", value / scale);
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

fn operators(figures: &mut Figures, operators: &Csv) -> Result<()> {
    let of = operators.with(&[("device", "ethos-u55-256")])?;
    let mut rows = Vec::new();
    for class in of.different("class")? {
        let number_of = |column: &str| of.number(&[("class", &class)], column);
        rows.push(vec![
            class.clone(),
            thousands(number_of("layers")?),
            number(number_of("share_of_time_percent")?, 1),
            signed(number_of("analytic_sum_percent")?, 1),
            number(number_of("analytic_layers_percent")?, 1),
        ]);
        for (name, wanted) in [
            ("pointwise", "conv2d 1×1"),
            ("grouped", "grouped_conv2d"),
            ("pooling", "global_avg_pool"),
            ("classifier", "linear"),
        ] {
            if class == wanted {
                if matches!(name, "pointwise" | "grouped") {
                    figures.number(format!("{name}-layers"), number_of("analytic_layers_percent")?, 1);
                } else {
                    figures.number(format!("{name}-sum"), number_of("analytic_sum_percent")?.abs(), 0);
                }
            }
        }
    }
    let columns = [
        "|class",
        "layers",
        "share of time (%)",
        "analytic: sum (%)",
        "analytic: layers (%)",
    ];
    figures.table("operators", &columns, rows);
    Ok(())
}
