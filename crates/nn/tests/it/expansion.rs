//! 1×1 convolutions whose value is computed again by the depthwise convolution after them, against the same network that
//! keeps their values: an output must be kept, so that making an output of them is all it takes.

use panarch_graph::{
    Activation, BatchNorm, Conv2d, Network, NetworkBuilder, NodeId, Op, Output, Shape, Weights, stream,
};
use panarch_nn::{ActivationStorage, Executor, Gradients, Store, Views, Workspace};
use rand::RngExt;

use crate::random::{uniform, weights};

/// An inverted bottleneck of so many channels, kernel and stride, with the expansion's activation, that is added to its
/// input where that is possible; the node of the expansion's value.
fn bottleneck(
    builder: &mut NetworkBuilder,
    x: NodeId,
    name: &str,
    [wide, out, kernel, stride]: [u32; 4],
    activation: Option<Activation>,
) -> (NodeId, NodeId) {
    let mut add = |part: &str, op: Op, inputs: &[NodeId]| builder.add(format!("{name}.{part}"), op, inputs).unwrap();
    let mut y = add("expand", Op::Conv2d(Conv2d::pointwise(wide)), &[x]);
    y = add("expand.bn", Op::BatchNorm(BatchNorm::default()), &[y]);
    if let Some(activation) = activation {
        y = add("expand.act", Op::Activation(activation), &[y]);
    }
    let expanded = y;
    y = add("depthwise", Op::Conv2d(Conv2d::depthwise(wide, kernel, stride)), &[y]);
    y = add("depthwise.bn", Op::BatchNorm(BatchNorm::default()), &[y]);
    y = add("depthwise.act", Op::Activation(Activation::Relu), &[y]);
    y = add("project", Op::Conv2d(Conv2d::pointwise(out)), &[y]);
    y = add("project.bn", Op::BatchNorm(BatchNorm::default()), &[y]);
    if stride == 1 {
        y = add("add", Op::Add, &[x, y]);
    }
    (y, expanded)
}

/// Two bottlenecks, and the names of their expanded values.
fn network(activation: Option<Activation>, from_input: bool, kernel: u32) -> (Network, Vec<NodeId>) {
    let mut builder = NetworkBuilder::new("bottlenecks", Shape::new(5, 9, 7));
    let mut x = builder.input();
    if !from_input {
        x = builder.add("stem", Op::Conv2d(Conv2d::square(5, 3, 1)), &[x]).unwrap();
        x = builder
            .add("stem.bn", Op::BatchNorm(BatchNorm::default()), &[x])
            .unwrap();
        x = builder
            .add("stem.act", Op::Activation(Activation::HardSwish), &[x])
            .unwrap();
    }
    let (x, first) = bottleneck(&mut builder, x, "first", [83, 5, kernel, 1], activation);
    let (x, second) = bottleneck(&mut builder, x, "second", [18, 6, kernel, 2], activation);
    let x = builder.add("pool", Op::GlobalAvgPool, &[x]).unwrap();
    (builder.finish(x).unwrap(), vec![first, second])
}

/// The first output, and the gradients of the weights and of the input.
fn step(network: &Network, weights: &Weights, storage: ActivationStorage) -> [Vec<f32>; 3] {
    let store = Store::from_weights(network, weights).unwrap();
    let views = Views::resolve(network, &store).unwrap();
    let workspace = Workspace::default().with_storage(storage);
    let mut executor = Executor::with_workspace(network, 6, workspace).unwrap();
    let input = uniform(&mut stream(1, "input", 0), 6 * 5 * 9 * 7);
    // Few images first: what they leave must not matter.
    executor.train(&store, &views, &input[..5 * 9 * 7]).unwrap();
    let results = executor.train(&store, &views, &input).unwrap().to_vec();
    let mut slope = uniform(&mut stream(1, "slope", 0), 6 * 6);
    slope.resize(results.len(), 0.0);
    let mut into = vec![f32::NAN; input.len()];
    let mut gradients = Gradients::zeros(&store);
    for _ in 0..2 {
        // The second of the same pass must be the same.
        gradients.zero();
        executor
            .backward(&store, &views, &slope, &mut gradients, Some(&mut into))
            .unwrap();
    }
    let gradients = gradients.iter().flatten().copied().collect();
    [results[..36].to_vec(), gradients, into]
}

fn distance(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected).map(|(a, b)| (f64::from(*a), f64::from(*b)));
    let (apart, length) = pairs.fold((0.0, 0.0), |(apart, length), (a, b)| {
        (apart + (a - b) * (a - b), length + b * b)
    });
    (apart / length).sqrt()
}

/// The same network with its expanded values among the outputs.
fn keeping(network: &Network, nodes: &[NodeId]) -> Network {
    let taps = nodes.iter().enumerate().map(|(index, node)| Output {
        name: format!("kept{index}"),
        node: *node,
    });
    let outputs: Vec<Output> = network.outputs().iter().cloned().chain(taps).collect();
    network.with_outputs(&outputs).unwrap()
}

#[test]
fn what_is_computed_again_is_what_would_be_kept() {
    let activations = [None].into_iter().chain(Activation::ALL.map(Some));
    for (seed, activation) in activations.enumerate() {
        for (from_input, kernel) in [(false, 3), (true, 5)] {
            let (network, expanded) = network(activation, from_input, kernel);
            let kept = keeping(&network, &expanded);
            let mut rng = stream(seed as u64, "weights", 0);
            let weights = weights(&network, &mut rng);
            let found = step(&network, &weights, ActivationStorage::F32);
            let expected = step(&kept, &weights, ActivationStorage::F32);
            let what = ["results", "gradients", "input's gradient"];
            for ((what, found), expected) in what.iter().zip(&found).zip(&expected) {
                let distance = distance(found, expected);
                assert!(distance < 1e-4, "{activation:?}, kernel {kernel}: {what} {distance:e}");
            }
        }
    }
}

/// It takes less memory: nine values of ten of this network are expanded ones.
#[test]
fn what_is_computed_again_takes_no_memory() {
    let (network, expanded) = network(Some(Activation::Relu), false, 3);
    let kept = keeping(&network, &expanded);
    let bytes = |network: &Network| {
        let batch = 64;
        let mut rng = stream(0, "weights", 0);
        let store = Store::from_weights(network, &weights(network, &mut rng)).unwrap();
        let views = Views::resolve(network, &store).unwrap();
        let mut executor = Executor::new(network, batch).unwrap();
        let input: Vec<f32> = (0..batch * 315).map(|_| rng.random_range(-1.0..1.0)).collect();
        executor.train(&store, &views, &input).unwrap();
        executor.into_workspace().bytes()
    };
    let (found, expected) = (bytes(&network), bytes(&kept));
    assert!(4 * found < 3 * expected, "{found} of {expected}");
}
