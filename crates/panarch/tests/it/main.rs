//! The binary as people use it.

mod changed_inputs;
mod command_device;
mod command_line;
mod costs;
mod hostile_models;
mod interrupted;
mod kept_work;
mod latency_tables;
mod litert;
mod matrix_efficiency;
mod newcomer;
mod outside_files;
mod parity;
mod picture_folders;
mod pictures;
mod published;
mod published_latencies;
mod reference_pages;
mod scalesim;
mod schedules;
mod shown_names;
mod smoke;
mod tflite_files;
mod unlucky_machines;
mod vela_study;
mod whole_run;
