//! Networks and profiles in SCALE-Sim's words.

use panarch_cost::scalesim::{Configuration, Topology, configuration_of, topology_of};
use panarch_cost::{CostError, DeviceProfile, preset_names};
use panarch_graph::{Conv2d, Linear, NetworkBuilder, Op, Shape};
use panarch_space::zoo;

#[test]
fn a_topology_keeps_every_multiply_accumulate() {
    for name in zoo::names() {
        let network = zoo::network(name, 1000, 224).unwrap();
        let exported = topology_of(&network);
        let read = Topology::read("t.csv", &exported.value.to_csv()).unwrap();
        assert_eq!(read.value, exported.value, "{name}");
        let layers = read.value.layers().unwrap();
        let macs: u64 = layers
            .iter()
            .map(|layer| layer.gemm.macs().0 * u64::from(layer.repeats))
            .sum();
        let ours: u64 = network
            .ids()
            .filter(|id| matches!(network.node(*id).op, Op::Conv2d(_) | Op::Linear(_)))
            .map(|id| network.node_macs(id).0)
            .sum();
        assert_eq!(macs, ours, "{name}");
    }
}

#[test]
fn mobilenet_v2_is_the_published_table() {
    let Some(text) = panarch_testkit::reference_text("scalesim/topologies/mobilenet_v2.csv") else {
        return;
    };
    let unnamed = |topology: Topology| match topology {
        Topology::Convolutions(rows) => rows
            .into_iter()
            .map(|mut row| {
                row.name = if row.is_depthwise() { "DP" } else { "" }.to_owned();
                row
            })
            .collect::<Vec<_>>(),
        Topology::Gemms(_) => unreachable!("a table of convolutions"),
    };
    let theirs = unnamed(Topology::read("mobilenet_v2.csv", &text).unwrap().value);
    let ours = unnamed(topology_of(&zoo::network("mobilenet-v2", 1000, 224).unwrap()).value);
    assert_eq!(ours, theirs);
}

#[test]
fn what_cannot_be_said_is_noted() {
    let mut builder = NetworkBuilder::new("odd", Shape::new(8, 33, 33));
    let input = builder.input();
    let uneven = Conv2d {
        stride: [1, 2],
        ..Conv2d::square(8, 3, 1)
    };
    let uneven = builder.add("UDP", Op::Conv2d(uneven), &[input]).unwrap();
    let dilated = Conv2d {
        dilation: [2, 2],
        ..Conv2d::square(8, 3, 1)
    };
    let dilated = builder.add("dilated", Op::Conv2d(dilated), &[uneven]).unwrap();
    let grouped = Conv2d::square(16, 3, 2).with_groups(4).with_bias(true);
    let grouped = builder.add("grouped", Op::Conv2d(grouped), &[dilated]).unwrap();
    let pooled = builder.add("pool", Op::GlobalAvgPool, &[grouped]).unwrap();
    let linear = Linear { out: 10, bias: false };
    let linear = builder.add("fc", Op::Linear(linear), &[pooled]).unwrap();
    let network = builder.finish(linear).unwrap();
    let exported = topology_of(&network);
    let layers = exported.value.layers().unwrap();
    let macs: u64 = layers.iter().map(|layer| layer.gemm.macs().0).sum();
    assert_eq!(macs, network.macs().0);
    assert_eq!(layers.len(), 2 + 4 + 1);
    assert!(layers.iter().all(|layer| layer.repeats == 1));
    let notes = exported.notes.join("\n");
    for word in [
        "strides 1 and 2",
        "written as Udp",
        "dilation",
        "4 groups",
        "1 × global_avg_pool",
        "biases of 1",
    ] {
        assert!(notes.contains(word), "no `{word}` in\n{notes}");
    }
}

#[test]
fn profiles_become_configurations() {
    for name in preset_names() {
        let profile = DeviceProfile::preset(name).unwrap();
        match configuration_of(&profile) {
            Ok(written) => {
                let read = Configuration::read("c.cfg", &written.value.to_cfg()).unwrap();
                assert_eq!((read.value, read.notes), (written.value, Vec::new()), "{name}");
                assert!(written.notes.len() >= 3, "{name}");
            }
            Err(error) => {
                assert!(
                    matches!(
                        error,
                        CostError::Measured { .. }
                            | CostError::Command { .. }
                            | CostError::EthosU { .. }
                            | CostError::Hierarchy { .. }
                    ),
                    "{error}"
                );
                assert!(profile.accelerator().is_none());
            }
        }
    }
}
