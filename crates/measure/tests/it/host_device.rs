use std::sync::Arc;

use panarch_cost::{CostError, CostSource, DeviceProfile};
use panarch_graph::{Conv2d, Network, NetworkBuilder, Op, ProvenanceKind, Shape};
use panarch_measure::{HostDevice, Machine, MeasureError, Protocol, RtenRuntime};

use crate::random_network::random_network;

fn host() -> HostDevice {
    let protocol = Protocol::new(2, 30, 3).unwrap();
    HostDevice::new("host", Arc::new(RtenRuntime::new(1)), protocol)
}

fn convolution(channels: u32) -> Network {
    let mut builder = NetworkBuilder::new("convolution", Shape::new(channels, 16, 16));
    let input = builder.input();
    let conv = builder
        .add("conv", Op::Conv2d(Conv2d::square(channels, 3, 1)), &[input])
        .unwrap();
    builder.finish(conv).unwrap()
}

#[test]
fn costs_are_measured_finite_and_say_where_they_come_from() {
    let host = host();
    let mut empty = NetworkBuilder::new("empty", Shape::new(1, 2, 2));
    let input = empty.input();
    let empty = empty.finish(input).unwrap();
    let networks = [convolution(8), empty, random_network(2).0, convolution(64)];
    let costs = host.estimate(&networks);
    assert_eq!(costs.len(), networks.len());
    for index in [0, 2, 3] {
        let cost = costs[index].as_ref().unwrap();
        let latency = cost.latency;
        assert!(latency.low.seconds() > 0.0 && latency.low <= latency.value && latency.value <= latency.high);
        assert!(latency.high.seconds().is_finite());
        assert!(cost.fixed <= latency.value && cost.fixed.seconds() > 0.0);
        assert!((0.0..=1.0).contains(&cost.utilisation));
        assert_eq!(cost.peak_memory.0, networks[index].peak_activation_elements() * 4);
        assert!(cost.per_layer.is_empty() && cost.energy.is_none());
        assert_eq!(cost.provenance.kind, ProvenanceKind::Measured);
        assert_eq!(
            (cost.provenance.tool.as_str(), cost.provenance.repeats),
            ("rten", Some(30))
        );
        let note = cost.provenance.note.as_deref().unwrap();
        assert!(
            note.contains(&Machine::detect().cpu) && note.contains("1 thread;"),
            "{note}"
        );
    }
    // A network that cannot be exported spoils no other.
    let error = costs[1].as_ref().unwrap_err();
    assert!(
        matches!(error, CostError::Failed { device, .. } if device == "host"),
        "{error}"
    );
    // Calibration and three networks, 3 rounds each.
    let readings = host.readings();
    assert_eq!(readings.len(), 2 * 3 + 3 * 3);
    assert!(readings.spread() >= 0.0 && readings.latency().unwrap().value.seconds() > 0.0);
    assert_eq!(host.scale().unwrap(), host.scale().unwrap());
}

#[test]
fn own_weights_are_measured_too() {
    let (network, weights) = random_network(9);
    let costs = host().estimate_with_weights(&[(&network, &weights), (&network, &Default::default())]);
    let note = costs[0].as_ref().unwrap().provenance.note.clone().unwrap();
    assert!(note.contains("own weights"), "{note}");
    assert!(costs[1].as_ref().unwrap_err().to_string().contains("no tensor"));
}

#[test]
fn the_protocols_hash_knows_parameters_runtime_and_machine() {
    let machine = Machine::detect();
    let rten = RtenRuntime::new(1);
    let protocol = Protocol::default();
    let anchor = convolution(8);
    let hash = protocol.hash(&anchor, &rten, &machine);
    assert_eq!(protocol.hash(&anchor, &RtenRuntime::new(1), &machine.clone()), hash);
    assert_ne!(protocol.hash(&convolution(16), &rten, &machine), hash);
    assert_ne!(protocol.hash(&anchor, &RtenRuntime::new(2), &machine), hash);
    assert_ne!(
        Protocol::new(10, 51, Protocol::ROUNDS)
            .unwrap()
            .hash(&anchor, &rten, &machine),
        hash
    );
    let other = Machine {
        cpu: "another".to_owned(),
        ..machine
    };
    assert_ne!(protocol.hash(&anchor, &rten, &other), hash);
}

#[test]
fn profiles_choose_the_runtime() {
    let preset = DeviceProfile::preset("host").unwrap();
    let host = HostDevice::from_profile(&preset, Protocol::default()).unwrap();
    assert_eq!(
        (host.device(), host.runtime().name(), host.runtime().threads()),
        ("host", "rten", 1)
    );
    let text = |precision: &str, batch: u32, runtime: &str| {
        format!(
            "format = 1\nname = \"x\"\ndescription = \"x\"\nclass = \"micro\"\nkind = \"measured\"\nprecision = \"{precision}\"\n\
             batch = {batch}\n[measured]\nruntime = \"{runtime}\"\nthreads = 2\n"
        )
    };
    let from_text = |text: String| {
        HostDevice::from_profile(&DeviceProfile::from_toml("x.toml", &text).unwrap(), Protocol::default()).err()
    };
    assert!(from_text(text("f32", 1, "rten")).is_none());
    assert!(matches!(
        from_text(text("int8", 1, "rten")),
        Some(MeasureError::Precision { .. })
    ));
    assert!(matches!(
        from_text(text("f32", 4, "rten")),
        Some(MeasureError::Batch { batch: 4, .. })
    ));
    assert!(matches!(
        from_text(text("f32", 1, "rtn")),
        Some(MeasureError::UnknownRuntime { .. })
    ));
    let model = DeviceProfile::preset("ethos-u55-128").unwrap();
    let error = HostDevice::from_profile(&model, Protocol::default()).err().unwrap();
    assert!(matches!(error, MeasureError::NotMeasured { .. }), "{error}");
}
