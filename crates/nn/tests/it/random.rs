//! Random small networks: the executor against the slow one, odd sizes and channel counts that fill no vector.

use panarch_graph::{
    Activation, Affine, BatchNorm, Border, BorderFill, Conv2d, Coordinates, Factor, ImageAxis, Interpolation,
    LayerNorm, Linear, Network, NetworkBuilder, NodeId, NormOver, Op, Padding, Pool, PoolKind, Resize, ResizeTo, Shape,
    Slice, Weights, stream,
};
use panarch_nn::{BnStatistics, Executor, Gradients, Store, Views};
use proptest::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use panarch_testkit::operators::reference::{self, Mode};

pub fn uniform(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// A network that has every operator within reach; invalid proposals are left out.
pub fn network(seed: u64, depth: usize) -> Network {
    let mut rng = stream(seed, "network", 0);
    let shape = Shape::new(rng.random_range(1..5), rng.random_range(5..14), rng.random_range(5..14));
    let mut builder = NetworkBuilder::new("random", shape);
    let mut x = builder.input();
    for layer in 0..depth {
        x = add_layer(&mut builder, &mut rng, x, layer);
    }
    if rng.random_bool(0.5) && builder.shape(x).elements() < 400 {
        x = builder.add("flatten", Op::Flatten, &[x]).unwrap();
    } else {
        x = builder.add("average", Op::GlobalAvgPool, &[x]).unwrap();
    }
    let bias = rng.random_bool(0.5);
    x = builder
        .add("linear", Op::Linear(Linear { out: 5, bias }), &[x])
        .unwrap();
    builder.finish(x).unwrap()
}

/// With a large ε: a handful of values may be nearly constant, and noise should not be blown up by 1/√1e-5.
fn norm() -> Op {
    Op::BatchNorm(BatchNorm {
        eps: 0.05,
        ..BatchNorm::default()
    })
}

fn activation(rng: &mut ChaCha8Rng) -> Op {
    Op::Activation(Activation::ALL[rng.random_range(0..Activation::ALL.len())])
}

/// The same at both ends of an axis, or not.
fn padding(rng: &mut ChaCha8Rng, mut side: impl FnMut(&mut ChaCha8Rng) -> [u32; 2]) -> Padding {
    let before = side(rng);
    let after = if rng.random_bool(0.5) { before } else { side(rng) };
    Padding { before, after }
}

/// A part along any axis; it may be that nothing is left.
pub fn slice(rng: &mut ChaCha8Rng, shape: Shape) -> Slice {
    let axes = [
        (ImageAxis::Channels, shape.channels),
        (ImageAxis::Height, shape.height),
        (ImageAxis::Width, shape.width),
    ];
    let (axis, length) = axes[rng.random_range(0..3)];
    Slice {
        axis,
        before: rng.random_range(0..length),
        after: rng.random_range(0..length.div_ceil(2)),
        step: rng.random_range(1..4),
    }
}

/// To another size, in every way.
pub fn resize(rng: &mut ChaCha8Rng, shape: Shape) -> Resize {
    let interpolations = [
        Interpolation::NearestFloor,
        Interpolation::NearestDown,
        Interpolation::NearestUp,
        Interpolation::NearestCeil,
        Interpolation::Linear,
    ];
    let coordinates = [
        Coordinates::HalfPixel,
        Coordinates::PytorchHalfPixel,
        Coordinates::Asymmetric,
        Coordinates::AlignCorners,
    ];
    Resize {
        to: if rng.random_bool(0.5) && shape.pixels() < 100 {
            ResizeTo::Factor([rng.random_range(1..4), rng.random_range(1..3)])
        } else {
            ResizeTo::Size([rng.random_range(1..12), rng.random_range(1..12)])
        },
        interpolation: interpolations[rng.random_range(0..5)],
        coordinates: coordinates[rng.random_range(0..4)],
    }
}

fn add_layer(builder: &mut NetworkBuilder, rng: &mut ChaCha8Rng, x: NodeId, layer: usize) -> NodeId {
    let shape = builder.shape(x);
    let name = |part: &str| format!("l{layer}.{part}");
    let side = |rng: &mut ChaCha8Rng, most: u32| [rng.random_range(1..=most), rng.random_range(1..=most)];
    let add = |builder: &mut NetworkBuilder, part: &str, op: Op, inputs: &[NodeId]| builder.add(name(part), op, inputs);
    let kind = rng.random_range(0..13);
    let out = match kind {
        0..=2 => {
            let depthwise = kind == 2;
            let groups = if depthwise {
                shape.channels
            } else {
                let divisors: Vec<u32> = (1..=shape.channels)
                    .filter(|g| shape.channels.is_multiple_of(*g))
                    .collect();
                divisors[rng.random_range(0..divisors.len())]
            };
            let kernel = side(rng, 5);
            let dilation = side(rng, 2);
            let around = |rng: &mut ChaCha8Rng| {
                [0, 1].map(|axis| rng.random_range(0..=dilation[axis] * (kernel[axis] - 1) / 2 + 1))
            };
            let padding = padding(rng, around);
            let conv = Conv2d {
                out: if depthwise {
                    groups
                } else {
                    groups * rng.random_range(1..6)
                },
                kernel,
                stride: side(rng, 3),
                padding,
                dilation,
                groups,
                bias: rng.random_bool(0.5),
            };
            add(builder, "conv", Op::Conv2d(conv), &[x])
        }
        3 => add(
            builder,
            "point",
            Op::Conv2d(Conv2d::pointwise(rng.random_range(1..40))),
            &[x],
        ),
        4 => {
            let kernel = side(rng, 3);
            let kind = if rng.random_bool(0.5) {
                PoolKind::Max
            } else {
                PoolKind::Average
            };
            let padding = padding(rng, |rng| kernel.map(|k| rng.random_range(0..=k / 2)));
            add(
                builder,
                "pool",
                Op::Pool(Pool {
                    kind,
                    kernel,
                    stride: side(rng, 2),
                    padding,
                    ceil: rng.random_bool(0.5),
                    count_padding: rng.random_bool(0.5),
                }),
                &[x],
            )
        }
        5 => {
            let squeezed = builder.add(name("squeeze"), Op::GlobalAvgPool, &[x]).unwrap();
            let reduce = Conv2d::pointwise(rng.random_range(1..5)).with_bias(true);
            let gate = builder.add(name("reduce"), Op::Conv2d(reduce), &[squeezed]).unwrap();
            let gate = builder
                .add(name("relu"), Op::Activation(Activation::Swish), &[gate])
                .unwrap();
            let expand = Conv2d::pointwise(shape.channels).with_bias(true);
            let gate = builder.add(name("expand"), Op::Conv2d(expand), &[gate]).unwrap();
            let gate = builder
                .add(name("gate"), Op::Activation(Activation::HardSigmoid), &[gate])
                .unwrap();
            add(builder, "scale", Op::Mul, &[x, gate])
        }
        6 => {
            let other = builder
                .add(name("side"), Op::Conv2d(Conv2d::square(shape.channels, 3, 1)), &[x])
                .unwrap();
            let other = builder.add(name("side_act"), activation(rng), &[other]).unwrap();
            let both = if rng.random_bool(0.5) { [x, other] } else { [other, x] };
            match rng.random_range(0..3) {
                0 => add(builder, "concat", Op::Concat, &[both[0], both[1], both[0]]),
                1 => add(builder, "mul", Op::Mul, &both),
                _ => add(builder, "add", Op::Add, &both),
            }
        }
        7 => add(builder, "double", Op::Add, &[x, x]),
        9 => add(builder, "slice", Op::Slice(slice(rng, shape)), &[x]),
        10 => {
            let divisors: Vec<u32> = (1..=shape.channels)
                .filter(|g| shape.channels.is_multiple_of(*g))
                .collect();
            let groups = divisors[rng.random_range(0..divisors.len())];
            add(builder, "shuffle", Op::Shuffle { groups }, &[x])
        }
        11 => add(builder, "resize", Op::Resize(resize(rng, shape)), &[x]),
        12 => {
            let fill = [BorderFill::Zero, BorderFill::Reflect, BorderFill::Edge][rng.random_range(0..3)];
            let padding = padding(rng, |rng| [rng.random_range(0..3), rng.random_range(0..3)]);
            add(builder, "pad", Op::Pad(Border { padding, fill }), &[x])
        }
        _ => add(builder, "square", Op::Mul, &[x, x]),
    };
    // A window that does not fit leaves the layer out.
    let Ok(mut x) = out else { return x };
    if rng.random_bool(0.7) {
        x = builder.add(name("bn"), norm(), &[x]).unwrap();
    }
    if rng.random_bool(0.6) {
        x = builder.add(name("act"), activation(rng), &[x]).unwrap();
    }
    x
}

/// Random weights with batch normalisations that are not the identity. No kernel weight is near 0: a channel of one weight of
/// 1e-6 varies by less than f32 resolves once a batch normalisation has shifted it, and its gradient is rounding alone.
pub fn weights(network: &Network, rng: &mut ChaCha8Rng) -> Weights {
    let mut weights = Weights::random(network, rng);
    for spec in network.parameters() {
        if spec.shape.len() > 1 {
            let mut tensor = weights.remove(&spec.name).unwrap();
            for value in &mut tensor.data {
                *value = value.abs().max(1e-2).copysign(*value);
            }
            weights.insert(spec.name, tensor);
        } else {
            let mut tensor = weights.remove(&spec.name).unwrap();
            for value in &mut tensor.data {
                *value += rng.random_range(-0.3..0.3);
            }
            weights.insert(spec.name, tensor);
        }
    }
    weights
}

pub fn close(what: &str, found: &[f32], expected: &[f64], floor: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len(), "{}", what);
    let floor = floor.max(1e-6);
    let scale = expected.iter().fold(floor, |scale, value| scale.max(value.abs()));
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let deviation = (f64::from(*found) - expected).abs() / scale;
        prop_assert!(
            deviation < 1e-3,
            "{} [{}]: {} instead of {}",
            what,
            index,
            found,
            expected
        );
    }
    Ok(())
}

