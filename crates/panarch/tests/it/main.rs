//! The binary as people use it.

mod command_device;
mod command_line;
mod costs;
mod interrupted;
mod latency_tables;
mod litert;
mod matrix_efficiency;
mod parity;
mod picture_folders;
mod pictures;
mod published;
mod published_latencies;
mod scalesim;
mod schedules;
mod tflite_files;
mod vela_study;
mod whole_run;
