//! What the network graph promises.

mod counts;
mod folding;
mod random_network;
mod structure;
