//! Integration tests of profiles and the analytic model.
mod command;
mod estimates;
mod fairness;
mod presets;
mod problems;
mod properties;
mod published;
mod published_latencies;
mod variant;
mod vela;
