//! Every operator alone, on every instruction set of this processor, on sizes that fill no vector: its gradients against
//! finite differences of its forward pass, and against those of the scalar twin.

use panarch_graph::{
    Activation, BatchNorm, Border, BorderFill, Conv2d, ImageAxis, Linear, Network, NetworkBuilder, NodeId, Op, Padding,
    Pool, PoolKind, Resize, Shape, Slice, stream,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Executor;
use crate::simd::Level;
use crate::{Gradients, Store, Views, Workspace};

const CHANNELS: [u32; 8] = [1, 3, 5, 7, 9, 17, 31, 33];
const IMAGES: usize = 3;
const HEIGHT: u32 = 7;
/// Tiles of a depthwise row are whole or a position short.
const WIDTHS: [u32; 2] = [7, 8];

fn uniform(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// An input whose planes each hold different values, odd sixteenths between −4 and 4 in random order: a step of 3/100
/// moves none across another, nor across a kink of an activation.
fn apart(rng: &mut ChaCha8Rng, shape: Shape) -> Vec<f32> {
    let (pixels, channels) = ((shape.height * shape.width) as usize, shape.channels as usize);
    let mut input = vec![0.0; IMAGES * pixels * channels];
    for image in input.chunks_exact_mut(pixels * channels) {
        for channel in 0..channels {
            let mut values: Vec<f32> = (0..64).map(|step| (step as f32 + 0.5) / 8.0 - 4.0).collect();
            for pixel in 0..pixels {
                let value = values.swap_remove(rng.random_range(0..values.len()));
                image[pixel * channels + channel] = value;
            }
        }
    }
    input
}

/// A network of what `add` puts behind an input of so many channels and columns.
fn alone([channels, width]: [u32; 2], add: impl Fn(&mut NetworkBuilder, NodeId) -> NodeId) -> Network {
    let mut builder = NetworkBuilder::new("alone", Shape::new(channels, HEIGHT, width));
    let input = builder.input();
    let output = add(&mut builder, input);
    builder.finish(output).unwrap()
}

fn chain(size: [u32; 2], ops: &[Op]) -> Network {
    alone(size, |builder, mut x| {
        for (index, op) in ops.iter().enumerate() {
            x = builder.add(format!("op{index}"), op.clone(), &[x]).unwrap();
        }
        x
    })
}

/// One operator's network with weights, input and the gradient of its result.
struct Case<'a> {
    network: &'a Network,
    store: Store,
    input: Vec<f32>,
    slope: Vec<f32>,
    level: Level,
}

impl Case<'_> {
    /// Σ result · slope, in f64.
    fn loss(&self, store: &Store, input: &[f32]) -> f64 {
        let mut executor = Executor::with_level(self.network, IMAGES, Workspace::with_shares(2), self.level).unwrap();
        let views = Views::resolve(self.network, store).unwrap();
        let result = executor.train(store, &views, input).unwrap();
        let products = result.iter().zip(&self.slope);
        products
            .map(|(value, slope)| f64::from(*value) * f64::from(*slope))
            .sum()
    }

    /// The gradient of every stored tensor, then that of the input.
    fn gradients(&self) -> Vec<Vec<f32>> {
        let mut executor = Executor::with_level(self.network, IMAGES, Workspace::with_shares(2), self.level).unwrap();
        let views = Views::resolve(self.network, &self.store).unwrap();
        executor.train(&self.store, &views, &self.input).unwrap();
        let mut gradients = Gradients::zeros(&self.store);
        let mut input = vec![0.0; self.input.len()];
        let into = Some(&mut input[..]);
        executor
            .backward(&self.store, &views, &self.slope, &mut gradients, into)
            .unwrap();
        let mut all: Vec<Vec<f32>> = gradients.iter().map(<[f32]>::to_vec).collect();
        all.push(input);
        all
    }

    /// Compares along a random direction in all parameters and the input.
    fn compare(&self, what: &str, gradients: &[Vec<f32>], rng: &mut ChaCha8Rng) {
        let directions: Vec<Vec<f32>> = gradients.iter().map(|values| uniform(rng, values.len())).collect();
        let (mut predicted, mut size) = (0.0, 1e-3_f64);
        for (gradient, direction) in gradients.iter().flatten().zip(directions.iter().flatten()) {
            let product = f64::from(*gradient) * f64::from(*direction);
            predicted += product;
            // A sum of independent products is about as large as this.
            size += product * product;
        }
        let size = size.sqrt();
        let along = |step: f32| {
            let mut store = self.store.clone();
            for (tensor, direction) in store.tensors_mut().iter_mut().zip(&directions) {
                let values = tensor.data_mut().iter_mut().zip(direction);
                values.for_each(|(value, by)| *value += step * by);
            }
            let by = directions.last().unwrap();
            let input: Vec<f32> = self.input.iter().zip(by).map(|(value, by)| value + step * by).collect();
            self.loss(&store, &input)
        };
        // Short steps are for curvature, long ones against rounding; of several the best counts.
        let errors = [3e-2, 1e-2, 3e-3].map(|step: f32| {
            let found = (along(step) - along(-step)) / (2.0 * f64::from(step));
            (found - predicted).abs() / size
        });
        let best = errors.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(best < 1e-2, "{what}: errors {errors:?} of {predicted} ± {size}");
    }
}

