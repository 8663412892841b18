//! Integration tests of profiles, the models, systolic arrays and SCALE-Sim's files.
mod command;
mod cycles;
mod estimates;
mod fairness;
mod file_devices;
mod presets;
mod problems;
mod properties;
mod published;
mod published_latencies;
mod scalesim_export;
mod scalesim_files;
mod scalesim_parity;
mod systolic;
mod variant;
mod vela;
