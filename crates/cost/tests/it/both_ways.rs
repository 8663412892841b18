//! One chip, described as an accelerator and as a memory hierarchy.

use panarch_cost::{AnalyticModel, Cost, DeviceProfile, LayerCost, MappedModel};

use crate::networks::named;
use crate::variant;

fn mapped() -> MappedModel {
    let text = include_str!("../../examples/machines/systolic-32.toml");
    let profile = DeviceProfile::from_toml("systolic-32.toml", text).unwrap_or_else(|problems| panic!("{problems}"));
    MappedModel::new(profile).unwrap()
}

/// The preset without what a hierarchy does not know: starting, issuing, latencies.
fn planned(more: &[(&str, &str)]) -> AnalyticModel {
    let changes = [
        ("overhead.inference_s", "0"),
        ("overhead.layer_s", "0"),
        ("memory.off_chip_latency_s", "0"),
        ("memory.off_chip_bytes_per_s", "12.75e9"),
        ("memory.channel_side_bytes", "0"),
    ];
    variant::model("systolic-32", &[&changes, more].concat())
}

fn seconds(cost: &Cost, of: impl Fn(&LayerCost) -> bool) -> f64 {
    cost.per_layer
        .iter()
        .filter(|layer| of(layer))
        .map(|layer| layer.latency.seconds())
        .sum()
}

#[test]
fn figures() {
    for name in ["resnet-50", "mobilenet-v2"] {
        let network = named(name, 224);
        let spilling = [("memory.activation_bytes", "1")];
        for (what, cost) in [
            ("mapped", mapped().cost(&network).unwrap()),
            (
                "mapped, one group at a time",
                mapped().without_packing().cost(&network).unwrap(),
            ),
            ("planned", planned(&[]).cost(&network).unwrap()),
            ("planned, all spills", planned(&spilling).cost(&network).unwrap()),
        ] {
            let of = |operator: &str| seconds(&cost, |layer| layer.operator == operator) * 1e3;
            println!(
                "{name}, {what}: {:.3} ms, conv {:.3}, depthwise {:.3}, linear {:.3}, rest {:.3}; products {:.3}; traffic {:.2} MB, note {:?}",
                cost.latency.value.millis(),
                of("conv2d"),
                of("depthwise_conv2d"),
                of("linear"),
                cost.latency.value.millis() - of("conv2d") - of("depthwise_conv2d") - of("linear"),
                cost.per_layer.iter().map(|layer| layer.compute.seconds()).sum::<f64>() * 1e3,
                cost.traffic.0 as f64 / 1e6,
                cost.provenance.note
            );
        }
    }
}