/// Nearer to a kink of an activation than this, f32 and f64 may stand on different sides of it, and their gradients rightly
/// differ.
const KINK: f64 = 3e-6;

/// How near a value comes to where a gradient jumps.
fn nearest_kink(network: &Network, pass: &reference::Pass) -> f64 {
    let mut nearest = f64::INFINITY;
    for node in network.nodes() {
        let Op::Activation(activation) = &node.op else { continue };
        let kinks: &[f64] = match activation {
            Activation::Relu | Activation::LeakyRelu(_) => &[0.0],
            Activation::Relu6 => &[0.0, 6.0],
            Activation::HardSigmoid | Activation::HardSwish => &[-3.0, 3.0],
            Activation::Sigmoid | Activation::Swish | Activation::Gelu | Activation::GeluTanh => &[],
        };
        for value in &pass.values[node.inputs[0].index()] {
            for kink in kinks {
                let off = (value - kink).abs();
                // Zeros of a border or of another ReLU are exact in both.
                if off > 0.0 {
                    nearest = nearest.min(off);
                }
            }
        }
    }
    nearest
}

/// A value before a ReLU is 2e-7, and the engine and the slow executor differ in its sign: gradients were 1.2e-3 apart.
#[test]
fn a_value_on_a_kink_is_seen() {
    compare(9_513_575_789_403_012_457, 4).unwrap();
}

