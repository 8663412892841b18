//! The impure cost sources: the measuring protocol, inference runtimes, export checks.
//!
//! The only crate that reads a clock and that names an inference runtime. A [`Runtime`] loads an ONNX file and runs it;
//! a [`Protocol`] says how often and turns the times into a [`Measurement`]; a [`HostDevice`] is this machine as a
//! [`CostSource`](panarch_cost::CostSource), a [`CommandDevice`] whatever a program answers for; [`verify_export`] runs a file and compares it with what the training engine
//! computes; [`runtimes`] says what there is and how to get what is missing.

mod command;
mod discovery;
mod error;
mod host;
mod machine;
mod onnxruntime;
mod order_statistics;
mod protocol;
mod rten_runtime;
mod runtime;
mod verify;

pub use command::{CommandDevice, Places, ToolState, ToolStatus, kill_commands, read_answer, tools};
pub use error::MeasureError;
pub use host::{Calibration, HostDevice};
pub use machine::Machine;
pub use onnxruntime::OnnxRuntime;
pub use order_statistics::{median, median_interval, outlier_share};
pub use protocol::{Measurement, Protocol, measure_all};
pub use rten_runtime::RtenRuntime;
pub use runtime::{
    Runtime, RuntimeState, RuntimeStatus, Session, available_runtimes, runtime, runtime_names, runtimes,
};
pub use verify::{RuntimeCheck, VerifyReport, verify_export, verify_export_in};
