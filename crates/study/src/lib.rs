//! Trials and their states, objectives over several devices, Pareto fronts, and storage that survives a kill.
//!
//! A [`Study`] belongs to one run. All its searches share one pool of evaluations, keyed by canonical genotype and by the
//! protocol of the evaluation ([`EvaluationProtocol`]). Pool,
//! searches and finalists carry the key of the inputs that they are made of ([`Basis`]): after an input has changed, what
//! was found before stays in the study, and only what belongs to the present inputs is shown and gone on with. A search's [`Trial`]s are started and finished by [`Storage::commit`]; when it returns, they
//! outlive the process. A strategy sees a [`History`] of finished trials, each with its
//! objective values and the limits that it does not keep, and never the storage. What nothing dominates is the search's
//! front, and its winner is a [`Choice`] from it.
#![forbid(unsafe_code)]

mod basis;
mod error;
pub mod export;
mod history;
mod hypervolume;
mod limit;
mod memory;
mod objective;
mod observation;
mod pareto;
mod protocol;
mod record;
mod sqlite;
mod storage;
mod study;
mod timestamp;
mod transition;
mod validation;
mod wire;

pub use basis::{Basis, Subject};
pub use error::StudyError;
pub use history::History;
pub use hypervolume::hypervolume;
pub use limit::{Amount, Limit, Quantity, Violation, violations};
pub use memory::MemoryStorage;
pub use objective::{Assessment, DEFAULT_BETA, DEFAULT_POWER, DeviceTarget, Metric, Objective, RewardForm};
pub use observation::{ACCURACY, Choice, Direction, ObjectiveValue, Observation, RATIO, REWARD};
pub use pareto::{dominates, pareto_front};
pub use protocol::{EvaluationProtocol, ImageSet, Split, WeightOrigin};
pub use record::{
    Artefact, Change, CostRecord, CostSummary, Evaluation, Event, EventKind, Finalist, Header, Outcome, Trial,
    TrialState,
};
pub use sqlite::{Recovery, SqliteStorage, recover};
pub use storage::{Storage, open_or_create, sqlite_path};
pub use study::{Next, Study};
pub use timestamp::Timestamp;
