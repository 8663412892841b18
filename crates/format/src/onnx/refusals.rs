//! What the reader refuses, by editing the messages of a good file.

use panarch_graph::{
    Activation, BatchNorm, Conv2d, Linear, Network, NetworkBuilder, Op, Padding, Pool, PoolKind, Shape, Weights, stream,
};
use prost::Message;

use super::messages::{EXTERNAL, ModelProto, NodeProto, StringStringEntryProto, TensorProto};
use super::{BatchNormExport, OnnxOptions, read_onnx, write_onnx};
use crate::FormatError;

fn network() -> Network {
    let mut builder = NetworkBuilder::new("small", Shape::new(2, 6, 6));
    let mut last = builder.input();
    let pool = Pool {
        kind: PoolKind::Average,
        kernel: [2, 2],
        stride: [2, 2],
        padding: Padding::both([1, 1]),
        ceil: true,
        count_padding: true,
    };
    for (name, op) in [
        ("conv", Op::Conv2d(Conv2d::square(4, 3, 1).with_groups(2))),
        ("bn", Op::BatchNorm(BatchNorm::default())),
        ("relu6", Op::Activation(Activation::Relu6)),
        ("swish", Op::Activation(Activation::Swish)),
        ("gate", Op::Activation(Activation::HardSigmoid)),
        ("pool", Op::Pool(pool)),
        ("mean", Op::GlobalAvgPool),
        ("linear", Op::Linear(Linear { out: 3, bias: true })),
    ] {
        last = builder.add(name, op, &[last]).unwrap();
    }
    builder.finish(last).unwrap()
}

/// Writes the network, edits the file, and says how reading fails.
fn refusal(edit: impl FnOnce(&mut ModelProto)) -> FormatError {
    let network = network();
    let weights = Weights::random(&network, &mut stream(7, "refusals", 0));
    let options = OnnxOptions {
        batch_norm: BatchNormExport::Kept,
        ..OnnxOptions::default()
    };
    let mut model = ModelProto::decode(&write_onnx(&network, &weights, &options).unwrap()[..]).unwrap();
    edit(&mut model);
    read_onnx(&model.encode_to_vec()).unwrap_err()
}

fn node<'a>(model: &'a mut ModelProto, name: &str) -> &'a mut NodeProto {
    let nodes = &mut model.graph.as_mut().unwrap().node;
    nodes
        .iter_mut()
        .find(|node| node.name.as_deref() == Some(name))
        .unwrap()
}

fn tensor<'a>(model: &'a mut ModelProto, name: &str) -> &'a mut TensorProto {
    let tensors = &mut model.graph.as_mut().unwrap().initializer;
    tensors
        .iter_mut()
        .find(|tensor| tensor.name.as_deref() == Some(name))
        .unwrap()
}

fn set_ints(model: &mut ModelProto, name: &str, attribute: &str, ints: &[i64]) {
    let attributes = &mut node(model, name).attribute;
    let found = attributes
        .iter_mut()
        .find(|found| found.name.as_deref() == Some(attribute))
        .unwrap();
    found.ints = ints.to_vec();
    found.i = ints.first().copied();
}

#[test]
fn an_unknown_operator_is_named_with_its_node() {
    let error = refusal(|model| node(model, "gate").op_type = Some("Softplus".to_owned()));
    assert!(
        matches!(&error, FormatError::UnsupportedOperator { node, operator } if node == "gate" && operator == "Softplus")
    );
    let error = refusal(|model| node(model, "gate").domain = Some("com.vendor".to_owned()));
    assert!(
        matches!(&error, FormatError::UnsupportedOperator { operator, .. } if operator == "com.vendor.HardSigmoid")
    );
}

