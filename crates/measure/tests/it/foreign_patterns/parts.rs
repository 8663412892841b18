//! Parts, shuffles, sizes, borders, and what is spelled out of several operators.

use super::*;

/// Parts of an image, joined in another order, and a shuffle of groups.
#[test]
fn parts_and_shuffles() {
    let one = [1, 6, 8, 6];
    check(
        "halves that are split, worked on and joined",
        13,
        &one,
        false,
        |f| {
            let sizes = f.integers(&[2], &[2, 4]);
            let parts = f.nodes("Split", &["x", &sizes], &[Int("axis", 1)], 2);
            let relu = f.node("Relu", &[&parts[1]], &[]);
            (f.node("Concat", &[&relu, &parts[0]], &[Int("axis", 1)]), 4)
        },
        &["slice", "slice", "activation", "concat"],
    );
    check(
        "a slice along three axes",
        13,
        &one,
        false,
        |f| {
            let starts = f.integers(&[3], &[1, -7, 0]);
            let ends = f.integers(&[3], &[5, i64::MAX, -1]);
            let (axes, steps) = (f.integers(&[3], &[1, 2, 3]), f.integers(&[3], &[2, 3, 1]));
            (f.node("Slice", &["x", &starts, &ends, &axes, &steps], &[]), 4)
        },
        &["slice", "slice", "slice"],
    );
    check(
        "channels taken one by one",
        13,
        &one,
        false,
        |f| {
            let order = f.integers(&[3], &[4, 0, 1]);
            (f.node("Gather", &["x", &order], &[Int("axis", 1)]), 4)
        },
        &["slice", "slice", "slice", "concat"],
    );
    check(
        "a channel shuffle",
        13,
        &one,
        false,
        |f| {
            let (cut, joined) = (f.integers(&[5], &[-1, 2, 3, 8, 6]), f.integers(&[4], &[-1, 6, 8, 6]));
            let cut = f.node("Reshape", &["x", &cut], &[]);
            let turned = f.node("Transpose", &[&cut], &[Ints("perm", &[0, 2, 1, 3, 4])]);
            (f.node("Reshape", &[&turned, &joined], &[]), 4)
        },
        &["shuffle"],
    );
    check(
        "blocks of positions as channels",
        13,
        &one,
        false,
        |f| {
            let (cut, joined) = (
                f.integers(&[6], &[-1, 6, 4, 2, 3, 2]),
                f.integers(&[4], &[-1, 24, 4, 3]),
            );
            let cut = f.node("Reshape", &["x", &cut], &[]);
            let turned = f.node("Transpose", &[&cut], &[Ints("perm", &[0, 3, 5, 1, 2, 4])]);
            (f.node("Reshape", &[&turned, &joined], &[]), 4)
        },
        &["slice", "slice", "slice", "slice", "slice", "slice", "concat"],
    );
}

#[test]
fn sizes_and_borders() {
    let one = [1, 3, 4, 5];
    for (mode, coordinates) in [
        ("nearest", "asymmetric"),
        ("linear", "half_pixel"),
        ("linear", "align_corners"),
    ] {
        for by_size in [false, true] {
            let build = |f: &mut OnnxFile| {
                let attributes = [
                    Text("mode", mode),
                    Text("coordinate_transformation_mode", coordinates),
                    Text("nearest_mode", "floor"),
                ];
                let scales = f.floats(&[4], &[1.0, 1.0, 2.0, 3.0]);
                let sizes = f.integers(&[4], &[1, 3, 7, 11]);
                if by_size {
                    (f.node("Resize", &["x", "", "", &sizes], &attributes), 4)
                } else {
                    (f.node("Resize", &["x", "", &scales], &attributes), 4)
                }
            };
            check(&format!("{mode} {coordinates}"), 13, &one, false, build, &["resize"]);
        }
    }
    for mode in ["reflect", "edge"] {
        let build = |f: &mut OnnxFile| {
            let pads = f.integers(&[8], &[0, 0, 1, 2, 0, 0, 3, 0]);
            (f.node("Pad", &["x", &pads], &[Text("mode", mode)]), 4)
        };
        check(mode, 13, &one, false, build, &["pad"]);
    }
    check(
        "zeros before a maximum of values below 0",
        13,
        &one,
        false,
        |f| {
            let pads = f.integers(&[8], &[0, 0, 0, 0, 0, 0, 1, 1]);
            let padded = f.node("Pad", &["x", &pads], &[]);
            (f.node("MaxPool", &[&padded], &[Ints("kernel_shape", &[2, 2])]), 4)
        },
        &["pad", "max_pool"],
    );
}

