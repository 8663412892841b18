use std::collections::BTreeMap;

use panarch_format::{BatchNormExport, FormatError, OnnxOptions, read_onnx, write_onnx};
use panarch_graph::{Conv2d, Network, NetworkBuilder, Node, Op, Shape, Weights, fold_batch_norm, stream};
use proptest::prelude::*;

use crate::parity;
use crate::random_network::random_network;

fn options(batch_norm: BatchNormExport) -> OnnxOptions {
    OnnxOptions {
        batch_norm,
        ..OnnxOptions::default()
    }
}

fn comes_back(network: &Network, weights: &Weights) {
    let kept = write_onnx(network, weights, &options(BatchNormExport::Kept)).unwrap();
    let read = read_onnx(&kept).unwrap();
    assert_eq!(&read.network, network);
    assert_eq!(&read.weights, weights);
    assert_eq!(read.network.content_hash(), network.content_hash());
    assert_eq!(read.metadata.content_hash, Some(network.content_hash()));
    assert_eq!(
        write_onnx(&read.network, &read.weights, &options(BatchNormExport::Kept)).unwrap(),
        kept
    );

    let folded = write_onnx(network, weights, &options(BatchNormExport::Folded)).unwrap();
    let read = read_onnx(&folded).unwrap();
    let (expected, expected_weights) = fold_batch_norm(network, weights).unwrap();
    assert_eq!(read.network, expected);
    assert_eq!(read.weights, expected_weights);
    assert_eq!(read.metadata.content_hash, Some(network.content_hash()));
    assert_eq!(read.metadata.batch_norm, Some(BatchNormExport::Folded));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_networks_come_back(seed in any::<u64>()) {
        let (network, weights) = random_network(seed);
        comes_back(&network, &weights);
    }
}

#[test]
fn reference_networks_come_back() {
    let Some(folder) = parity::folder() else { return };
    for fixture in parity::fixtures(&folder) {
        let input = fixture.network.input_shape();
        assert_eq!(
            fixture.input.shape[1..],
            [input.channels, input.height, input.width].map(|axis| axis as usize)
        );
        let classes = fixture.network.shape(fixture.network.output()).channels;
        assert_eq!(fixture.logits.shape[1..], [classes as usize]);
        comes_back(&fixture.network, &fixture.weights);
    }
}

#[test]
fn names_blocks_and_properties_survive() {
    let mut builder = NetworkBuilder::new("a name with spaces", Shape::new(1, 4, 4));
    let node = |name: &str, op, inputs, block: &str| Node {
        name: name.to_owned(),
        op,
        inputs,
        block: block.to_owned(),
    };
    let image = builder.push(node("image", Op::Input, vec![], "camera")).unwrap();
    let first = builder
        .push(node("logits", Op::Conv2d(Conv2d::pointwise(2)), vec![image], ""))
        .unwrap();
    let last = builder
        .push(node("input", Op::Flatten, vec![first], "op=swish part"))
        .unwrap();
    let network = builder.finish(last).unwrap();
    let weights = Weights::random(&network, &mut stream(1, "test", 0));
    let options = OnnxOptions {
        batch_norm: BatchNormExport::Kept,
        properties: BTreeMap::from([("classes".to_owned(), "cat,dog".to_owned())]),
    };
    let read = read_onnx(&write_onnx(&network, &weights, &options).unwrap()).unwrap();
    assert_eq!(read.network, network);
    assert_eq!(read.metadata.producer, "panarch");
    assert_eq!(read.metadata.properties["classes"], "cat,dog");
    assert_eq!(read.metadata.properties["panarch.version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn what_cannot_be_written_is_refused() {
    let (network, weights) = random_network(3);
    let reserved = OnnxOptions {
        properties: BTreeMap::from([("panarch.content_hash".to_owned(), "0".to_owned())]),
        ..OnnxOptions::default()
    };
    let error = write_onnx(&network, &weights, &reserved).unwrap_err();
    assert!(matches!(error, FormatError::Metadata { .. }), "{error}");
    let error = write_onnx(&network, &Weights::new(), &OnnxOptions::default()).unwrap_err();
    assert!(matches!(error, FormatError::Graph(_)), "{error}");
    let mut empty = NetworkBuilder::new("empty", Shape::new(1, 2, 2));
    let input = empty.input();
    let empty = empty.finish(input).unwrap();
    let error = write_onnx(&empty, &Weights::new(), &OnnxOptions::default()).unwrap_err();
    assert!(matches!(error, FormatError::Model { .. }), "{error}");
}
