//! What exporters write, pattern by pattern: the engine's values for the network that was read, against rten's for the
//! file itself, and the operators that the pattern should become.

mod parts;

use panarch_format::read_onnx;
use panarch_graph::stream;
use panarch_measure::{RtenRuntime, Runtime};

use crate::engine::evaluate;
use crate::onnx_file::Attribute::{Float, Int, Ints, Text};
use crate::onnx_file::OnnxFile;

/// Builds on the input `x`; returns the output and its rank.
type Build = fn(&mut OnnxFile) -> (String, usize);

fn check(
    what: &str,
    opset: u64,
    input: &[i64],
    channels_last: bool,
    // Builds on the input `x`; returns the output and its rank.
    build: impl Fn(&mut OnnxFile) -> (String, usize),
    expected: &[&str],
) {
    let mut file = OnnxFile::new(opset, stream(7, what, 0));
    let image = file.random(input.iter().product::<i64>() as usize);
    let image: Vec<f32> = image.iter().map(|value| 4.0 * value).collect();
    let (output, rank) = build(&mut file);
    let mut dims: Vec<Option<i64>> = input.iter().map(|length| Some(*length)).collect();
    dims[0] = None;
    let bytes = file.finish(&dims, &output, rank);
    let model = read_onnx(&bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    let found: Vec<&str> = model.network.nodes()[1..].iter().map(|node| node.op.name()).collect();
    assert_eq!(found, expected, "{what}: {:?}", model.notes);

    let expected = RtenRuntime::new(1).load(&bytes).unwrap().run(&image, 1).unwrap();
    let shape = model.network.input_shape();
    let (channels, pixels) = (shape.channels as usize, shape.pixels() as usize);
    let turned = if channels_last {
        (0..image.len())
            .map(|index| image[index % pixels * channels + index / pixels])
            .collect()
    } else {
        image
    };
    let found = evaluate(&model.network, &model.weights, &turned);
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected
        .iter()
        .fold(1e-3_f32, |largest, value| largest.max(value.abs()));
    for (found, expected) in found.iter().zip(&expected) {
        assert!(
            (found - expected).abs() <= 1e-5 * largest,
            "{what}: {found} instead of {expected}; {:?}",
            model.notes
        );
    }
}

#[test]
fn windows() {
    let one = [1, 3, 9, 8];
    check(
        "asymmetric",
        13,
        &one,
        false,
        |f| {
            let w = f.weight(&[4, 3, 3, 2]);
            let pads = Ints("pads", &[2, 0, 1, 3]);
            (f.node("Conv", &["x", &w], &[pads, Ints("strides", &[2, 1])]), 4)
        },
        &["conv2d"],
    );
    // rten knows this automatic padding alone.
    check(
        "automatic",
        13,
        &one,
        false,
        |f| {
            let w = f.weight(&[5, 3, 3, 4]);
            let automatic = || Text("auto_pad", "SAME_UPPER");
            let conv = f.node("Conv", &["x", &w], &[automatic(), Ints("strides", &[2, 2])]);
            let pool = [automatic(), Ints("kernel_shape", &[2, 3]), Ints("strides", &[2, 1])];
            (f.node("MaxPool", &[&conv], &pool), 4)
        },
        &["conv2d", "max_pool"],
    );
    check(
        "ceil",
        13,
        &one,
        false,
        |f| {
            let relu = f.node("Relu", &["x"], &[]);
            let kernel = [
                Ints("kernel_shape", &[3, 3]),
                Ints("strides", &[2, 3]),
                Ints("pads", &[1, 1, 0, 1]),
                Int("ceil_mode", 1),
            ];
            let pool = f.node("MaxPool", &[&relu], &kernel);
            let average = [
                Ints("kernel_shape", &[2, 2]),
                Ints("strides", &[2, 2]),
                Ints("pads", &[1, 0, 1, 1]),
                Int("ceil_mode", 1),
            ];
            (f.node("AveragePool", &[&pool], &average), 4)
        },
        &["activation", "max_pool", "avg_pool"],
    );
}

#[test]
fn borders() {
    let one = [1, 3, 9, 8];
    check(
        "before a convolution",
        13,
        &one,
        false,
        |f| {
            let pads = f.integers(&[8], &[0, 0, 0, 1, 0, 0, 2, 0]);
            let padded = f.node("Pad", &["x", &pads], &[Text("mode", "constant")]);
            let w = f.weight(&[4, 3, 3, 3]);
            (f.node("Conv", &[&padded, &w], &[Ints("pads", &[1, 1, 0, 0])]), 4)
        },
        &["conv2d"],
    );
    check(
        "before pools",
        13,
        &one,
        false,
        |f| {
            let relu = f.node("Relu", &["x"], &[]);
            let pads = f.integers(&[8], &[0, 0, 1, 1, 0, 0, 1, 1]);
            let zero = f.scalar(0.0);
            let padded = f.node("Pad", &[&relu, &pads, &zero], &[]);
            let max = f.node(
                "MaxPool",
                &[&padded],
                &[Ints("kernel_shape", &[3, 3]), Ints("strides", &[2, 2])],
            );
            let padded = f.node("Pad", &[&max, &pads, &zero], &[]);
            (f.node("AveragePool", &[&padded], &[Ints("kernel_shape", &[3, 2])]), 4)
        },
        &["activation", "max_pool", "avg_pool"],
    );
    check(
        "of lowest values",
        13,
        &one,
        false,
        |f| {
            let pads = f.integers(&[8], &[0, 0, 0, 0, 0, 0, 1, 1]);
            let lowest = f.scalar(f32::MIN);
            let padded = f.node("Pad", &["x", &pads, &lowest], &[]);
            (
                f.node(
                    "MaxPool",
                    &[&padded],
                    &[Ints("kernel_shape", &[3, 3]), Ints("strides", &[2, 2])],
                ),
                4,
            )
        },
        &["max_pool"],
    );
    // How PyTorch writes an average that rounds up and counts its padding.
    check(
        "and an overhang",
        13,
        &[1, 2, 6, 6],
        false,
        |f| {
            let pads = f.integers(&[8], &[0, 0, 1, 1, 0, 0, 1, 1]);
            let padded = f.node("Pad", &["x", &pads], &[]);
            let pool = [
                Ints("kernel_shape", &[3, 3]),
                Ints("strides", &[2, 2]),
                Ints("pads", &[0, 0, 1, 1]),
            ];
            (f.node("AveragePool", &[&padded], &pool), 4)
        },
        &["avg_pool"],
    );
}

/// A convolution, so that the activation's input is more than the image.
fn body(f: &mut OnnxFile) -> String {
    let (w, b) = (f.weight(&[6, 3, 1, 1]), f.weight(&[6]));
    f.node("Conv", &["x", &w, &b], &[])
}

#[test]
fn activations_that_are_spelled_out() {
    let one = [1, 3, 5, 4];
    let expected = &["conv2d", "activation"];
    let swishes: [(&str, Build); 6] = [
        ("x·relu6(x+3)/6", |f| {
            let (x, three, six, zero) = (body(f), f.scalar(3.0), f.scalar(6.0), f.scalar(0.0));
            let sum = f.node("Add", &[&x, &three], &[]);
            let clip = f.node("Clip", &[&sum, &zero, &six], &[]);
            let product = f.node("Mul", &[&x, &clip], &[]);
            (f.node("Div", &[&product, &six], &[]), 4)
        }),
        ("x·(relu6(x+3)/6)", |f| {
            let (x, three, six, zero) = (body(f), f.scalar(3.0), f.scalar(6.0), f.scalar(0.0));
            let sum = f.node("Add", &[&three, &x], &[]);
            let clip = f.node("Clip", &[&sum, &zero, &six], &[]);
            let gate = f.node("Div", &[&clip, &six], &[]);
            (f.node("Mul", &[&gate, &x], &[]), 4)
        }),
        ("(x/6)·relu6(x+3)", |f| {
            let (x, three, sixth) = (body(f), f.scalar(3.0), f.scalar(1.0 / 6.0));
            let (zero, six) = (f.scalar(0.0), f.scalar(6.0));
            let sum = f.node("Add", &[&x, &three], &[]);
            let low = f.node("Max", &[&sum, &zero], &[]);
            let clip = f.node("Min", &[&low, &six], &[]);
            let part = f.node("Mul", &[&x, &sixth], &[]);
            (f.node("Mul", &[&part, &clip], &[]), 4)
        }),
        ("x·clip(x/6 + 1/2, 0, 1)", |f| {
            let (x, sixth, half) = (body(f), f.scalar(1.0 / 6.0), f.scalar(0.5));
            let (zero, whole) = (f.scalar(0.0), f.scalar(1.0));
            let scaled = f.node("Mul", &[&x, &sixth], &[]);
            let sum = f.node("Add", &[&scaled, &half], &[]);
            let clip = f.node("Clip", &[&sum, &zero, &whole], &[]);
            (f.node("Mul", &[&x, &clip], &[]), 4)
        }),
        ("x·hardsigmoid(x)", |f| {
            let x = body(f);
            let gate = f.node("HardSigmoid", &[&x], &[Float("alpha", 1.0 / 6.0), Float("beta", 0.5)]);
            (f.node("Mul", &[&x, &gate], &[]), 4)
        }),
        ("x·sigmoid(x)", |f| {
            let x = body(f);
            let gate = f.node("Sigmoid", &[&x], &[]);
            (f.node("Mul", &[&gate, &x], &[]), 4)
        }),
    ];
    for (what, build) in swishes {
        check(what, 14, &one, false, build, expected);
    }
    // A slope that the network's hard sigmoid has not, and one that a convolution's bias cannot take.
    let scaled = &["conv2d", "affine", "activation"];
    check(
        "clip(0.2·x + 0.5, 0, 1)",
        14,
        &one,
        false,
        |f| {
            let (x, fifth, half) = (body(f), f.scalar(0.2), f.scalar(0.5));
            let (zero, whole) = (f.scalar(0.0), f.scalar(1.0));
            let product = f.node("Mul", &[&x, &fifth], &[]);
            let sum = f.node("Add", &[&product, &half], &[]);
            (f.node("Clip", &[&sum, &zero, &whole], &[]), 4)
        },
        scaled,
    );
    // TFLite takes the 3 into the bias.
    check(
        "relu6(x)/6",
        14,
        &one,
        false,
        |f| {
            let (x, sixth) = (body(f), f.scalar(1.0 / 6.0));
            let (zero, six) = (f.scalar(0.0), f.scalar(6.0));
            let clip = f.node("Clip", &[&x, &zero, &six], &[]);
            (f.node("Mul", &[&clip, &sixth], &[]), 4)
        },
        expected,
    );
    check(
        "hardsigmoid of 0.2",
        14,
        &one,
        false,
        |f| {
            let x = body(f);
            (f.node("HardSigmoid", &[&x], &[]), 4)
        },
        scaled,
    );
    check(
        "one bound",
        14,
        &one,
        false,
        |f| {
            let (x, zero) = (body(f), f.scalar(0.0));
            (f.node("Clip", &[&x, &zero], &[]), 4)
        },
        expected,
    );
    // A sigmoid that something else reads stays a node of its own.
    check(
        "a shared gate",
        14,
        &one,
        false,
        |f| {
            let x = body(f);
            let gate = f.node("Sigmoid", &[&x], &[]);
            let product = f.node("Mul", &[&x, &gate], &[]);
            (f.node("Add", &[&product, &gate], &[]), 4)
        },
        &["conv2d", "activation", "mul", "add"],
    );
}

#[test]
fn scalings() {
    let one = [1, 3, 5, 4];
    check(
        "of the input",
        13,
        &one,
        false,
        |f| {
            let (range, mean, deviation) = (
                f.scalar(255.0),
                f.weight(&[1, 3, 1, 1]),
                f.floats(&[3, 1, 1], &[0.2, 0.3, 0.4]),
            );
            let scaled = f.node("Div", &["x", &range], &[]);
            let centred = f.node("Sub", &[&scaled, &mean], &[]);
            let normal = f.node("Div", &[&centred, &deviation], &[]);
            let w = f.weight(&[4, 3, 3, 3]);
            (f.node("Conv", &[&normal, &w], &[]), 4)
        },
        &["batch_norm", "conv2d"],
    );
    check(
        "of a convolution",
        13,
        &one,
        false,
        |f| {
            let (x, scale, shift) = (body(f), f.weight(&[1, 6, 1, 1]), f.weight(&[6, 1, 1]));
            let product = f.node("Mul", &[&scale, &x], &[]);
            (f.node("Sub", &[&shift, &product], &[]), 4)
        },
        &["conv2d", "batch_norm"],
    );
    check(
        "a bias",
        13,
        &one,
        false,
        |f| {
            let (x, shift) = (body(f), f.weight(&[6, 1, 1]));
            let sum = f.node("Add", &[&x, &shift], &[]);
            let nothing = f.scalar(0.0);
            (f.node("Add", &[&sum, &nothing], &[]), 4)
        },
        &["conv2d"],
    );
    check(
        "of a batch normalisation",
        13,
        &one,
        false,
        |f| {
            let (scale, shift, mean) = (f.weight(&[3]), f.weight(&[3]), f.weight(&[3]));
            let variance = f.floats(&[3], &[0.5, 1.0, 2.0]);
            let bn = f.node(
                "BatchNormalization",
                &["x", &scale, &shift, &mean, &variance],
                &[Float("epsilon", 1e-3)],
            );
            let (half, one) = (f.scalar(0.5), f.scalar(1.0));
            let product = f.node("Mul", &[&bn, &half], &[]);
            (f.node("Add", &[&product, &one], &[]), 4)
        },
        &["batch_norm"],
    );
    check(
        "between others",
        13,
        &one,
        false,
        |f| {
            let (x, scale) = (body(f), f.weight(&[6, 1, 1]));
            let scaled = f.node("Mul", &[&x, &scale], &[]);
            (f.node("Add", &[&x, &scaled], &[]), 4)
        },
        &["conv2d", "affine", "add"],
    );
}

#[test]
fn channels_last() {
    let one = [1, 5, 4, 3];
    check(
        "a whole network",
        13,
        &one,
        true,
        |f| {
            let first = f.node("Transpose", &["x"], &[Ints("perm", &[0, 3, 1, 2])]);
            let w = f.weight(&[6, 3, 3, 3]);
            let conv = f.node("Conv", &[&first, &w], &[Ints("pads", &[1, 1, 1, 1])]);
            let back = f.node("Transpose", &[&conv], &[Ints("perm", &[0, 2, 3, 1])]);
            // Squeeze and excite, channels last.
            let mean = f.node("ReduceMean", &[&back], &[Ints("axes", &[1, 2]), Int("keepdims", 1)]);
            let (down, bias) = (f.weight(&[6, 2]), f.weight(&[2]));
            let hidden = f.node("MatMul", &[&mean, &down], &[]);
            let hidden = f.node("Add", &[&hidden, &bias], &[]);
            let relu = f.node("Relu", &[&hidden], &[]);
            let up = f.weight(&[2, 6]);
            let gate = f.node("MatMul", &[&relu, &up], &[]);
            let gate = f.node("Sigmoid", &[&gate], &[]);
            let scaled = f.node("Mul", &[&back, &gate], &[]);
            // A product over the channels of an image.
            let mix = f.weight(&[6, 4]);
            let mixed = f.node("MatMul", &[&scaled, &mix], &[]);
            let again = f.node("Transpose", &[&mixed], &[Ints("perm", &[0, 3, 1, 2])]);
            let w = f.weight(&[4, 1, 3, 3]);
            let conv = f.node("Conv", &[&again, &w], &[Int("group", 4)]);
            let last = f.node("Transpose", &[&conv], &[Ints("perm", &[0, 2, 3, 1])]);
            let flat = f.integers(&[2], &[-1, 24]);
            let flat = f.node("Reshape", &[&last, &flat], &[]);
            let (w, b) = (f.weight(&[24, 7]), f.weight(&[7]));
            let logits = f.node("MatMul", &[&flat, &w], &[]);
            (f.node("Add", &[&b, &logits], &[]), 2)
        },
        &[
            "conv2d",
            "global_avg_pool",
            "linear",
            "activation",
            "linear",
            "activation",
            "mul",
            "conv2d",
            "conv2d",
            "flatten",
            "linear",
        ],
    );
    check(
        "joined along the channels",
        13,
        &one,
        true,
        |f| {
            let both = f.node("Concat", &["x", "x"], &[Int("axis", -1)]);
            let first = f.node("Transpose", &[&both], &[Ints("perm", &[0, 3, 1, 2])]);
            let w = f.weight(&[6, 6, 3, 3]);
            let conv = f.node("Conv", &[&first, &w], &[]);
            let back = f.node("Transpose", &[&conv], &[Ints("perm", &[0, 2, 3, 1])]);
            (
                f.node("ReduceMean", &[&back], &[Ints("axes", &[-3, -2]), Int("keepdims", 0)]),
                2,
            )
        },
        &["concat", "conv2d", "global_avg_pool"],
    );
}

#[test]
fn heads() {
    let one = [1, 3, 4, 4];
    check(
        "a shape that is computed",
        13,
        &one,
        false,
        |f| {
            let x = body(f);
            let shape = f.node("Shape", &[&x], &[]);
            let zero = f.integers(&[], &[0]);
            let batch = f.node("Gather", &[&shape, &zero], &[Int("axis", 0)]);
            let axes = f.integers(&[1], &[0]);
            let batch = f.node("Unsqueeze", &[&batch, &axes], &[]);
            let rest = f.integers(&[1], &[-1]);
            let shape = f.node("Concat", &[&batch, &rest], &[Int("axis", 0)]);
            let flat = f.node("Reshape", &[&x, &shape], &[]);
            let (w, b) = (f.weight(&[5, 96]), f.weight(&[5]));
            let logits = f.node(
                "Gemm",
                &[&flat, &w, &b],
                &[Int("transB", 1), Float("alpha", 0.5), Float("beta", 2.0)],
            );
            (f.node("Relu", &[&logits], &[]), 2)
        },
        &["conv2d", "flatten", "linear", "activation"],
    );
    check(
        "pooled and squeezed",
        13,
        &one,
        false,
        |f| {
            let x = body(f);
            let mean = f.node("GlobalAveragePool", &[&x], &[]);
            let axes = f.integers(&[2], &[2, 3]);
            let vector = f.node("Squeeze", &[&mean, &axes], &[]);
            let w = f.weight(&[6, 6]);
            let vector = f.node("MatMul", &[&vector, &w], &[]);
            let shape = f.integers(&[4], &[0, 6, 1, 1]);
            let image = f.node("Reshape", &[&vector, &shape], &[]);
            let w = f.weight(&[4, 6, 1, 1]);
            let conv = f.node("Conv", &[&image, &w], &[]);
            (f.node("Flatten", &[&conv], &[]), 2)
        },
        &["conv2d", "global_avg_pool", "linear", "conv2d"],
    );
    check(
        "maxima",
        13,
        &one,
        false,
        |f| {
            let x = body(f);
            let most = f.node("GlobalMaxPool", &[&x], &[]);
            let gate = f.node("Mul", &[&most, &x], &[]);
            (
                f.node("ReduceMax", &[&gate], &[Ints("axes", &[2, 3]), Int("keepdims", 0)]),
                2,
            )
        },
        &["conv2d", "max_pool", "mul", "max_pool"],
    );
}

#[test]
fn integers_and_shared_constants() {
    let one = [1, 3, 4, 4];
    check(
        "int8 weights",
        13,
        &one,
        false,
        |f| {
            let weight = f.int8(&[2, 3, 1, 1], &[100, -100, 50, -127, 1, 0]);
            let (scales, zeros) = (f.floats(&[2], &[0.01, 0.02]), f.int8(&[2], &[0, 3]));
            let weight = f.node("DequantizeLinear", &[&weight, &scales, &zeros], &[Int("axis", 0)]);
            (f.node("Conv", &["x", &weight], &[]), 4)
        },
        &["conv2d"],
    );
    check(
        "one weight for two",
        13,
        &one,
        false,
        |f| {
            let (w, b) = (f.weight(&[3, 3, 1, 1]), f.weight(&[3]));
            let first = f.node("Conv", &["x", &w, &b], &[]);
            let second = f.node("Conv", &[&first, &w, &b], &[]);
            let kept = f.node("Identity", &[&second], &[]);
            (f.node("Add", &[&kept, &first], &[]), 4)
        },
        &["conv2d", "conv2d", "add"],
    );
    check(
        "a decomposed normalisation",
        13,
        &one,
        false,
        |f| {
            let x = body(f);
            let (mean, variance) = (
                f.weight(&[1, 6, 1, 1]),
                f.floats(&[6, 1, 1], &[0.5, 1.0, 1.5, 2.0, 0.1, 0.7]),
            );
            let (gamma, beta) = (f.weight(&[6, 1, 1]), f.weight(&[6, 1, 1]));
            let eps = f.scalar(1e-3);
            let centred = f.node("Sub", &[&x, &mean], &[]);
            let sum = f.node("Add", &[&variance, &eps], &[]);
            let root = f.node("Sqrt", &[&sum], &[]);
            let scale = f.node("Div", &[&gamma, &root], &[]);
            let scaled = f.node("Mul", &[&centred, &scale], &[]);
            (f.node("Add", &[&scaled, &beta], &[]), 4)
        },
        &["conv2d", "batch_norm"],
    );
}
