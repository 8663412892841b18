//! Every parser of outside bytes as a fuzz target.
//!
//! A [`Target`] is a name, seeds that parse, and a function that must neither panic nor hang nor take much memory
//! whatever bytes it is given. Two drivers use them: the tests mutate seeds for a second or so each
//! (`PANARCH_FUZZ_SECONDS` for longer), and the folder `fuzz/` of the repository runs them under libFuzzer:
//!
//! ```text
//! cargo run -p panarch-fuzz -- seeds fuzz/corpus          # one folder of seeds a target
//! cargo +nightly fuzz run onnx -- -max_total_time=600 -rss_limit_mb=2048
//! ```
#![forbid(unsafe_code)]

mod mutation;
mod parsers;
mod scratch;
// Written for the readers' own tests: one place says what a report or a checkpoint of PyTorch looks like.
#[allow(dead_code)]
#[path = "../../report/tests/it/fixture.rs"]
mod report_fixture;
#[allow(dead_code)]
#[path = "../../format/tests/it/torch_writer.rs"]
mod torch_writer;
#[allow(dead_code)]
#[path = "../../format/tests/it/zip_writer.rs"]
mod zip_writer;

pub use mutation::Mutator;

/// One parser with bytes to begin from.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, which is also that of its libFuzzer binary.
    pub name: &'static str,
    /// Inputs that the parser accepts, or nearly accepts.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Parses the bytes and uses what came out.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = parsers::ALL;

/// The target of a name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
