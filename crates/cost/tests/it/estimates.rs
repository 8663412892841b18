//! Costs of small networks that can be worked out by hand.

use panarch_cost::{AnalyticModel, Bound, Cost, CostError, DeviceProfile};
use panarch_graph::{Activation, Conv2d, Network, Op, Shape};

use crate::networks::{Sketch, mobilenet_v2, named};
use crate::variant;

fn one(op: Op, input: Shape) -> Network {
    let (mut sketch, x) = Sketch::new("one", input, Activation::Relu);
    let y = sketch.add(op, &[x]);
    sketch.finish(y)
}

/// A figure and its other value.
type Change = (&'static str, &'static str);

/// Ethos-U55-128 with what is read off data set to plain values.
fn plain() -> Vec<Change> {
    vec![
        ("clock.frequency_hz", "1e6"),
        ("array.startup_cycles", "0"),
        ("array.utilisation", "1"),
        ("overhead.inference_s", "1"),
    ]
}

fn compute_cycles(network: &Network, changes: &[Change]) -> f64 {
    let changes: Vec<_> = plain().into_iter().chain(changes.iter().copied()).collect();
    let cost = variant::model("ethos-u55-128", &changes).cost(network).unwrap();
    cost.per_layer[0].compute.seconds() * 1e6
}

#[test]
fn arithmetic_of_single_layers() {
    let conv = |conv: Conv2d| Op::Conv2d(conv);
    let image = Shape::new(16, 8, 8);
    let fast_output = ("array.output_elements_per_cycle", "1e9");
    // (operator, changes, cycles)
    let cases: Vec<(Op, Vec<Change>, f64)> = vec![
        // 32 filters: 4 column blocks; 16 of 32 channels used: 1 row block of 4 cycles; 8 × 4 positions.
        (conv(Conv2d::pointwise(32)), vec![fast_output], 4.0 * 4.0 * 32.0),
        // The output stage takes 2 results a cycle, which is slower.
        (conv(Conv2d::pointwise(32)), vec![], 2048.0 / 2.0),
        // 3×3: 9 taps of 32 channels cost 36 cycles, 3 granules of 4 taps times 2 of 8 channels 24.
        (conv(Conv2d::square(8, 3, 1)), vec![], 24.0 * 32.0),
        // Four positions only: loading the next weights (32 cycles) takes longer than working on them (2 · 4).
        (conv(Conv2d::square(8, 1, 4)), vec![], 32.0),
        // Depthwise: 2 blocks of 8 channels, 9 taps rounded up to 12.
        (conv(Conv2d::depthwise(16, 3, 1)), vec![], 2.0 * 12.0 * 32.0),
        // The same channel by channel: 16 groups, each 3 granules of 4 cycles.
        (
            conv(Conv2d::depthwise(16, 3, 1)),
            vec![("depthwise.mapping", "\"per_channel\"")],
            16.0 * 12.0 * 32.0,
        ),
        // Packed: 8 channels at once, 9 taps.
        (
            conv(Conv2d::depthwise(16, 3, 1)),
            vec![("depthwise.mapping", "\"channel_packed\"")],
            2.0 * 9.0 * 32.0,
        ),
        // On the vector unit: 1024 elements, 9 taps of a quarter pass.
        (
            conv(Conv2d::depthwise(16, 3, 1)),
            vec![("depthwise.mapping", "\"vector_unit\"")],
            1024.0 * 9.0 / 4.0,
        ),
        // Two groups of 8 channels: each one granule of 4 cycles and one column block.
        (
            conv(Conv2d::pointwise(16).with_groups(2)),
            vec![fast_output],
            2.0 * 4.0 * 32.0,
        ),
        // 64 positions averaged for each of 16 channels: 2 blocks of 16 granules; loading (32) rules.
        (Op::GlobalAvgPool, vec![], 2.0 * 16.0 * 32.0),
        (Op::Flatten, vec![], 0.0),
    ];
    for (op, changes, expected) in cases {
        let found = compute_cycles(&one(op.clone(), image), &changes);
        assert!(
            (found - expected).abs() < 1e-6,
            "{op:?} {changes:?}: {found} cycles, expected {expected}"
        );
    }
}

#[test]
fn movement_streams_what_does_not_fit() {
    // VGG16 has 138 M weights of one byte: all of them stream on a device without a weight cache.
    let network = named("vgg-16", 224);
    let cost = |changes: &[(&str, &str)]| variant::model("edgetpu-coral", changes).cost(&network).unwrap();
    let parameters = network.parameter_count() as f64;
    let none = cost(&[("memory.weight_cache_bytes", "0"), ("memory.channel_side_bytes", "1")]);
    let image_and_result = (3 * 224 * 224 + 1000) as f64;
    assert!((none.traffic.0 as f64 - parameters - image_and_result).abs() < 0.001 * parameters);
    let all = cost(&[
        ("memory.weight_cache_bytes", "1e9"),
        ("memory.activation_bytes", "1e9"),
        ("memory.channel_side_bytes", "1"),
    ]);
    assert_eq!(all.traffic.0 as f64, image_and_result);
    let ends = |cost: &Cost| {
        cost.per_layer
            .iter()
            .filter(|layer| layer.bound == Bound::Movement)
            .count()
    };
    assert!(ends(&all) < ends(&none));
    // With 1 MB for activations the first maps, 3.2 MB each, leave the chip.
    let small = cost(&[("memory.activation_bytes", "1e6"), ("memory.shared", "false")]);
    assert!(small.traffic.0 > cost(&[("memory.shared", "false")]).traffic.0 + 6_000_000);
    assert_eq!(
        small.peak_memory.0,
        2 * 64 * 224 * 224,
        "two maps of 64 channels, one byte a value"
    );
}

