//! What is written says what the network says.

use panarch_format::FormatError;
use panarch_format::tflite::{
    Element, Fused, Graph, Operator, OperatorKind, Ranges, Structure, Values, Window, WindowPadding, read_structure,
    write,
};
use panarch_graph::{
    Activation, Conv2d, GraphError, Linear, Network, NetworkBuilder, Node, NodeId, Op, Padding, Pool, PoolKind, Shape,
    Weights, fold_batch_norm, folded_structure, stream,
};
use proptest::prelude::*;
use rand::RngExt;

use crate::random_network::int8_network;

/// The written file, read; none where an average pool is one that TFLite cannot say.
fn written(network: &Network, weights: &Weights) -> Option<Structure> {
    match write(network, Values::Given(weights), &Ranges::plausible()) {
        Ok(bytes) => {
            assert_eq!(bytes.len() % 16, 0);
            Some(read_structure(&bytes).unwrap())
        }
        Err(FormatError::TfliteLayer { node, operator, .. }) => {
            assert_eq!(operator, "avg_pool");
            assert!(network.find(&node).is_some());
            None
        }
        Err(other) => panic!("{other}"),
    }
}

/// The node whose value leaves a layer: the node itself or the ReLU that alone reads it.
fn visible(network: &Network, id: NodeId) -> NodeId {
    let clips = |it: &NodeId| {
        matches!(
            network.node(*it).op,
            Op::Activation(Activation::Relu | Activation::Relu6)
        )
    };
    let takes = matches!(
        network.node(id).op,
        Op::Conv2d(_) | Op::BatchNorm(_) | Op::Linear(_) | Op::Add | Op::Mul
    );
    match network.consumers(id) {
        [only] if takes && clips(only) && id != network.output() => *only,
        _ => id,
    }
}

fn maker<'a>(graph: &'a Graph, name: &str) -> Option<&'a Operator> {
    let place = graph.tensors.iter().position(|tensor| tensor.name == name)?;
    graph.operators.iter().find(|operator| operator.outputs == [place])
}

/// Height and width that TFLite computes, from its documentation.
fn swept(window: &Window, size: [u32; 2], kernel: [u32; 2]) -> [u32; 2] {
    [0, 1].map(|axis| match window.padding {
        WindowPadding::Same => size[axis].div_ceil(window.stride[axis]),
        WindowPadding::Valid => {
            let extent = (kernel[axis] - 1) * window.dilation[axis];
            (size[axis] - extent).div_ceil(window.stride[axis])
        }
    })
}

fn check_operator(graph: &Graph, operator: &Operator, node: &Node) {
    let shape = |number: usize| &graph.tensors[number].shape[..];
    let input = |position: usize| shape(operator.inputs[position].unwrap());
    let output = shape(operator.outputs[0]);
    match (&node.op, &operator.kind) {
        (Op::Conv2d(conv), OperatorKind::Conv2d(window, _) | OperatorKind::DepthwiseConv2d(window, ..)) => {
            assert_eq!((window.stride, window.dilation), (conv.stride, conv.dilation));
            let kernel = input(1);
            assert_eq!(kernel[1..3], conv.kernel);
            match operator.kind {
                OperatorKind::DepthwiseConv2d(_, multiplier, _) => {
                    assert_eq!((kernel[0], kernel[3]), (1, conv.out));
                    assert_eq!(multiplier * conv.groups, conv.out);
                }
                _ => assert_eq!((kernel[0], kernel[3] * conv.groups), (conv.out, input(0)[3])),
            }
            let size = [input(0)[1], input(0)[2]];
            assert_eq!(swept(window, size, conv.kernel), output[1..3], "{}", node.name);
        }
        (
            Op::Pool(pool),
            OperatorKind::MaxPool2d(window, Fused::None) | OperatorKind::AveragePool2d(window, Fused::None),
        ) => {
            let maximum = matches!(operator.kind, OperatorKind::MaxPool2d(..));
            assert_eq!(maximum, pool.kind == PoolKind::Max);
            assert_eq!((window.stride, window.size), (pool.stride, pool.kernel));
            let size = [input(0)[1], input(0)[2]];
            assert_eq!(swept(window, size, pool.kernel), output[1..3], "{}", node.name);
        }
        (Op::Linear(linear), OperatorKind::FullyConnected(_)) => {
            assert_eq!(input(1), [linear.out, input(0)[1]]);
        }
        (Op::Concat, OperatorKind::Concatenation(axis)) => {
            let own = &graph.tensors[operator.outputs[0]].quantisation;
            let axis = usize::try_from(*axis).unwrap();
            let joined: u32 = (0..operator.inputs.len()).map(|position| input(position)[axis]).sum();
            assert_eq!(joined, output[axis]);
            for number in operator.inputs.iter().flatten() {
                assert_eq!(&graph.tensors[*number].quantisation, own);
            }
        }
        (Op::BatchNorm(_), OperatorKind::DepthwiseConv2d(_, 1, _))
        | (Op::Add, OperatorKind::Add(_))
        | (Op::Mul, OperatorKind::Mul(_))
        | (Op::GlobalAvgPool, OperatorKind::Mean(true))
        | (Op::Flatten, OperatorKind::Reshape)
        | (Op::Activation(Activation::Relu), OperatorKind::Relu)
        | (Op::Activation(Activation::Relu6), OperatorKind::Relu6)
        | (Op::Activation(Activation::HardSwish), OperatorKind::HardSwish)
        | (Op::Activation(Activation::Sigmoid), OperatorKind::Logistic)
        | (Op::Activation(Activation::Swish | Activation::HardSigmoid), OperatorKind::Mul(Fused::None)) => {}
        (op, kind) => panic!("{} ({}) became {kind:?}", node.name, op.name()),
    }
}

