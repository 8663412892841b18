//! Integration tests of profiles and the analytic model.
mod estimates;
mod fairness;
mod hierarchy_profile;
mod machines;
mod mapper_golden;
mod mapper_search;
mod presets;
mod problems;
mod properties;
mod published;
mod published_latencies;
mod variant;
mod vela;
