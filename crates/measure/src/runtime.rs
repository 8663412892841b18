use std::path::PathBuf;
use std::sync::Arc;

use panarch_graph::Network;
use serde::Serialize;

use crate::{MeasureError, OnnxRuntime, RtenRuntime};

/// A program that runs ONNX files on this machine.
pub trait Runtime: Send + Sync {
    /// Its name in profiles and provenance, such as `rten`.
    fn name(&self) -> &str;

    /// Its version.
    fn version(&self) -> &str;

    /// Threads that one inference may use.
    fn threads(&self) -> u32;

    /// Makes a network ready to run.
    ///
    /// # Errors
    /// When the runtime refuses the file.
    fn load(&self, onnx: &[u8]) -> Result<Box<dyn Session>, MeasureError>;
}

/// A network that is ready to run in a runtime.
pub trait Session: Send {
    /// The results for `batch` images, [batch, channels, height, width] in a row: those of each output of the file, one
    /// output after the other in the order of the file.
    ///
    /// # Errors
    /// When the values do not fill the network's input, or when the runtime fails.
    fn run(&mut self, images: &[f32], batch: usize) -> Result<Vec<f32>, MeasureError>;

    /// What the runtime calls the outputs, in the order in which it gives their results.
    fn outputs(&self) -> Vec<String>;
}

/// The names of all runtimes, the default first.
#[must_use]
pub const fn runtime_names() -> [&'static str; 2] {
    [RtenRuntime::NAME, OnnxRuntime::NAME]
}

/// The runtime of this name, with this many threads.
///
/// # Errors
/// When there is no such runtime, when its library is missing (with how to get it), or when it cannot be used.
pub fn runtime(name: &str, threads: u32) -> Result<Arc<dyn Runtime>, MeasureError> {
    match name {
        RtenRuntime::NAME => Ok(Arc::new(RtenRuntime::new(threads))),
        OnnxRuntime::NAME => Ok(Arc::new(OnnxRuntime::find(threads)?)),
        _ => Err(MeasureError::UnknownRuntime {
            name: name.to_owned(),
            known: runtime_names().map(str::to_owned).to_vec(),
        }),
    }
}

/// Every runtime that can be used here, each with this many threads; rten is always among them.
#[must_use]
pub fn available_runtimes(threads: u32) -> Vec<Arc<dyn Runtime>> {
    runtime_names()
        .iter()
        .filter_map(|name| runtime(name, threads).ok())
        .collect()
}

/// What there is of one runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuntimeStatus {
    /// The runtime's name.
    pub name: String,
    /// Whether it can be used.
    #[serde(flatten)]
    pub state: RuntimeState,
}

/// Whether a runtime can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RuntimeState {
    /// It can.
    Available {
        /// Its version.
        version: String,
        /// Its library; none when it is built in.
        library: Option<PathBuf>,
    },
    /// Its library is not on this machine.
    Missing {
        /// How to get it.
        help: String,
    },
    /// Its library is there and cannot be used.
    Broken {
        /// The library.
        library: PathBuf,
        /// Why not, and what would help.
        reason: String,
    },
}

/// What there is of every runtime, and how to get what is missing.
#[must_use]
pub fn runtimes() -> Vec<RuntimeStatus> {
    let rten = RuntimeState::Available {
        version: RtenRuntime::new(1).version().to_owned(),
        library: None,
    };
    let onnxruntime = match OnnxRuntime::find(1) {
        Ok(found) => RuntimeState::Available {
            version: found.version().to_owned(),
            library: Some(found.library().to_path_buf()),
        },
        Err(MeasureError::RuntimeBroken { library, reason, .. }) => RuntimeState::Broken { library, reason },
        Err(MeasureError::RuntimeMissing { help, .. }) => RuntimeState::Missing { help },
        Err(other) => RuntimeState::Missing {
            help: other.to_string(),
        },
    };
    vec![
        RuntimeStatus {
            name: RtenRuntime::NAME.to_owned(),
            state: rten,
        },
        RuntimeStatus {
            name: OnnxRuntime::NAME.to_owned(),
            state: onnxruntime,
        },
    ]
}

/// The longest chain of operators that is given to a runtime. rten and ONNX Runtime follow a chain by calling themselves;
/// the 8 MiB of a main thread hold at least four times as many. The deepest published networks have about 3500.
const DEEPEST: usize = 4096;

/// Checks that a runtime's stack holds a network's longest chain.
pub(crate) fn check_depth(network: &Network) -> Result<(), MeasureError> {
    let mut depths: Vec<usize> = Vec::with_capacity(network.nodes().len());
    for node in network.nodes() {
        let before = node.inputs.iter().filter_map(|input| depths.get(input.index())).max();
        depths.push(before.map_or(0, |depth| depth + 1));
    }
    let depth = depths.into_iter().max().unwrap_or(0);
    if depth <= DEEPEST {
        return Ok(());
    }
    Err(MeasureError::TooDeep {
        network: network.name().to_owned(),
        depth,
        most: DEEPEST,
    })
}

/// Checks that images fill their batch, and says how many values one has.
pub(crate) fn check_images(images: &[f32], batch: usize, image: [usize; 3]) -> Result<(), MeasureError> {
    let expected = image.iter().product::<usize>() * batch;
    if batch > 0 && images.len() == expected {
        return Ok(());
    }
    Err(MeasureError::Length {
        what: "images",
        expected,
        found: images.len(),
    })
}
