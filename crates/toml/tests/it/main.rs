//! Integration tests of the reader.

mod any_input;
mod layers;
mod overrides;
mod reading;
mod rendering;
