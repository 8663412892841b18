//! Tables against truths that are known.

mod block_latency;
mod latency;
mod tables;
