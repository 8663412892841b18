//! Integration tests of the search spaces.

mod counts;
mod describe;
mod diagnostics;
mod fixtures;
mod presets;
mod properties;
mod small;
mod tabular;
