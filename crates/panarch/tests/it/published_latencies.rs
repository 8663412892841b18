//! The tables behind `docs/reproductions/published-latencies.md` against the profiles and models as they are.

use panarch_cost::published::{PUBLISHED, PublishedDevice};
use panarch_cost::{AnalyticModel, Calibration, DeviceProfile, StartingFigure, preset_text};
use panarch_graph::{Latency, Network};
use panarch_space::zoo;

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

fn networks(device: &PublishedDevice) -> Vec<Network> {
    let rows = device.rows.iter();
    rows.map(|row| zoo::network(row.network, 1000, row.pixels).unwrap())
        .collect()
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
        for (row, network) in device.rows.iter().zip(networks(device)) {
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

/// Fits from the starting values of the committed table come to the committed constants and left-out estimates.
#[test]
fn the_committed_fits_come_out_again() {
    for name in ["edgetpu-pixel4", "cortex-a53", "mobile-cpu"] {
        let fitted: Vec<_> = rows(committed!("constants.csv"))
            .filter(|of| of("device") == name && of("figure").contains('.') && !of("start").is_empty())
            .collect();
        let figures: Vec<StartingFigure> = fitted
            .iter()
            .map(|of| StartingFigure {
                path: of("figure").to_owned(),
                value: Some(of("start").parse().unwrap()),
            })
            .collect();
        let device = PublishedDevice::of(name).unwrap();
        let networks = networks(device);
        let latencies = device.rows.iter().map(|row| row.latency);
        let cases: Vec<(&Network, Latency)> = networks.iter().zip(latencies).collect();
        let text = preset_text(name).unwrap();
        let found = Calibration::new(text, &figures, &cases).unwrap();
        for (of, (path, value)) in fitted.iter().zip(&found.figures) {
            near(*value, of("fitted"), path);
        }
        let left_out = Calibration::leave_one_out(text, &figures, &cases).unwrap();
        let table = rows(committed!("networks.csv")).filter(|of| of("device") == name);
        for (of, latency) in table.zip(left_out) {
            near(latency.millis(), of("analytic_model_left_out_ms"), of("network"));
        }
    }
}

/// What was reached: device, τ and mean error in per cent, each network left out. 0.9 and 20 % are what the model aims at.
#[test]
fn what_was_reached_holds() {
    let reached = [
        ("edgetpu-coral", 1.0, 7.0),
        ("cortex-a53", 1.0, 15.5),
        ("edgetpu-pixel4", 1.0, 5.5),
        ("edgetpu-pixel6", 1.0, 3.0),
        ("mobile-gpu", 1.0, 13.5),
        ("mobile-cpu", 1.0, 4.0),
        ("ascend-310", 0.85, 6.5),
    ];
    for way in ["analytic model", "cycle simulator"] {
        let table = rows(committed!("fits.csv")).filter(|of| of("by") == way);
        let mut devices = 0;
        for (of, (device, tau, mean_error)) in table.zip(reached) {
            let number = |column: &str| of(column).parse::<f64>().unwrap();
            assert_eq!(of("device"), device);
            assert!(number("constants") <= 4.0, "{device}");
            assert!(number("τ_left_out") >= tau, "{device}, {way}");
            assert!(number("mean_error_left_out_percent") <= mean_error, "{device}, {way}");
            devices += 1;
        }
        assert_eq!(devices, PUBLISHED.len());
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
    assert!(error("chosen each time") <= 2.5 && error("64×64×1") > 4.0);
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
