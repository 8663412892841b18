//! The CPU training engine: forward and backward passes of a network.
