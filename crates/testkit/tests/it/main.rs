//! The suites that need no implementation of somebody else's.

mod operators;
