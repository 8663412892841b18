//! Tables against truths that are known.

mod latency;
mod tables;
