//! More of something never makes a machine slower: random profiles, random networks, both models.
//!
//! `cargo run -p panarch-cost --example more_of_one_thing -- 30000 1` tries that many pairs from that seed and prints them by
//! kind; the tests here try few.

mod draw;
mod machine;
mod pairs;
mod questions;

use pairs::Table;

#[test]
fn more_of_one_thing_is_never_slower() {
    let table = Table::of(1000, 1);
    assert_eq!(table.slower(), 0, "{table}");
}
