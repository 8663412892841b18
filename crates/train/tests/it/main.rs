//! Integration tests of panarch-train.

mod checkpoints;
mod data_batches;
mod data_feed;
mod data_fetch;
mod data_folder;
mod data_idx;
mod data_layout;
mod data_pictures;
mod engine;
mod events;
mod kill;
mod published;
mod support;
mod training;
mod zoo_files;
