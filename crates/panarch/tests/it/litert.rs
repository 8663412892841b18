//! TFLite files of ours in LiteRT's interpreter: int8 results against the engine's f32 ones.
//!
//! Runs where `PANARCH_LITERT_PYTHON` names a Python with `ai-edge-litert` and `numpy`.

use std::path::Path;
use std::process::Command;

use panarch::exporters::tflite::calibrate;
use panarch_format::tflite::{Values, read_structure, write};
use panarch_graph::{
    Activation, BatchNorm, Conv2d, Linear, Network, NetworkBuilder, NodeId, Op, Padding, Pool, PoolKind, Shape, Tensor,
    Weights, stream,
};
use panarch_nn::{Executor, Store, Views};
use panarch_space::{Head, Space};
use rand::RngExt;

const VARIABLE: &str = "PANARCH_LITERT_PYTHON";
const IMAGES: usize = 6;

/// Runs every FOLDER/*.tflite on the images of the f32 file of the same name; puts what comes out, as f32, beside it.
const SCRIPT: &str = r"
import pathlib, sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
for model in sorted(pathlib.Path(sys.argv[1]).glob('*.tflite')):
    net = Interpreter(model_path=str(model))
    net.allocate_tensors()
    (i,), (o,) = net.get_input_details(), net.get_output_details()
    images = np.fromfile(model.with_suffix('.images'), np.float32).reshape(-1, *i['shape'][1:])
    results = []
    for image in images:
        scale, zero = i['quantization']
        net.set_tensor(i['index'], np.clip(np.round(image[None] / scale) + zero, -128, 127).astype(np.int8))
        net.invoke()
        scale, zero = o['quantization']
        results.append((net.get_tensor(o['index']).astype(np.float32) - zero) * scale)
    np.concatenate(results).astype(np.float32).tofile(model.with_suffix('.results'))
";

struct Case {
    name: String,
    network: Network,
    /// Largest error allowed, in steps of the result's int8 numbers; none where layers follow each other and only the
    /// ratio of signal to noise counts.
    steps: Option<f32>,
}

fn single(name: &str, image: Shape, op: Op) -> Case {
    chain(name, image, &[op], Some(3.0))
}

fn chain(name: &str, image: Shape, ops: &[Op], steps: Option<f32>) -> Case {
    let mut builder = NetworkBuilder::new(name, image);
    let mut last = builder.input();
    for (number, op) in ops.iter().enumerate() {
        last = builder.add(format!("layer{number}"), op.clone(), &[last]).unwrap();
    }
    let network = builder.finish(last).unwrap();
    Case {
        name: name.to_owned(),
        network,
        steps,
    }
}

fn pool(kind: PoolKind, kernel: u32, stride: u32, padding: u32, [ceil, count_padding]: [bool; 2]) -> Op {
    Op::Pool(Pool {
        kind,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: Padding::both([padding; 2]),
        ceil,
        count_padding,
    })
}

