//! The tables behind `docs/reproductions/published-latencies.md` against the profiles and models as they are.

use panarch_cost::profile::Origin;
use panarch_cost::published::{LeftOutErrors, PUBLISHED, PublishedLatency, outside_zoo};
use panarch_cost::{AnalyticModel, Calibration, DeviceProfile, StartingFigure, kendall_tau, preset_text};
use panarch_graph::{Latency, Network};
use panarch_space::zoo;
use rayon::prelude::*;

macro_rules! committed {
    ($name:literal) => {
        include_str!(concat!("../../../../docs/reproductions/published-latencies/", $name))
    };
}

/// The rows of a CSV file by the names of its columns.
fn rows(text: &'static str) -> impl Iterator<Item = impl Fn(&str) -> &'static str> {
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    text.lines().skip(1).map(move |line| {
        let header = header.clone();
        let cells: Vec<&str> = line.split(',').collect();
        move |column: &str| {
            let place = header.iter().position(|name| *name == column);
            cells[place.unwrap_or_else(|| panic!("no column `{column}` in {header:?}"))]
        }
    })
}

fn networks(rows: &[PublishedLatency]) -> Vec<Network> {
    let network = |row: &PublishedLatency| match outside_zoo(row.network, row.pixels) {
        Some(network) => network.unwrap(),
        None => zoo::network(row.network, 1000, row.pixels).unwrap(),
    };
    rows.iter().map(network).collect()
}

fn near(found: f64, expected: &str, what: &str) {
    let expected: f64 = expected.parse().unwrap();
    assert!(
        (found / expected - 1.0).abs() < 0.01,
        "{what}: {found}, in the table {expected}"
    );
}

#[test]
fn the_committed_estimates_are_those_of_the_profiles() {
    let mut table = rows(committed!("networks.csv"));
    for device in PUBLISHED {
        let model = AnalyticModel::new(DeviceProfile::preset(device.profile).unwrap()).unwrap();
        for (row, network) in device.rows.iter().zip(networks(device.rows)) {
            let of = table.next().unwrap();
            assert_eq!((of("device"), of("network")), (device.profile, row.network));
            near(row.latency.millis(), of("published_ms"), row.network);
            let what = format!("{} on {}", row.network, device.profile);
            let estimate = model.cost(&network).unwrap().latency.value;
            near(estimate.millis(), of("profile_as_it_is_ms"), &what);
        }
    }
    assert!(table.next().is_none());
}

/// The figures that are fitted, with the values that fits begin with, as the committed table has them.
fn starts(name: &str) -> Vec<StartingFigure> {
    let rows = rows(committed!("constants.csv")).filter(|of| of("device") == name && !of("start").is_empty());
    rows.map(|of| StartingFigure {
        path: of("figure").to_owned(),
        value: Some(of("start").parse().unwrap()),
    })
    .collect()
}

/// Every device is fitted anew, to all its networks and to all but each: constants and estimates are those of the tables,
/// and the profile's interval is as wide as the errors of networks that no figure was fitted to ask for, and holds them.
#[test]
fn the_committed_fits_come_out_again_and_intervals_hold_what_was_left_out() {
    let refits = PUBLISHED.par_iter().map(|device| {
        let name = device.profile;
        let figures = starts(name);
        assert!((1..=4).contains(&figures.len()), "{name}");
        let fitted_to = networks(device.rows);
        let latencies = device.rows.iter().map(|row| row.latency);
        let cases: Vec<(&Network, Latency)> = fitted_to.iter().zip(latencies).collect();
        let text = preset_text(name).unwrap();
        let found = Calibration::new(text, &figures, &cases).unwrap();
        let fitted = rows(committed!("constants.csv")).filter(|of| of("device") == name && !of("start").is_empty());
        for (of, (path, value)) in fitted.zip(&found.figures) {
            near(*value, of("fitted"), &format!("{name}, {path}"));
        }
        let left_out = Calibration::leave_one_out(text, &figures, &cases).unwrap();
        let table = rows(committed!("networks.csv")).filter(|of| of("device") == name);
        for (of, latency) in table.zip(&left_out) {
            near(
                latency.millis(),
                of("analytic_model_left_out_ms"),
                &format!("{name}, {}", of("network")),
            );
        }
        let pairs: Vec<(Latency, Latency)> = left_out
            .into_iter()
            .zip(cases.iter().map(|(_, latency)| *latency))
            .collect();
        let errors = pairs
            .iter()
            .map(|(estimate, published)| (*estimate / *published - 1.0).abs());
        let (ours, theirs): (Vec<f64>, Vec<f64>) = pairs.iter().map(|(a, b)| (a.seconds(), b.seconds())).unzip();
        let tau = kendall_tau(&ours, &theirs).unwrap();
        let mean = errors.sum::<f64>() / pairs.len() as f64;
        let profile = DeviceProfile::preset(name).unwrap();
        let stated = &profile.accelerator().unwrap().error;
        let model = AnalyticModel::new(profile.clone()).unwrap();
        let others = networks(device.never_fitted);
        let others = others.iter().map(|network| model.cost(network).unwrap().latency.value);
        let others = others.zip(device.never_fitted.iter().map(|row| row.latency));
        let errors = LeftOutErrors::new(pairs.into_iter().chain(others));
        let (count, inside) = (
            device.rows.len() + device.never_fitted.len(),
            errors.inside(stated.relative.value),
        );
        let row = rows(committed!("intervals.csv"))
            .find(|of| of("device") == name)
            .unwrap();
        near(errors.worst() * 100.0, row("worst_percent"), &format!("{name}, worst"));
        near(
            errors.relative() * 100.0,
            row("asked_for_percent"),
            &format!("{name}, asked for"),
        );
        near(
            stated.relative.value * 100.0,
            row("profile_percent"),
            &format!("{name}, profile"),
        );
        assert_eq!(inside.to_string(), row("inside"), "{name}");
        println!(
            "{name}: left out τ {tau:.2}, mean error {:.1} %; asked for {:.3}, profile {}, {inside} of {count} inside",
            mean * 100.0,
            errors.relative(),
            stated.relative.value
        );
        assert!(
            stated.relative.value >= errors.relative() && stated.relative.value < errors.relative() + 0.05,
            "{name}: its interval is ±{}, left-out errors ask for {:.3}",
            stated.relative.value,
            errors.relative()
        );
        assert!(
            inside as f64 >= stated.level.value * count as f64,
            "{name}: {inside} of {count}"
        );
        assert_eq!(
            matches!(stated.relative.origin, Origin::Source(_)),
            errors.conformal().is_some_and(|it| it > 0.15),
            "{name}"
        );
        (name, tau, mean)
    });
    let refits: Vec<(&str, f64, f64)> = refits.collect();
    // What was reached, τ and mean error, each network left out: the model aims at 0.9 and 20 %.
    let reached = [
        ("edgetpu-coral", 1.0, 0.07),
        ("cortex-a53", 1.0, 0.155),
        ("edgetpu-pixel4", 1.0, 0.055),
        ("edgetpu-pixel6", 1.0, 0.03),
        ("mobile-gpu", 1.0, 0.135),
        ("mobile-cpu", 1.0, 0.04),
        ("ascend-310", 0.85, 0.065),
    ];
    assert_eq!(refits.len(), reached.len());
    for ((name, tau, error), (expected, least, most)) in refits.into_iter().zip(reached) {
        assert_eq!(name, expected);
        assert!(tau >= least && error <= most, "{name}: τ {tau}, mean error {error}");
    }
}

/// The array of the Pixel 6 profile is among the nearest shapes, and the choice holds for networks that it has not seen.
#[test]
fn the_shape_of_the_profile_is_among_the_nearest() {
    let profile = DeviceProfile::preset("edgetpu-pixel6").unwrap();
    let array = &profile.accelerator().unwrap().array;
    let lanes = [&array.reduction_lanes, &array.output_lanes, &array.pixel_lanes_wide];
    let name = lanes.map(|lanes| lanes.value.to_string()).join("×");
    let error = |shape: &str| -> f64 {
        let mut table = rows(committed!("shapes.csv"));
        let row = table.find(|of| of("reduction_outputs_positions").starts_with(shape));
        row.unwrap()("mean_error_left_out_percent").parse().unwrap()
    };
    assert!(error(&name) <= 2.5, "{name}");
    assert!(error("chosen each time") <= 3.0 && error("64×64×1") > 4.0);
}

/// Each profile names the fit in its source, and what is fitted is not called an assumption.
#[test]
fn fitted_figures_have_a_source() {
    for of in rows(committed!("constants.csv")).filter(|of| !of("start").is_empty()) {
        let (device, figure) = (of("device"), of("figure"));
        let (section, key) = figure.split_once('.').unwrap();
        let text = preset_text(device).unwrap();
        let body = text.split(&format!("\n[{section}]\n")).nth(1).unwrap();
        let line = body
            .lines()
            .find(|line| line.starts_with(&format!("{key} = ")))
            .unwrap();
        assert!(line.contains("source = "), "{device}: {line}");
        assert!(text.contains("docs/reproductions/published-latencies.md"), "{device}");
    }
}
