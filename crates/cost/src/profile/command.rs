//! A device behind a command: what to run, how often, and how to read the answer.

mod answer;
mod argument;
mod file_pattern;

use std::time::Duration;

use panarch_graph::ProvenanceKind;
use serde::Serialize;

pub use answer::{Answer, AnswerSource, JsonStep, Parser, Unit, ValueReader, Which};
pub use argument::{Argument, ArgumentError, Placeholder};
pub use file_pattern::{FilePattern, FilePatternError};

use super::{Accelerator, ModelError};

/// A device that a program answers for: a vendor's compiler, a benchmark behind `adb` or `ssh`, a board's own script.
///
/// Commands are lists of arguments and never pass through a shell. A profile of this kind runs what it says, with the
/// rights of the user, so that one from elsewhere is read like any other program before it is used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommandTarget {
    /// Name of the tool in the provenance of its answers, such as `vela`.
    pub tool: String,
    /// The command that answers; its first argument is the program.
    pub arguments: Vec<Argument>,
    /// Environment variable whose value, where it is set, is taken instead of the first argument.
    pub variable: Option<String>,
    /// How to get the program, for the message when it is not there.
    pub install: Option<String>,
    /// Run once before the command, such as `adb push`.
    pub prepare: Option<Vec<Argument>>,
    /// Run once after the command, also when that failed.
    pub cleanup: Option<Vec<Argument>>,
    /// Prints the version of the tool.
    pub version: Option<Vec<Argument>>,
    /// The file that the program takes.
    pub format: NetworkFormat,
    /// Whether the answers are measured on the device or estimated by its vendor's tool.
    pub answers: ProvenanceKind,
    /// Longest time that one run of a command may take.
    #[serde(rename = "timeout_s", serialize_with = "seconds")]
    pub timeout: Duration,
    /// Runs that count.
    pub repeat: u32,
    /// Runs before them that do not.
    pub warmup: u32,
    /// Commands with the same name here never run at the same time, in whatever process.
    pub lock: Option<String>,
    /// How far off the answers are; without it, the interval is that of the repeats.
    pub error: Option<ModelError>,
    /// Where the latency is in what the command prints or writes.
    pub result: Answer,
    /// Where the energy is, in joules after its unit.
    pub energy: Option<ValueReader>,
    /// Where the peak memory is, in bytes after its unit.
    pub memory: Option<ValueReader>,
    /// The parts of the same device, so that models answer for it as well.
    pub accelerator: Option<Box<Accelerator>>,
}

/// The file that a program takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkFormat {
    /// ONNX with folded batch normalisation, f32.
    Onnx,
    /// TensorFlow Lite.
    Tflite,
}

impl NetworkFormat {
    /// Every format with its name in profiles, which is the extension of its files and its placeholder as well.
    pub const NAMES: [(&'static str, Self); 2] = [("onnx", Self::Onnx), ("tflite", Self::Tflite)];

    /// The name used in profiles.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Onnx => "onnx",
            Self::Tflite => "tflite",
        }
    }

    /// What stands for the file's path in an argument.
    #[must_use]
    pub const fn placeholder(self) -> Placeholder {
        match self {
            Self::Onnx => Placeholder::Onnx,
            Self::Tflite => Placeholder::Tflite,
        }
    }
}

fn seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}
