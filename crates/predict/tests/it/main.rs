//! Tables against truths that are known.

mod latency;
mod linear;
mod published_tables;
mod reference;
mod table_files;
mod table_sums;
mod tables;