/// Compares with the scalar twin, and with finite differences unless a kink within the network forbids it.
fn check(what: &str, network: &Network, seed: u64, kinked: bool) {
    let mut rng = stream(seed, "operators", 0);
    let mut store = Store::covering([network]).unwrap();
    for tensor in store.tensors_mut() {
        let spread = uniform(&mut rng, tensor.data().len());
        tensor
            .data_mut()
            .iter_mut()
            .zip(spread)
            .for_each(|(value, by)| *value += 0.5 * by);
    }
    let results = IMAGES * network.shape(network.output()).elements() as usize;
    let mut case = Case {
        network,
        store,
        input: apart(&mut rng, network.input_shape()),
        slope: uniform(&mut rng, results),
        level: Level::Portable,
    };
    let scalar = case.gradients();
    let largest = |values: &[f32]| values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let floor = scalar.iter().map(|values| 0.1 * largest(values)).fold(1e-3, f32::max);
    for level in Level::available() {
        case.level = level;
        let what = format!("{what}, {} channels, {level:?}", network.input_shape().channels);
        let gradients = case.gradients();
        if !kinked {
            case.compare(&what, &gradients, &mut rng);
        }
        for (found, expected) in gradients.iter().zip(&scalar) {
            let scale = largest(expected).max(floor);
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (found - expected).abs() <= 1e-4 * scale,
                    "{what}: {found} instead of {expected}"
                );
            }
        }
    }
}

/// Checks a chain of operators on all numbers of channels.
fn check_chain(what: &str, ops: impl Fn(u32) -> Vec<Op>) {
    for (seed, channels) in CHANNELS.into_iter().enumerate() {
        let ops = ops(channels);
        // The first operator reads an input that keeps away from kinks.
        let is_kinked = |op: &Op| matches!(op, Op::Activation(kind) if !is_smooth(*kind));
        let kinked = ops.iter().skip(1).any(is_kinked);
        for width in WIDTHS {
            check(what, &chain([channels, width], &ops), seed as u64, kinked);
        }
    }
}

const fn is_smooth(kind: Activation) -> bool {
    matches!(
        kind,
        Activation::Sigmoid | Activation::Swish | Activation::Gelu | Activation::GeluTanh
    )
}

fn norm() -> Op {
    Op::BatchNorm(BatchNorm::default())
}

#[test]
fn dense_convolutions() {
    for kernel in [1, 3, 5, 7] {
        for stride in [1, 2] {
            check_chain(&format!("dense {kernel}×{kernel} / {stride}"), |channels| {
                // As many outputs as another entry of the list.
                let at = CHANNELS.iter().position(|other| *other == channels).unwrap();
                let conv = Conv2d::square(CHANNELS[CHANNELS.len() - 1 - at], kernel, stride);
                vec![Op::Conv2d(conv.with_bias(true))]
            });
        }
    }
}

#[test]
fn grouped_convolutions() {
    for (groups, kernel, stride) in [(2, 3, 1), (3, 3, 2), (2, 5, 2), (3, 1, 1)] {
        check_chain(&format!("{groups} groups {kernel}×{kernel} / {stride}"), |channels| {
            let grouped = Conv2d::square(groups * 5, kernel, stride).with_groups(groups);
            let widen = Conv2d::pointwise(groups * channels);
            vec![Op::Conv2d(widen), Op::Conv2d(grouped.with_bias(true))]
        });
    }
}

