//! What is read of files of others and what is refused, on messages that are made here.
//!
//! That the values are right is tested where runtimes are at hand, in `panarch-measure`.

mod outputs;

use panarch_graph::{Activation, Border, BorderFill, Conv2d, Network, Op, Padding};
use prost::Message;

use super::super::messages::{
    AttributeProto, DimensionProto, EXTERNAL, FLOAT, FLOAT16, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto, attribute_type,
};
use super::super::tensor::{from_f32, from_i64};
use super::super::{OnnxModel, OnnxReadOptions, read_onnx, read_onnx_file, read_onnx_with};
use crate::FormatError;

pub(super) fn value(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = |length: &i64| DimensionProto {
        dim_value: (*length > 0).then_some(*length),
        dim_param: (*length <= 0).then(|| "n".to_owned()),
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type: Some(FLOAT),
                shape: Some(TensorShapeProto {
                    dim: dims.iter().map(dim).collect(),
                }),
            }),
        }),
        doc_string: None,
    }
}

pub(super) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        ints: values.to_vec(),
        r#type: Some(attribute_type::INTS),
        ..AttributeProto::default()
    }
}

pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        i: Some(value),
        r#type: Some(attribute_type::INT),
        ..AttributeProto::default()
    }
}

pub(super) fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        s: Some(value.as_bytes().to_vec()),
        r#type: Some(attribute_type::STRING),
        ..AttributeProto::default()
    }
}

/// A node that is called as its output.
pub(super) fn node(operator: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        input: inputs.iter().map(|input| (*input).to_owned()).collect(),
        output: vec![output.to_owned()],
        name: Some(output.to_owned()),
        op_type: Some(operator.to_owned()),
        attribute,
        ..NodeProto::default()
    }
}

/// A model from `x` to `y`, of images of three channels and eight by eight positions.
pub(super) fn model(node: Vec<NodeProto>, initializer: Vec<TensorProto>) -> ModelProto {
    ModelProto {
        ir_version: Some(8),
        producer_name: Some("a test".to_owned()),
        graph: Some(GraphProto {
            node,
            name: Some("graph".to_owned()),
            initializer,
            input: vec![value("x", &[0, 3, 8, 8])],
            output: vec![value("y", &[0, 0])],
            ..GraphProto::default()
        }),
        opset_import: vec![OperatorSetIdProto {
            domain: None,
            version: Some(17),
        }],
        ..ModelProto::default()
    }
}

pub(super) fn weight() -> TensorProto {
    from_f32("w", &[4, 3, 3, 3], &[0.5; 108])
}

pub(super) fn read(model: &ModelProto) -> Result<OnnxModel, FormatError> {
    read_onnx(&model.encode_to_vec())
}

