//! A network as the file that a command takes.

use std::borrow::Cow;

use panarch_cost::profile::command::NetworkFormat;
use panarch_format::{OnnxOptions, tflite, write_onnx};
use panarch_graph::{Network, Weights, stream};

use crate::MeasureError;
use crate::memory::require;

/// The bytes of a network's file; with random weights, the same for the same network, where it has none.
///
/// # Errors
/// When the network has no counterpart in the format, or the format cannot be written.
pub fn network_file(
    format: NetworkFormat,
    network: &Network,
    weights: Option<&Weights>,
) -> Result<Vec<u8>, MeasureError> {
    require(
        || format!("writing network `{}` for a command", network.name()),
        network.parameter_count().saturating_mul(4 * 4),
    )?;
    match format {
        NetworkFormat::Onnx => {
            let weights = weights.map_or_else(|| Cow::Owned(random_weights(network)), Cow::Borrowed);
            Ok(write_onnx(network, &weights, &OnnxOptions::default())?)
        }
        NetworkFormat::Tflite => {
            let values = weights.map_or(tflite::Values::Seeded(0), tflite::Values::Given);
            Ok(tflite::write(network, values, &tflite::Ranges::plausible())?)
        }
    }
}

fn random_weights(network: &Network) -> Weights {
    Weights::random(network, &mut stream(0, "weights for a command", 0))
}
