//! Storages against the conformance suite, against kills and against damage; fronts against brute force.

mod damage;
mod foreign;
mod fronts;
mod kill;
mod migration;
mod storages;
mod studies;
