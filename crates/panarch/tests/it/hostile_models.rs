//! Model files that ask for too much, or that hold what no weight may be.

use std::path::Path;

use panarch_format::{OnnxOptions, safetensors_bytes, write_onnx};
use panarch_graph::{
    Activation, BatchNorm, Conv2d, Linear, Network, NetworkBuilder, NodeId, Op, Shape, Tensor, Weights, stream,
};
use panarch_nn::{Executor, Store, Views};

use crate::pictures::{Workplace, expect};

fn fails(place: &Workplace, arguments: &[&str], environment: &[(&str, &str)], words: &[&str]) {
    let output = place
        .command(arguments)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        matches!(output.status.code(), Some(1..=3)),
        "{arguments:?}: {:?} {error}",
        output.status
    );
    for word in words {
        assert!(error.contains(word), "{arguments:?}: no `{word}` in {error}");
    }
}

/// An image of so many pixels a side, through convolutions, to five classes.
fn network(pixels: u32) -> Network {
    let mut builder = NetworkBuilder::new("net", Shape::new(3, pixels, pixels));
    let input = builder.input();
    let conv = builder
        .add("conv", Op::Conv2d(Conv2d::square(8, 3, 2)), &[input])
        .unwrap();
    let bn = builder.add("bn", Op::BatchNorm(BatchNorm::default()), &[conv]).unwrap();
    let act = builder.add("act", Op::Activation(Activation::Relu), &[bn]).unwrap();
    let pool = builder.add("pool", Op::GlobalAvgPool, &[act]).unwrap();
    let fc = builder
        .add("fc", Op::Linear(Linear { out: 5, bias: true }), &[pool])
        .unwrap();
    builder.finish(fc).unwrap()
}

fn chain(length: usize) -> Network {
    let mut builder = NetworkBuilder::new("chain", Shape::new(3, 8, 8));
    let mut last = builder.input();
    for index in 0..length {
        last = builder
            .add(format!("relu{index}"), Op::Activation(Activation::Relu), &[last])
            .unwrap();
    }
    let pool = builder.add("pool", Op::GlobalAvgPool, &[last]).unwrap();
    builder.finish(pool).unwrap()
}

fn write(path: &Path, network: &Network) {
    let weights = Weights::random(network, &mut stream(1, "hostile", 0));
    std::fs::write(path, write_onnx(network, &weights, &OnnxOptions::default()).unwrap()).unwrap();
}

#[test]
fn a_model_that_asks_for_too_much_memory_is_refused_before_it_is_run() {
    let place = Workplace::new();
    write(&place.path().join("huge.onnx"), &network(16_384));
    write(&place.path().join("small.onnx"), &network(28));
    let limit = [("PANARCH_MEMORY_LIMIT", "1G")];
    let words = ["bytes of memory", "the limit is 1073741824"];
    let picture = "pictures/test/spots/000.png";
    for arguments in [
        &["checkpoint", "export", "huge.onnx", "-o", "out.onnx"][..],
        &["checkpoint", "import", "huge.onnx", "-o", "out.onnx"],
        &["cost", "--network", "huge.onnx", "--device", "host"],
        &["network", "export", "huge.onnx", "--output", "out.tflite"],
        &["classify", "--checkpoint", "huge.onnx", picture],
    ] {
        fails(&place, arguments, &limit, &words);
    }
    let small = ["checkpoint", "export", "small.onnx", "-o", "out.onnx"];
    let output = place.command(&small).envs(limit).output().unwrap();
    expect(&output, 0);
    fails(
        &place,
        &small,
        &[("PANARCH_MEMORY_LIMIT", "10K")],
        &["the limit is 10240"],
    );
    fails(&place, &small, &[("PANARCH_MEMORY_LIMIT", "much")], &["`much`"]);
}

#[test]
fn a_chain_that_is_too_deep_for_a_runtime_is_refused() {
    let place = Workplace::new();
    write(&place.path().join("deep.onnx"), &chain(20_000));
    write(&place.path().join("less.onnx"), &chain(3_000));
    let words = ["20001 operators", "4096"];
    fails(
        &place,
        &["checkpoint", "export", "deep.onnx", "-o", "out.onnx"],
        &[],
        &words,
    );
    fails(
        &place,
        &["cost", "--network", "deep.onnx", "--device", "host"],
        &[],
        &words,
    );
    expect(
        &place.panarch(&["checkpoint", "export", "less.onnx", "-o", "out.onnx"]),
        0,
    );
    // Ranges take one pass, however long the chain is.
    expect(
        &place.panarch(&["network", "export", "less.onnx", "--output", "out.tflite"]),
        0,
    );
}

#[test]
fn checkpoints_of_all_kinds_are_looked_through() {
    let place = Workplace::new();
    let network = network(28);
    let good = Weights::random(&network, &mut stream(1, "hostile", 0));
    let metadata = std::collections::BTreeMap::from([("format".to_owned(), "panarch weights".to_owned())]);
    for name in ["conv.weight", "bn.running_mean", "fc.bias"] {
        let mut weights = good.clone();
        let mut tensor: Tensor = good.get(name).unwrap().clone();
        *tensor.data.last_mut().unwrap() = f32::NAN;
        weights.insert(name, tensor);
        assert!(
            write_onnx(&network, &weights, &OnnxOptions::default()).is_err(),
            "{name}"
        );
        let bytes = safetensors_bytes(&weights, &metadata).unwrap();
        assert!(panarch_format::safetensors_from_bytes(&bytes).is_err(), "{name}");
        std::fs::write(place.path().join("w.safetensors"), bytes).unwrap();
        let arguments = [
            "checkpoint",
            "export",
            "w.safetensors",
            "-o",
            "o.onnx",
            "--space",
            "multi-hardware-small",
        ];
        fails(
            &place,
            &[&arguments[..], &["--member", "largest"]].concat(),
            &[],
            &["NaN", name],
        );
    }
}