pub(super) fn refusal(nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> String {
    read(&model(nodes, constants)).unwrap_err().to_string()
}

fn only_convolution(network: &Network) -> Conv2d {
    let found = network.nodes().iter().find_map(|node| match &node.op {
        Op::Conv2d(conv) => Some(*conv),
        _ => None,
    });
    found.unwrap()
}

#[test]
fn automatic_padding_is_worked_out_for_the_image() {
    for (mode, before, after) in [("SAME_UPPER", 0, 1), ("SAME_LOWER", 1, 0), ("VALID", 0, 0)] {
        let attributes = vec![text("auto_pad", mode), ints("strides", &[2, 2])];
        let read = read(&model(vec![node("Conv", &["x", "w"], "y", attributes)], vec![weight()])).unwrap();
        let expected = Padding {
            before: [before; 2],
            after: [after; 2],
        };
        assert_eq!(only_convolution(&read.network).padding, expected, "{mode}");
        assert!(read.notes.is_empty());
    }
}

#[test]
fn names_and_blocks_come_from_the_file() {
    let nodes = vec![
        NodeProto {
            name: Some("/features/0/conv".to_owned()),
            ..node("Conv", &["x", "w"], "a", Vec::new())
        },
        NodeProto {
            name: Some("twice".to_owned()),
            ..node("Relu", &["a"], "b", Vec::new())
        },
        NodeProto {
            name: Some("twice".to_owned()),
            ..node("Sigmoid", &["b"], "c", Vec::new())
        },
        NodeProto {
            name: Some("twice_2".to_owned()),
            ..node("Relu", &["c"], "d", Vec::new())
        },
        NodeProto {
            name: Some("twice".to_owned()),
            ..node("Relu", &["d"], "e", Vec::new())
        },
        NodeProto {
            name: None,
            ..node("Add", &["e", "b"], "y", Vec::new())
        },
    ];
    let read = read(&model(nodes, vec![weight()])).unwrap();
    let found: Vec<_> = read
        .network
        .nodes()
        .iter()
        .map(|node| (&node.name[..], &node.block[..]))
        .collect();
    let expected = [
        ("x", "input"),
        ("/features/0/conv", "features/0"),
        ("twice", "network"),
        ("twice_2", "network"),
        ("twice_2_2", "network"),
        ("twice_3", "network"),
        ("y", "network"),
    ];
    assert_eq!(found, expected);
    assert!(read.weights.get("/features/0/conv.weight").is_some());
    assert_eq!(read.network.name(), "graph");
    assert_eq!(read.metadata.content_hash, None);
}

#[test]
fn what_is_left_out_is_told() {
    let nodes = vec![
        node("Conv", &["x", "w"], "a", Vec::new()),
        node("Dropout", &["a"], "b", Vec::new()),
        node("Cast", &["b"], "c", vec![int("to", i64::from(FLOAT16))]),
        node("GlobalMaxPool", &["c"], "d", Vec::new()),
        node("Flatten", &["d"], "e", Vec::new()),
        // Nothing reads this one, so that it need not be understood.
        node("Einsum", &["d"], "unread", Vec::new()),
        node("Softmax", &["e"], "y", vec![int("axis", -1)]),
    ];
    let read = read(&model(nodes, vec![weight()])).unwrap();
    let said = read.notes.join("\n");
    for expected in ["The final `y`", "logits", "Dropout", "f32", "6 by 6"] {
        assert!(said.contains(expected), "{said}");
    }
    let operators: Vec<_> = read.network.nodes().iter().map(|node| node.op.name()).collect();
    assert_eq!(operators, ["input", "conv2d", "max_pool"]);
}

#[test]
fn an_open_size_is_asked_for() {
    let mut file = model(vec![node("Conv", &["x", "w"], "y", Vec::new())], vec![weight()]);
    file.graph.as_mut().unwrap().input[0] = value("x", &[1, 3, 0, 0]);
    let error = read(&file).unwrap_err().to_string();
    assert!(
        error.contains("image size") && error.contains("fixed height and width"),
        "{error}"
    );
    let with = |size| {
        let options = OnnxReadOptions { input_size: Some(size) };
        read_onnx_with(&file.encode_to_vec(), &options)
    };
    assert_eq!(with([9, 7]).unwrap().network.input_shape().to_string(), "3×9×7");
    assert!(with([1, 1]).is_err());
    let fixed = model(vec![node("Conv", &["x", "w"], "y", Vec::new())], vec![weight()]);
    let options = OnnxReadOptions {
        input_size: Some([9, 9]),
    };
    let error = read_onnx_with(&fixed.encode_to_vec(), &options)
        .unwrap_err()
        .to_string();
    assert!(error.contains("another size"), "{error}");
}

#[test]
fn a_relu_that_quantisation_absorbed_is_put_back() {
    let zero = |value: u8| TensorProto {
        name: Some(format!("zero{value}")),
        data_type: Some(2),
        raw_data: Some(vec![value]),
        ..TensorProto::default()
    };
    let scale = |name: &str, value: f32| from_f32(name, &[], &[value]);
    let constants = vec![
        weight(),
        from_f32("v", &[2, 4, 1, 1], &[0.5; 8]),
        scale("any", 0.02),
        scale("six", 6.0 / 255.0),
        zero(0),
        zero(128),
    ];
    let nodes = vec![
        node("QuantizeLinear", &["x", "any", "zero0"], "q", Vec::new()),
        node("DequantizeLinear", &["q", "any", "zero0"], "d", Vec::new()),
        node("Conv", &["d", "w"], "a", Vec::new()),
        node("QuantizeLinear", &["a", "any", "zero128"], "q1", Vec::new()),
        node("DequantizeLinear", &["q1", "any", "zero128"], "d1", Vec::new()),
        node("Sigmoid", &["d1"], "b", Vec::new()),
        node("QuantizeLinear", &["b", "any", "zero0"], "q2", Vec::new()),
        node("DequantizeLinear", &["q2", "any", "zero0"], "d2", Vec::new()),
        node("Mul", &["d1", "d2"], "c", Vec::new()),
        node("QuantizeLinear", &["c", "six", "zero0"], "q3", Vec::new()),
        node("DequantizeLinear", &["q3", "six", "zero0"], "d3", Vec::new()),
        node("Conv", &["d3", "v"], "e", Vec::new()),
        node("QuantizeLinear", &["e", "any", "zero0"], "q4", Vec::new()),
        node("DequantizeLinear", &["q4", "any", "zero0"], "y", Vec::new()),
    ];
    let read = read(&model(nodes, constants)).unwrap();
    let operators: Vec<_> = read.network.nodes()[1..].iter().map(|node| node.op.clone()).collect();
    // The input and the sigmoid are not clipped again; the swish is one node; its range ends at 6; logits stay as they are.
    assert!(matches!(
        operators[..],
        [
            Op::Conv2d(_),
            Op::Activation(Activation::Swish),
            Op::Activation(Activation::Relu6),
            Op::Conv2d(_)
        ]
    ));
    assert!(
        read.notes
            .iter()
            .any(|note| note.contains("put back") && note.ends_with(": 1.")),
        "{:?}",
        read.notes
    );
}

#[test]
fn what_has_no_counterpart_is_refused_with_its_node() {
    let conv = || node("Conv", &["x", "w"], "a", Vec::new());
    let border = || from_i64("by", &[0, 0, 1, 1, 0, 0, 1, 1]);
    let cases: Vec<(Vec<NodeProto>, Vec<TensorProto>, &str)> = vec![
        (
            vec![conv(), node("Softplus", &["a"], "y", vec![])],
            vec![weight()],
            "node `y`: operator `Softplus`",
        ),
        (
            vec![
                conv(),
                node("Softmax", &["a"], "b", vec![]),
                node("Relu", &["b"], "y", vec![]),
            ],
            vec![weight()],
            "last node",
        ),
        (
            vec![conv(), node("QLinearConv", &["a"], "y", vec![])],
            vec![weight()],
            "QDQ",
        ),
        (
            vec![conv(), node("Relu", &["nowhere"], "y", vec![])],
            vec![weight()],
            "`nowhere`",
        ),
        (vec![conv()], vec![weight()], "output `y`"),
        (
            vec![node("Identity", &["w"], "y", vec![])],
            vec![weight()],
            "is a constant",
        ),
        (
            vec![conv(), node("Div", &["a", "a"], "y", vec![])],
            vec![weight()],
            "not supported",
        ),
        (
            vec![conv(), node("Clip", &["a", "low", "high"], "y", vec![])],
            vec![weight(), from_f32("low", &[], &[-1.0]), from_f32("high", &[], &[1.0])],
            "-1 and 1",
        ),
        (
            // Groups of channels become images of their own.
            vec![conv(), node("Reshape", &["a", "to"], "y", vec![])],
            vec![weight(), from_i64("to", &[2, 2, 6, 6])],
            "rearranges",
        ),
        (
            vec![conv(), node("Reshape", &["a", "to"], "y", vec![])],
            vec![weight(), from_i64("to", &[1, 4, 9, 9])],
            "asks for [1, 4, 9, 9] of 144 values",
        ),
        (
            // Channels that were cut are no image until they are joined.
            vec![
                conv(),
                node("Reshape", &["a", "to"], "b", vec![]),
                node("MaxPool", &["b"], "y", vec![ints("kernel_shape", &[3, 3])]),
            ],
            vec![weight(), from_i64("to", &[1, 2, 2, 6, 6])],
            "needs [batch, channels, height, width]",
        ),
        (
            vec![
                node("Transpose", &["x"], "b", vec![ints("perm", &[0, 2, 3, 1])]),
                node("Add", &["x", "b"], "y", vec![]),
            ],
            vec![],
            "adds",
        ),
        (
            // A border that no maximum takes, before what is no maximum.
            vec![
                conv(),
                node("Pad", &["a", "by", "lowest"], "b", vec![]),
                node("Relu", &["b"], "y", vec![]),
            ],
            vec![weight(), border(), from_f32("lowest", &[], &[f32::NEG_INFINITY])],
            "before convolutions and pools",
        ),
        (
            vec![
                conv(),
                node("Pad", &["a", "by", "lowest"], "b", vec![]),
                node("AveragePool", &["b"], "y", vec![ints("kernel_shape", &[3, 3])]),
            ],
            vec![weight(), border(), from_f32("lowest", &[], &[f32::NEG_INFINITY])],
            "changes what the pool",
        ),
        (
            vec![conv(), node("Pad", &["a", "by", "half"], "y", vec![])],
            vec![weight(), border(), from_f32("half", &[], &[0.5])],
            "pads with 0.5",
        ),
        (
            vec![conv(), node("Mul", &["a", "c"], "y", vec![])],
            vec![weight(), from_f32("c", &[6], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])],
            "not one value a channel",
        ),
        (vec![node("Conv", &["x", "x"], "y", vec![])], vec![], "weight"),
        (
            // Attention, and what some networks have in its place.
            vec![node("MatMul", &["x", "x"], "y", vec![])],
            vec![],
            "node `y` (MatMul): multiplies two computed matrices, as attention does, which is not supported; take a member",
        ),
        (
            vec![node("Softmax", &["x"], "y", vec![int("axis", -1)])],
            vec![],
            "node `y` (Softmax): is not over the channels",
        ),
        (
            vec![
                node("GlobalAveragePool", &["x"], "a", vec![]),
                node("Squeeze", &["a", "last"], "b", vec![]),
                node("Transpose", &["b"], "c", vec![ints("perm", &[0, 2, 1])]),
                node("Conv", &["c", "along"], "y", vec![]),
            ],
            vec![from_i64("last", &[3]), from_f32("along", &[1, 1, 3], &[0.5; 3])],
            "node `y` (Conv): convolves along one axis, as efficient channel attention does",
        ),
        (
            vec![node("ReduceL2", &["x"], "y", vec![ints("axes", &[2, 3])])],
            vec![],
            "node `y` (ReduceL2): is not supported; norms and sums over an axis have no counterpart",
        ),
        (
            vec![node("Mod", &["x", "x"], "y", vec![])],
            vec![],
            "node `y` (Mod): is not supported; where it depends on sizes alone, a simplifier",
        ),
        (
            // A gate of one value a position.
            vec![
                node("Conv", &["x", "one"], "a", vec![]),
                node("Mul", &["x", "a"], "y", vec![]),
            ],
            vec![from_f32("one", &[1, 3, 1, 1], &[0.5; 3])],
            "a gate has one value a channel",
        ),
        (
            vec![node(
                "BatchNormalization",
                &["x", "s", "s", "s", "s"],
                "y",
                vec![int("training_mode", 1)],
            )],
            vec![from_f32("s", &[3], &[1.0; 3])],
            "training_mode",
        ),
    ];
    for (nodes, constants, expected) in cases {
        let error = refusal(nodes, constants);
        assert!(error.contains(expected), "{error} does not say {expected}");
    }
}

