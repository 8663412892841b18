//! Tables drawn from a report: what the terminal prints and what stands beside every chart.

mod agreement;
mod all_networks;
mod comparison;
mod exports;
mod finalists;
mod front;
mod layers;
mod predictions;
mod provenance;
mod quality;
mod repeats;
mod searches;

pub use agreement::agreement_table;
pub use all_networks::networks_table;
pub use comparison::{blocks_table, comparison_table};
pub use exports::exports_table;
pub use finalists::finalists_table;
pub use front::{front, front_table};
pub use layers::layers_table;
pub use predictions::predictions_table;
pub use provenance::provenance_table;
pub use quality::quality_table;
pub use repeats::repeats_table;
pub(crate) use searches::improvements;
pub use searches::{improvements_table, proofs_table, requirements_table, searches_table, trials_table};

pub(crate) use agreement::verdict as agreement_verdict;
pub(crate) use comparison::{rounded, signed};
pub(crate) use finalists::worst;
