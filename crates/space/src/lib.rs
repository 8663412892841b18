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

mod blocks;
mod branch;
mod compile;
mod condition;
mod count;
mod cover;
mod decision;
mod derivation;
mod describe;
mod distinct;
mod edge;
mod effect;
mod element;
mod enumerate;
mod error;
mod fingerprint;
mod genotype;
mod globals;
mod isolated;
mod lookup;
mod lower;
mod named;
mod operator;
mod order;
mod pattern;
mod piece;
mod place;
mod preset;
mod properties;
mod read;
mod reference;
mod rounding;
mod setting;
mod space;
mod stage_settings;
mod subspace;
mod tie;
mod variation;
mod width;
pub mod zoo;

#[doc = include_str!("../FORMAT.md")]
pub mod format {}

pub use count::{Counts, Distinct};
pub use decision::{Condition, Decision, Property};
pub use describe::{DecisionRow, Description, OperatorRow, PlaceRow, ReferenceRow};
pub use enumerate::Members;
pub use error::SpaceError;
pub use genotype::{Genotype, MOST_CHOICES};
pub use isolated::IsolatedBlock;
pub use lower::Head;
pub use operator::Operator;
pub use place::{Place, PlacedBlock};
pub use preset::preset_names;
pub use reference::Reference;
pub use space::Space;
pub use subspace::Subspace;
