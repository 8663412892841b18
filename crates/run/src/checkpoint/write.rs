//! Supernets and networks into files.

use std::path::{Path, PathBuf};

use panarch_format::{BatchNormExport, OnnxOptions, atomic_write, write_onnx};
use panarch_train::Supernet;

use super::{Loaded, LoadedNetwork};
use crate::Error;

/// Writes a supernet as a checkpoint of ours.
///
/// # Errors
/// When the file cannot be written.
pub fn write_supernet(path: &Path, supernet: &Supernet, source: &Path) -> Result<(), Error> {
    let settings = serde_json::json!({ "imported from": source.display().to_string() });
    Ok(supernet.checkpoint(settings).write(path)?)
}

/// Writes a network as ONNX with batch normalisation kept, so that the file reads back as the same network.
///
/// # Errors
/// A network that ONNX cannot hold; a file that cannot be written.
pub fn write_kept(path: &Path, loaded: &LoadedNetwork) -> Result<(), Error> {
    let options = OnnxOptions {
        batch_norm: BatchNormExport::Kept,
        ..OnnxOptions::default()
    };
    let bytes = write_onnx(&loaded.network, &loaded.weights, &options)?;
    Ok(atomic_write(path, &bytes)?)
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