fn fused_in(kind: &OperatorKind) -> Fused {
    match kind {
        OperatorKind::Add(fused)
        | OperatorKind::Mul(fused)
        | OperatorKind::FullyConnected(fused)
        | OperatorKind::Conv2d(_, fused)
        | OperatorKind::DepthwiseConv2d(_, _, fused) => *fused,
        _ => Fused::None,
    }
}

fn says_the_same(network: &Network, structure: &Structure) {
    let folded = folded_structure(network);
    assert_eq!(structure.content_hash(), Some(network.content_hash()));
    let [graph] = &structure.graphs[..] else {
        panic!("one graph")
    };
    let image = network.input_shape();
    let shapes = |list: &[usize]| -> Vec<Vec<u32>> { list.iter().map(|it| graph.tensors[*it].shape.clone()).collect() };
    assert_eq!(shapes(&graph.inputs), [[1, image.height, image.width, image.channels]]);
    let result = network.shape(network.output());
    let expected = if result.is_vector() {
        vec![1, result.channels]
    } else {
        vec![1, result.height, result.width, result.channels]
    };
    assert_eq!(shapes(&graph.outputs), [expected]);
    for tensor in &graph.tensors {
        let elements: u64 = tensor.shape.iter().map(|axis| u64::from(*axis)).product();
        let whole = tensor
            .constant_bytes
            .map(|bytes| bytes / tensor.element.bytes().unwrap());
        assert!(whole.is_none() || whole == Some(elements), "{}", tensor.name);
        assert_eq!(
            tensor.element == Element::Int8,
            tensor.quantisation.is_some() && !tensor.name.ends_with(":bias")
        );
    }
    for id in folded.ids().skip(1) {
        let named = visible(&folded, id);
        let node = folded.node(id);
        let Some(operator) = maker(graph, &folded.node(named).name) else {
            // Taken in by the layer before it, or a vector that is flat already.
            let host = node.inputs[0];
            let flat = matches!(node.op, Op::Flatten) && folded.shape(host).is_vector();
            assert!(visible(&folded, host) == id || flat, "{} is absent", node.name);
            continue;
        };
        if visible(&folded, node.inputs[0]) == id {
            continue;
        }
        check_operator(graph, operator, node);
        let fused = match (named == id, &folded.node(named).op) {
            (false, Op::Activation(Activation::Relu)) => Fused::Relu,
            (false, _) => Fused::Relu6,
            (true, _) => Fused::None,
        };
        assert_eq!(fused_in(&operator.kind), fused, "{}", node.name);
        let elements: u64 = graph.tensors[operator.outputs[0]]
            .shape
            .iter()
            .map(|it| u64::from(*it))
            .product();
        assert_eq!(elements, folded.shape(id).elements());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_networks_are_said_in_tflite(seed in any::<u64>()) {
        let (network, weights) = int8_network(seed);
        if let Some(structure) = written(&network, &weights) {
            says_the_same(&network, &structure);
            let (folded, weights) = fold_batch_norm(&network, &weights).unwrap();
            let again = written(&folded, &weights).unwrap();
            prop_assert_eq!(again.graphs[0].operators.len(), structure.graphs[0].operators.len());
        }
    }
}

/// Ranges of nodes that are not needed change nothing.
#[test]
fn only_the_ranges_that_are_needed_count() {
    for seed in 0..64 {
        let (network, _) = int8_network(seed);
        let mut rng = stream(seed, "ranges", 0);
        let mut all = Ranges::plausible();
        for node in network.nodes() {
            all.insert(&node.name, rng.random_range(-9.0..0.0), rng.random_range(1.0..9.0))
                .unwrap();
        }
        let with = |chosen: &[NodeId]| {
            let mut ranges = Ranges::plausible();
            for id in chosen {
                let name = &network.node(*id).name;
                let (low, high) = all.get(name).unwrap();
                ranges.insert(name, low, high).unwrap();
            }
            write(&network, Values::Seeded(1), &ranges).ok()
        };
        let needed = Ranges::needed(&network);
        let everything: Vec<NodeId> = network.ids().collect();
        assert_eq!(with(&needed), with(&everything), "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (network, weights) = int8_network(3);
    let with = |values| write(&network, values, &Ranges::plausible()).unwrap();
    assert_eq!(with(Values::Seeded(7)), with(Values::Seeded(7)));
    assert_ne!(with(Values::Seeded(7)), with(Values::Seeded(8)));
    assert_eq!(with(Values::Given(&weights)), with(Values::Given(&weights)));
    let seeded = read_structure(&with(Values::Seeded(7))).unwrap();
    says_the_same(&network, &seeded);
}

fn one(image: Shape, op: Op) -> Network {
    let mut builder = NetworkBuilder::new("one", image);
    let input = builder.input();
    let last = builder.add("layer", op, &[input]).unwrap();
    builder.finish(last).unwrap()
}

fn seeded(network: &Network) -> Result<Structure, FormatError> {
    read_structure(&write(network, Values::Seeded(1), &Ranges::plausible())?)
}

/// Half of the kernel on each side at a stride of 2: SAME on odd sizes, a PAD on even ones.
#[test]
fn padding_is_explicit_only_where_it_must_be() {
    for (size, pads) in [(7, false), (8, true)] {
        let structure = seeded(&one(Shape::new(3, size, size), Op::Conv2d(Conv2d::square(4, 3, 2)))).unwrap();
        let operators = &structure.graphs[0].operators;
        assert_eq!(operators.iter().any(|it| it.kind == OperatorKind::Pad), pads, "{size}");
        let OperatorKind::Conv2d(window, Fused::None) = operators.last().unwrap().kind else {
            panic!("a convolution")
        };
        let expected = if pads {
            WindowPadding::Valid
        } else {
            WindowPadding::Same
        };
        assert_eq!(window.padding, expected);
        if pads {
            // One row above, none below: the window does not reach it.
            let padded = operators[0].outputs[0];
            assert_eq!(structure.graphs[0].tensors[padded].shape, [1, 9, 9, 3]);
        }
    }
}

#[test]
fn a_maximum_is_padded_with_what_never_wins() {
    let pool = Pool {
        kind: PoolKind::Max,
        kernel: [3; 2],
        stride: [2; 2],
        padding: Padding::both([1; 2]),
        ceil: false,
        count_padding: true,
    };
    let network = one(Shape::new(2, 8, 8), Op::Pool(pool));
    let first = |ranges: &Ranges| {
        let bytes = write(&network, Values::Seeded(1), ranges).unwrap();
        read_structure(&bytes).unwrap().graphs[0].operators[0].kind.clone()
    };
    let mut ranges = Ranges::plausible();
    assert_eq!(first(&ranges), OperatorKind::PadV2);
    // Where nothing is negative, zero never wins.
    ranges.insert("input", 0.0, 1.0).unwrap();
    assert_eq!(first(&ranges), OperatorKind::Pad);
}

#[test]
fn what_tflite_cannot_say_names_the_layer() {
    let pool = Pool {
        kind: PoolKind::Average,
        kernel: [3; 2],
        stride: [2; 2],
        padding: Padding::both([1; 2]),
        ceil: false,
        count_padding: false,
    };
    let error = seeded(&one(Shape::new(2, 8, 8), Op::Pool(pool))).unwrap_err();
    assert!(
        matches!(&error, FormatError::TfliteLayer { node, .. } if node == "layer"),
        "{error}"
    );
    let mut empty = NetworkBuilder::new("empty", Shape::new(1, 2, 2));
    let input = empty.input();
    let empty = empty.finish(input).unwrap();
    assert!(matches!(seeded(&empty), Err(FormatError::TfliteLayer { .. })));
    let linear = one(
        Shape::vector(1 << 16),
        Op::Linear(Linear {
            out: 1 << 15,
            bias: false,
        }),
    );
    let error = seeded(&linear).unwrap_err();
    assert!(matches!(error, FormatError::TooLarge { .. }), "{error}");
}

#[test]
fn weights_must_be_finite() {
    let network = one(Shape::new(3, 4, 4), Op::Conv2d(Conv2d::pointwise(2)));
    for value in [f32::NAN, f32::INFINITY] {
        let mut weights = Weights::random(&network, &mut stream(1, "weights", 0));
        let mut kernel = weights.remove("layer.weight").unwrap();
        kernel.data[4] = value;
        weights.insert("layer.weight", kernel);
        let error = write(&network, Values::Given(&weights), &Ranges::plausible()).unwrap_err();
        assert!(
            matches!(&error, FormatError::Graph(GraphError::NotFinite { name, index, .. })
                if name == "layer.weight" && *index == [1, 1, 0, 0]),
            "{error}"
        );
    }
    let error = write(&network, Values::Given(&Weights::new()), &Ranges::plausible()).unwrap_err();
    assert!(matches!(error, FormatError::Graph(_)), "{error}");
}

#[test]
fn ranges_must_be_finite_and_in_order() {
    let mut ranges = Ranges::plausible();
    for (low, high) in [(f32::NAN, 1.0), (0.0, f32::INFINITY), (1.0, 0.0)] {
        assert!(ranges.insert("layer", low, high).is_err());
    }
    assert_eq!(ranges.get("layer"), None);
}

/// A MobileNetV2 as TensorFlow's converter writes it (counts of layers: Sandler et al. 2018, table 2).
#[test]
fn a_reference_file_of_another_maker_is_read() {
    let Some(path) = panarch_testkit::reference("vela/models/mobilenet_v2_224_int8.tflite") else {
        return;
    };
    let bytes = std::fs::read(path).unwrap();
    let structure = read_structure(&bytes).unwrap();
    assert_eq!((structure.version, structure.content_hash()), (3, None));
    let graph = &structure.graphs[0];
    let count = |wanted: fn(&OperatorKind) -> bool| graph.operators.iter().filter(|it| wanted(&it.kind)).count();
    assert_eq!(count(|kind| matches!(kind, OperatorKind::DepthwiseConv2d(_, 1, _))), 17);
    assert_eq!(count(|kind| matches!(kind, OperatorKind::Conv2d(..))), 35);
    assert_eq!(count(|kind| matches!(kind, OperatorKind::Add(Fused::None))), 10);
    assert_eq!(count(|kind| matches!(kind, OperatorKind::Mean(_))), 1);
    assert_eq!(count(|kind| matches!(kind, OperatorKind::FullyConnected(_))), 1);
    // SOFTMAX.
    assert_eq!(count(|kind| matches!(kind, OperatorKind::Other(25, None))), 1);
    let image = &graph.tensors[graph.inputs[0]];
    assert_eq!(
        (&image.shape[..], image.element),
        (&[1, 224, 224, 3][..], Element::Int8)
    );
    assert!(image.quantisation.is_some() && image.constant_bytes.is_none());
}
