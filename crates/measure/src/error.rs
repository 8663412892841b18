use std::path::PathBuf;

use panarch_cost::{CostError, Refusals};
use panarch_format::FormatError;
use panarch_graph::{ContentHash, Precision};

/// What can go wrong while networks are run and measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// A protocol that would measure too little.
    #[error("measuring protocol: {reason}")]
    Protocol {
        /// What is wrong with it.
        reason: String,
    },
    /// More memory would be needed than there is.
    #[error(transparent)]
    Memory(#[from] crate::memory::MemoryError),
    /// A chain of operators is longer than runtimes, which follow it by calling themselves, have a stack for.
    #[error(
        "network `{network}` has a chain of {depth} operators, at most {most} are run: runtimes overflow their stack on longer ones"
    )]
    TooDeep {
        /// The network.
        network: String,
        /// The length of its longest chain.
        depth: usize,
        /// The longest that is run.
        most: usize,
    },
    /// No runtime has this name.
    #[error("there is no runtime `{name}`; the runtimes are {}", .known.join(", "))]
    UnknownRuntime {
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// The runtime's library is not on this machine.
    #[error("runtime `{runtime}` was not found; {help}")]
    RuntimeMissing {
        /// The runtime.
        runtime: String,
        /// How to get it.
        help: String,
    },
    /// The runtime's library is there and cannot be used.
    #[error("runtime `{runtime}`: {} cannot be used: {reason}", .library.display())]
    RuntimeBroken {
        /// The runtime.
        runtime: String,
        /// The library.
        library: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A runtime refuses a file.
    #[error("{runtime} cannot load the file: {reason}")]
    Load {
        /// The runtime.
        runtime: String,
        /// Its own words.
        reason: String,
    },
    /// A runtime fails on a file that it loaded.
    #[error("{runtime} cannot run the network: {reason}")]
    Run {
        /// The runtime.
        runtime: String,
        /// Its own words.
        reason: String,
    },
    /// Values do not fill the input of the network, or results do not have the expected number.
    #[error("{what}: expected {expected} values, found {found}")]
    Length {
        /// Which values.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The exported file is of another network.
    #[error("the file holds network {found}, expected {expected}")]
    OtherNetwork {
        /// The network that was exported.
        expected: ContentHash,
        /// What the file says.
        found: ContentHash,
    },
    /// The exported file does not say which network it holds.
    #[error("the file does not record the content hash of its network")]
    UnknownNetwork,
    /// A device profile that is not a measured target.
    #[error("`{device}` is not a measured target; a model answers for it")]
    NotMeasured {
        /// The profile.
        device: String,
    },
    /// A measured target in a number format that the runtimes are not used in.
    #[error("`{device}` is to be measured in {precision}; only f32 is supported")]
    Precision {
        /// The profile.
        device: String,
        /// Its number format.
        precision: Precision,
    },
    /// A measured target with more than one image an inference.
    #[error("`{device}` is to be measured with {batch} images an inference; only 1 is supported")]
    Batch {
        /// The profile.
        device: String,
        /// Its images an inference.
        batch: u32,
    },
    /// A device profile that is not answered by a command.
    #[error("`{device}` is not a device behind a command")]
    NotACommand {
        /// The profile.
        device: String,
    },
    /// The program of a command is not on this machine.
    #[error("the program `{program}` was not found; {help}")]
    CommandMissing {
        /// The program.
        program: String,
        /// How to get it.
        help: String,
    },
    /// A command ended with an error.
    #[error("`{command}` ended with {status}; {}run it by hand to see more", last_words(.stderr))]
    CommandFailed {
        /// The command as one would type it.
        command: String,
        /// Its exit code or signal, in words.
        status: String,
        /// The last lines that it printed as diagnostics.
        stderr: String,
    },
    /// A command did not end in time; it was killed with all that it had started.
    #[error(
        "`{command}` did not end within {seconds} s and was killed; {}raise `command.timeout_s` if it takes longer",
        last_words(.stderr)
    )]
    CommandTimeout {
        /// The command as one would type it.
        command: String,
        /// The time that it had.
        seconds: f64,
        /// The last lines that it printed as diagnostics.
        stderr: String,
    },
    /// What a command printed or wrote holds no answer.
    #[error("`{command}` gave no answer: {reason}; {}compare `[command.{table}]` with what it prints", last_words(.stderr))]
    CommandAnswer {
        /// The command as one would type it.
        command: String,
        /// The table of the profile that says where the answer is.
        table: &'static str,
        /// Why there is none.
        reason: String,
        /// The last lines that it printed as diagnostics.
        stderr: String,
    },
    /// A command could not be started or watched.
    #[error("`{command}` cannot be run: {source}")]
    CommandStart {
        /// The command as one would type it.
        command: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The device cannot run a layer.
    #[error("layer `{layer}` ({operator}) cannot be run: {reason}")]
    Unsupported {
        /// The layer, in the tool's words.
        layer: String,
        /// Its operator, in the tool's words.
        operator: String,
        /// Why not.
        reason: String,
    },
    /// Another process uses the device and does not end.
    #[error("the device's lock `{lock}` was not free within {seconds} s; see which process holds {}", .file.display())]
    DeviceTaken {
        /// The lock's name in the profile.
        lock: String,
        /// Its file.
        file: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// Nobody says where to keep the locks of devices.
    #[error("there is no place for the lock of a device: set HOME, or XDG_STATE_HOME, to an absolute path")]
    NoPlace,
    /// A folder or file for answers, locks or networks cannot be used.
    #[error("cannot use {}: {source}", .folder.display())]
    Folder {
        /// The folder or file.
        folder: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The operating system gives no threads.
    #[error("cannot start {count} threads: {source}; raise the limit on processes (`ulimit -u`)")]
    Threads {
        /// How many were asked for.
        count: u32,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The network's file cannot be written or read.
    #[error(transparent)]
    Format(#[from] FormatError),
}

fn last_words(stderr: &str) -> String {
    if stderr.is_empty() {
        String::new()
    } else {
        format!("its last words: {stderr}; ")
    }
}

impl MeasureError {
    /// The same as a failure of a cost source.
    pub(crate) fn into_cost(self, device: &str) -> CostError {
        let device = device.to_owned();
        match self {
            Self::Unsupported {
                layer,
                operator,
                reason,
            } => CostError::Unsupported {
                device,
                refused: Refusals::of(layer, operator, reason),
            },
            other => CostError::Failed {
                device,
                reason: other.to_string(),
            },
        }
    }
}