fn compare(seed: u64, images: usize) -> Result<(), TestCaseError> {
    let network = network(seed, 4);
    let mut rng = stream(seed, "values", 0);
    let weights = weights(&network, &mut rng);
    let store = Store::from_weights(&network, &weights).unwrap();
    let views = Views::resolve(&network, &store).unwrap();
    let input = uniform(&mut rng, images * network.input_shape().elements() as usize);
    let mut executor = Executor::new(&network, images + 1).unwrap();

    let slow = reference::forward(&network, &weights, &input, Mode::Eval);
    let output = network.output().index();
    let logits = executor.evaluate(&store, &views, None, &input).unwrap();
    close("evaluation", logits, &slow.values[output], 1e-2)?;

    let slow = reference::forward(&network, &weights, &input, Mode::Train);
    let logits = executor.train(&store, &views, &input).unwrap();
    close("training", logits, &slow.values[output], 1e-2)?;
    let mut statistics = BnStatistics::new();
    executor.accumulate_statistics(&mut statistics).unwrap();

    if nearest_kink(&network, &slow) < KINK {
        return Ok(());
    }
    let slope = uniform(&mut rng, images * 5);
    let wide: Vec<f64> = slope.iter().map(|value| f64::from(*value)).collect();
    let (parameters, input_slope) = reference::backward(&network, &weights, &slow, &wide);
    let mut gradients = Gradients::zeros(&store);
    let mut input_gradient = vec![0.0; input.len()];
    executor
        .backward(&store, &views, &slope, &mut gradients, Some(&mut input_gradient))
        .unwrap();
    let largest = parameters
        .values()
        .flatten()
        .fold(0.0_f64, |most, value| most.max(value.abs()));
    close("input gradient", &input_gradient, &input_slope, 1e-2 * largest)?;
    for (name, expected) in &parameters {
        let found = gradients.get(store.id(name).unwrap());
        close(name, found, expected, 1e-2 * largest)?;
    }
    for (name, (mean, _)) in &slow.moments {
        close(name, &statistics.get(name).unwrap().0, mean, 1e-1)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_networks_match_the_slow_executor(seed in any::<u64>(), images in 3..6_usize) {
        compare(seed, images)?;
    }
}

/// What is for inference alone: its values, and the refusal to train it.
#[test]
fn operators_without_a_backward_pass() {
    let norms = [
        NormOver::Channels,
        NormOver::Groups(1),
        NormOver::Groups(3),
        NormOver::Groups(12),
    ];
    let norms = norms.map(|over| Op::LayerNorm(LayerNorm { over, eps: 1e-3 }));
    let factors = [Factor::Constant(0.7), Factor::Channels];
    let scalings = factors.map(|scale| factors.map(|shift| Op::Affine(Affine { scale, shift })));
    for (seed, op) in norms.into_iter().chain(scalings.into_iter().flatten()).enumerate() {
        let mut builder = NetworkBuilder::new("alone", Shape::new(5, 4, 3));
        let input = builder.input();
        let wide = builder
            .add("wide", Op::Conv2d(Conv2d::pointwise(12)), &[input])
            .unwrap();
        let alone = builder.add("alone", op.clone(), &[wide]).unwrap();
        let network = builder.finish(alone).unwrap();
        let mut rng = stream(seed as u64, "alone", 0);
        let weights = weights(&network, &mut rng);
        let store = Store::from_weights(&network, &weights).unwrap();
        let views = Views::resolve(&network, &store).unwrap();
        let input = uniform(&mut rng, 3 * 60);
        let mut executor = Executor::new(&network, 3).unwrap();
        let slow = reference::forward(&network, &weights, &input, Mode::Eval);
        let found = executor.evaluate(&store, &views, None, &input).unwrap();
        close(op.name(), found, &slow.values[network.output().index()], 1e-2).unwrap();
        let refused = executor.train(&store, &views, &input).unwrap_err().to_string();
        assert!(refused.contains("`alone`") && refused.contains(op.name()), "{refused}");
    }
}
