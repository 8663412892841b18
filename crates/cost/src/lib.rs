//! Device profiles as data and the pure cost sources.
//!
//! A [`DeviceProfile`] describes a machine in TOML, every figure with its source or the word that it is an assumption.
//! [`AnalyticModel`] turns a profile into a [`CostSource`]: latency with an interval, memory, traffic and, layer by layer,
//! what bounds it. [`MappedModel`] does so for machines described by their memories, after it has found how each layer
//! runs best. The measured devices answer through the same trait from another crate.
//!
//! ```
//! use panarch_cost::{AnalyticModel, CostSource, DeviceProfile};
//! use panarch_graph::{Conv2d, NetworkBuilder, Op, Shape};
//!
//! let mut builder = NetworkBuilder::new("one layer", Shape::new(16, 28, 28));
//! let input = builder.input();
//! let conv = builder.add("conv", Op::Conv2d(Conv2d::square(32, 3, 1)), &[input])?;
//! let network = builder.finish(conv)?;
//!
//! let model = AnalyticModel::new(DeviceProfile::preset("ethos-u55-128")?)?;
//! let cost = model.estimate(std::slice::from_ref(&network)).remove(0)?;
//! assert!(cost.latency.low < cost.latency.value && cost.latency.value < cost.latency.high);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing here does I/O, reads a clock or draws random numbers.
#![forbid(unsafe_code)]

pub mod agreement;
mod analytic;
mod assemble;
mod calibration;
mod energy;
mod error;
mod ethos_u;
mod fallback;
mod layer_time;
pub mod mapper;
pub mod matrix_efficiency;
mod memory_use;
mod model;
mod operator;
mod pairs;
mod plan;
mod plausible;
pub mod products;
pub mod profile;
pub mod published;
mod refusals;
pub mod scalesim;
mod simulator;
mod source;
pub mod systolic;
mod weight_size;

pub use agreement::{DeviceAgreement, DeviceSample, agreement, fixed_share, kendall_tau};
pub use analytic::{AnalyticModel, BlockCost, BlockSum};
pub use calibration::{Calibration, StartingFigure};
pub use error::CostError;
pub use ethos_u::EthosUModel;
pub use fallback::FallbackModel;
pub use mapper::MappedModel;
pub use memory_use::{EnergyParts, LevelTraffic};
pub use model::Model;
pub use operator::Operator;
pub use pairs::Pairs;
pub use plausible::{Checked, LONGEST_LATENCY_S, SHORTEST_LATENCY_S};
pub use profile::{CommandTarget, DeviceKind, DeviceProfile, MeasuredTarget, SizeClass, preset_names, preset_text};
pub use refusals::{Refusal, Refusals};
pub use simulator::{CycleSimulator, Job, Task, Unit};
pub use source::{Attribution, Bound, Cost, CostSource, LayerCost};
pub use weight_size::weight_size;
