//! The best mapping of a layer.

use super::bound::Bound;
use super::enumeration;
use super::evaluate::{Cycles, Evaluator};
use super::flow::Cuts;
use super::machine::{MOST_LEVELS, Machine};
use super::nest::LoopNest;
use super::order::{Loop, TiledOrder};
use super::unrolling::{Rounding, Unrolling};

/// What a mapping should be best at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Objective {
    /// Cycles.
    #[default]
    Latency,
    /// Picojoules.
    Energy,
}

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
    /// Bits that cross the main memory's ports.
    pub main_memory_bits: u64,
    /// Cycles that no mapping with this unrolling goes below.
    pub bound: u64,
}

/// Orders in which operands may be asked who doubles a tile in a memory that has no room for all.
const FIRST: [[usize; 3]; 6] = [[2, 0, 1], [2, 1, 0], [0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0]];

/// One operand's cuts with the room they take in each memory level.
#[derive(Clone, Copy)]
struct Choice {
    cuts: [u8; MOST_LEVELS],
    room: [u64; MOST_LEVELS],
}

/// The best mapping of a nest; `None` when the smallest tiles do not fit into the memories.
///
/// Exact over the orders of [`super::enumeration`] and all their cuts: a search ends early only when it meets a bound that
/// no mapping passes. The same answer every time.
#[must_use]
pub fn best_mapping(machine: &Machine, nest: &LoopNest, objective: Objective) -> Option<Mapping> {
    let unrolling = Unrolling::new(machine, nest, Rounding::Up);
    let evaluator = Evaluator {
        machine,
        unrolling: &unrolling,
        rounding: Rounding::Up,
    };
    let bound = Bound::new(&evaluator, nest);
    let mut search = Search {
        evaluator: &evaluator,
        nest,
        objective,
        bound: &bound,
        order: TiledOrder::empty(),
        choices: Default::default(),
        best: None,
    };
    enumeration::orders(&unrolling.temporal, &mut |order| search.take(order));
    search.best
}

struct Search<'a> {
    evaluator: &'a Evaluator<'a>,
    nest: &'a LoopNest,
    objective: Objective,
    bound: &'a Bound,
    order: Box<TiledOrder>,
    choices: [Vec<Choice>; 3],
    best: Option<Mapping>,
}

impl Search<'_> {
    /// Tries an order with all cuts; false when nothing better is left to find.
    fn take(&mut self, loops: &[Loop]) -> bool {
        let iterations = loops.iter().map(|(_, size)| size).product();
        let best_cycles = self.best.as_ref().map_or(u64::MAX, |best| best.cycles.total());
        if self.objective == Objective::Latency && self.bound.of(iterations) >= best_cycles {
            return best_cycles > self.bound.lowest();
        }
        if !self
            .order
            .fill(self.evaluator.machine, self.nest, self.evaluator.unrolling, loops)
        {
            return true;
        }
        for o in 0..3 {
            self.choose(o);
        }
        let [weights, inputs, outputs] = std::mem::take(&mut self.choices);
        for output in &outputs {
            for input in &inputs {
                for weight in &weights {
                    self.weigh([weight, input, output], loops);
                }
                if self.is_done() {
                    return false;
                }
            }
        }
        self.choices = [weights, inputs, outputs];
        true
    }

    /// Whether nothing better is left to find.
    fn is_done(&self) -> bool {
        let reached = |best: &Mapping| best.cycles.total() <= self.bound.lowest();
        self.objective == Objective::Latency && self.best.as_ref().is_some_and(reached)
    }

    /// All cuts of one operand that fit when it is alone.
    fn choose(&mut self, o: usize) {
        let mut choices = std::mem::take(&mut self.choices[o]);
        choices.clear();
        let empty = Choice {
            cuts: [0; MOST_LEVELS],
            room: [0; MOST_LEVELS],
        };
        self.extend(o, 0, 0, empty, &mut choices);
        self.choices[o] = choices;
    }

    fn extend(&self, o: usize, level: usize, from: usize, choice: Choice, choices: &mut Vec<Choice>) {
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
                choices.push(next);
                return;
            }
            self.extend(o, level + 1, cut, next, choices);
            if cut == order.len {
                return;
            }
            cut = order.stretched(o, cut + 1);
        }
    }

    fn weigh(&mut self, choices: [&Choice; 3], loops: &[Loop]) {
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
        let energy = || self.evaluator.picojoules(&self.order, &cuts, self.nest.macs());
        let mut picojoules = None;
        if self.objective == Objective::Energy {
            let needed = energy();
            if self.best.as_ref().is_some_and(|best| best.picojoules < needed) {
                return;
            }
            picojoules = Some(needed);
        }
        // Who doubles first only matters where not all can.
        for first in if tight { &FIRST[..] } else { &FIRST[..1] } {
            let cycles = self.evaluator.cycles(&self.order, &cuts, *first);
            let no_better = |best: &Mapping| {
                best.cycles.total() <= cycles.total() && picojoules.is_none_or(|it| best.picojoules <= it)
            };
            if self.best.as_ref().is_some_and(no_better) {
                continue;
            }
            let picojoules = picojoules.unwrap_or_else(energy);
            self.best = Some(Mapping {
                order: loops.to_vec(),
                cuts,
                cycles,
                picojoules,
                main_memory_bits: self.evaluator.main_memory_bits(&self.order, &cuts),
                bound: self.bound.lowest(),
            });
        }
    }
}
