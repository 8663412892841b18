use panarch_cost::published::{PUBLISHED, PublishedDevice};
use panarch_cost::{AnalyticModel, CycleSimulator, DeviceProfile, kendall_tau};

use crate::networks::named;

#[test]
fn networks_have_their_published_macs() {
    let mut checked = 0;
    for row in PUBLISHED.iter().flat_map(|device| device.rows) {
        let Some(expected) = row.macs else { continue };
        let found = named(row.network, row.pixels).macs().0 as f64;
        // The EfficientNet-lite table counts 3 to 6 % more than convolutions and linear layers have.
        let lite = row.network.starts_with("efficientnet-lite");
        let bound = if lite { 0.06 } else { 0.005 };
        let error = (found / expected.0 as f64 - 1.0).abs();
        assert!(error < bound, "{}: {found} MACs, published {}", row.network, expected.0);
        checked += 1;
    }
    assert!(checked >= 30, "{checked}");
}

/// Every profile with published latencies, and no device twice.
#[test]
fn devices_with_published_latencies_have_profiles() {
    for device in PUBLISHED {
        assert!(DeviceProfile::preset(device.profile).is_ok(), "{}", device.profile);
        assert_eq!(PublishedDevice::of(device.profile), Some(device));
        assert!(!device.source.is_empty() && !device.left_out.is_empty());
    }
    assert_eq!(PublishedDevice::of("ethos-u55-128"), None);
}

/// The profiles were fitted to these very latencies (see their sources), so this bounds how well the model *can* follow
/// them, not how well it foresees others: that is in `docs/reproductions/published-latencies.md`.
#[test]
fn published_latencies_lie_in_the_intervals() {
    for device in PUBLISHED {
        let name = device.profile;
        let profile = DeviceProfile::preset(name).unwrap();
        let model = AnalyticModel::new(profile.clone()).unwrap();
        let simulator = CycleSimulator::new(profile).unwrap();
        let mut pairs = Vec::new();
        for row in device.rows {
            let network = named(row.network, row.pixels);
            let latency = model.cost(&network).unwrap().latency;
            let text = format!(
                "{name}, {}: published {} ms, interval {:.2} to {:.2}",
                row.network,
                row.latency.millis(),
                latency.low.millis(),
                latency.high.millis()
            );
            assert!(latency.low <= row.latency && row.latency <= latency.high, "{text}");
            let cycles = simulator.cost(&network).unwrap().latency.value;
            assert!((cycles / latency.value - 1.0).abs() < 0.1, "{text}, simulated {cycles}");
            pairs.push((latency.value.millis(), row.latency.millis()));
        }
        let errors = pairs
            .iter()
            .map(|(estimate, published)| (estimate / published - 1.0).abs());
        let error = errors.sum::<f64>() / pairs.len() as f64;
        assert!(error < 0.12, "{name}: mean error {:.1} %", error * 100.0);
        let (ours, theirs): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let tau = kendall_tau(&ours, &theirs).unwrap();
        assert!(tau >= 0.8, "{name}: τ {tau:.2}");
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
    let fused = rate(&named("mobilenet-edgetpu", 224));
    let depthwise = rate(&named("efficientnet-lite0", 224));
    // Published: 990 M in 3.6 ms against 407 M in 3.8 ms, a ratio of 2.6.
    assert!((2.0..4.0).contains(&(fused / depthwise)), "{}", fused / depthwise);
}
