//! How many different networks a space has.
//!
//! Every network of a space is a series of pieces, and a series of pieces is a word. Different words are different networks: a
//! piece is one node, or a part with a branch around it that no single node separates, so that a network has only one
//! such series. The space is a (non-deterministic) automaton over pieces; made deterministic, each word has exactly one
//! run in it, and counting runs counts networks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use num_bigint::BigUint;

use crate::Space;
use crate::lower::blocks::pieces;
use crate::members::branch::{Automaton, State};
use crate::members::variation::Open;

/// Deterministic states after which counting gives up.
const MOST_STATES: usize = 200_000;

/// Things that can happen, over all places and states, after which counting gives up.
const MOST_BRANCHES: usize = 100_000;

/// Any number of classes: the classifier is the same in all members.
const CLASSES: u32 = 2;

/// A piece's signature by number.
type Letter = u32;

/// A position inside a block: the letters that still come before the state is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Position {
    letters: Rc<[Letter]>,
    state: usize,
}

/// The number of different networks, or `None` when the deterministic automaton grows too large.
pub(crate) fn count(space: &Space, open: Open<'_>) -> Option<BigUint> {
    let automaton = Automaton::new(space, open);
    let mut counter = Counter {
        space,
        states: vec![automaton.start()],
        numbers: HashMap::from([(automaton.start(), 0)]),
        automaton,
        letters: HashMap::new(),
        expanded: HashMap::new(),
        counts: HashMap::new(),
        branches: 0,
    };
    let start = counter.closure(&Position {
        letters: Rc::from([]),
        state: 0,
    })?;
    counter.words(start)
}

struct Counter<'s> {
    space: &'s Space,
    automaton: Automaton<'s>,
    states: Vec<State>,
    numbers: HashMap<State, usize>,
    letters: HashMap<String, Letter>,
    /// For each state: where its branches lead, with letters first unless at the end.
    expanded: HashMap<usize, Rc<BTreeSet<Position>>>,
    counts: HashMap<BTreeSet<Position>, BigUint>,
    /// How many things that can happen have been looked at.
    branches: usize,
}

impl Counter<'_> {
    /// The number of different words from a set of positions to the end.
    fn words(&mut self, positions: BTreeSet<Position>) -> Option<BigUint> {
        if let Some(count) = self.counts.get(&positions) {
            return Some(count.clone());
        }
        if self.counts.len() >= MOST_STATES {
            return None;
        }
        let mut count = BigUint::ZERO;
        let mut successors: BTreeMap<Letter, BTreeSet<Position>> = BTreeMap::new();
        for position in &positions {
            match position.letters.split_first() {
                // Positions without letters are at the end of the network.
                None => count = BigUint::from(1_u32),
                Some((letter, rest)) => {
                    let next = Position {
                        letters: rest.into(),
                        state: position.state,
                    };
                    let reached = self.closure(&next)?;
                    successors.entry(*letter).or_default().extend(reached);
                }
            }
        }
        for positions in successors.into_values() {
            count += self.words(positions)?;
        }
        self.counts.insert(positions, count.clone());
        Some(count)
    }

    /// The positions with a letter ahead, or at the end, that are reached from here without a letter.
    fn closure(&mut self, position: &Position) -> Option<BTreeSet<Position>> {
        if !position.letters.is_empty() {
            return Some(BTreeSet::from([position.clone()]));
        }
        Some((*self.expand(position.state)?).clone())
    }

    fn expand(&mut self, number: usize) -> Option<Rc<BTreeSet<Position>>> {
        if let Some(known) = self.expanded.get(&number) {
            return Some(Rc::clone(known));
        }
        let state = self.states[number].clone();
        let mut reached = BTreeSet::new();
        if state.element == self.space.elements.len() {
            reached.insert(Position {
                letters: Rc::from([]),
                state: number,
            });
        }
        let branches = self.automaton.branches(&state, MOST_BRANCHES - self.branches)?;
        self.branches += branches.len();
        for branch in branches {
            let made = branch.block.as_ref();
            let made = made.map_or_else(Vec::new, |block| pieces(block, &self.space.style, CLASSES));
            let letters: Rc<[Letter]> = made.iter().map(|piece| self.letter(piece.signature())).collect();
            let next = Position {
                letters,
                state: self.number(branch.next),
            };
            reached.extend(self.closure(&next)?);
        }
        let reached = Rc::new(reached);
        self.expanded.insert(number, Rc::clone(&reached));
        Some(reached)
    }

    fn number(&mut self, state: State) -> usize {
        let fresh = self.states.len();
        let number = *self.numbers.entry(state.clone()).or_insert(fresh);
        if number == fresh {
            self.states.push(state);
        }
        number
    }

    fn letter(&mut self, signature: String) -> Letter {
        let fresh = self.letters.len() as Letter;
        *self.letters.entry(signature).or_insert(fresh)
    }
}
