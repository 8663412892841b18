//! What the network graph promises.

mod counts;
mod folding;
mod hash_values;
mod outputs;
mod random_network;
mod rearrangements;
mod structure;