#[test]
fn activations_and_normalisations() {
    let one = [1, 6, 4, 5];
    check(
        "leaky relu",
        13,
        &one,
        false,
        |f| (f.node("LeakyRelu", &["x"], &[Float("alpha", 0.1)]), 4),
        &["activation"],
    );
    check(
        "a slope for each channel",
        13,
        &one,
        false,
        |f| {
            let slopes = f.weight(&[6, 1, 1]);
            (f.node("PRelu", &["x", &slopes], &[]), 4)
        },
        &["activation", "batch_norm", "activation", "affine", "add"],
    );
    check(
        "gelu by erf",
        13,
        &one,
        false,
        |f| {
            let (root, one, half) = (f.scalar(2.0_f32.sqrt()), f.scalar(1.0), f.scalar(0.5));
            let divided = f.node("Div", &["x", &root], &[]);
            let erf = f.node("Erf", &[&divided], &[]);
            let sum = f.node("Add", &[&erf, &one], &[]);
            let product = f.node("Mul", &["x", &sum], &[]);
            (f.node("Mul", &[&product, &half], &[]), 4)
        },
        &["activation"],
    );
    check(
        "gelu by tanh",
        13,
        &one,
        false,
        |f| {
            let (three, third) = (f.scalar(3.0), f.scalar(0.044_715));
            let (root, one, half) = (f.scalar(0.797_884_6), f.scalar(1.0), f.scalar(0.5));
            let cube = f.node("Pow", &["x", &three], &[]);
            let small = f.node("Mul", &[&cube, &third], &[]);
            let sum = f.node("Add", &["x", &small], &[]);
            let argument = f.node("Mul", &[&sum, &root], &[]);
            let tanh = f.node("Tanh", &[&argument], &[]);
            let raised = f.node("Add", &[&tanh, &one], &[]);
            let halved = f.node("Mul", &["x", &half], &[]);
            (f.node("Mul", &[&halved, &raised], &[]), 4)
        },
        &["activation"],
    );
    check(
        "layer normalisation with the channels last",
        17,
        &one,
        false,
        |f| {
            let last = f.node("Transpose", &["x"], &[Ints("perm", &[0, 2, 3, 1])]);
            let (scale, shift) = (f.weight(&[6]), f.weight(&[6]));
            let attributes = [Int("axis", -1), Float("epsilon", 1e-5)];
            let normal = f.node("LayerNormalization", &[&last, &scale, &shift], &attributes);
            (f.node("Transpose", &[&normal], &[Ints("perm", &[0, 3, 1, 2])]), 4)
        },
        &["layer_norm", "batch_norm"],
    );
    check(
        "the same spelled out, and a scale behind",
        13,
        &one,
        false,
        |f| {
            let (two, eps, gamma) = (f.scalar(2.0), f.scalar(1e-6), f.weight(&[6, 1, 1]));
            let mean = f.node("ReduceMean", &["x"], &[Ints("axes", &[1]), Int("keepdims", 1)]);
            let centred = f.node("Sub", &["x", &mean], &[]);
            let square = f.node("Pow", &[&centred, &two], &[]);
            let variance = f.node("ReduceMean", &[&square], &[Ints("axes", &[1]), Int("keepdims", 1)]);
            let raised = f.node("Add", &[&variance, &eps], &[]);
            let root = f.node("Sqrt", &[&raised], &[]);
            let normal = f.node("Div", &[&centred, &root], &[]);
            (f.node("Mul", &[&normal, &gamma], &[]), 4)
        },
        &["layer_norm", "affine"],
    );
    check(
        "statistics of groups of channels",
        13,
        &one,
        false,
        |f| {
            let (cut, whole) = (f.integers(&[3], &[0, 3, -1]), f.integers(&[4], &[-1, 6, 4, 5]));
            let (ones, zeros) = (f.floats(&[3], &[1.0; 3]), f.floats(&[3], &[0.0; 3]));
            let (gamma, beta) = (f.weight(&[6, 1, 1]), f.weight(&[6, 1, 1]));
            let cut = f.node("Reshape", &["x", &cut], &[]);
            let normal = f.node(
                "InstanceNormalization",
                &[&cut, &ones, &zeros],
                &[Float("epsilon", 1e-5)],
            );
            let whole = f.node("Reshape", &[&normal, &whole], &[]);
            let scaled = f.node("Mul", &[&whole, &gamma], &[]);
            (f.node("Add", &[&scaled, &beta], &[]), 4)
        },
        &["layer_norm", "batch_norm"],
    );
    check(
        "a vector added to an image, less another image",
        13,
        &one,
        false,
        |f| {
            let vector = f.node("GlobalAveragePool", &["x"], &[]);
            let sum = f.node("Add", &["x", &vector], &[]);
            let relu = f.node("Relu", &["x"], &[]);
            (f.node("Sub", &[&sum, &relu], &[]), 4)
        },
        &["global_avg_pool", "resize", "add", "activation", "affine", "add"],
    );
}