/// Zeros before what pads with none of its own, or before a maximum of values below 0.
#[test]
fn a_border_of_zeros_that_nothing_takes_is_an_operator() {
    for (reader, attributes, size) in [
        ("Relu", Vec::new(), 8),
        ("MaxPool", vec![ints("kernel_shape", &[3, 3])], 6),
    ] {
        let nodes = vec![
            node("Conv", &["x", "w"], "a", Vec::new()),
            node("Pad", &["a", "by"], "b", Vec::new()),
            node(reader, &["b"], "y", attributes),
        ];
        let constants = vec![weight(), from_i64("by", &[0, 0, 1, 1, 0, 0, 1, 1])];
        let network = read(&model(nodes, constants)).unwrap().network;
        let border = Border {
            padding: Padding::both([1, 1]),
            fill: BorderFill::Zero,
        };
        assert_eq!(network.node(network.find("b").unwrap()).op, Op::Pad(border), "{reader}");
        assert_eq!(network.shape(network.output()).height, size, "{reader}");
    }
}

#[test]
fn an_output_in_other_axes_is_told() {
    let conv = || node("Conv", &["x", "w"], "a", Vec::new());
    let cut = vec![conv(), node("Reshape", &["a", "to"], "y", vec![])];
    let turned = vec![
        conv(),
        node("Transpose", &["a"], "y", vec![ints("perm", &[0, 2, 3, 1])]),
    ];
    for (nodes, expected) in [
        (cut, "other axes in the file, of lengths [1, 2, 2, 6, 6]"),
        (turned, "axes in another order in the file"),
    ] {
        let constants = vec![weight(), from_i64("to", &[1, 2, 2, 6, 6])];
        let read = read(&model(nodes, constants)).unwrap();
        assert!(
            read.notes.iter().any(|note| note.contains(expected)),
            "{:?}",
            read.notes
        );
        assert_eq!(read.network.shape(read.network.output()).to_string(), "4×6×6");
    }
}

