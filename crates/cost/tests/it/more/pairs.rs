//! Pairs of machines of which one has more of one thing, and how often it is slower.

use std::collections::BTreeMap;

use panarch_cost::{AnalyticModel, Cost, CycleSimulator};
use panarch_graph::Network;

use super::draw::Draw;
use super::machine::Machine;
use super::questions::question;

/// What is taken for rounding.
const SLOWER: f64 = 1.001;

/// The costs of a network on a machine, by the closed form and by the simulator.
pub fn costs(machine: &Machine, network: &Network) -> [Cost; 2] {
    let profile = machine.profile();
    let asked = || {
        [
            AnalyticModel::new(profile.clone())?.cost(network),
            CycleSimulator::new(profile.clone())?.cost(network),
        ]
        .into_iter()
        .collect::<Result<Vec<_>, _>>()
    };
    match asked().map(<[Cost; 2]>::try_from) {
        Ok(Ok(costs)) => costs,
        answer => panic!("{answer:?}\n{}", machine.text()),
    }
}

/// Of one kind of pair and one model.
#[derive(Default)]
struct Count {
    pairs: u64,
    slower: u64,
    worst: f64,
    example: String,
}

/// How often more of one thing was slower.
pub struct Table {
    counts: BTreeMap<(String, &'static str), Count>,
    pairs: u64,
}

impl Table {
    /// Tries so many random pairs.
    pub fn of(pairs: u64, seed: u64) -> Self {
        let mut table = Self {
            counts: BTreeMap::new(),
            pairs,
        };
        let mut number = 0_u64;
        let mut tried = 0;
        while tried < pairs {
            if table.pair(seed, number) {
                tried += 1;
            }
            number += 1;
        }
        table
    }

    /// Tries the pair of this number; `false` where what was drawn is no pair.
    pub fn pair(&mut self, seed: u64, number: u64) -> bool {
        let mut draw = Draw::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
        let machine = Machine::random(&mut draw);
        let network = question(&mut draw);
        let Some((thing, more)) = machine.with_more(&mut draw) else {
            return false;
        };
        let (before, after) = (costs(&machine, &network), costs(&more, &network));
        for (model, (before, after)) in ["analytic", "cycle"].into_iter().zip(before.iter().zip(&after)) {
            let ratio = after.latency.value.seconds() / before.latency.value.seconds();
            let shared = matches!(thing, "rows" | "columns" | "lanes");
            let thing = if shared {
                format!("{thing} ({})", machine.kind)
            } else {
                thing.to_owned()
            };
            let count = self.counts.entry((thing, model)).or_default();
            count.pairs += 1;
            if ratio > SLOWER {
                count.slower += 1;
                if ratio > count.worst {
                    count.worst = ratio;
                    count.example = format!("number {number}, {}", network.name());
                }
            }
        }
        true
    }

    pub fn slower(&self) -> u64 {
        self.counts.values().map(|count| count.slower).sum()
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "more_of,model,pairs,slower,worst_percent,worst_example")?;
        for ((thing, model), count) in &self.counts {
            let worst = if count.slower > 0 {
                (count.worst - 1.0) * 100.0
            } else {
                0.0
            };
            writeln!(
                f,
                "{thing},{model},{},{},{worst:.1},\"{}\"",
                count.pairs, count.slower, count.example
            )?;
        }
        let (pairs, slower) = (self.pairs, self.slower());
        write!(f, "all,both,{},{slower},,", 2 * pairs)
    }
}
