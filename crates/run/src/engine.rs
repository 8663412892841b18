//! The engine that trains and runs networks: the one place that chooses it.

use panarch_nn::{ActivationStorage, CpuEngine, Engine};

/// An engine that keeps values for the backward pass as f32.
#[must_use]
pub fn engine() -> Box<dyn Engine> {
    engine_keeping(ActivationStorage::default())
}

/// An engine that keeps values for the backward pass in this form.
#[must_use]
pub fn engine_keeping(storage: ActivationStorage) -> Box<dyn Engine> {
    Box::new(CpuEngine::with_storage(storage))
}