#[test]
fn a_batch_shares_the_reading_of_weights() {
    let text = |batch: &str| {
        let text = variant::text(
            "ascend-310",
            &[("memory.activation_bytes", "1e12"), ("memory.weight_cache_bytes", "0")],
        );
        let model = |text: &str| AnalyticModel::new(DeviceProfile::from_toml("x", text).unwrap()).unwrap();
        model(&text.replace("batch = 16", batch)).cost(&mobilenet_v2()).unwrap()
    };
    let (alone, shared) = (text("batch = 1"), text("batch = 16"));
    // Image and result cross the border with every image, two bytes a value.
    let weights = |cost: &Cost| cost.traffic.0 as f64 - 2.0 * (3 * 224 * 224 + 1000) as f64;
    assert!((weights(&alone) / weights(&shared) - 16.0).abs() < 0.01);
    assert!(shared.latency.value.seconds() < alone.latency.value.seconds());
    assert_eq!((alone.provenance.batch, shared.provenance.batch), (1, 16));
}

#[test]
fn energy_counts_accesses_where_there_are_figures() {
    let figure = |key: &str, value: &str| format!("{key} = {{ value = {value}, assumption = \"a test\" }}\n");
    let mut text = variant::text("cube-16", &[]);
    text.push_str("\n[energy]\n");
    for (key, value) in [
        ("mac_j", "1e-12"),
        ("on_chip_byte_j", "0"),
        ("off_chip_byte_j", "0"),
        ("static_w", "0.5"),
    ] {
        text.push_str(&figure(key, value));
    }
    let model = AnalyticModel::new(DeviceProfile::from_toml("x", &text).unwrap()).unwrap();
    let network = mobilenet_v2();
    let cost = model.cost(&network).unwrap();
    let energy = cost.energy.expect("the profile has figures");
    let expected = network.macs().0 as f64 * 1e-12 + cost.latency.value.seconds() * 0.5;
    assert!((energy.value.joules() / expected - 1.0).abs() < 1e-9);
    assert!(energy.low < energy.value && energy.value < energy.high);
}

#[test]
fn an_operator_that_a_device_cannot_run_is_named_with_its_layer() {
    let model = AnalyticModel::new(DeviceProfile::preset("edgetpu-coral").unwrap()).unwrap();
    let (mut sketch, x) = Sketch::new("gated", Shape::new(8, 8, 8), Activation::HardSwish);
    let y = sketch.conv(x, Conv2d::pointwise(16));
    let hard_swish = sketch.finish(y);
    let grouped = one(Op::Conv2d(Conv2d::pointwise(8).with_groups(2)), Shape::new(8, 8, 8));
    let huge = one(Op::Conv2d(Conv2d::square(8, 65, 1)), Shape::new(8, 8, 8));
    for (network, layer, operator) in [
        (&hard_swish, "n1.conv2d", "hard_swish"),
        (&grouped, "n1.conv2d", "grouped_conv2d"),
        (&huge, "n1.conv2d", "conv2d"),
    ] {
        assert_eq!(
            model.check_support(network).unwrap_err(),
            model.cost(network).unwrap_err()
        );
        match model.cost(network) {
            Err(CostError::Unsupported { device, refused }) => {
                let first = refused.first();
                assert_eq!(
                    (device.as_str(), first.layers[0].as_str(), first.operator.as_str()),
                    ("edgetpu-coral", layer, operator)
                );
                assert!(!first.reason.is_empty());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_cost_survives_json_and_names_its_units() {
    let model = AnalyticModel::new(DeviceProfile::preset("cube-16").unwrap()).unwrap();
    let cost = model.cost(&mobilenet_v2()).unwrap();
    let json = serde_json::to_string(&cost).unwrap();
    for key in [
        "latency_s",
        "fixed_s",
        "traffic_bytes",
        "peak_memory_bytes",
        "compute_s",
        "movement_s",
    ] {
        assert!(json.contains(&format!("\"{key}\"")), "{key}");
    }
    assert_eq!(serde_json::from_str::<Cost>(&json).unwrap(), cost);
    let extra = json.replacen("\"fixed_s\"", "\"fixed\":0,\"fixed_s\"", 1);
    assert!(
        serde_json::from_str::<Cost>(&extra).is_err(),
        "unknown fields are refused"
    );
}
