//! Integration tests of the search spaces.

mod presets;
mod small;
