//! Small networks, several for each operator and its settings.

use panarch_cost::Operator;
use panarch_graph::{
    Activation, Affine, BatchNorm, Border, BorderFill, Conv2d, Coordinates, Factor, GraphError, ImageAxis,
    Interpolation, LayerNorm, Linear, Network, NetworkBuilder, NodeId, NormOver, Op, Output, Padding, Pool, PoolKind,
    Resize, ResizeTo, Shape, Slice, Slope,
};

/// The name of the node that a case is about.
pub const SUBJECT: &str = "subject";

/// One setting of one operator.
#[derive(Debug, Clone)]
pub struct Case {
    /// The operator.
    pub operator: Operator,
    /// What is special about it, such as `stride 2`.
    pub setting: String,
    /// A network in which the node [`SUBJECT`] is that operator, alone if its setting says nothing else.
    pub network: Network,
}

/// Every case of every operator.
///
/// # Panics
/// When a case is no valid network, or is about another operator than it says.
#[must_use]
pub fn cases() -> Vec<Case> {
    Operator::ALL.into_iter().flat_map(of).collect()
}

/// Networks whose outputs are several, named, in the middle or of different shapes.
///
/// # Panics
/// When a case is no valid network.
#[must_use]
pub fn several_outputs() -> Vec<(String, Network)> {
    let two_heads = |names: [&str; 2], tap: bool| {
        let mut b = NetworkBuilder::new("two heads", IMAGE);
        let at = b.input();
        let conv = add(&mut b, "conv", Op::Conv2d(Conv2d::square(5, 3, 2)), &[at]);
        let norm = add(&mut b, "norm", norm(), &[conv]);
        let features = add(&mut b, "features", Op::Activation(Activation::Swish), &[norm]);
        let boxes = Conv2d::pointwise(4).with_bias(true);
        let boxes = add(&mut b, "boxes", Op::Conv2d(boxes), &[features]);
        let mean = add(&mut b, "mean", Op::GlobalAvgPool, &[features]);
        let classes = add(&mut b, "classes", Op::Linear(Linear { out: 3, bias: true }), &[mean]);
        let [first, second] = names;
        let mut outputs = vec![Output::new(first, classes), Output::new(second, boxes)];
        if tap {
            outputs.extend([("raw", conv), ("normal", norm), ("mean", mean)].map(|(name, id)| Output::new(name, id)));
        }
        valid(b.finish_with(outputs), "two heads")
    };
    let flattened = {
        let mut b = NetworkBuilder::new("a map and its flattening", IMAGE);
        let at = b.input();
        let map = add(&mut b, "map", Op::Conv2d(Conv2d::square(4, 3, 2)), &[at]);
        let flat = add(&mut b, "flat", Op::Flatten, &[map]);
        valid(
            b.finish_with(vec![Output::new("flat", flat), Output::new("map", map)]),
            "a map and its flattening",
        )
    };
    let renamed = chain("one by another name", IMAGE, &[Op::Conv2d(Conv2d::square(4, 3, 1))]);
    let renamed = renamed.with_outputs(&[Output::new("heat map", renamed.output())]);
    vec![
        ("two heads".to_owned(), two_heads(["classes", "boxes"], false)),
        (
            "two heads and three taps".to_owned(),
            two_heads(["classes", "boxes"], true),
        ),
        (
            "the first with the default name".to_owned(),
            two_heads([Output::DEFAULT, "boxes"], false),
        ),
        ("a map and its flattening".to_owned(), flattened),
        ("one by another name".to_owned(), valid(renamed, "one by another name")),
    ]
}

const IMAGE: Shape = Shape::new(4, 7, 6);

