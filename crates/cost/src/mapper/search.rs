//! The best mapping of a layer.

use super::accesses::StoreTraffic;
use super::bound::Bound;
use super::enumeration;
use super::evaluate::{Cycles, Evaluator};
use super::flow::Cuts;
use super::machine::{MOST_LEVELS, Machine};
use super::nest::LoopNest;
use super::objective::Objective;
use super::order::{Loop, TiledOrder};
use super::unrolling::{Rounding, Unrolling};

/// How a layer runs, and what that costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// Loops in time, innermost first.
    pub order: Vec<Loop>,
    /// Where each operand's share of them ends at each of its memories.
    pub cuts: Cuts,
    /// Its cycles.
    pub cycles: Cycles,
    /// Its energy, in picojoules.
    pub picojoules: f64,
    /// What every memory of the machine does.
    pub stores: Vec<StoreTraffic>,
    /// Cycles that no mapping with this unrolling goes below.
    pub bound: u64,
}

/// Orders in which operands may be asked who doubles a tile in a memory that has no room for all.
const FIRST: [[usize; 3]; 6] = [[2, 0, 1], [2, 1, 0], [0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0]];

/// Bounds are sums in another order than what they bound: their last digits may be larger.
const ALMOST_ALL: f64 = 1.0 - 1e-14;

/// One operand's cuts with the room they take in each memory level, and what they cost wherever the others are cut.
#[derive(Clone, Copy)]
struct Choice {
    cuts: [u8; MOST_LEVELS],
    room: [u64; MOST_LEVELS],
    picojoules: f64,
}

/// The choices of one operand, and the cycles of each on every port, one after the other.
#[derive(Default)]
struct Choices {
    all: Vec<Choice>,
    ports: Vec<u64>,
    /// Of the choice that takes the least.
    least_picojoules: f64,
}

impl Choices {
    /// Choices with their cycles on each of so many ports.
    fn iter(&self, ports: usize) -> impl Iterator<Item = (&Choice, &[u64])> {
        self.all.iter().zip(self.ports.chunks_exact(ports))
    }
}

/// The best mapping of a nest; `None` when the smallest tiles do not fit into the memories.
///
/// Exact over the orders of [`super::enumeration`] and all their cuts, for every objective: what is passed over has a lower
/// bound that is no better than the best known, and a search ends early only when it meets a bound that no mapping passes.
/// The same answer every time.
#[must_use]
pub fn best_mapping(machine: &Machine, nest: &LoopNest, objective: Objective) -> Option<Mapping> {
    search(machine, nest, nest.macs(), objective)
}

/// The same when so many multiply-accumulates take energy.
pub(super) fn search(machine: &Machine, nest: &LoopNest, macs: u64, objective: Objective) -> Option<Mapping> {
    let unrolling = Unrolling::new(machine, nest, Rounding::Up);
    let evaluator = Evaluator {
        machine,
        unrolling: &unrolling,
        rounding: Rounding::Up,
    };
    let bound = Bound::new(&evaluator, nest, macs);
    let mut search = Search {
        evaluator: &evaluator,
        nest,
        macs,
        objective,
        bound: &bound,
        order: TiledOrder::empty(),
        choices: Default::default(),
        best: None,
        best_rank: [f64::INFINITY; 2],
    };
    enumeration::orders(&unrolling.temporal, &mut |order| search.take(order));
    search.best
}

struct Search<'a> {
    evaluator: &'a Evaluator<'a>,
    nest: &'a LoopNest,
    macs: u64,
    objective: Objective,
    bound: &'a Bound,
    order: Box<TiledOrder>,
    choices: [Choices; 3],
    best: Option<Mapping>,
    best_rank: [f64; 2],
}

