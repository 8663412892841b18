//! Integration tests of panarch-data.

mod batches;
mod fetch;
mod folder;
mod idx;
mod idx_files;
mod layout;
mod pictures;
