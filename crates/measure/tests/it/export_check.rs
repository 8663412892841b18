use panarch_format::{BatchNormExport, OnnxOptions, write_onnx};
use panarch_graph::{Activation, Conv2d, Linear, Network, NetworkBuilder, Op, Output, Shape, Tensor, Weights, stream};
use panarch_measure::{MeasureError, RtenRuntime, Runtime, available_runtimes, verify_export, verify_export_in};
use panarch_nn::{Executor, Store, Views};

use crate::random_network::random_network;

/// A network, its export, three images and what rten says of them.
fn case() -> (Network, Vec<u8>, Tensor, Tensor) {
    let (network, weights): (Network, Weights) = random_network(4);
    let Shape {
        channels,
        height,
        width,
    } = network.input_shape();
    let shape = [3, channels as usize, height as usize, width as usize];
    let data: Vec<f32> = (0..shape.iter().product())
        .map(|index: usize| (index as f32 * 0.11).cos())
        .collect();
    let kept = OnnxOptions {
        batch_norm: BatchNormExport::Kept,
        ..OnnxOptions::default()
    };
    let kept = write_onnx(&network, &weights, &kept).unwrap();
    let logits = RtenRuntime::new(1).load(&kept).unwrap().run(&data, 3).unwrap();
    let classes = logits.len() / 3;
    let folded = write_onnx(&network, &weights, &OnnxOptions::default()).unwrap();
    let images = Tensor::new(shape.to_vec(), data).unwrap();
    (network, folded, images, Tensor::new(vec![3, classes], logits).unwrap())
}

#[test]
fn agreement_passes_and_says_how_close() {
    let (network, onnx, images, logits) = case();
    let report = verify_export(&onnx, &network.content_hash(), &images, &logits).unwrap();
    assert!(report.ok(), "{report:#?}");
    assert_eq!((report.network, report.images), (network.content_hash(), 3));
    assert_eq!(report.checks[0].runtime, "rten");
    assert_eq!(report.checks.len() + report.not_run.len(), 2);
}

#[test]
fn one_wrong_logit_fails() {
    let (network, onnx, images, mut logits) = case();
    let largest = logits
        .data
        .iter()
        .fold(0.0_f32, |largest, logit| largest.max(logit.abs()));
    let last = logits.data.last_mut().unwrap();
    *last += 3e-4 * largest;
    let report = verify_export(&onnx, &network.content_hash(), &images, &logits).unwrap();
    assert!(!report.ok());
    let check = &report.checks[0];
    assert!(check.largest_difference.unwrap() > check.tolerance);
    for wrong in [f32::NAN, f32::INFINITY] {
        logits.data[0] = wrong;
        let report = verify_export(&onnx, &network.content_hash(), &images, &logits).unwrap();
        assert!(!report.ok() && report.checks[0].failure.is_some(), "{report:#?}");
    }
}

#[test]
fn another_network_or_other_images_are_errors() {
    let (network, onnx, images, logits) = case();
    let other = random_network(5).0.content_hash();
    let error = verify_export(&onnx, &other, &images, &logits).unwrap_err();
    assert!(matches!(error, MeasureError::OtherNetwork { .. }), "{error}");
    let fewer = Tensor::new(
        vec![1, logits.data.len() / 3],
        logits.data[..logits.data.len() / 3].to_vec(),
    )
    .unwrap();
    let error = verify_export(&onnx, &network.content_hash(), &images, &fewer).unwrap_err();
    assert!(matches!(error, MeasureError::Length { .. }), "{error}");
    let error = verify_export(&onnx[..40], &network.content_hash(), &images, &logits).unwrap_err();
    assert!(matches!(error, MeasureError::Format(_)), "{error}");
}

#[test]
fn without_a_runtime_nothing_is_verified() {
    let (network, onnx, images, logits) = case();
    let report = verify_export_in(&[], &onnx, &network.content_hash(), &images, &logits).unwrap();
    assert!(!report.ok());
}

/// Classes beside boxes a thousand times as large, and the features as a tap: each is compared by itself, under its name.
#[test]
fn every_output_is_compared() {
    let mut b = NetworkBuilder::new("two heads", Shape::new(3, 6, 8));
    let input = b.input();
    let features = b
        .add("features", Op::Conv2d(Conv2d::square(4, 3, 2)), &[input])
        .unwrap();
    let features = b.add("relu", Op::Activation(Activation::Relu), &[features]).unwrap();
    let boxes = b.add("boxes", Op::Conv2d(Conv2d::pointwise(5)), &[features]).unwrap();
    let mean = b.add("mean", Op::GlobalAvgPool, &[features]).unwrap();
    let classes = b
        .add("classes", Op::Linear(Linear { out: 3, bias: true }), &[mean])
        .unwrap();
    let network = b
        .finish_with(vec![Output::new("classes", classes), Output::new("the boxes", boxes)])
        .unwrap()
        .tapped(&[Output::new("features", features)])
        .unwrap();
    let mut weights = Weights::random(&network, &mut stream(1, "two heads", 0));
    let mut large = weights.remove("boxes.weight").unwrap();
    large.data.iter_mut().for_each(|value| *value *= 1000.0);
    weights.insert("boxes.weight", large);
    let onnx = write_onnx(&network, &weights, &OnnxOptions::default()).unwrap();
    let images = Tensor::new(vec![3, 3, 6, 8], (0..432).map(|it| (it as f32 * 0.11).cos()).collect()).unwrap();

    let store = Store::from_weights(&network, &weights).unwrap();
    let views = Views::resolve(&network, &store).unwrap();
    let mut executor = Executor::new(&network, 3).unwrap();
    let results = executor
        .evaluate(&store, &views, None, &images.channels_last())
        .unwrap();
    let results = network.channels_first(results, 3);
    assert_eq!(results.len(), 3 * (3 + 5 * 12 + 4 * 12));
    let logits = Tensor::new(vec![3, results.len() / 3], results).unwrap();
    let hash = network.content_hash();
    let report = verify_export(&onnx, &hash, &images, &logits).unwrap();
    assert!(report.ok(), "{report:#?}");
    for runtime in available_runtimes(1) {
        let session = runtime.load(&onnx).unwrap();
        assert_eq!(
            session.outputs(),
            ["classes", "the boxes", "features"],
            "{}",
            runtime.name()
        );
    }
    // A class that is wrong by a thousandth of the classes is far within a ten-thousandth of the boxes.
    for (at, what) in [(4, "a class"), (9 + 7, "a box"), (9 + 180 + 143, "a feature")] {
        let mut wrong = logits.clone();
        wrong.data[at] += if what == "a box" { 1.0 } else { 1e-3 };
        let report = verify_export(&onnx, &hash, &images, &wrong).unwrap();
        assert!(report.checks.iter().all(|check| !check.ok), "{what}: {report:#?}");
    }
    // Another order of outputs is another network, and the file records which one it holds.
    let outputs = network.outputs();
    let swapped = network
        .with_outputs(&[outputs[1].clone(), outputs[0].clone(), outputs[2].clone()])
        .unwrap();
    assert!(matches!(
        verify_export(&onnx, &swapped.content_hash(), &images, &logits),
        Err(MeasureError::OtherNetwork { .. })
    ));
}
