//! The binary as people use it.

mod command_line;
mod costs;
mod interrupted;
mod matrix_efficiency;
mod parity;
mod pictures;
mod published;
mod schedules;
mod whole_run;
