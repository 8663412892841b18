use panarch_cost::{AnalyticModel, DeviceProfile};

use crate::published;

#[test]
fn networks_have_their_published_macs() {
    for (_, cases) in published::devices() {
        for case in cases {
            if let Some(expected) = case.published_mmacs {
                let found = case.network.macs().0 as f64 / 1e6;
                // The EfficientNet-lite table counts 3 to 6 % more than convolutions and linear layers have.
                let bound = if case.name.starts_with("efficientnet-lite") {
                    0.06
                } else {
                    0.005
                };
                let error = (found / expected - 1.0).abs();
                assert!(error < bound, "{}: {found:.0} MMACs, published {expected}", case.name);
            }
        }
    }
}

/// The profiles were fitted to these very latencies (see their sources), so this bounds how well the model *can* follow
/// them, not how well it foresees others: mean errors were 7 % (A53), 9 % (Coral), 9 % (Pixel 4 Edge TPU), 7 % (GPU),
/// 3 % (CPU) and 3 % (Ascend 310) when they were fitted.
#[test]
fn published_latencies_lie_in_the_intervals() {
    for (device, cases) in published::devices() {
        let model = AnalyticModel::new(DeviceProfile::preset(device).unwrap()).unwrap();
        let mut pairs = Vec::new();
        for case in &cases {
            let latency = model.cost(&case.network).unwrap().latency;
            let [low, high] = [latency.low, latency.high].map(|end| end.millis());
            let text = format!(
                "{device}, {}: {} ms, interval {low:.2} to {high:.2}",
                case.name, case.latency_ms
            );
            assert!(low <= case.latency_ms && case.latency_ms <= high, "{text}");
            pairs.push((latency.value.millis(), case.latency_ms));
        }
        let error = published::mean_error(&pairs);
        assert!(error < 0.12, "{device}: mean error {:.1} %", error * 100.0);
    }
}

/// Ratios that the profiles were not fitted to in particular, but that decide between operators: fused bottlenecks work an
/// Edge TPU far better than depthwise ones.
#[test]
fn an_edge_tpu_runs_fused_bottlenecks_at_a_higher_rate() {
    let model = AnalyticModel::new(DeviceProfile::preset("edgetpu-pixel4").unwrap()).unwrap();
    let rate = |network: &panarch_graph::Network| {
        let cost = model.cost(network).unwrap();
        network.macs().0 as f64 / cost.latency.value.seconds()
    };
    let fused = rate(&published::networks::mobilenet_edgetpu(1.0));
    let depthwise = rate(&published::networks::efficientnet_lite(1.0, 1.0, 224));
    // Published: 990 M in 3.6 ms against 407 M in 3.8 ms, a ratio of 2.6.
    assert!((2.0..4.0).contains(&(fused / depthwise)), "{}", fused / depthwise);
}
