//! What the engine takes for a network, asked before it is taken.

use panarch_graph::Network;
use panarch_measure::memory::require;

use crate::Error;

/// Fails when running a network in the engine would take more memory than there is.
///
/// # Errors
/// [`Error::Memory`] with the bytes that are asked for and the limit.
pub(crate) fn check_engine(network: &Network, batch: usize) -> Result<(), Error> {
    // The weights as read, stored by the engine and folded; images in two orders.
    let weights = network.parameter_count().saturating_mul(3 * 4);
    let images = network.input_shape().elements().saturating_mul(3 * 4 * batch as u64);
    let bytes = panarch_nn::evaluation_bytes(network, batch)
        .saturating_add(weights)
        .saturating_add(images);
    let what = || format!("running network `{}` on {batch} image(s)", network.name());
    Ok(require(what, bytes)?)
}

/// Fails when reading a file of so many bytes would take more memory than there is.
///
/// # Errors
/// As [`check_engine`].
pub(crate) fn check_file(path: &std::path::Path) -> Result<(), Error> {
    // Of what is no file the length says nothing, and readers bound what they take.
    let length = std::fs::metadata(path).map_or(0, |data| if data.is_file() { data.len() } else { 0 });
    // The bytes, the decoded message, and the values made of it.
    let what = || format!("reading {}", path.display());
    Ok(require(what, length.saturating_mul(3))?)
}
