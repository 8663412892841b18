use std::borrow::Cow;
use std::collections::BTreeMap;

use panarch_graph::{Network, Weights, fold_batch_norm, folded_structure};

use super::encode::encode;
use super::limits;
use super::lower::lower;
use super::ranges::Ranges;
use super::source::Source;
use super::structure::CONTENT_HASH_KEY;
use crate::FormatError;

/// Where the values of kernels and biases come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Values<'a> {
    /// Weights of the network, batch normalisation with its running statistics.
    Given(&'a Weights),
    /// Random kernels, near to normal, without biases; a pure function of this seed and the layers' names. For questions
    /// of cost: a compiler wants weights, and packs such about as well as untrained ones.
    Seeded(u64),
}

/// The bytes of an int8 TFLite file that computes this network.
///
/// The input is int8 [1, height, width, channels], the result [1, classes] where it is a vector, else [1, height, width,
/// channels]. Kernels are symmetric for each output channel, biases int32; values have one scale and zero point each, from
/// `ranges`. Batch normalisation is folded into the layer before it, ReLU and ReLU6 are fused into it. Padding that is
/// neither SAME nor VALID becomes a PAD of its own; swish and hard-sigmoid, for which TFLite has no operator, are composed.
///
/// The tensor that holds a node's value is named after the node, or after the activation that was fused into it. What is
/// put in between has the name of the node, a colon, and what it is for, such as `stem.conv:pad`.
/// Several outputs come in their order; the file's signature gives them their names, which a single one called
/// [`Output::DEFAULT`](panarch_graph::Output::DEFAULT) does without.
/// The metadata carry the content hash of `network` ([`Structure::content_hash`](super::Structure::content_hash)). The
/// same arguments give the same bytes.
///
/// # Errors
/// When a parameter is absent or has another shape, when TFLite cannot say what a layer computes
/// ([`FormatError::TfliteLayer`]), when the network is nothing but its input, or when the file would be larger than 1 GiB.
pub fn write(network: &Network, values: Values<'_>, ranges: &Ranges) -> Result<Vec<u8>, FormatError> {
    let elements: u64 = network.parameters().iter().map(|spec| spec.elements()).sum();
    check_size(elements)?;
    let (folded, source) = match values {
        Values::Given(weights) => {
            let (folded, weights) = fold_batch_norm(network, weights)?;
            (folded, Source::Given(Cow::Owned(weights)))
        }
        Values::Seeded(seed) => (folded_structure(network), Source::Seeded(seed)),
    };
    let quantisations = ranges.quantisations(network, &folded);
    let draft = lower(&folded, &source, &quantisations)?;
    check_size(draft.estimated_bytes())?;
    let description = concat!("panarch ", env!("CARGO_PKG_VERSION"));
    let metadata = BTreeMap::from([(
        CONTENT_HASH_KEY.to_owned(),
        network.content_hash().to_string().into_bytes(),
    )]);
    Ok(encode(&draft, network.name(), description, &metadata))
}

fn check_size(bytes: u64) -> Result<(), FormatError> {
    if bytes > limits::WRITTEN_BYTES {
        return Err(FormatError::too_large(
            "bytes of a TFLite file",
            bytes,
            limits::WRITTEN_BYTES,
        ));
    }
    Ok(())
}