#[test]
fn depthwise_convolutions() {
    for kernel in [3, 5, 7] {
        for stride in [1, 2] {
            check_chain(&format!("depthwise {kernel}×{kernel} / {stride}"), |channels| {
                let conv = Conv2d::depthwise(channels, kernel, stride);
                vec![Op::Conv2d(conv.with_bias(true))]
            });
        }
    }
}

#[test]
fn fused_layers() {
    for kind in Activation::ALL {
        check_chain(&format!("normalised layers with {kind:?}"), |channels| {
            let activation = Op::Activation(kind);
            let point = Op::Conv2d(Conv2d::pointwise(channels + 2));
            let depthwise = Op::Conv2d(Conv2d::depthwise(channels + 2, 3, 1));
            vec![point, norm(), activation.clone(), depthwise, norm(), activation]
        });
    }
}

#[test]
fn activations_and_normalisation() {
    for kind in Activation::ALL {
        check_chain(&format!("{kind:?}"), |_| vec![Op::Activation(kind)]);
    }
    check_chain("batch normalisation", |_| vec![norm()]);
}

#[test]
fn pooling() {
    for kind in [PoolKind::Max, PoolKind::Average] {
        for (kernel, stride, count_padding) in [(2, 2, false), (3, 1, true), (3, 2, false)] {
            let pool = Pool {
                kind,
                kernel: [kernel; 2],
                stride: [stride; 2],
                padding: Padding::both([kernel / 2; 2]),
                ceil: false,
                count_padding,
            };
            check_chain(&format!("{kind:?} {kernel} / {stride}"), |_| vec![Op::Pool(pool)]);
        }
    }
    check_chain("global average", |_| vec![Op::GlobalAvgPool]);
}

#[test]
fn linear_layers() {
    for out in [1, 10, 17] {
        let linear = Op::Linear(Linear { out, bias: true });
        check_chain("linear", |_| vec![Op::GlobalAvgPool, linear.clone()]);
        check_chain("flatten and linear", |_| vec![Op::Flatten, linear.clone()]);
    }
}

/// Operators of two inputs: the input and a branch that scales and shifts it.
fn check_joint(what: &str, vector: bool, op: &Op) {
    for (seed, channels) in CHANNELS.into_iter().enumerate() {
        let network = alone([channels, WIDTHS[0]], |builder, x| {
            let mut add = |name: &str, op: Op, inputs: &[NodeId]| builder.add(name, op, inputs).unwrap();
            let mut branch = x;
            if vector {
                branch = add("squeeze", Op::GlobalAvgPool, &[branch]);
            }
            let conv = Conv2d::pointwise(channels).with_bias(true);
            branch = add("branch", Op::Conv2d(conv), &[branch]);
            branch = add("gate", Op::Activation(Activation::Sigmoid), &[branch]);
            add("joint", op.clone(), &[x, branch])
        });
        check(what, &network, seed as u64, false);
    }
}

#[test]
fn moves() {
    let fills = [BorderFill::Zero, BorderFill::Reflect, BorderFill::Edge];
    for fill in fills {
        let padding = Padding {
            before: [1, 2],
            after: [3, 0],
        };
        check_chain(&format!("{} border", fill.name()), |_| {
            vec![Op::Pad(Border { padding, fill })]
        });
    }
    check_chain("channel shuffle", |channels| {
        let widen = Op::Conv2d(Conv2d::pointwise(3 * channels));
        vec![widen, Op::Shuffle { groups: 3 }]
    });
    for axis in [ImageAxis::Channels, ImageAxis::Height, ImageAxis::Width] {
        for step in [1, 2] {
            check_chain(&format!("slice of {axis:?} by {step}"), |channels| {
                let widen = Op::Conv2d(Conv2d::pointwise(channels + 3));
                let slice = Op::Slice(Slice {
                    axis,
                    before: 1,
                    after: 2,
                    step,
                });
                vec![widen, slice]
            });
        }
    }
    for resize in [Resize::nearest(2), Resize::bilinear(2), Resize::bilinear(3)] {
        check_chain(&format!("{resize:?}"), |_| vec![Op::Resize(resize)]);
    }
}

#[test]
fn joined_values() {
    check_joint("squeeze-and-excite", true, &Op::Mul);
    check_joint("product", false, &Op::Mul);
    check_joint("sum", false, &Op::Add);
    check_joint("concatenation", false, &Op::Concat);
}
