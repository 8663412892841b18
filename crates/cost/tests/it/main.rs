//! Integration tests of profiles and the analytic model.
mod calibration;
mod cycles;
mod estimates;
mod fairness;
mod matrix_efficiency;
mod presets;
mod problems;
mod properties;
mod published;
mod published_latencies;
mod variant;
mod vela;
