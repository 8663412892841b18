//! The closed form follows the simulator; `panarch reproduce analytic-model` says how closely on every profile.

use panarch_cost::{CostSource, DeviceProfile, Model, kendall_tau};
use panarch_graph::stream;
use panarch_space::{Head, Space};

#[test]
fn the_closed_form_follows_the_simulator_on_all_three_machines() {
    let head = Head {
        classes: 1000,
        input_channels: 3,
    };
    let mut networks = Vec::new();
    for name in ["multi-hardware", "ofa-resnet50"] {
        let space = Space::preset(name).unwrap();
        let mut rng = stream(1, "model agreement", 0);
        for _ in 0..40 {
            let member = space.sample(&mut rng);
            networks.push(space.lower(&member, head, space.default_resolution()).unwrap());
        }
    }
    for device in ["edgetpu-v1", "ascend-310", "cube-16", "systolic-32"] {
        let profile = DeviceProfile::preset(device).unwrap();
        let [formula, simulated] = [Model::Analytic, Model::Cycle].map(|model| {
            let source: Box<dyn CostSource> = profile.model(model).unwrap();
            source
                .estimate(&networks)
                .into_iter()
                .collect::<Result<Vec<_>, _>>()
                .unwrap()
        });
        let layers = formula.iter().zip(&simulated).flat_map(|(formula, simulated)| {
            formula
                .per_layer
                .iter()
                .zip(&simulated.per_layer)
                .filter_map(|(formula, simulated)| {
                    let seconds = simulated.latency.seconds();
                    (seconds > 0.0).then(|| (formula.latency.seconds() / seconds - 1.0).abs())
                })
        });
        let mut layers: Vec<f64> = layers.collect();
        layers.sort_by(f64::total_cmp);
        let [median, high] = [0.5, 0.95].map(|share| layers[(layers.len() as f64 * share) as usize]);
        let totals = |costs: &[panarch_cost::Cost]| -> Vec<f64> {
            costs.iter().map(|cost| cost.latency.value.seconds()).collect()
        };
        let tau = kendall_tau(&totals(&formula), &totals(&simulated)).unwrap();
        println!(
            "{device}: {} layers, median {median:.4}, p95 {high:.4}, tau {tau:.4}",
            layers.len()
        );
        assert!(median <= 0.05 && high <= 0.15, "{device}: {median}, {high}");
        assert!(tau >= 0.95, "{device}: {tau}");
    }
}