/// Each operator in each form that it takes in a file.
fn operators() -> Vec<Case> {
    let image = Shape::new(6, 8, 8);
    let odd = Shape::new(4, 7, 7);
    let conv = |conv: Conv2d| Op::Conv2d(conv.with_bias(true));
    let dilated = Conv2d {
        dilation: [2; 2],
        padding: Padding::both([2; 2]),
        ..Conv2d::square(5, 3, 1)
    };
    let uneven = Conv2d {
        kernel: [3, 5],
        stride: [2, 1],
        padding: Padding {
            before: [1, 2],
            after: [0, 1],
        },
        ..Conv2d::square(5, 3, 1)
    };
    let mut cases = vec![
        single("conv", image, conv(Conv2d::square(5, 3, 1))),
        single("conv-padded", image, conv(Conv2d::square(5, 3, 2))),
        single("conv-uneven", image, conv(uneven)),
        single("conv-dilated", image, conv(dilated)),
        single("conv-grouped", image, conv(Conv2d::square(6, 3, 1).with_groups(2))),
        single(
            "pointwise-stride",
            odd,
            conv(Conv2d {
                padding: Padding::NONE,
                ..Conv2d::square(5, 1, 2)
            }),
        ),
        single("depthwise", image, conv(Conv2d::depthwise(6, 5, 2))),
        single("depthwise-odd", odd, conv(Conv2d::depthwise(4, 3, 2))),
        single(
            "depthwise-multiplied",
            image,
            conv(Conv2d::square(12, 3, 1).with_groups(6)),
        ),
        single("batch-norm", image, Op::BatchNorm(BatchNorm::default())),
        single("max-pool", image, pool(PoolKind::Max, 2, 2, 0, [false, true])),
        single("max-pool-padded", image, pool(PoolKind::Max, 3, 2, 1, [false, true])),
        single("max-pool-ceil", image, pool(PoolKind::Max, 3, 2, 0, [true, true])),
        single("average-pool", image, pool(PoolKind::Average, 2, 2, 0, [false, true])),
        single(
            "average-pool-counted",
            image,
            pool(PoolKind::Average, 3, 2, 1, [false, true]),
        ),
        single(
            "average-pool-same",
            image,
            pool(PoolKind::Average, 3, 1, 1, [false, false]),
        ),
        single(
            "average-pool-ceil",
            image,
            pool(PoolKind::Average, 3, 2, 0, [true, true]),
        ),
        single("global", image, Op::GlobalAvgPool),
        single("flatten", image, Op::Flatten),
        chain(
            "flatten-linear",
            image,
            &[Op::Flatten, Op::Linear(Linear { out: 7, bias: true })],
            Some(3.0),
        ),
        chain(
            "linear-conv",
            Shape::vector(9),
            &[Op::Linear(Linear { out: 7, bias: false }), conv(Conv2d::pointwise(3))],
            Some(4.0),
        ),
    ];
    for activation in Activation::ALL {
        cases.push(single(activation.name(), image, Op::Activation(activation)));
        let ops = [conv(Conv2d::pointwise(5)), Op::Activation(activation)];
        cases.push(chain(&format!("conv-{}", activation.name()), image, &ops, Some(4.0)));
    }
    cases.extend(joins(image));
    cases
}

/// Operators with two inputs.
fn joins(image: Shape) -> Vec<Case> {
    type Join = fn(&mut NetworkBuilder, NodeId) -> NodeId;
    let forms: [(&str, Join); 5] = [
        ("add", |b, x| {
            let y = b.add("y", Op::Conv2d(Conv2d::pointwise(6)), &[x]).unwrap();
            b.add("add", Op::Add, &[x, y]).unwrap()
        }),
        ("add-relu", |b, x| {
            let y = b.add("y", Op::Conv2d(Conv2d::pointwise(6)), &[x]).unwrap();
            let sum = b.add("add", Op::Add, &[x, y]).unwrap();
            b.add("relu", Op::Activation(Activation::Relu), &[sum]).unwrap()
        }),
        ("mul-gate", |b, x| {
            let y = b.add("pool", Op::GlobalAvgPool, &[x]).unwrap();
            let y = b.add("gate", Op::Linear(Linear { out: 6, bias: true }), &[y]).unwrap();
            let y = b.add("sigmoid", Op::Activation(Activation::HardSigmoid), &[y]).unwrap();
            b.add("mul", Op::Mul, &[x, y]).unwrap()
        }),
        ("concat", |b, x| {
            let y = b.add("y", Op::Conv2d(Conv2d::pointwise(3)), &[x]).unwrap();
            b.add("concat", Op::Concat, &[x, y]).unwrap()
        }),
        ("concat-vectors", |b, x| {
            let y = b.add("pool", Op::GlobalAvgPool, &[x]).unwrap();
            let z = b
                .add("linear", Op::Linear(Linear { out: 4, bias: true }), &[y])
                .unwrap();
            b.add("concat", Op::Concat, &[y, z]).unwrap()
        }),
    ];
    let case = |(name, join): (&str, Join)| {
        let mut builder = NetworkBuilder::new(name, image);
        let input = builder.input();
        let last = join(&mut builder, input);
        Case {
            name: name.to_owned(),
            network: builder.finish(last).unwrap(),
            steps: Some(4.0),
        }
    };
    forms.into_iter().map(case).collect()
}

