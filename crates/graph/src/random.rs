//! Reproducible random streams.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// An independent stream for each (seed, label, index).
///
/// The same arguments give the same stream on every machine and in every version of Panarch, so that a place in a long
/// computation (the third epoch's shuffle, the 40th proposal) needs no stored generator state.
#[must_use]
pub fn stream(seed: u64, label: &str, index: u64) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new_derive_key("panarch random stream v1");
    hasher.update(&seed.to_le_bytes());
    hasher.update(&index.to_le_bytes());
    hasher.update(label.as_bytes());
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}
