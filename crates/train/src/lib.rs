//! The weight-sharing supernet, training along schedules, fine-tuning and checkpoints.
//!
//! The way through: [`panarch_data::open`] gives a dataset and [`panarch_data::Dataset::hold_out`] its training and validation parts;
//! a [`SupernetTrainer`] trains all members of a space at once; a [`Validator`] scores members with the weights that
//! they inherit; a [`NetworkTrainer`] fine-tunes the finalists into [`TrainedNetwork`]s; [`test()`] evaluates those once,
//! at the end. Computation happens behind the
//! [`Engine`](panarch_nn::Engine) trait alone, and the engine owns what is trained while it is. A training can be killed at any instant and goes
//! on from its last [`Checkpoint`], to the same bits.

mod channel_sorting;
mod checkpoint;
mod curve;
mod error;
mod evaluation;
mod events;
mod fine_tuning;
mod head;
mod mixture;
mod network_task;
mod optimisation;
mod phase_task;
mod policy;
mod progress;
mod progressive_resizing;
pub mod published;
mod racing;
pub mod schedule;
mod session;
mod supernet;
mod supernet_trainer;

pub use checkpoint::{Checkpoint, Subject};
pub use curve::EpochRecord;
pub use error::{OtherTensors, TrainError};
pub use evaluation::{Score, Validation, Validator, answers, recalibrate, score, test};
pub use events::EventLog;
pub use fine_tuning::{FineTuning, NetworkTrainer, TrainedNetwork, inherit};
pub use head::head_of;
pub use optimisation::{Optimisation, Pace};
pub use progress::{CheckpointPolicy, Control, Outcome, Progress};
pub use progressive_resizing::ProgressiveResizing;
pub use racing::{Answers, Lead};
pub use schedule::Schedule;
pub use session::REVISION;
pub use supernet::{PlacedSupernet, Supernet};
pub use supernet_trainer::{Reward, Rewarder, SupernetTrainer, TeacherNetwork, Training};
