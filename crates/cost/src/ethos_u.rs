//! The model of Arm's Ethos-U accelerators: what the vendor's compiler decides and estimates.
//!
//! The compiler, Vela, cuts each layer into blocks that fit the accelerator's buffers, orders weights, decides which weights
//! and tensors lie in SRAM and what is copied ahead, and adds up what multipliers, output stage and ports of the memories
//! take. The rules are public (ethos-u-vela 5.2.0); this is an implementation of them for costs alone. What it does not see
//! are the values of weights, on which their compression depends: two figures of the profile stand for those.

mod block;
mod buffering;
mod cascade;
mod channel;
mod cycles;
mod extent;
mod job;
mod lowering;
mod machine;
mod model;
mod placement;
mod schedule;
mod traffic;
mod weights;

pub use model::EthosUModel;
