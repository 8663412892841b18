use panarch_format::{BatchNormExport, OnnxOptions, write_onnx};
use panarch_graph::{Network, Shape, Tensor, Weights};
use panarch_measure::{MeasureError, RtenRuntime, Runtime, verify_export, verify_export_in};

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
