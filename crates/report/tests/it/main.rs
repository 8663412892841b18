//! Integration tests of the report.

mod file;
mod fixture;
mod page;
mod tables;
