//! The impure cost sources: the measuring protocol, inference runtimes, export checks.
//!
//! The only crate that reads a clock and that names an inference runtime. A [`Runtime`] loads an ONNX file and runs it;
//! a [`Protocol`] says how often, [`measure_in_pairs`] takes the times beside those of an anchor; a [`HostDevice`] is this machine as a
//! [`CostSource`](panarch_cost::CostSource), a [`CommandDevice`] whatever a program answers for; [`verify_export`] runs a file and compares it with what the training engine
//! computes; [`runtimes`] says what there is and how to get what is missing.

mod anchor;
mod clock;
mod command;
mod discovery;
mod error;
mod host;
mod machine;
pub mod memory;
mod onnxruntime;
mod order_statistics;
mod pairs;
mod protocol;
mod rten_runtime;
mod runtime;
pub mod threads;
mod verify;

pub use anchor::AnchorReadings;
pub use clock::{Clock, Moment, SystemClock};
pub use command::{CommandDevice, Places, ToolState, ToolStatus, kill_commands, tools};
pub use error::MeasureError;
pub use host::HostDevice;
pub use machine::Machine;
pub use onnxruntime::OnnxRuntime;
pub use order_statistics::{median, median_interval, outlier_share};
pub use pairs::{Measurement, Ready, measure_in_pairs, ratio};
pub use protocol::Protocol;
pub use rten_runtime::RtenRuntime;
pub use runtime::{
    Runtime, RuntimeState, RuntimeStatus, Session, available_runtimes, runtime, runtime_names, runtimes,
};
pub use verify::{RuntimeCheck, VerifyReport, verify_export, verify_export_in};