#[test]
fn attributes_that_would_change_the_result_are_refused() {
    let cases: [(&str, &str, &[i64]); 9] = [
        ("conv", "pads", &[1, 1, -1, 1]),
        ("conv", "pads", &[1, 1]),
        ("conv", "strides", &[0, 1]),
        ("conv", "strides", &[1, i64::MAX]),
        ("conv", "kernel_shape", &[5, 5]),
        ("conv", "group", &[-1]),
        ("pool", "ceil_mode", &[2]),
        ("pool", "count_include_pad", &[-1]),
        ("linear", "transB", &[0]),
    ];
    for (name, attribute, ints) in cases {
        let error = refusal(|model| set_ints(model, name, attribute, ints));
        let expected = format!("attribute `{attribute}`");
        let text = error.to_string();
        assert!(matches!(error, FormatError::Attribute { .. }), "{text}");
        assert!(text.contains(name) && text.contains(&expected), "{text}");
    }
    let error = refusal(|model| node(model, "gate").attribute.clear());
    assert!(error.to_string().contains("alpha"), "{error}");
    let error = refusal(|model| {
        let extra = node(model, "conv").attribute[0].clone();
        node(model, "relu6").attribute.push(extra);
    });
    assert!(error.to_string().contains("`relu6` (Clip)"), "{error}");
}

#[test]
fn tensors_are_checked_against_the_graph() {
    type Edit = fn(&mut ModelProto);
    let cases: [(Edit, &str); 8] = [
        (
            |model| tensor(model, "conv.weight").data_location = Some(EXTERNAL),
            "another file",
        ),
        (
            |model| tensor(model, "conv.weight").external_data = vec![StringStringEntryProto::default()],
            "another file",
        ),
        (
            |model| tensor(model, "conv.weight").dims = vec![4, 1, 9, 1],
            "kernel_shape",
        ),
        (|model| tensor(model, "bn.bias").dims = vec![2, 2], "bn.bias"),
        (|model| tensor(model, "bn.bias").raw_data = Some(vec![0; 12]), "bn.bias"),
        (
            |model| tensor(model, "bn.bias").name = Some("bn.weight".to_owned()),
            "occurs twice",
        ),
        (
            |model| tensor(model, "constant:six").raw_data = Some(vec![0; 4]),
            "bounds 0 and 6",
        ),
        (
            |model| node(model, "bn").input[2] = "bn.weight".to_owned(),
            "used elsewhere",
        ),
    ];
    for (edit, expected) in cases {
        let error = refusal(edit).to_string();
        assert!(error.contains(expected), "{error} does not say {expected}");
    }
}

#[test]
fn the_graph_must_be_whole_and_used() {
    type Edit = fn(&mut ModelProto);
    let cases: [(Edit, &str); 11] = [
        (|model| model.graph = None, "no graph"),
        (|model| model.opset_import.clear(), "operator set"),
        (|model| model.opset_import[0].version = Some(9), "operator set 9"),
        (|model| model.metadata_props.clear(), "cut short"),
        (|model| node(model, "gate").input[0] = "nowhere".to_owned(), "`nowhere`"),
        (
            |model| node(model, "gate").output[0] = "relu6:0".to_owned(),
            "name of another",
        ),
        (|model| node(model, "swish").input[1] = "relu6:0".to_owned(), "sigmoid"),
        (
            |model| node(model, "pool").name = Some("gate".to_owned()),
            "two nodes are named `gate`",
        ),
        (
            |model| model.graph.as_mut().unwrap().output[0].name = Some("x".to_owned()),
            "output `x`",
        ),
        (|model| model.graph.as_mut().unwrap().input.clear(), "one input"),
        (
            |model| {
                let graph = model.graph.as_mut().unwrap();
                graph.initializer.push(TensorProto {
                    name: Some("spare".to_owned()),
                    ..TensorProto::default()
                });
            },
            "`spare`: is never used",
        ),
    ];
    for (edit, expected) in cases {
        let error = refusal(edit).to_string();
        assert!(error.contains(expected), "{error} does not say {expected}");
    }
}

#[test]
fn a_graph_other_than_the_recorded_one_is_refused() {
    let error = refusal(|model| set_ints(model, "conv", "dilations", &[2, 2]));
    assert!(matches!(error, FormatError::HashMismatch { .. }), "{error}");
    let error = refusal(|model| model.metadata_props[0].key = Some("other".to_owned()));
    assert!(
        error.to_string().contains("`panarch.batch_norm`: is missing"),
        "{error}"
    );
}
