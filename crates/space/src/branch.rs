//! A space as an automaton: what can happen at one place, given what is still known there.
//!
//! A state is a place, the channels that arrive and the choices already made that this place or a later one still asks
//! for. Members that agree on a state have the same continuations, so that counting needs each state only once.

use crate::Space;
use crate::element::Block;
use crate::space::IMAGE_CHANNELS;

/// Where a walk stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct State {
    /// The position of the next element.
    pub element: usize,
    /// The channels that arrive there.
    pub width: u32,
    /// The choices that are still of interest, by decision.
    pub known: Vec<(usize, u8)>,
}

/// One of the things that can happen at an element.
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    pub block: Option<Block>,
    pub next: State,
}

/// A space with, for each place, the decisions that it or a later place asks for.
#[derive(Debug)]
pub(crate) struct Automaton<'s> {
    space: &'s Space,
    /// For each decision, the last element that may ask for it.
    last: Vec<usize>,
}

impl<'s> Automaton<'s> {
    pub(crate) fn new(space: &'s Space) -> Self {
        let mut last = vec![0; space.decisions.len()];
        for (position, element) in space.elements.iter().enumerate() {
            for decision in element.decisions() {
                if let Some(last) = last.get_mut(decision) {
                    *last = position;
                }
            }
        }
        Self { space, last }
    }

    pub(crate) fn start(&self) -> State {
        State {
            element: 0,
            width: IMAGE_CHANNELS,
            known: Vec::new(),
        }
    }

    /// Every combination of the choices that are asked for here and not known yet; none at the end.
    pub(crate) fn branches(&self, state: &State) -> Vec<Branch> {
        let Some(element) = self.space.elements.get(state.element) else {
            return Vec::new();
        };
        let mut branches = Vec::new();
        let mut path: Option<Vec<(usize, u8)>> = Some(Vec::new());
        while let Some(prefix) = path {
            let mut asked: Vec<(usize, u8)> = Vec::new();
            let block = self.space.resolve(element, state.width, &mut |decision| {
                let known = state.known.iter().chain(&asked).find(|(it, _)| *it == decision);
                if let Some((_, choice)) = known {
                    return *choice;
                }
                let choice = prefix.get(asked.len()).map_or(0, |(_, choice)| *choice);
                asked.push((decision, choice));
                choice
            });
            let mut known: Vec<(usize, u8)> = state.known.iter().chain(&asked).copied().collect();
            known.retain(|(decision, _)| self.last.get(*decision).is_some_and(|last| *last > state.element));
            known.sort_unstable();
            let width = block.as_ref().map_or(state.width, |block| block.output);
            branches.push(Branch {
                block,
                next: State {
                    element: state.element + 1,
                    width,
                    known,
                },
            });
            path = self.space.successor(asked);
        }
        branches
    }
}

impl Space {
    /// The next sequence of answers in counting order: the last answer that can grow grows by one, what follows it is
    /// dropped. `None` after the last.
    pub(crate) fn successor(&self, mut answers: Vec<(usize, u8)>) -> Option<Vec<(usize, u8)>> {
        while let Some((decision, choice)) = answers.pop() {
            let choices = self.decisions.get(decision).map_or(0, |it| it.choices.len());
            if usize::from(choice) + 1 < choices {
                answers.push((decision, choice + 1));
                return Some(answers);
            }
        }
        None
    }
}