/// A window whose padding hangs over the image by more than its half is one that rounds up, where that is of the same size.
#[test]
fn padding_wider_than_half_a_window_is_rounding_up() {
    let pool = |operator: &str, kernel: i64, stride: i64, after: i64| {
        let attributes = vec![
            ints("kernel_shape", &[kernel; 2]),
            ints("strides", &[stride; 2]),
            ints("pads", &[0, 0, after, after]),
        ];
        read(&model(vec![node(operator, &["x"], "y", attributes)], vec![]))
    };
    for operator in ["MaxPool", "AveragePool"] {
        // 8 positions and 2 after them: windows at 0, 3 and 6 of 4.
        let read = pool(operator, 4, 3, 2).unwrap();
        assert_eq!(read.network.shape(read.network.output()).height, 3);
        // 3 after them are more than half a window; the windows are the same.
        let network = pool(operator, 4, 3, 3).unwrap().network;
        assert_eq!(network.shape(network.output()).height, 3);
        let Op::Pool(found) = network.node(network.output()).op else {
            unreachable!()
        };
        assert_eq!((found.ceil, found.padding.after), (true, [2, 2]));
        // A window at 9 holds padding alone: there is no such pool.
        let error = pool(operator, 4, 3, 5).unwrap_err().to_string();
        assert!(error.contains("more than half the window"), "{error}");
    }
}

