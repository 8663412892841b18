//! Integration tests of panarch-train.

mod checkpoints;
mod engine;
mod events;
mod feed;
mod kill;
mod one_network;
mod pinned;
mod published;
mod support;
mod training;
mod zoo_files;
