use panarch_graph::{Bytes, Network, Precision, fused_layers};

use crate::plan::parameters;

/// Bytes of a bias, or of scale and shift folded into one, for each output channel: 32 bits, as TFLite and the compilers of
/// micro accelerators store it.
const CHANNEL_SIDE_BYTES: u64 = 4;

/// What a network's weights take in a file or in flash: kernels at a precision, and four bytes for each output channel of a
/// layer that has weights. Batch normalisations are folded into the layer before them. Compression is not looked at.
#[must_use]
pub fn weight_size(network: &Network, precision: Precision) -> Bytes {
    let layers = fused_layers(network);
    let sizes = layers.iter().map(|layer| {
        let [kernel, channels] = parameters(network, layer);
        kernel
            .saturating_mul(precision.bytes())
            .saturating_add(channels.saturating_mul(CHANNEL_SIDE_BYTES))
    });
    Bytes(sizes.fold(0, u64::saturating_add))
}
