//! A network as the file that a command takes.

use panarch_cost::profile::command::NetworkFormat;
use panarch_format::{OnnxOptions, write_onnx};
use panarch_graph::{Network, Weights};

use crate::MeasureError;

/// The bytes of a network's file.
///
/// # Errors
/// When the network has no counterpart in the format, or the format cannot be written.
pub fn network_file(format: NetworkFormat, network: &Network, weights: &Weights) -> Result<Vec<u8>, MeasureError> {
    match format {
        NetworkFormat::Onnx => Ok(write_onnx(network, weights, &OnnxOptions::default())?),
        NetworkFormat::Tflite => Err(MeasureError::NoWriter { format: format.name() }),
    }
}