#[test]
fn constants_cannot_grow_without_bound() {
    let huge = |name: &str, values: &[i64]| from_i64(name, values);
    // A shape that asks for a terabyte, and a constant that is doubled again and again.
    let error = refusal(
        vec![
            node("ConstantOfShape", &["s"], "c", vec![]),
            node("Add", &["x", "c"], "y", vec![]),
        ],
        vec![huge("s", &[1 << 20, 1 << 20])],
    );
    assert!(error.contains("limit"), "{error}");
    let mut nodes = vec![node("Concat", &["s", "s"], "c0", vec![int("axis", 0)])];
    for step in 1..60 {
        let before = format!("c{}", step - 1);
        nodes.push(node(
            "Concat",
            &[&before, &before],
            &format!("c{step}"),
            vec![int("axis", 0)],
        ));
    }
    nodes.push(node("Reshape", &["x", "c59"], "y", vec![]));
    let error = refusal(nodes, vec![huge("s", &[1, 1])]);
    assert!(error.contains("limit"), "{error}");
    // Many layers that share one large weight.
    let mut nodes = Vec::new();
    let mut last = "x".to_owned();
    for step in 0..200 {
        let output = if step == 199 {
            "y".to_owned()
        } else {
            format!("r{step}")
        };
        nodes.push(node("Conv", &[&last, "w"], &output, vec![ints("pads", &[1, 1, 1, 1])]));
        last = output;
    }
    let side = 512;
    let weight = from_f32("w", &[side, side, 3, 3], &vec![0.0; side * side * 9]);
    let mut file = model(nodes, vec![weight]);
    file.graph.as_mut().unwrap().input[0] = value("x", &[1, side as i64, 8, 8]);
    let error = read(&file).unwrap_err().to_string();
    assert!(error.contains("limit"), "{error}");
}

