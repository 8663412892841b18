//! Several named outputs, and taps.

use panarch_graph::{
    Activation, BatchNorm, Conv2d, GraphError, Linear, Network, NetworkBuilder, NodeId, Op, Output, Shape, Weights,
    fold_batch_norm, folded_structure, fused_layers, stream,
};
use proptest::prelude::*;

use crate::random_network::networks;

/// A backbone whose features are an output, and a head of two results: `classes` from it, `boxes` beside it.
fn two_headed(names: [&str; 3]) -> Network {
    let mut b = NetworkBuilder::new("two heads", Shape::new(3, 8, 8));
    let mut at = b.input();
    for (name, op) in [
        ("conv", Op::Conv2d(Conv2d::square(4, 3, 2))),
        ("bn", Op::BatchNorm(BatchNorm::default())),
        ("relu", Op::Activation(Activation::Relu)),
    ] {
        at = b.add(name, op, &[at]).unwrap();
    }
    let features = at;
    let boxes = b
        .add("boxes", Op::Conv2d(Conv2d::pointwise(6).with_bias(true)), &[features])
        .unwrap();
    let mean = b.add("mean", Op::GlobalAvgPool, &[features]).unwrap();
    let classes = b
        .add("classes", Op::Linear(Linear { out: 5, bias: true }), &[mean])
        .unwrap();
    let nodes = [classes, boxes, features];
    b.finish_with(
        names
            .iter()
            .zip(nodes)
            .map(|(name, node)| Output::new(*name, node))
            .collect(),
    )
    .unwrap()
}

#[test]
fn outputs_come_in_order_with_their_names() {
    let net = two_headed(["classes", "boxes", "features"]);
    let named: Vec<(&str, &str)> = net
        .outputs()
        .iter()
        .map(|output| (output.name.as_str(), net.node(output.node).name.as_str()))
        .collect();
    assert_eq!(
        named,
        [("classes", "classes"), ("boxes", "boxes"), ("features", "relu")]
    );
    assert_eq!(net.output(), net.find("classes").unwrap());
    // 5 classes, 6 values at 16 positions, 4 features at 16.
    assert_eq!(net.output_elements(), 5 + 96 + 64);
    let error = net.sole_output().unwrap_err();
    assert!(matches!(error, GraphError::SeveralOutputs { .. }));
    assert!(error.to_string().contains("`classes`, `boxes`, `features`"), "{error}");
    let again = net.with_input_shape(Shape::new(3, 16, 16)).unwrap();
    assert_eq!(again.outputs(), net.outputs());
}

/// An output lives to the end: the three maps of 4·16 values are alive together with the boxes.
#[test]
fn outputs_are_alive_to_the_end() {
    let net = two_headed(["classes", "boxes", "features"]);
    // image 192 and convolution 64; features 64, boxes 96, mean 4, classes 5.
    assert_eq!(net.peak_activation_elements(), 192 + 64);
    let tapped = net.tapped(&[Output::new("raw", net.find("conv").unwrap())]).unwrap();
    // The convolution is not overwritten by what follows it: raw 64, bn 64 over which relu writes, boxes 96, 4 and 5.
    let late = 64 + 64 + 96 + 4 + 5;
    assert_eq!(tapped.peak_activation_elements(), (192 + 64_u64).max(late));
}

#[test]
fn names_order_and_number_of_outputs_count() {
    let hash = |names| two_headed(names).content_hash();
    let mut hashes = vec![
        hash(["classes", "boxes", "features"]),
        hash(["classes", "boxes", "feature"]),
        hash(["boxes", "classes", "features"]),
        hash(["logits", "boxes", "features"]),
    ];
    let net = two_headed(["classes", "boxes", "features"]);
    let [classes, boxes, features] = net.outputs() else {
        panic!()
    };
    for outputs in [
        vec![boxes.clone(), classes.clone(), features.clone()],
        vec![classes.clone(), boxes.clone()],
        vec![classes.clone()],
        vec![Output::new("logits", classes.node)],
    ] {
        hashes.push(net.with_outputs(&outputs).unwrap().content_hash());
    }
    let count = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
    // The default name is no name.
    let alone = net.with_outputs(&[Output::new(Output::DEFAULT, classes.node)]).unwrap();
    let mut b = NetworkBuilder::new("alone", Shape::new(3, 8, 8));
    let mut at = b.input();
    for node in alone.nodes().iter().skip(1) {
        at = b.add(format!("again {}", node.name), node.op.clone(), &[at]).unwrap();
    }
    assert_eq!(b.finish(at).unwrap().content_hash(), alone.content_hash());
}

