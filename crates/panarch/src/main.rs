//! The `panarch` command.
fn main() {}