#[test]
fn values_may_lie_in_a_file_beside_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let property = |key: &str, value: &str| StringStringEntryProto {
        key: Some(key.to_owned()),
        value: Some(value.to_owned()),
    };
    let read_from = |location: &str, offset: &str, length: &str| {
        let external = TensorProto {
            raw_data: None,
            data_location: Some(EXTERNAL),
            external_data: vec![
                property("location", location),
                property("offset", offset),
                property("length", length),
            ],
            ..weight()
        };
        let model = model(vec![node("Conv", &["x", "w"], "y", Vec::new())], vec![external]);
        std::fs::write(&path, model.encode_to_vec()).unwrap();
        (read(&model), read_onnx_file(&path, &OnnxReadOptions::default()))
    };
    let values = weight().raw_data.unwrap();
    std::fs::write(folder.path().join("w.data"), [&[0; 8], &values[..]].concat()).unwrap();
    let (bytes_alone, file) = read_from("w.data", "8", "432");
    assert_eq!(file.unwrap().weights.get("y.weight").unwrap().data, [0.5; 108]);
    let error = bytes_alone.unwrap_err().to_string();
    assert!(
        error.contains("`w.data`") && error.contains("external_data=False"),
        "{error}"
    );
    for (location, offset, length, expected) in [
        ("w.data", "9", "432", "behind the end"),
        ("w.data", "8", "400", "need 108 values"),
        ("w.data", "-1", "432", "no number"),
        ("w.data", "18446744073709551615", "432", "behind the end"),
        ("../w.data", "8", "432", "no file beside"),
        ("/etc/hostname", "8", "432", "no file beside"),
        ("", "8", "432", "no file beside"),
        ("other.data", "8", "432", "other.data"),
    ] {
        let error = read_from(location, offset, length).1.unwrap_err().to_string();
        assert!(error.contains(expected), "{location}: {error}");
    }
}

