//! Integration tests of the reader.

mod any_input;
mod overrides;
mod reading;
mod rendering;