/// The settings of an operator that somebody might get wrong. A new operator does not compile before it has some.
fn of(operator: Operator) -> Vec<Case> {
    let case = |setting: &str, network: Network| Case {
        operator,
        setting: setting.to_owned(),
        network,
    };
    let alone = |setting: &str, op: Op| case(setting, chain(setting, IMAGE, &[op]));
    let after = |setting: &str, input: Shape, before: Op, op: Op| {
        let mut b = NetworkBuilder::new(setting, input);
        let at = b.input();
        let at = add(&mut b, "before", before, &[at]);
        let end = add(&mut b, SUBJECT, op, &[at]);
        case(setting, valid(b.finish(end), setting))
    };
    let cases = match operator {
        Operator::Conv2d => {
            let conv = |setting, conv| alone(setting, Op::Conv2d(conv));
            let square = Conv2d::square(5, 3, 1);
            vec![
                conv("3×3", square),
                conv("1×1", Conv2d::pointwise(7)),
                conv("1×1 with bias", Conv2d::pointwise(3).with_bias(true)),
                conv("5×5 with bias", Conv2d::square(3, 5, 1).with_bias(true)),
                conv("stride 2", Conv2d::square(6, 3, 2)),
                conv(
                    "stride 2×1",
                    Conv2d {
                        stride: [2, 1],
                        ..square
                    },
                ),
                conv(
                    "kernel 1×5",
                    Conv2d {
                        kernel: [1, 5],
                        padding: Padding::both([0, 2]),
                        ..square
                    },
                ),
                conv(
                    "dilation 2",
                    Conv2d {
                        dilation: [2; 2],
                        padding: Padding::both([2; 2]),
                        ..square
                    },
                ),
                conv(
                    "no padding",
                    Conv2d {
                        padding: Padding::NONE,
                        ..square
                    },
                ),
                conv(
                    "uneven padding",
                    Conv2d {
                        stride: [2; 2],
                        padding: UNEVEN,
                        ..square
                    },
                ),
                case("with what follows it", followed(Op::Conv2d(square), IMAGE)),
            ]
        }
        Operator::GroupedConv2d => {
            let grouped = Conv2d::square(6, 3, 1).with_groups(2);
            vec![
                alone("2 groups", Op::Conv2d(grouped)),
                alone(
                    "2 groups, 1×1 with bias",
                    Op::Conv2d(Conv2d::pointwise(6).with_groups(2).with_bias(true)),
                ),
                alone(
                    "4 groups of two outputs, stride 2",
                    Op::Conv2d(Conv2d::square(8, 3, 2).with_groups(4)),
                ),
                case("with what follows it", followed(Op::Conv2d(grouped), IMAGE)),
            ]
        }
        Operator::DepthwiseConv2d => {
            let depthwise = Conv2d::depthwise(4, 3, 1);
            let conv = |setting, conv| alone(setting, Op::Conv2d(conv));
            vec![
                conv("3×3", depthwise),
                conv("5×5, stride 2, with bias", Conv2d::depthwise(4, 5, 2).with_bias(true)),
                conv(
                    "dilation 2",
                    Conv2d {
                        dilation: [2; 2],
                        padding: Padding::both([2; 2]),
                        ..depthwise
                    },
                ),
                conv(
                    "uneven padding",
                    Conv2d {
                        stride: [2; 2],
                        padding: UNEVEN,
                        ..depthwise
                    },
                ),
                case("with what follows it", followed(Op::Conv2d(depthwise), IMAGE)),
            ]
        }
        Operator::Linear => {
            let linear = |out, bias| Op::Linear(Linear { out, bias });
            let vector = Shape::vector(9);
            vec![
                case("of a vector", chain("of a vector", vector, &[linear(5, false)])),
                case("with bias", chain("with bias", vector, &[linear(5, true)])),
                after("of a flattened image", IMAGE, Op::Flatten, linear(3, true)),
                after("of means", IMAGE, Op::GlobalAvgPool, linear(3, true)),
                case("with what follows it", followed(linear(5, true), vector)),
            ]
        }
        Operator::BatchNorm => {
            let mut b = NetworkBuilder::new("read twice", IMAGE);
            let at = b.input();
            let conv = add(&mut b, "conv", Op::Conv2d(Conv2d::pointwise(4)), &[at]);
            let own = add(&mut b, SUBJECT, norm(), &[conv]);
            let sum = add(&mut b, "sum", Op::Add, &[own, conv]);
            vec![
                alone("of the image", norm()),
                case("of what is read elsewhere too", valid(b.finish(sum), "read twice")),
                case("of a vector", chain("of a vector", Shape::vector(6), &[norm()])),
                alone("a scale and a shift", affine(Factor::Channels, Factor::Channels)),
                alone(
                    "a constant scale",
                    affine(Factor::Constant(0.5), Factor::Constant(-0.25)),
                ),
            ]
        }
        Operator::Add => vec![
            case("two values", joined("two values", Op::Add, 2, Beside::Image)),
            case(
                "a value with itself",
                joined("a value with itself", Op::Add, 2, Beside::Same),
            ),
            case("two vectors", joined("two vectors", Op::Add, 2, Beside::Vectors)),
        ],
        Operator::Mul => vec![
            case("two values", joined("two values", Op::Mul, 2, Beside::Image)),
            case(
                "a value with itself",
                joined("a value with itself", Op::Mul, 2, Beside::Same),
            ),
            case("a gate of (C, 1, 1)", joined("a gate", Op::Mul, 2, Beside::Gate)),
            case("two vectors", joined("two vectors", Op::Mul, 2, Beside::Vectors)),
        ],
        Operator::Concat => vec![
            case("two values", joined("two values", Op::Concat, 2, Beside::Image)),
            case("three values", joined("three values", Op::Concat, 3, Beside::Image)),
            case(
                "a value with itself",
                joined("a value with itself", Op::Concat, 2, Beside::Same),
            ),
            case("two vectors", joined("two vectors", Op::Concat, 2, Beside::Vectors)),
        ],
        Operator::MaxPool => pools(PoolKind::Max)
            .into_iter()
            .map(|(setting, pool)| alone(setting, Op::Pool(pool)))
            .collect(),
        Operator::AvgPool => pools(PoolKind::Average)
            .into_iter()
            .map(|(setting, pool)| alone(setting, Op::Pool(pool)))
            .collect(),
        Operator::GlobalAvgPool => vec![
            alone("of an image", Op::GlobalAvgPool),
            case(
                "of one position",
                chain("of one position", Shape::vector(5), &[Op::GlobalAvgPool]),
            ),
        ],
        // Alone it is no work, and no device answers for none.
        Operator::Flatten => {
            let relu = || Op::Activation(Activation::Relu);
            vec![
                after("of an image", IMAGE, relu(), Op::Flatten),
                after("of a vector", Shape::vector(5), relu(), Op::Flatten),
            ]
        }
        Operator::Slice => [ImageAxis::Channels, ImageAxis::Height, ImageAxis::Width]
            .into_iter()
            .flat_map(|axis| [1, 2].map(|step| (axis, step)))
            .map(|(axis, step)| {
                let slice = Slice {
                    axis,
                    before: 1,
                    after: 1,
                    step,
                };
                alone(&format!("{axis:?}, step {step}"), Op::Slice(slice))
            })
            .collect(),
        Operator::Shuffle => [2, 4]
            .map(|groups| alone(&format!("{groups} groups"), Op::Shuffle { groups }))
            .into(),
        Operator::Resize => resizes()
            .into_iter()
            .map(|(setting, resize)| alone(&setting, Op::Resize(resize)))
            .collect(),
        Operator::Pad => [BorderFill::Zero, BorderFill::Reflect, BorderFill::Edge]
            .map(|fill| alone(fill.name(), Op::Pad(Border { padding: UNEVEN, fill })))
            .into(),
        Operator::LayerNorm => [
            ("over channels", NormOver::Channels),
            ("over the image", NormOver::Groups(1)),
            ("over two groups", NormOver::Groups(2)),
            ("over each channel", NormOver::Groups(4)),
        ]
        .map(|(setting, over)| alone(setting, Op::LayerNorm(LayerNorm { over, eps: 0.05 })))
        .into(),
        Operator::LeakyRelu => activation(operator, Activation::LeakyRelu(Slope::USUAL)),
        Operator::Gelu => [(Activation::Gelu, "exact"), (Activation::GeluTanh, "by tanh")]
            .into_iter()
            .flat_map(|(kind, name)| activation(operator, kind).into_iter().map(move |case| (case, name)))
            .map(|(case, name)| Case {
                setting: format!("{}, {name}", case.setting),
                ..case
            })
            .collect(),
        Operator::Relu => activation(operator, Activation::Relu),
        Operator::Relu6 => activation(operator, Activation::Relu6),
        Operator::HardSwish => activation(operator, Activation::HardSwish),
        Operator::HardSigmoid => activation(operator, Activation::HardSigmoid),
        Operator::Sigmoid => activation(operator, Activation::Sigmoid),
        Operator::Swish => activation(operator, Activation::Swish),
    };
    for case in &cases {
        let found = case
            .network
            .find(SUBJECT)
            .and_then(|id| Operator::of(&case.network, id));
        assert_eq!(found, Some(operator), "{operator}, {}", case.setting);
    }
    assert!(!cases.is_empty(), "{operator} has no case");
    cases
}

