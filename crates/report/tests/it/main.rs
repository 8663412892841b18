//! Integration tests of the report.

mod fixture;
mod page;