#[test]
fn hostile_numbers_are_errors() {
    let extremes = [i64::MIN, -1, 0, 1, i64::from(u32::MAX), i64::MAX];
    for value in extremes {
        for other in extremes {
            let by = from_i64("by", &[0, 0, value, other, 0, 0, other, value]);
            let nodes = vec![
                node("Pad", &["x", "by"], "b", vec![]),
                node("Conv", &["b", "w"], "y", vec![]),
            ];
            let _ = read(&model(nodes, vec![weight(), by]));
            let to = from_i64("to", &[value, other]);
            let _ = read(&model(vec![node("Reshape", &["x", "to"], "y", vec![])], vec![to]));
            let shape = [node("Shape", &["x"], "s", vec![int("start", value), int("end", other)])];
            let reshape = node("Reshape", &["x", "s"], "y", vec![]);
            let _ = read(&model([&shape[..], &[reshape]].concat(), vec![]));
            let axes = || vec![ints("axes", &[value, other])];
            for operator in ["ReduceMean", "Squeeze", "Unsqueeze"] {
                let _ = read(&model(vec![node(operator, &["x"], "y", axes())], vec![]));
            }
            let _ = read(&model(
                vec![node(
                    "Transpose",
                    &["x"],
                    "y",
                    vec![ints("perm", &[0, value, other, 1])],
                )],
                vec![],
            ));
            let _ = read(&model(
                vec![node("Concat", &["x", "x"], "y", vec![int("axis", value)])],
                vec![],
            ));
            let mut file = model(vec![node("Relu", &["x"], "y", vec![])], vec![]);
            file.graph.as_mut().unwrap().input[0] = super::tests::value("x", &[value, other, value, other]);
            let _ = read(&file);
            let data = from_i64("data", &[1, 2, 3]);
            let bounds = ["a", "b", "c", "d"].map(|name| from_i64(name, &[if name == "d" { other } else { value }]));
            let nodes = vec![
                node("Slice", &["data", "a", "b", "c", "d"], "s", vec![]),
                node("Gather", &["s", "a"], "g", vec![int("axis", other)]),
                node("Neg", &["g"], "n", vec![]),
                node("Div", &["n", "d"], "q", vec![]),
                node("Reshape", &["x", "q"], "y", vec![]),
            ];
            let _ = read(&model(nodes, [vec![data], bounds.to_vec()].concat()));
        }
    }
}

/// Weights that are standardised when the network runs, in both ways that exporters write it, are constants.
#[test]
fn standardised_weights_are_computed() {
    let values: Vec<f32> = (0..108).map(|index| ((index * 37 % 101) as f32).sin()).collect();
    let eps = 1e-3;
    let standardised = |output: usize| -> Vec<f32> {
        let row = &values[output * 27..(output + 1) * 27];
        let mean = row.iter().sum::<f32>() / 27.0;
        let variance = row.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / 27.0;
        row.iter()
            .map(|value| (value - mean) / (variance + eps).sqrt())
            .collect()
    };
    let expected: Vec<f32> = (0..4).flat_map(standardised).collect();
    let stored = || from_f32("w", &[4, 3, 3, 3], &values);
    let convolution = || node("Conv", &["x", "s"], "y", Vec::new());
    let eps_attribute = AttributeProto {
        name: Some("epsilon".to_owned()),
        f: Some(eps),
        r#type: Some(attribute_type::FLOAT),
        ..AttributeProto::default()
    };
    let training = vec![
        node("Reshape", &["w", "flat"], "r", Vec::new()),
        node(
            "BatchNormalization",
            &["r", "one", "zero", "zero", "one"],
            "n",
            vec![eps_attribute, int("training_mode", 1)],
        ),
        node("Reshape", &["n", "whole"], "s", Vec::new()),
        convolution(),
    ];
    let constants = vec![
        stored(),
        from_i64("flat", &[1, 4, -1]),
        from_i64("whole", &[4, 3, 3, 3]),
        from_f32("one", &[4], &[1.0; 4]),
        from_f32("zero", &[4], &[0.0; 4]),
    ];
    let spelled = vec![
        node(
            "ReduceMean",
            &["w"],
            "mean",
            vec![ints("axes", &[1, 2, 3]), int("keepdims", 1)],
        ),
        node("Sub", &["w", "mean"], "centred", Vec::new()),
        node("Mul", &["centred", "centred"], "square", Vec::new()),
        node(
            "ReduceMean",
            &["square"],
            "variance",
            vec![ints("axes", &[-1, 2, 1]), int("keepdims", 1)],
        ),
        node("Add", &["variance", "eps"], "raised", Vec::new()),
        node("Sqrt", &["raised"], "root", Vec::new()),
        node("Expand", &["root", "whole"], "wide", Vec::new()),
        node("Div", &["centred", "wide"], "s", Vec::new()),
        convolution(),
    ];
    let others = vec![stored(), from_f32("eps", &[], &[eps]), from_i64("whole", &[4, 3, 3, 3])];
    for (nodes, constants) in [(training, constants), (spelled, others)] {
        let read = read(&model(nodes, constants)).unwrap();
        let found = &read.weights.get("y.weight").unwrap().data;
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-4, "{found} instead of {expected}");
        }
    }
}