/// Members of spaces, small ones, with everything that stands in them.
fn members() -> Vec<Case> {
    let head = Head {
        classes: 10,
        input_channels: 3,
    };
    let mut cases = Vec::new();
    for (name, resolution) in [
        ("multi-hardware-small", 28),
        ("edgetpu-small", 28),
        ("ofa-small", 28),
        ("nas-bench-macro", 32),
    ] {
        let space = Space::preset(name).unwrap();
        let genotype = space.canonical(&space.sample(&mut stream(1, name, 0)));
        cases.push(Case {
            name: name.to_owned(),
            network: space.lower(&genotype, head, resolution).unwrap(),
            steps: None,
        });
    }
    cases
}

/// Weights with statistics and biases that are not the identity.
fn scattered(network: &Network) -> Weights {
    let mut rng = stream(3, "weights", 0);
    let drawn = Weights::random(network, &mut rng);
    let mut scatter = |(name, tensor): (&str, &Tensor)| {
        let mut tensor = tensor.clone();
        if tensor.shape.len() == 1 {
            for value in &mut tensor.data {
                *value = *value * 0.5 + rng.random_range(0.3..0.7_f32);
            }
        }
        if name.ends_with(".running_mean") {
            tensor.data.iter_mut().for_each(|value| *value -= 0.5);
        }
        if name.ends_with(".weight") && tensor.shape.len() == 2 {
            tensor.data.iter_mut().for_each(|value| *value *= 10.0);
        }
        (name.to_owned(), tensor)
    };
    drawn.iter().map(&mut scatter).collect()
}

/// What the engine computes.
fn expected(network: &Network, weights: &Weights, images: &[f32]) -> Vec<f32> {
    let store = Store::from_weights(network, weights).unwrap();
    let views = Views::resolve(network, &store).unwrap();
    let mut executor = Executor::new(network, IMAGES).unwrap();
    executor.evaluate(&store, &views, None, images).unwrap().to_vec()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|it| f32::from_le_bytes(*it)).collect()
}

fn prepare(folder: &Path, case: &Case) -> (Vec<f32>, f32) {
    let network = &case.network;
    let weights = scattered(network);
    let mut rng = stream(2, "images", 0);
    let count = IMAGES * network.input_shape().elements() as usize;
    let images: Vec<f32> = (0..count).map(|_| rng.random_range(-2.0..2.0_f32)).collect();
    let ranges = calibrate(network, &weights, &images).unwrap();
    let bytes = write(network, Values::Given(&weights), &ranges).unwrap();
    let structure = read_structure(&bytes).unwrap();
    let graph = &structure.graphs[0];
    let step = graph.tensors[graph.outputs[0]].quantisation.as_ref().unwrap().scales[0];
    std::fs::write(folder.join(format!("{}.tflite", case.name)), bytes).unwrap();
    let raw: Vec<u8> = images.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(folder.join(format!("{}.images", case.name)), raw).unwrap();
    (expected(network, &weights, &images), step)
}

#[test]
fn litert_parity_of_int8_files() {
    let Some(python) = std::env::var_os(VARIABLE) else {
        println!("parity: skipped, {VARIABLE} names no Python with ai-edge-litert");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let cases: Vec<Case> = operators().into_iter().chain(members()).collect();
    let prepared: Vec<_> = cases.iter().map(|case| prepare(folder.path(), case)).collect();
    let output = Command::new(python)
        .args(["-c", SCRIPT])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut failed = Vec::new();
    for (case, (expected, step)) in cases.iter().zip(prepared) {
        let results = std::fs::read(folder.path().join(format!("{}.results", case.name))).unwrap();
        let results = floats(&results);
        assert_eq!(results.len(), expected.len(), "{}", case.name);
        let errors = results.iter().zip(&expected).map(|(found, wanted)| found - wanted);
        let most = errors.clone().fold(0.0_f32, |most, error| most.max(error.abs())) / step;
        let noise: f32 = errors.map(|error| error * error).sum();
        let mean = expected.iter().sum::<f32>() / expected.len() as f32;
        let signal: f32 = expected.iter().map(|value| (value - mean) * (value - mean)).sum();
        let decibels = 10.0 * (signal / noise.max(f32::MIN_POSITIVE)).log10();
        println!(
            "parity: {} {most:.2} steps, signal to noise {decibels:.1} dB",
            case.name
        );
        if case.steps.map_or(decibels < 20.0, |steps| most > steps) {
            failed.push(case.name.as_str());
        }
    }
    assert!(
        failed.is_empty(),
        "further from the engine than quantisation explains: {failed:?}"
    );
}
