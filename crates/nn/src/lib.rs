//! The CPU training engine: forward and backward passes of a [`panarch_graph::Network`] in f32.
//!
//! - [`Store`] holds named tensors in PyTorch's layout; [`Views`] says which part of each one network uses, so that a
//!   supernet is a store plus names and a sub-network costs nothing extra to execute.
//! - [`Executor`] runs one network on batches: training forward pass, backward pass, evaluation, and the statistics of
//!   batch normalisation.
//! - [`softmax_cross_entropy`], [`Sgd`] and [`CosineSchedule`] make a training step of it.
//! - [`Engine`] is the seam that trainers use: an engine owns parameters and the optimiser's state. [`CpuEngine`] is made of the
//!   parts above; another engine may keep everything on a device of its own.
//!
//! ```
//! use panarch_graph::{Conv2d, Linear, NetworkBuilder, Op, Shape, stream};
//! use panarch_nn::{Executor, Gradients, Sgd, SgdOptions, Store, Views, softmax_cross_entropy};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut builder = NetworkBuilder::new("tiny", Shape::new(1, 8, 8));
//! let x = builder.input();
//! let x = builder.add("conv", Op::Conv2d(Conv2d::square(4, 3, 2).with_bias(true)), &[x])?;
//! let x = builder.add("pool", Op::GlobalAvgPool, &[x])?;
//! let x = builder.add("head", Op::Linear(Linear { out: 2, bias: true }), &[x])?;
//! let network = builder.finish(x)?;
//!
//! let mut store = Store::covering([&network])?;
//! store.initialise(&mut stream(7, "weights", 0));
//! let views = Views::resolve(&network, &store)?;
//! let mut executor = Executor::new(&network, 3)?;
//! let mut gradients = Gradients::zeros(&store);
//! let mut sgd = Sgd::new(&store, SgdOptions::default());
//!
//! let (images, labels) = (vec![0.5; 3 * 8 * 8], [0, 1, 1]);
//! let mut slope = vec![0.0; 3 * 2];
//! let logits = executor.train(&store, &views, &images)?;
//! let loss = softmax_cross_entropy(logits, 2, &labels, 0.1, None, &mut slope)?;
//! executor.backward(&store, &views, &slope, &mut gradients, None)?;
//! executor.update_running_statistics(&mut store, &views)?;
//! sgd.step(&mut store, &gradients, 0.1)?;
//! assert!(loss > 0.0);
//! # Ok(())
//! # }
//! ```
//!
//! Activations are NHWC inside and at the border. Nothing here knows of search spaces, files or datasets; there is no
//! I/O, clock or own randomness.

mod arena;
mod cpu_engine;
mod engine;
mod error;
mod executor;
mod gradients;
pub mod kernel_matrices;
mod kernels;
mod layout;
mod loss;
mod member;
mod mixed_loss;
mod observer;
mod plan;
mod schedule;
mod sgd;
mod simd;
mod statistics;
mod store;
mod views;
mod workspace;

pub use cpu_engine::CpuEngine;
pub use engine::{Batches, Engine, Parameters, Statistics, Step, TakeImages};
pub use error::NnError;
pub use executor::{Executor, evaluation_bytes};
pub use gradients::Gradients;
pub use layout::{Layout, TensorSpec};
pub use loss::{Teacher, count_correct, right_answers, softmax_cross_entropy};
pub use member::Member;
pub use mixed_loss::{Loss, Mixed};
pub use observer::{Observer, Phase};
pub use schedule::CosineSchedule;
pub use sgd::{Sgd, SgdOptions};
pub use statistics::BnStatistics;
pub use store::{Store, StoredTensor, TensorId, TensorKind};
pub use views::{Binding, View, Views};
pub use workspace::{ActivationStorage, Workspace};
