use panarch_format::tflite::{OperatorKind, Ranges, Values, read_structure, write};
use panarch_format::{OnnxOptions, write_onnx};
use panarch_graph::{Weights, stream};
use panarch_space::{Head, Space, zoo};

use crate::pictures::{Workplace, expect};

/// With operators alone that vendors' compilers put on an accelerator.
#[test]
fn every_named_network_has_a_tflite_file() {
    for name in zoo::names() {
        let (space, _) = zoo::member(name).unwrap();
        let network = zoo::network(name, 10, space.default_resolution()).unwrap();
        let structure = read_structure(&write(&network, Values::Seeded(1), &Ranges::plausible()).unwrap()).unwrap();
        assert_eq!(structure.content_hash(), Some(network.content_hash()), "{name}");
        let left_out = |kind: &OperatorKind| matches!(kind, OperatorKind::PadV2 | OperatorKind::Other(..));
        let operators = &structure.graphs[0].operators;
        assert!(!operators.iter().any(|operator| left_out(&operator.kind)), "{name}");
    }
}

#[test]
fn members_of_every_space_have_tflite_files() {
    for name in panarch_space::preset_names() {
        let space = Space::preset(name).unwrap();
        let head = Head {
            classes: 10,
            input_channels: 3,
        };
        // One space has members of a billion parameters.
        let drawn = (0..50).map(|index| {
            let genotype = space.canonical(&space.sample(&mut stream(5, name, index)));
            space.lower(&genotype, head, space.default_resolution()).unwrap()
        });
        let mut written = 0;
        for network in drawn.filter(|it| it.parameter_count() < 60_000_000).take(3) {
            let bytes = write(&network, Values::Seeded(1), &Ranges::plausible()).unwrap();
            let structure = read_structure(&bytes).unwrap();
            assert_eq!(structure.content_hash(), Some(network.content_hash()), "{name}");
            written += 1;
        }
        assert!(written > 0, "{name}");
    }
}

#[test]
fn networks_are_exported_with_and_without_weights() {
    let place = Workplace::new();
    let export = |network: &str, output: &str| {
        let shape = ["--channels", "1", "--classes", "10", "--format", "json"];
        place.panarch(&[&["network", "export", network, "--output", output][..], &shape].concat())
    };
    let member = "multi-hardware-small:mobilenet-v2-like";
    expect(&export(member, "seeded.tflite"), 0);
    let read = |file: &str| read_structure(&std::fs::read(place.path().join(file)).unwrap()).unwrap();
    let seeded = read("seeded.tflite");

    let shape = panarch::lookup::NetworkShape {
        resolution: None,
        channels: 1,
        classes: 10,
    };
    let network = panarch::lookup::network(member, shape).unwrap().network;
    assert_eq!(seeded.content_hash(), Some(network.content_hash()));
    let weights = Weights::random(&network, &mut stream(1, "test", 1));
    let onnx = write_onnx(&network, &weights, &OnnxOptions::default()).unwrap();
    std::fs::write(place.path().join("net.onnx"), onnx).unwrap();
    expect(&export("net.onnx", "given.tflite"), 0);
    let given = read("given.tflite");
    let kinds = |structure: &panarch_format::tflite::Structure| -> Vec<OperatorKind> {
        let operators = &structure.graphs[0].operators;
        operators.iter().map(|operator| operator.kind.clone()).collect()
    };
    assert_eq!(kinds(&given), kinds(&seeded));
    // The engine's ranges, not the plausible ones.
    let scales = |structure: &panarch_format::tflite::Structure| structure.graphs[0].tensors[0].quantisation.clone();
    assert_ne!(scales(&given), scales(&seeded));
    let unknown = export(member, "seeded.pb");
    expect(&unknown, 2);
    let message = String::from_utf8_lossy(&unknown.stderr);
    for exporter in panarch::exporters::EXPORTERS {
        assert!(message.contains(&format!(".{}", exporter.extension)), "{message}");
        let file = format!("any.{}", exporter.extension);
        expect(&export(member, &file), 0);
        assert!(place.path().join(&file).is_file());
    }
    // Drawn weights are those of the seed, and what was written is that network.
    let onnx = panarch_format::read_onnx(&std::fs::read(place.path().join("any.onnx")).unwrap()).unwrap();
    assert_eq!(onnx.network.macs(), network.macs());
    assert_eq!(onnx.network.input_shape(), network.input_shape());
}
