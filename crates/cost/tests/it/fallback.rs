//! Layers that a device lacks: all of them are named, and a fallback runs them.

use panarch_cost::{Cost, CostError, DeviceProfile, Model};
use panarch_graph::{Activation, Conv2d, Network, Op, Shape};
use panarch_space::zoo;

use crate::networks::Sketch;

fn profile(text: &str) -> DeviceProfile {
    DeviceProfile::from_toml("fallback.toml", text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A machine that lacks these operators, with what else is to be changed.
fn lacking(operators: &[&str], further: &str) -> DeviceProfile {
    let all = panarch_cost::Operator::ALL.map(|operator| operator.name());
    let kept: Vec<String> = all
        .iter()
        .filter(|name| !operators.contains(name))
        .map(|name| format!("\"{name}\""))
        .collect();
    profile(&format!(
        "base = \"systolic-32\"\n{further}\n[support]\noperators = [{}]\n",
        kept.join(", ")
    ))
}

fn cost(profile: &DeviceProfile, model: Model, network: &Network) -> Cost {
    let answers = profile.model(model).unwrap().estimate(std::slice::from_ref(network));
    answers
        .into_iter()
        .next()
        .unwrap()
        .unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(profile: &DeviceProfile, network: &Network) -> CostError {
    profile
        .model(Model::Analytic)
        .unwrap()
        .check_support(network)
        .unwrap_err()
}

#[test]
fn all_layers_that_a_device_lacks_are_named_at_once() {
    let network = zoo::network("mobilenet-v3-large", 1000, 224).unwrap();
    let error = refusal(&lacking(&["hard_swish", "global_avg_pool", "mul"], ""), &network);
    let CostError::Unsupported { refused, .. } = &error else {
        panic!("{error}")
    };
    let operators: Vec<&str> = refused.iter().map(|it| it.operator.as_str()).collect();
    assert_eq!(operators, ["hard_swish", "global_avg_pool", "mul"]);
    assert_eq!(refused.layers(), refused.iter().map(|it| it.count).sum::<usize>());
    assert!(
        refused.iter().all(|it| it.layers.len() == it.count.min(3)),
        "{refused:?}"
    );
    let text = error.to_string();
    assert!(
        text.starts_with("`fallback` cannot run ") && text.contains(", …): the profile does not list the operator"),
        "{text}"
    );
    assert!(text.len() < 1500, "{text}");
    let answers = lacking(&["hard_swish", "global_avg_pool", "mul"], "")
        .model(Model::Cycle)
        .unwrap()
        .estimate(std::slice::from_ref(&network));
    assert_eq!(answers[0].as_ref().unwrap_err(), &error);
}

#[test]
fn a_fallback_that_is_not_needed_changes_nothing() {
    let network = zoo::network("mobilenet-v2", 1000, 224).unwrap();
    for model in [Model::Analytic, Model::Cycle] {
        let with = cost(&lacking(&[], "fallback = \"cortex-a53\""), model, &network);
        let without = cost(&lacking(&[], ""), model, &network);
        assert_eq!(with.latency, without.latency);
        assert_eq!(
            (with.traffic, with.energy, with.fixed),
            (without.traffic, without.energy, without.fixed)
        );
        assert!(with.provenance.note.is_none());
        assert!(
            with.per_layer
                .iter()
                .all(|row| row.device.as_deref() == Some("fallback"))
        );
    }
}

/// Convolutions, of which the two in the middle are grouped.
fn chain() -> Network {
    let (mut sketch, input) = Sketch::new("chain", Shape::new(16, 32, 32), Activation::Relu);
    let grouped = || {
        let mut conv = Conv2d::square(16, 3, 1);
        conv.groups = 4;
        Op::Conv2d(conv)
    };
    let conv = || Op::Conv2d(Conv2d::square(16, 3, 1));
    let first = sketch.add(conv(), &[input]);
    let second = sketch.add(grouped(), &[first]);
    let third = sketch.add(grouped(), &[second]);
    let last = sketch.add(conv(), &[third]);
    sketch.finish(last)
}

#[test]
fn consecutive_layers_are_carried_there_and_back_once() {
    let network = chain();
    for (link, rate) in [("", 12.8e9), ("[memory]\nhost_link_bytes_per_s = \"1 GB/s\"\n", 1e9)] {
        let further = format!("fallback = \"cortex-a53\"\n{link}");
        let device = lacking(&["grouped_conv2d"], &further);
        for model in [Model::Analytic, Model::Cycle] {
            let cost = cost(&device, model, &network);
            let ran: Vec<&str> = cost.per_layer.iter().filter_map(|row| row.device.as_deref()).collect();
            assert_eq!(ran, ["fallback", "cortex-a53", "cortex-a53", "fallback"]);
            let sizes: Vec<f64> = network.ids().map(|id| network.shape(id).elements() as f64).collect();
            let carried = [0.0, sizes[1], 0.0, sizes[3]].map(|bytes| bytes / rate);
            for (row, carried) in cost.per_layer.iter().zip(carried) {
                assert!(row.latency.seconds() >= carried, "{row:?}");
                assert!(
                    row.attribution.activations.seconds() >= carried * (1.0 - 1e-9),
                    "{row:?}"
                );
            }
            let sum: f64 = cost.per_layer.iter().map(|row| row.latency.seconds()).sum();
            let total = cost.latency.value.seconds();
            assert!((sum + cost.fixed.seconds() - total).abs() < 1e-9 * total);
            assert!(cost.latency.low < cost.latency.value && cost.latency.value < cost.latency.high);
            let note = cost.provenance.note.unwrap();
            assert!(
                note.contains("2 of 4 layers run on its fallback cortex-a53 (grouped_conv2d); 2 transfers"),
                "{note}"
            );
            // The host's own time for its layers is what it says of them alone.
            let host = DeviceProfile::preset("cortex-a53").unwrap();
            let alone: f64 = self::cost(&host, model, &network).per_layer[1..3]
                .iter()
                .map(|row| row.latency.seconds())
                .sum();
            let here: f64 = cost.per_layer[1..3]
                .iter()
                .map(|row| row.latency.seconds())
                .sum::<f64>()
                - carried[1];
            assert!((here / alone - 1.0).abs() < 0.2, "{here} {alone}");
            assert!(cost.energy.is_none(), "nobody knows the host's");
        }
    }
}

#[test]
fn a_slower_link_and_a_slower_host_are_never_faster() {
    let network = zoo::network("mobilenet-v3-small", 1000, 224).unwrap();
    let time = |link: &str, host: &str| {
        let further = format!("fallback = \"{host}\"\n[memory]\nhost_link_bytes_per_s = \"{link}\"\n");
        cost(&lacking(&["hard_swish"], &further), Model::Analytic, &network)
            .latency
            .value
    };
    assert!(time("1 GB/s", "cortex-a53") < time("100 MB/s", "cortex-a53"));
    assert!(time("1 GB/s", "mobile-cpu") < time("1 GB/s", "cortex-a53"));
}

#[test]
fn an_activation_goes_without_its_convolution() {
    let (mut sketch, input) = Sketch::new("split", Shape::new(8, 16, 16), Activation::HardSwish);
    let conv = sketch.conv(input, Conv2d::square(8, 3, 1));
    let last = sketch.add(Op::Conv2d(Conv2d::square(8, 1, 1)), &[conv]);
    let network = sketch.finish(last);
    let device = lacking(&["hard_swish"], "fallback = \"cortex-a53\"");
    let cost = cost(&device, Model::Analytic, &network);
    let rows: Vec<(&str, Option<&str>)> = cost
        .per_layer
        .iter()
        .map(|row| (row.operator.as_str(), row.device.as_deref()))
        .collect();
    assert_eq!(
        rows,
        [
            ("conv2d", Some("fallback")),
            ("hard_swish", Some("cortex-a53")),
            ("conv2d", Some("fallback"))
        ]
    );
    assert_eq!(
        cost.per_layer.iter().map(|row| row.macs).sum::<panarch_graph::Macs>(),
        network.macs()
    );
    // The device is called a second time.
    let call = device.accelerator().unwrap().overhead.inference_s.value;
    assert!(cost.per_layer[2].attribution.issue.seconds() >= call);
}

#[test]
fn what_neither_runs_is_refused_with_both_names() {
    let network = zoo::network("mobilenet-v3-small", 1000, 224).unwrap();
    let host = "base = \"cortex-a53\"\nname = \"little\"\n[support]\noperators = [\"conv2d\"]\n";
    let text = "base = \"systolic-32\"\nname = \"chip\"\nfallback = \"./little.toml\"\n[support]\noperators = [\"conv2d\", \"relu\"]\n";
    let device = DeviceProfile::read("chip.toml", text, &|_| Ok(host.to_owned()))
        .unwrap_or_else(|problems| panic!("{problems}"));
    let error = refusal(&device, &network).to_string();
    assert!(
        error.starts_with("`chip` and its fallback `little` cannot run "),
        "{error}"
    );
    assert!(
        error.contains("depthwise_conv2d") && error.contains("hard_swish"),
        "{error}"
    );
}

#[test]
fn everything_may_run_on_the_host_and_a_hierarchy_may_have_one() {
    let network = chain();
    let device = lacking(&["conv2d", "grouped_conv2d"], "fallback = \"cortex-a53\"");
    let all = cost(&device, Model::Analytic, &network);
    let host = cost(&DeviceProfile::preset("cortex-a53").unwrap(), Model::Analytic, &network);
    let rows = |cost: &Cost| cost.per_layer.iter().map(|row| row.latency.seconds()).sum::<f64>();
    assert!((rows(&all) / rows(&host) - 1.0).abs() < 1e-9);
    let text = "base = \"zigzag-edge-tpu\"\nfallback = \"cortex-a53\"\n[support]\noperators = [\"conv2d\"]\n";
    let source = profile(text).cost_source().unwrap();
    let cost = source.estimate(std::slice::from_ref(&network)).remove(0).unwrap();
    let ran: Vec<&str> = cost.per_layer.iter().filter_map(|row| row.device.as_deref()).collect();
    assert_eq!(ran, ["fallback", "cortex-a53", "cortex-a53", "fallback"]);
}
