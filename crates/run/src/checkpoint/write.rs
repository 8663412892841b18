//! Supernets and networks into files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use panarch_format::{BatchNormExport, OnnxOptions, atomic_write, write_onnx, write_safetensors};
use panarch_graph::{ContentHash, Network, Shape, Tensor, Weights, stream};
use panarch_measure::{VerifyReport, verify_export};
use panarch_train::Supernet;
use panarch_train::published::published_names;
use rand::RngExt;

use super::{Loaded, LoadedNetwork, WEIGHTS_FORMAT, logits};
use crate::{Error, memory};

/// Random images by which an exported file is compared with the engine.
const CHECKED_IMAGES: usize = 4;

/// Writes a supernet as a checkpoint of ours.
///
/// # Errors
/// When the file cannot be written.
pub fn write_supernet(path: &Path, supernet: &Supernet, source: &Path) -> Result<(), Error> {
    let settings = serde_json::json!({ "imported from": source.display().to_string() });
    Ok(supernet.checkpoint(settings).write(path)?)
}

/// By which names weights are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Ours.
    Own,
    /// Those of the published networks, as a single network has them.
    Published,
}

/// What was written of a network.
pub struct Written {
    /// The network's hash, with batch normalisation.
    pub network: ContentHash,
    /// How the file was compared with the engine; none for weights alone.
    pub check: Option<VerifyReport>,
}

/// Writes a network as ONNX, which is run and compared with the engine before it is put in place, or its weights alone as
/// safetensors: by the extension.
///
/// # Errors
/// Another extension, a runtime that disagrees, a file that cannot be written.
pub fn write_network(path: &Path, loaded: &LoadedNetwork, names: Names) -> Result<Written, Error> {
    let LoadedNetwork {
        network,
        weights,
        properties,
        ..
    } = loaded;
    let hash = network.content_hash();
    let extension = path.extension().map(|it| it.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("onnx") if names == Names::Own => {
            let own = |key: &String| !key.starts_with("panarch.");
            let properties = properties.iter().filter(|(key, _)| own(key));
            let options = OnnxOptions {
                properties: properties.map(|(key, value)| (key.clone(), value.clone())).collect(),
                ..OnnxOptions::default()
            };
            let bytes = write_onnx(network, weights, &options)?;
            let report = verify(network, weights, &bytes)?;
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
            atomic_write(path, &bytes)?;
            Ok(Written {
                network: hash,
                check: Some(report),
            })
        }
        Some("safetensors") => {
            let tensors = match names {
                Names::Own => weights.clone(),
                Names::Published => {
                    let renamed = published_names(network)?.into_iter();
                    let renamed = renamed.filter_map(|(spec, name)| Some((name, weights.get(&spec.name)?.clone())));
                    renamed.collect()
                }
            };
            let metadata = BTreeMap::from([
                ("format".to_owned(), WEIGHTS_FORMAT.to_owned()),
                ("network".to_owned(), network.name().to_owned()),
                ("hash".to_owned(), hash.to_string()),
            ]);
            write_safetensors(path, &tensors, &metadata)?;
            Ok(Written {
                network: hash,
                check: None,
            })
        }
        _ => Err(Error::Input(format!(
            "{}: a network is written as .onnx with our names, or its weights as .safetensors",
            path.display()
        ))),
    }
}

/// Writes a network as ONNX with batch normalisation kept, so that the file reads back as the same network.
///
/// # Errors
/// As [`write_network`].
pub fn write_kept(path: &Path, loaded: &LoadedNetwork) -> Result<(), Error> {
    let options = OnnxOptions {
        batch_norm: BatchNormExport::Kept,
        ..OnnxOptions::default()
    };
    let bytes = write_onnx(&loaded.network, &loaded.weights, &options)?;
    Ok(atomic_write(path, &bytes)?)
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

/// Where an import goes when nobody says: beside the working folder's other files, named after the source.
#[must_use]
pub fn default_output(source: &Path, loaded: &Loaded) -> PathBuf {
    let stem = source
        .file_stem()
        .map_or_else(|| "network".into(), |stem| stem.to_string_lossy());
    match loaded {
        Loaded::Supernet(_) => PathBuf::from(format!("{stem}.supernet.safetensors")),
        Loaded::Network(_) => PathBuf::from(format!("{stem}.onnx")),
    }
}