/// The models and devices of the field cases, where they are at hand.
#[test]
fn field_cases() {
    let Some(folder) = panarch_testkit::reference("field_cases") else {
        return;
    };
    let place = Workplace::new();
    let file = |name: &str| folder.join(name).display().to_string();
    let picture = file("pictures/upright.png");
    for (name, words) in [
        ("nan_relu", &["NaN", "tensor"][..]),
        ("nan_clip", &["NaN", "tensor"]),
        ("nan_none", &["NaN", "tensor"]),
        ("h_w_nan", &["NaN", "tensor"]),
        ("h_w_inf", &["inf", "tensor"]),
        ("h_var_neg", &["variance", "tensor"]),
    ] {
        let model = file(&format!("onnx/{name}.onnx"));
        fails(&place, &["classify", "--checkpoint", &model, &picture], &[], words);
        fails(&place, &["checkpoint", "export", &model, "-o", "o.onnx"], &[], words);
    }
    let huge = file("onnx/h_inp_1_3_16384_16384.onnx");
    let limit = [("PANARCH_MEMORY_LIMIT", "2G")];
    fails(
        &place,
        &["checkpoint", "export", &huge, "-o", "o.onnx"],
        &limit,
        &["2147483648"],
    );
    let deep = file("onnx/chain20000.onnx");
    fails(
        &place,
        &["checkpoint", "export", &deep, "-o", "o.onnx"],
        &[],
        &["operators"],
    );
    fails(
        &place,
        &["cost", "--network", &deep, "--device", "host"],
        &[],
        &["operators"],
    );
    expect(
        &place.panarch(&[
            "network",
            "export",
            &file("onnx/h_chain1000.onnx"),
            "--output",
            "o.tflite",
        ]),
        0,
    );
    for (device, network) in [
        (
            "lneg",
            "tunas-proxyless:01111-00010-01111-10000-01011-00101-00011-00000-01210-11001-11001-001",
        ),
        ("neg", "multi-hardware-small:mobilenet-v2-like"),
        ("zero", "multi-hardware-small:mobilenet-v2-like"),
    ] {
        let device_file = file(&format!("devices/{device}.toml"));
        let arguments = ["cost", "--network", network, "--device", &device_file];
        fails(&place, &arguments, &[], &["latency", "answers"]);
    }
}

/// The ranges of one pass are those of each node computed alone.
#[test]
fn ranges_are_those_of_every_node_alone() {
    let space = panarch_space::Space::preset("multi-hardware-small").unwrap();
    let head = panarch_space::Head {
        classes: 10,
        input_channels: 3,
    };
    for index in 0..3 {
        let genotype = space.canonical(&space.sample(&mut stream(2, "ranges", index)));
        let network = space.lower(&genotype, head, 28).unwrap();
        let weights = Weights::random(&network, &mut stream(1, "ranges", index));
        let count = 2 * network.input_shape().elements() as usize;
        let images: Vec<f32> = (0..count).map(|at| ((at * 37 % 101) as f32 - 50.0) / 25.0).collect();
        let found = panarch::exporters::tflite::calibrate(&network, &weights, &images).unwrap();
        for id in panarch_format::tflite::Ranges::needed(&network).into_iter().skip(1) {
            let (low, high) = alone(&network, id, &weights, &images);
            let name = &network.node(id).name;
            let (range_low, range_high) = found.get(name).unwrap();
            let close = |a: f32, b: f32| (a - b).abs() <= 1e-5 * (high - low);
            assert!(
                close(range_low, low) && close(range_high, high),
                "{name}: {low} to {high}"
            );
        }
    }
}

/// The smallest and largest value of a node, 0 among them, as the result of the part of the network before it.
fn alone(network: &Network, result: NodeId, weights: &Weights, images: &[f32]) -> (f32, f32) {
    let mut needed = vec![false; network.nodes().len()];
    needed[result.index()] = true;
    for id in network.ids().rev().filter(|id| id.index() <= result.index()) {
        if needed[id.index()] {
            network
                .node(id)
                .inputs
                .iter()
                .for_each(|input| needed[input.index()] = true);
        }
    }
    let mut builder = NetworkBuilder::new("part", network.input_shape());
    let mut place = vec![NodeId::default(); network.nodes().len()];
    for id in network.ids().filter(|id| needed[id.index()]) {
        let mut node = network.node(id).clone();
        node.inputs.iter_mut().for_each(|input| *input = place[input.index()]);
        place[id.index()] = builder.push(node).unwrap();
    }
    let part = builder.finish(place[result.index()]).unwrap();
    let store = Store::from_weights(&part, weights).unwrap();
    let views = Views::resolve(&part, &store).unwrap();
    let mut executor = Executor::new(&part, 2).unwrap();
    let values = executor.evaluate(&store, &views, None, images).unwrap();
    values
        .iter()
        .fold((0.0, 0.0), |(low, high), value| (value.min(low), value.max(high)))
}
