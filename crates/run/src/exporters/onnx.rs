//! ONNX files, run and compared with the engine before they are put in place.

use panarch_format::{OnnxOptions, write_onnx};
use panarch_graph::{Network, Shape, Tensor, Weights, stream};
use panarch_measure::{VerifyReport, verify_export};
use rand::RngExt;

use super::{Exported, Exporter, Outgoing, weights_of};
use crate::checkpoint::logits;
use crate::{Error, memory};

pub(super) const EXPORTER: Exporter = Exporter {
    extension: "onnx",
    summary: "the network with its weights",
    export,
};

/// Random images by which an exported file is compared with the engine.
const CHECKED_IMAGES: usize = 4;

fn export(outgoing: &Outgoing<'_>) -> Result<Exported, Error> {
    let (weights, notes) = weights_of(outgoing);
    let own = |key: &String| !key.starts_with("panarch.");
    let properties = outgoing.properties.iter().filter(|(key, _)| own(key));
    let options = OnnxOptions {
        properties: properties.map(|(key, value)| (key.clone(), value.clone())).collect(),
        ..OnnxOptions::default()
    };
    let bytes = write_onnx(outgoing.network, &weights, &options)?;
    let report = verify(outgoing.network, &weights, &bytes)?;
    if !report.ok() {
        let failed = report.checks.iter().filter(|check| !check.ok);
        let failed = failed.map(|check| {
            let why = check.failure.clone().unwrap_or_else(|| {
                let difference = check.largest_difference.unwrap_or(f64::NAN);
                format!("differs by {difference:e}, allowed are {:e}", check.tolerance)
            });
            format!("{} {}: {why}", check.runtime, check.version)
        });
        let failed: Vec<String> = failed.collect();
        let message = format!("the exported file does not compute the network: {}", failed.join("; "));
        return Err(Error::CheckFailed(message));
    }
    Ok(Exported {
        bytes,
        notes,
        check: Some(report),
    })
}

/// Compares an exported file with the engine on random images.
fn verify(network: &Network, weights: &Weights, onnx: &[u8]) -> Result<VerifyReport, Error> {
    let Shape {
        channels,
        height,
        width,
    } = network.input_shape();
    memory::check_engine(network, CHECKED_IMAGES)?;
    panarch_measure::memory::require_run(network, CHECKED_IMAGES)?;
    let shape = [channels, height, width].map(|axis| axis as usize);
    let mut rng = stream(1, "panarch checkpoint verify", 0);
    let count = CHECKED_IMAGES * shape.iter().product::<usize>();
    let images: Vec<f32> = (0..count).map(|_| rng.random::<f32>().mul_add(4.0, -2.0)).collect();
    let images = Tensor::new([&[CHECKED_IMAGES], &shape[..]].concat(), images)?;
    let logits = logits(network, weights, &images.channels_last())?;
    let logits = network.channels_first(&logits, CHECKED_IMAGES);
    let values = logits.len() / CHECKED_IMAGES;
    let logits = Tensor::new(vec![CHECKED_IMAGES, values], logits)?;
    Ok(verify_export(onnx, &network.content_hash(), &images, &logits)?)
}