const UNEVEN: Padding = Padding {
    before: [0, 1],
    after: [1, 2],
};

fn pools(kind: PoolKind) -> Vec<(&'static str, Pool)> {
    let pool = Pool {
        kind,
        kernel: [2; 2],
        stride: [2; 2],
        padding: Padding::NONE,
        ceil: false,
        count_padding: true,
    };
    let padded = Pool {
        kernel: [3; 2],
        padding: Padding::both([1; 2]),
        ..pool
    };
    let mut pools = vec![
        ("2×2, stride 2", pool),
        ("3×3, padding 1", padded),
        (
            "3×2, stride 1×2",
            Pool {
                kernel: [3, 2],
                stride: [1, 2],
                ..pool
            },
        ),
        (
            "size rounded up",
            Pool {
                ceil: true,
                kernel: [3; 2],
                ..pool
            },
        ),
        ("size rounded up, padding 1", Pool { ceil: true, ..padded }),
        (
            "uneven padding",
            Pool {
                padding: Padding {
                    before: [0, 1],
                    after: [1, 0],
                },
                ..padded
            },
        ),
    ];
    if kind == PoolKind::Average {
        pools.push((
            "padding that does not count",
            Pool {
                count_padding: false,
                ..padded
            },
        ));
    }
    pools
}

