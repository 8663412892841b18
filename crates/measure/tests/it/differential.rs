//! Exported files in every runtime that is here, against PyTorch and against each other.

use panarch_format::{BatchNormExport, OnnxOptions, write_onnx};
use panarch_graph::{Network, Weights};
use panarch_measure::{MeasureError, Runtime, available_runtimes, runtime, runtime_names, verify_export};

use crate::parity;
use crate::random_network::random_network;

fn export(network: &Network, weights: &Weights, batch_norm: BatchNormExport) -> Vec<u8> {
    write_onnx(
        network,
        weights,
        &OnnxOptions {
            batch_norm,
            ..OnnxOptions::default()
        },
    )
    .unwrap()
}

fn image(network: &Network) -> Vec<f32> {
    (0..network.input_shape().elements())
        .map(|index| ((index as f32) * 0.37).sin())
        .collect()
}

fn run(runtime: &dyn Runtime, onnx: &[u8], image: &[f32]) -> Vec<f32> {
    runtime.load(onnx).unwrap().run(image, 1).unwrap()
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= 1e-4 * largest.max(1e-3),
            "{what}: {found} and {expected}"
        );
    }
}

#[test]
fn reference_networks_give_pytorchs_logits() {
    let Some(folder) = parity::folder() else { return };
    for fixture in parity::fixtures(&folder) {
        for batch_norm in [BatchNormExport::Kept, BatchNormExport::Folded] {
            let onnx = export(&fixture.network, &fixture.weights, batch_norm);
            let hash = fixture.network.content_hash();
            let report = verify_export(&onnx, &hash, &fixture.input, &fixture.logits).unwrap();
            assert!(report.ok(), "{} {batch_norm:?}: {report:#?}", fixture.network.name());
        }
    }
}

#[test]
fn folded_and_kept_exports_agree_in_every_runtime() {
    let runtimes = available_runtimes(1);
    println!(
        "runtimes: {:?}",
        runtimes.iter().map(|runtime| runtime.name()).collect::<Vec<_>>()
    );
    for seed in 0..60 {
        let (network, weights) = random_network(seed);
        let (image, shape) = (image(&network), network.shape(network.output()));
        let expected = run(
            runtimes[0].as_ref(),
            &export(&network, &weights, BatchNormExport::Kept),
            &image,
        );
        assert_eq!(expected.len() as u64, shape.elements(), "seed {seed}");
        for runtime in &runtimes {
            for batch_norm in [BatchNormExport::Kept, BatchNormExport::Folded] {
                let found = run(runtime.as_ref(), &export(&network, &weights, batch_norm), &image);
                assert_close(
                    &found,
                    &expected,
                    &format!("seed {seed}, {} {batch_norm:?}", runtime.name()),
                );
            }
        }
    }
}

#[test]
fn runtimes_refuse_what_they_cannot_run() {
    let (network, weights) = random_network(1);
    let onnx = export(&network, &weights, BatchNormExport::Kept);
    for runtime in available_runtimes(1) {
        let error = runtime.load(&onnx[..onnx.len() / 2]).err().unwrap();
        assert!(matches!(error, MeasureError::Load { .. }), "{error}");
        let mut session = runtime.load(&onnx).unwrap();
        assert!(matches!(
            session.run(&image(&network)[1..], 1).unwrap_err(),
            MeasureError::Length { .. }
        ));
        assert!(matches!(session.run(&[], 0).unwrap_err(), MeasureError::Length { .. }));
    }
}

#[test]
fn runtimes_are_known_by_name() {
    let error = runtime("openvino", 1).err().unwrap().to_string();
    for name in runtime_names() {
        assert!(error.contains(name), "{error}");
    }
    for status in panarch_measure::runtimes() {
        println!("{status:?}");
    }
    match runtime("onnxruntime", 1) {
        Ok(found) => assert!(found.version().starts_with("1."), "{}", found.version()),
        Err(error @ MeasureError::RuntimeMissing { .. }) => {
            assert!(error.to_string().contains("pip install onnxruntime"), "{error}");
            println!("ONNX Runtime was not part of these tests: {error}");
        }
        Err(error) => panic!("{error}"),
    }
}
