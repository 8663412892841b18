//! Several outputs.

use super::*;

/// A head for classes and one for boxes, and the features between them.
fn two_heads(outputs: &[&str]) -> ModelProto {
    let mut model = model(
        vec![
            node("Conv", &["x", "w"], "features", Vec::new()),
            node("Relu", &["features"], "relu", Vec::new()),
            node("Conv", &["relu", "v"], "boxes", Vec::new()),
            node("GlobalAveragePool", &["relu"], "mean", Vec::new()),
            node("Flatten", &["mean"], "classes", Vec::new()),
            node("Softmax", &["classes"], "shares", Vec::new()),
            node("Identity", &["boxes"], "boxes again", Vec::new()),
        ],
        vec![weight(), from_f32("v", &[5, 4, 1, 1], &[0.25; 20])],
    );
    let graph = model.graph.as_mut().unwrap();
    graph.output = outputs.iter().map(|name| value(name, &[0])).collect();
    model
}

#[test]
fn several_outputs_come_by_name_and_in_order() {
    let network = read(&two_heads(&["shares", "boxes", "features"])).unwrap().network;
    let found: Vec<(&str, &str, String)> = network
        .outputs()
        .iter()
        .map(|output| {
            let node = network.node(output.node);
            (
                output.name.as_str(),
                node.name.as_str(),
                network.shape(output.node).to_string(),
            )
        })
        .collect();
    assert_eq!(found.len(), 3);
    assert_eq!((found[0].0, found[0].2.as_str()), ("shares", "4×1×1"));
    assert_eq!((found[1].0, found[1].1), ("boxes", "boxes"));
    assert_eq!((found[2].0, found[2].1), ("features", "features"));
    // What is asked for in the middle stays as it is: the activation is a node of its own beside it.
    assert_eq!(network.consumers(network.find("features").unwrap()).len(), 1);
    assert!(network.find("relu").is_some());
    // A single output has no name of its own, so that what it is called makes no other network.
    let alone = read(&two_heads(&["boxes"])).unwrap().network;
    assert_eq!(alone.outputs()[0].name, panarch_graph::Output::DEFAULT);
    assert_eq!(
        alone.content_hash(),
        read(&two_heads(&["boxes again"])).unwrap().network.content_hash()
    );
}

#[test]
fn outputs_that_cannot_be_told_apart_are_refused_by_name() {
    for (outputs, word) in [
        (&["boxes", "boxes"][..], "`boxes`: two outputs have this name"),
        (
            &["boxes", "boxes again"],
            "`boxes again`: another output is the same node's value",
        ),
        (&["shares", "nowhere"], "no node computes the output `nowhere`"),
        (&["shares", "x"], "`x`: it is the image itself"),
        (&[], "needs an output"),
    ] {
        let error = read(&two_heads(outputs)).unwrap_err().to_string();
        assert!(error.contains(word), "{outputs:?}: {error}");
    }
}
