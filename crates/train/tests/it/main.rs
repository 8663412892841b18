//! Integration tests of panarch-train.

mod data_batches;
mod data_fetch;
mod data_folder;
mod data_idx;
mod support;
