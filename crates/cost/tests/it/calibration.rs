use panarch_cost::published::PublishedDevice;
use panarch_cost::{AnalyticModel, Calibration, CostError, DeviceProfile, StartingFigure, preset_text};
use panarch_graph::{Latency, Network};

use crate::networks::named;

const DEVICE: &str = "ascend-310";

fn figure(path: &str, value: impl Into<Option<f64>>) -> StartingFigure {
    StartingFigure {
        path: path.to_owned(),
        value: value.into(),
    }
}

/// Latencies that the profile itself gives bring its figures back from elsewhere.
#[test]
fn known_figures_are_found_again() {
    let ascend = PublishedDevice::of(DEVICE).unwrap();
    let networks: Vec<Network> = ascend.rows.iter().map(|row| named(row.network, row.pixels)).collect();
    let model = AnalyticModel::new(DeviceProfile::preset(DEVICE).unwrap()).unwrap();
    let cases: Vec<(&Network, Latency)> = networks
        .iter()
        .map(|network| (network, model.cost(network).unwrap().latency.value))
        .collect();
    let text = preset_text(DEVICE).unwrap();
    for (path, start, expected) in [
        ("overhead.layer_s", 10e-6, 2.74e-6),
        ("overhead.inference_s", 10e-6, 58.6e-6),
        ("array.utilisation", 0.4, 0.888),
        ("memory.off_chip_bytes_per_s", 30e9, 128e9),
    ] {
        let fitted = Calibration::new(text, &[figure(path, start)], &cases).unwrap();
        let (_, found) = &fitted.figures[0];
        assert!((found / expected - 1.0).abs() < 0.01, "{path} = {found}");
        assert!(fitted.error < 0.005, "{path}: {}", fitted.error);
    }
    // Two that stand in for each other are not told apart, and what is foreseen with them is right all the same.
    let figures = [figure("overhead.layer_s", 10e-6), figure("overhead.inference_s", 10e-6)];
    assert!(Calibration::new(text, &figures, &cases).unwrap().error < 0.03);
    let foreseen = Calibration::leave_one_out(text, &figures, &cases[..4]).unwrap();
    for (latency, (network, expected)) in foreseen.iter().zip(&cases) {
        assert!(
            (*latency / *expected - 1.0).abs() < 0.05,
            "{}: {latency}",
            network.name()
        );
    }
}

#[test]
fn a_figure_that_is_not_there_is_named() {
    let text = preset_text(DEVICE).unwrap();
    for path in ["overhead.layer", "overheads.layer_s", "layer_s", "array.kind"] {
        let found = Calibration::new(text, &[figure(path, None)], &[]);
        assert_eq!(found.unwrap_err(), CostError::NoFigure { path: path.to_owned() });
    }
    // A start outside the range that profiles allow.
    let wild = [figure("array.utilisation", 7.0)];
    assert!(matches!(Calibration::new(text, &wild, &[]), Err(CostError::Profile(_))));
}
