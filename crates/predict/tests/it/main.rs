//! Tables against truths that are known.

mod block_cache;
mod latency;
mod linear;
mod published_tables;
mod table_files;
mod table_sums;
mod tables;
mod trained;
