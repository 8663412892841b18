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

fn millis(cost: &Cost, of: impl Fn(&LayerCost) -> bool) -> f64 {
    let layers = cost.per_layer.iter().filter(|layer| of(layer));
    layers.map(|layer| layer.latency.millis()).sum()
}

/// The figures of docs/concepts/mapping.md, "One chip described twice".
#[test]
fn two_descriptions_of_a_chip_agree_where_they_model_the_same() {
    let spilling = [("memory.activation_bytes", "1")];
    for (name, planned_ms, spilled_ms, mapped_ms, one_group_ms) in [
        ("resnet-50", 7.250, 8.026, 7.764, 7.764),
        ("mobilenet-v2", 1.641, 2.023, 1.814, 21.691),
    ] {
        let network = named(name, 224);
        let kept = planned(&[]).cost(&network).unwrap();
        let spilled = planned(&spilling).cost(&network).unwrap();
        let mapped_cost = mapped().cost(&network).unwrap();
        let one_group = mapped().without_packing().cost(&network).unwrap();
        for (what, cost, expected) in [
            ("kept", &kept, planned_ms),
            ("spilled", &spilled, spilled_ms),
            ("mapped", &mapped_cost, mapped_ms),
            ("one group at a time", &one_group, one_group_ms),
        ] {
            let found = cost.latency.value.millis();
            println!("{name}, {what}: {found:.3} ms, {:.1} MB", cost.traffic.0 as f64 / 1e6);
            assert!((found / expected - 1.0).abs() < 0.02, "{name}, {what}: {found}");
        }
        // Where every layer's activations cross main memory in both, convolutions agree; depthwise ones are packed by
        // channels and taps in one and by channels alone in the other.
        let dense = |cost: &Cost| millis(cost, |layer| layer.operator == "conv2d");
        let depthwise = |cost: &Cost| millis(cost, |layer| layer.operator == "depthwise_conv2d");
        assert!((dense(&mapped_cost) / dense(&spilled) - 1.0).abs() < 0.05);
        assert!(depthwise(&mapped_cost) <= depthwise(&spilled));
        assert!(mapped_cost.latency.value.millis() < 1.15 * kept.latency.value.millis());
        // Every layer of a hierarchy begins and ends in main memory.
        assert!(mapped_cost.traffic > kept.traffic);
    }
}

#[test]
fn idle_lanes_are_named() {
    let network = named("mobilenet-v2", 224);
    let note = mapped().cost(&network).unwrap().provenance.note.unwrap();
    assert!(note.contains("of the 1024 multipliers"), "{note}");
    assert!(note.contains("depthwise") && note.contains("keeps 1/3"), "{note}");
    let alone = mapped()
        .without_packing()
        .cost(&network)
        .unwrap()
        .provenance
        .note
        .unwrap();
    assert!(alone.contains("keeps 1/1024"), "{alone}");
    let large = named("vgg-16", 224);
    assert_eq!(mapped().cost(&large).unwrap().provenance.note, None);
}