impl Search<'_> {
    /// Whether a mapping of no less than so many cycles and picojoules could be better than the best known.
    fn promises(&self, cycles: u64, picojoules: f64) -> bool {
        self.objective.rank(cycles, picojoules * ALMOST_ALL) < self.best_rank
    }

    /// Whether something better may be left to find.
    fn goes_on(&self) -> bool {
        self.promises(self.bound.lowest(), self.bound.picojoules())
    }

    /// Tries an order with all cuts; false when nothing better is left to find.
    fn take(&mut self, loops: &[Loop]) -> bool {
        let least_cycles = self.bound.of(loops.iter().map(|(_, size)| size).product());
        if !self.promises(least_cycles, self.bound.picojoules()) {
            return self.goes_on();
        }
        let machine = self.evaluator.machine;
        if !self.order.fill(machine, self.nest, self.evaluator.unrolling, loops) {
            return true;
        }
        for o in 0..3 {
            self.choose(o);
        }
        let choices = std::mem::take(&mut self.choices);
        let [weights, inputs, outputs] = &choices;
        let [of_weights, of_inputs] = [weights, inputs].map(|of| of.least_picojoules);
        let of_macs = self.evaluator.of_macs(self.macs);
        let ports = machine.ports.len();
        let mut goes_on = true;
        for (output, output_ports) in outputs.iter(ports) {
            let so_far = of_macs + output.picojoules;
            if !self.promises(least_cycles, so_far + of_weights + of_inputs) {
                continue;
            }
            for (input, input_ports) in inputs.iter(ports) {
                let so_far = so_far + input.picojoules;
                let busiest = busiest([output_ports, input_ports, &[]]);
                if !self.promises(least_cycles.max(busiest), so_far + of_weights) {
                    continue;
                }
                for (weight, weight_ports) in weights.iter(ports) {
                    let busiest = self::busiest([output_ports, input_ports, weight_ports]);
                    let picojoules = so_far + weight.picojoules;
                    if self.promises(least_cycles.max(busiest), picojoules) {
                        self.weigh([weight, input, output], picojoules, loops);
                    }
                }
            }
            goes_on = self.goes_on();
            if !goes_on {
                break;
            }
        }
        self.choices = choices;
        goes_on
    }

    /// All cuts of one operand that fit when it is alone.
    fn choose(&mut self, o: usize) {
        let mut choices = std::mem::take(&mut self.choices[o]);
        choices.all.clear();
        choices.ports.clear();
        choices.least_picojoules = f64::INFINITY;
        let empty = Choice {
            cuts: [0; MOST_LEVELS],
            room: [0; MOST_LEVELS],
            picojoules: 0.0,
        };
        self.extend(o, 0, 0, empty, &mut choices);
        self.choices[o] = choices;
    }

    fn extend(&self, o: usize, level: usize, from: usize, choice: Choice, choices: &mut Choices) {
        let machine = self.evaluator.machine;
        let order = &self.order;
        let top = level + 1 == machine.levels(o);
        let mut cut = if top { order.len } else { order.stretched(o, from) };
        loop {
            let room = self.evaluator.room(order, o, level, from, cut);
            if room > machine.stores[machine.path[o][level]].bits {
                return;
            }
            let mut next = choice;
            next.cuts[level] = cut as u8;
            next.room[level] = room;
            if top {
                let begin = choices.ports.len();
                choices.ports.resize(begin + machine.ports.len(), 0);
                next.picojoules = self.evaluator.alone(order, o, &next.cuts, &mut choices.ports[begin..]);
                choices.least_picojoules = choices.least_picojoules.min(next.picojoules);
                choices.all.push(next);
                return;
            }
            self.extend(o, level + 1, cut, next, choices);
            if cut == order.len {
                return;
            }
            cut = order.stretched(o, cut + 1);
        }
    }

    fn weigh(&mut self, choices: [&Choice; 3], picojoules: f64, loops: &[Loop]) {
        let machine = self.evaluator.machine;
        let mut tight = false;
        for store in &machine.stores {
            let room: u64 = store.holds.iter().map(|(o, level)| choices[*o].room[*level]).sum();
            if room > store.bits {
                return;
            }
            tight |= store.holds.len() > 1 && 2 * room > store.bits;
        }
        let cuts = choices.map(|choice| choice.cuts);
        // Who doubles first only matters where not all can.
        for first in if tight { &FIRST[..] } else { &FIRST[..1] } {
            let cycles = self.evaluator.cycles(&self.order, &cuts, *first);
            let rank = self.objective.rank(cycles.total(), picojoules);
            if rank >= self.best_rank {
                continue;
            }
            self.best_rank = rank;
            self.best = Some(Mapping {
                order: loops.to_vec(),
                cuts,
                cycles,
                picojoules,
                stores: self.evaluator.stores(&self.order, &cuts),
                bound: self.bound.lowest(),
            });
        }
    }
}

/// Cycles of the port that works most for these operands; one may be left out.
fn busiest([a, b, c]: [&[u64]; 3]) -> u64 {
    let sums = a.iter().zip(b).enumerate();
    sums.map(|(port, (a, b))| a + b + c.get(port).unwrap_or(&0))
        .max()
        .unwrap_or(0)
}
