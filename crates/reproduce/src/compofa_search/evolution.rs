//! The evolution that was published with Once-for-All, on a memory of what has been measured.

use std::collections::HashSet;

use panarch_graph::stream;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::accuracy::AccuracyPredictor;
use super::arch::{Arch, Family, Note10};

/// As published.
const POPULATION: usize = 100;
const GENERATIONS: usize = 500;
const PARENTS: usize = POPULATION / 4;
const MUTATED: usize = POPULATION / 2;
const MUTATION_RATE: f64 = 0.1;
/// Draws for one place of the population; the published search of CompOFA gives up after as many.
const ATTEMPTS: usize = 50;

/// What a search asks: the device, by a table in place of a measurement, and the predictor.
pub(super) struct Oracle<'a> {
    note10: &'a Note10,
    predictor: &'a AccuracyPredictor,
    /// Networks that were measured, the resolution left out, as published.
    pub(super) measured: HashSet<Arch>,
    /// Networks that were measured, with their resolution.
    pub(super) measured_with_resolution: HashSet<Arch>,
    /// Questions to the device, with and without an answer in the memory.
    pub(super) calls: u64,
}

impl<'a> Oracle<'a> {
    pub(super) fn new(note10: &'a Note10, predictor: &'a AccuracyPredictor) -> Self {
        Self {
            note10,
            predictor,
            measured: HashSet::new(),
            measured_with_resolution: HashSet::new(),
            calls: 0,
        }
    }

    pub(super) fn millis(&mut self, arch: &Arch) -> f64 {
        self.calls += 1;
        self.measured.insert(arch.without_resolution());
        self.measured_with_resolution.insert(*arch);
        self.note10.millis(arch)
    }

    pub(super) fn top1(&self, arch: &Arch) -> f64 {
        self.predictor.top1(arch)
    }
}

/// The best network that it finds within a limit, with its predicted accuracy; none where it draws nothing within it.
pub(super) fn evolve(oracle: &mut Oracle<'_>, family: Family, limit: f64, seed: u64) -> Option<(f64, Arch)> {
    let rng = &mut stream(seed, "once-for-all's evolution", 0);
    let mut population: Vec<(f64, Arch)> = Vec::new();
    // Random members, as many draws as it takes, but not without end.
    for _ in 0..POPULATION * 1000 {
        if population.len() == POPULATION {
            break;
        }
        let arch = Arch::random(family, rng);
        if oracle.millis(&arch) <= limit {
            population.push((oracle.top1(&arch), arch));
        }
    }
    for _ in 0..GENERATIONS {
        population.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        population.truncate(PARENTS);
        let parents = population.clone();
        for place in 0..POPULATION {
            let child = draw(oracle, limit, rng, |rng| {
                let (_, parent) = parents[rng.random_range(0..parents.len())];
                if place < MUTATED {
                    return parent.mutated(family, MUTATION_RATE, rng);
                }
                let (_, other) = parents[rng.random_range(0..parents.len())];
                parent.crossed(&other, family, rng)
            });
            population.extend(child.map(|child| (oracle.top1(&child), child)));
        }
        if parents.is_empty() {
            return None;
        }
    }
    population.into_iter().max_by(|(a, _), (b, _)| a.total_cmp(b))
}

fn draw(
    oracle: &mut Oracle<'_>,
    limit: f64,
    rng: &mut ChaCha8Rng,
    mut child: impl FnMut(&mut ChaCha8Rng) -> Arch,
) -> Option<Arch> {
    (0..ATTEMPTS)
        .map(|_| child(rng))
        .find(|child| oracle.millis(child) <= limit)
}
