//! How often a machine is slower for having more of one thing: `more_of_one_thing [PAIRS] [SEED] [NUMBER]`.
//!
//! Prints a table of random pairs as comma-separated values, those of the tests but more of them. With a NUMBER, tries that
//! pair alone and prints both profiles.
#![allow(dead_code, reason = "the tests need more of what they share")]

#[path = "../tests/it/more/draw.rs"]
mod draw;
#[path = "../tests/it/more/machine.rs"]
mod machine;
#[path = "../tests/it/networks.rs"]
mod networks;
#[path = "../tests/it/more/pairs.rs"]
mod pairs;
#[path = "../tests/it/more/questions.rs"]
mod questions;

use draw::Draw;
use machine::Machine;
use pairs::{Table, costs};

fn main() {
    let numbers: Vec<u64> = std::env::args()
        .skip(1)
        .map(|text| {
            text.parse()
                .expect("whole numbers: pairs, a seed, the number of one pair")
        })
        .collect();
    let (pairs, seed) = (
        numbers.first().copied().unwrap_or(1000),
        numbers.get(1).copied().unwrap_or(1),
    );
    let Some(number) = numbers.get(2) else {
        println!("{}", Table::of(pairs, seed));
        return;
    };
    let mut draw = Draw::new(seed.wrapping_mul(1_000_003).wrapping_add(*number));
    let machine = Machine::random(&mut draw);
    let network = questions::question(&mut draw);
    let Some((thing, more)) = machine.with_more(&mut draw) else {
        println!("number {number} is no pair");
        return;
    };
    println!("more {thing}, {}", network.name());
    for machine in [&machine, &more] {
        println!("{}", machine.text());
        for cost in costs(machine, &network) {
            println!(
                "{}: {:.6} ms, {} bytes",
                cost.provenance.tool,
                cost.latency.value.millis(),
                cost.traffic.0
            );
            for layer in &cost.per_layer {
                println!("  {:<30} {:>14.9} ms", layer.name, layer.latency.millis());
            }
        }
    }
}
