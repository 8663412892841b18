//! Integration tests of the search spaces.

mod concatenation;
mod counts;
mod describe;
mod diagnostics;
mod fixtures;
mod golden;
mod isolated;
mod presets;
mod properties;
mod small;
mod specialised;
mod subspaces;
mod tabular;
mod tunas;
