//! Search spaces as data: decisions, genotypes, canonical form, exact sizes, lowering to networks.
//!
//! A [`Space`] is read from a TOML file and is a list of [`Decision`]s; a [`Genotype`] is one digit a decision;
//! [`Space::lower`] makes the [`Network`](panarch_graph::Network) of a genotype. This crate does no I/O and reads no
//! clock; randomness is an argument.
//!
//! ```
//! use panarch_space::{Head, Space};
//!
//! let space = Space::preset("multi-hardware-small").unwrap();
//! let head = Head { classes: 10, input_channels: 1 };
//! let network = space.lower(&space.largest(), head, 28).unwrap();
//! assert!(network.macs().0 <= 4_000_000);
//! ```
#![forbid(unsafe_code)]

mod decision;
mod describe;
mod element;
mod error;
mod genotype;
mod lower;
mod members;
mod preset;
mod read;
mod space;
pub mod zoo;

#[doc = include_str!("../FORMAT.md")]
pub mod format {}

pub use decision::{Condition, Decision, Property};
pub use describe::{DecisionRow, Description, OperatorRow, PlaceRow, ReferenceRow};
pub use element::operator::Operator;
pub use error::SpaceError;
pub use genotype::{Genotype, MOST_CHOICES};
pub use lower::Head;
pub use lower::isolated::IsolatedBlock;
pub use lower::place::{Place, PlacedBlock};
pub use members::count::{Counts, Distinct};
pub use members::enumerate::Members;
pub use members::subspace::Subspace;
pub use preset::{preset_names, table_names};
pub use read::reference::Reference;
pub use space::Space;
