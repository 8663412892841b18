//! The targets, by what the bytes are.

mod certificate;
mod command;
mod model;
mod picture;
mod study;
mod table;
mod toml;

use crate::Target;

/// All targets, in the order of their names in `fuzz/Cargo.toml`.
pub const ALL: &[Target] = &[
    toml::DOCUMENT,
    toml::SPACE,
    toml::PROFILE,
    toml::RUN_FILE,
    toml::SCHEDULE,
    table::SCALESIM_CONFIGURATION,
    table::SCALESIM_TOPOLOGY,
    table::PRODUCTS,
    table::LATENCY_TABLE,
    table::LINEAR_TERMS,
    table::ADDITIVE,
    table::PUBLISHED_NETWORK,
    table::ROWS,
    model::ONNX,
    model::SAFETENSORS,
    model::TORCH,
    model::TFLITE,
    model::CHECKPOINT,
    certificate::CERTIFICATE,
    study::STUDY,
    study::REPORT,
    study::GENOTYPE,
    picture::PICTURE,
    picture::IDX,
    picture::CIFAR,
    command::ANSWER,
    command::PATTERN,
];

/// A file of the reference data as a seed; none where the folder is absent, or the file is too long to be one.
fn reference(path: &str) -> Option<Vec<u8>> {
    const LONGEST: u64 = 1 << 20;
    let file = panarch_testkit::reference(path)?;
    let length = std::fs::metadata(&file).ok()?.len();
    (length <= LONGEST).then(|| std::fs::read(file).ok()).flatten()
}

/// Texts as seeds.
fn texts(texts: impl IntoIterator<Item = impl Into<String>>) -> Vec<Vec<u8>> {
    texts.into_iter().map(|text| text.into().into_bytes()).collect()
}

/// Calls `parse` with the bytes where they are text; what else a caller does with them is its own `from_utf8`.
fn with_text(bytes: &[u8], parse: impl FnOnce(&str)) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        parse(text);
    }
}
