//! The network graph that everything in Panarch lowers to.
//!
//! A [`Network`] is a small, validated, immutable graph of convolutional operators.
//! A search space produces it, cost models read it, the training engine executes it, exporters write it.
//! This crate does no I/O and reads no clock; randomness is an argument.
#![forbid(unsafe_code)]

mod builder;
mod error;
mod fold;
mod hash;
mod inputs;
mod layer;
mod network;
mod op;
mod output;
mod padding;
mod parameter;
mod provenance;
mod quantity;
pub mod random;
mod shape;

pub use builder::NetworkBuilder;
pub use error::GraphError;
pub use fold::{fold_batch_norm, folded_structure};
pub use hash::{ContentHash, ParseContentHashError};
pub use inputs::{InputError, Inputs};
pub use layer::{Layer, fused_layers};
pub use network::{Network, Node, NodeId};
pub use op::{
    Activation, Affine, BatchNorm, Border, BorderFill, Conv2d, Coordinates, Factor, ImageAxis, Interpolation,
    LayerNorm, Linear, NormOver, Op, Pool, PoolKind, Resize, ResizeTap, ResizeTo, Slice, Slope,
};
pub use output::Output;
pub use padding::Padding;
pub use parameter::{ParameterRole, ParameterSpec, Tensor, Weights};
pub use provenance::{Estimate, Precision, Provenance, ProvenanceKind};
pub use quantity::{Accuracy, Bytes, Cycles, ElementOperations, Elements, Energy, Latency, Macs};
pub use random::stream;
pub use shape::Shape;