#[test]
fn a_network_is_cut_at_what_is_asked_for() {
    let net = two_headed(["classes", "boxes", "features"]);
    let cut = net
        .with_outputs(&[Output::new("features", net.find("relu").unwrap())])
        .unwrap();
    let names: Vec<&str> = cut.nodes().iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["input", "conv", "bn", "relu"]);
    assert!(cut.macs().0 < net.macs().0);
    assert_eq!(cut.sole_output().unwrap(), cut.find("relu").unwrap());
}

/// What is tapped before its batch normalisation is seen as it is: nothing is folded or fused over it.
#[test]
fn nothing_is_folded_or_fused_over_an_output() {
    let net = two_headed(["classes", "boxes", "features"]);
    let raw = net.find("conv").unwrap();
    let tapped = net.tapped(&[Output::new("raw", raw)]).unwrap();
    assert_eq!(tapped.nodes(), net.nodes());
    assert_eq!(folded_structure(&net).nodes().len(), net.nodes().len() - 1);
    assert_eq!(folded_structure(&tapped).nodes().len(), net.nodes().len());
    assert_eq!(fused_layers(&net)[0].nodes.len(), 3);
    assert_eq!(fused_layers(&tapped)[0].nodes, [raw]);
    let (folded, weights) = fold_batch_norm(&net, &Weights::random(&net, &mut stream(1, "outputs", 0))).unwrap();
    weights.check(&folded).unwrap();
    let names: Vec<&str> = folded.outputs().iter().map(|output| output.name.as_str()).collect();
    assert_eq!(names, ["classes", "boxes", "features"]);
    assert_eq!(folded.node(folded.outputs()[2].node).name, "relu");
}

#[test]
fn what_cannot_be_an_output_is_refused_with_its_name() {
    let net = two_headed(["classes", "boxes", "features"]);
    let (conv, relu) = (net.find("conv").unwrap(), net.find("relu").unwrap());
    let refused = |outputs: &[(&str, NodeId)], word: &str| {
        let outputs: Vec<Output> = outputs.iter().map(|(name, node)| Output::new(*name, *node)).collect();
        let error = net.with_outputs(&outputs).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    };
    refused(&[], "needs an output");
    refused(&[("a", conv), ("a", relu)], "`a`: two outputs");
    refused(&[("a", conv), ("b", conv)], "`b`: another output");
    refused(&[("", conv)], "1 to 256 bytes");
    refused(&[("a\nb", conv)], "control");
    refused(&[(&"x".repeat(257), conv)], "1 to 256 bytes");
    refused(&[("a", conv), ("image", NodeId::default())], "`image`: it is the image");
    let other = two_headed(["classes", "boxes", "features"]).ids().next_back().unwrap();
    let small = net.with_outputs(&[Output::new("a", conv)]).unwrap();
    assert!(matches!(
        small.with_outputs(&[Output::new("a", other)]),
        Err(GraphError::UnknownInput { .. })
    ));
}

proptest! {
    /// Every node of a network can be an output, and taking all of them away again gives the network back.
    #[test]
    fn taps_come_and_go(net in networks()) {
        let taps: Vec<Output> = net
            .ids()
            .skip(1)
            .filter(|id| !net.is_output(*id))
            .map(|id| Output::new(format!("tap {id}"), id))
            .collect();
        let tapped = net.tapped(&taps).unwrap();
        prop_assert_eq!(tapped.nodes(), net.nodes());
        prop_assert_eq!(tapped.outputs().len(), net.nodes().len() - 1);
        prop_assert_ne!(tapped.content_hash(), net.content_hash());
        // Nothing is freed but the image.
        let all: u64 = net.ids().map(|id| net.shape(id).elements()).sum();
        prop_assert!(tapped.peak_activation_elements() >= all - net.input_shape().elements());
        prop_assert_eq!(folded_structure(&tapped).nodes().len(), net.nodes().len());
        prop_assert_eq!(&tapped.with_outputs(net.outputs()).unwrap(), &net);
    }
}
