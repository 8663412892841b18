//! Operators, written out for clarity.

pub mod reference;