fn resizes() -> Vec<(String, Resize)> {
    let mut resizes = vec![
        ("nearest, twice".to_owned(), Resize::nearest(2)),
        ("bilinear, twice".to_owned(), Resize::bilinear(2)),
    ];
    let coordinates = [
        ("half pixel", Coordinates::HalfPixel),
        ("asymmetric", Coordinates::Asymmetric),
        ("aligned corners", Coordinates::AlignCorners),
    ];
    for (name, coordinates) in coordinates {
        for (kind, interpolation) in [
            ("nearest", Interpolation::NearestFloor),
            ("linear", Interpolation::Linear),
        ] {
            let resize = Resize {
                to: ResizeTo::Size([5, 11]),
                interpolation,
                coordinates,
            };
            resizes.push((format!("to 5×11, {kind}, {name}"), resize));
        }
    }
    resizes
}

/// An activation of the image, of a vector, and fused into what a layer does.
fn activation(operator: Operator, activation: Activation) -> Vec<Case> {
    let case = |setting: &str, network: Network| Case {
        operator,
        setting: setting.to_owned(),
        network,
    };
    let op = Op::Activation(activation);
    let mut b = NetworkBuilder::new("after a convolution", IMAGE);
    let at = b.input();
    let conv = add(&mut b, "conv", Op::Conv2d(Conv2d::square(5, 3, 1)), &[at]);
    let end = add(&mut b, SUBJECT, op.clone(), &[conv]);
    let after = valid(b.finish(end), "after a convolution");
    vec![
        case("of the image", chain("of the image", IMAGE, std::slice::from_ref(&op))),
        case("of a vector", chain("of a vector", Shape::vector(12), &[op])),
        case("after a convolution", after),
    ]
}

/// A batch normalisation of a large ε: a handful of values may be nearly constant.
fn norm() -> Op {
    Op::BatchNorm(BatchNorm {
        eps: 0.05,
        ..BatchNorm::default()
    })
}

fn affine(scale: Factor, shift: Factor) -> Op {
    Op::Affine(Affine { scale, shift })
}

/// The operator with a batch normalisation and a smooth activation after it.
fn followed(op: Op, input: Shape) -> Network {
    let mut b = NetworkBuilder::new("followed", input);
    let at = b.input();
    let at = add(&mut b, SUBJECT, op, &[at]);
    let at = add(&mut b, "norm", norm(), &[at]);
    let at = add(&mut b, "act", Op::Activation(Activation::Swish), &[at]);
    valid(b.finish(at), "followed")
}

/// What stands beside the first input of an operator of several.
enum Beside {
    /// Other values of the same shape.
    Image,
    /// The value itself.
    Same,
    /// One value a channel, from a mean.
    Gate,
    /// The first input and all others are vectors.
    Vectors,
}

fn joined(name: &str, op: Op, inputs: usize, beside: Beside) -> Network {
    let shape = match beside {
        Beside::Vectors => Shape::vector(6),
        Beside::Image | Beside::Same | Beside::Gate => IMAGE,
    };
    let mut b = NetworkBuilder::new(name, shape);
    let image = b.input();
    let mut read = vec![image];
    for index in 1..inputs {
        let other = match beside {
            Beside::Same => image,
            Beside::Image | Beside::Vectors => {
                let conv = Conv2d::pointwise(shape.channels);
                let conv = add(&mut b, &format!("conv{index}"), Op::Conv2d(conv), &[image]);
                add(
                    &mut b,
                    &format!("gate{index}"),
                    Op::Activation(Activation::Sigmoid),
                    &[conv],
                )
            }
            Beside::Gate => add(&mut b, "mean", Op::GlobalAvgPool, &[image]),
        };
        read.push(other);
    }
    let end = add(&mut b, SUBJECT, op, &read);
    valid(b.finish(end), name)
}

/// Operators one after the other, the first of which is the subject.
fn chain(name: &str, shape: Shape, ops: &[Op]) -> Network {
    let mut b = NetworkBuilder::new(name, shape);
    let mut at = b.input();
    for (index, op) in ops.iter().enumerate() {
        let own = if index == 0 {
            SUBJECT.to_owned()
        } else {
            format!("then{index}")
        };
        at = add(&mut b, &own, op.clone(), &[at]);
    }
    valid(b.finish(at), name)
}

fn add(builder: &mut NetworkBuilder, name: &str, op: Op, inputs: &[NodeId]) -> NodeId {
    let found = builder.add(name, op, inputs);
    found.unwrap_or_else(|error| panic!("a case is no network: {error}"))
}

fn valid(network: Result<Network, GraphError>, name: &str) -> Network {
    network.unwrap_or_else(|error| panic!("the case `{name}` is no network: {error}"))
}
