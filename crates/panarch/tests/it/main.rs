//! The binary as people use it.

mod command_line;
mod costs;
mod interrupted;
mod latency_tables;
mod parity;
mod pictures;
mod published;
mod schedules;
mod whole_run;