/// Sizes that come from outside are errors before anything is allocated.
#[test]
fn hostile_parts_and_sizes_are_errors() {
    let many = |name: &str, values: &[i64]| from_i64(name, values);
    let slice = |starts: i64, ends: i64, axes: i64, steps: i64| {
        let constants = vec![
            many("a", &[starts]),
            many("b", &[ends]),
            many("c", &[axes]),
            many("d", &[steps]),
        ];
        (
            vec![node("Slice", &["x", "a", "b", "c", "d"], "y", Vec::new())],
            constants,
        )
    };
    let resize = |sizes: &[i64]| {
        let nodes = vec![node("Resize", &["x", "", "", "a"], "y", vec![text("mode", "nearest")])];
        (nodes, vec![many("a", sizes)])
    };
    let scales = |scales: &[f32]| {
        let nodes = vec![node("Resize", &["x", "", "a"], "y", vec![text("mode", "linear")])];
        (nodes, vec![from_f32("a", &[scales.len()], scales)])
    };
    let split = |sizes: &[i64]| {
        let mut parts = node("Split", &["x", "a"], "y", vec![int("axis", 1)]);
        parts.output.push("z".to_owned());
        (vec![parts], vec![many("a", sizes)])
    };
    let pad = |mode: &str, sides: &[i64]| {
        let nodes = vec![node("Pad", &["x", "a"], "y", vec![text("mode", mode)])];
        (nodes, vec![many("a", sides)])
    };
    let cases = [
        slice(3, 3, 1, 1),
        slice(0, i64::MAX, 1, 0),
        slice(0, i64::MAX, 1, i64::MIN),
        slice(0, i64::MAX, 1, i64::MAX),
        slice(0, 1, 9, 1),
        slice(i64::MIN, i64::MIN, 3, 1),
        resize(&[1, 3, i64::MAX, 8]),
        resize(&[1, 3, -1, 8]),
        resize(&[1, 3, 1 << 20, 8]),
        resize(&[1, 9, 8, 8]),
        resize(&[1, 3]),
        scales(&[1.0, 1.0, f32::NAN, 1.0]),
        scales(&[1.0, 1.0, f32::INFINITY, 1.0]),
        scales(&[1.0, 1.0, 1e-9, 1.0]),
        split(&[i64::MAX, i64::MAX]),
        split(&[-1, 4]),
        split(&[1, 1]),
        pad("reflect", &[0, 0, 8, 0, 0, 0, 0, 0]),
        pad("edge", &[0, 0, i64::MAX, 0, 0, 0, 0, 0]),
        pad("constant", &[0, 0, i64::MIN, 0, 0, 0, 0, 0]),
        pad("constant", &[0, 0, -4, 0, 0, 0, -4, 0]),
        pad("wrap", &[0, 0, 1, 0, 0, 0, 0, 0]),
    ];
    for (index, (nodes, constants)) in cases.into_iter().enumerate() {
        let (operator, mut model) = (nodes[0].op_type.clone().unwrap(), model(nodes, constants));
        model.graph.as_mut().unwrap().output = vec![value("y", &[0, 0, 0, 0])];
        let error = read(&model).unwrap_err().to_string();
        assert!(
            error.contains("`y`") && error.contains(&operator)
                || error.contains("node `y`")
                || error.contains("tensor `a`"),
            "{index}: {error}"
        );
    }
}
