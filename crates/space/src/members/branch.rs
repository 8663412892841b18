//! A space as an automaton: what can happen at one place, given what is still known there.
//!
//! A state is a place, the channels that arrive and the choices already made that this place or a later one still asks
//! for. Members that agree on a state have the same continuations, so that counting needs each state only once.

use num_bigint::BigUint;

use crate::Space;
use crate::element::edge::Edge;
use crate::element::{Block, Residual, Slot, Source};
use crate::members::variation::Open;
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
    /// How many combinations of choices it stands for.
    pub ways: BigUint,
    /// The decisions that were asked here for the first time, with the choices that lead to it.
    pub asked: Vec<(usize, u8)>,
}

/// Choices that need not be told apart: one of them, and how many they are.
type Class = (u8, u32);

/// A space with, for each place, the decisions that it or a later place asks for.
#[derive(Debug)]
pub(crate) struct Automaton<'s> {
    space: &'s Space,
    /// For each decision, the last element that may ask for it.
    last: Vec<usize>,
    /// For each decision, its open choices.
    classes: Vec<Vec<Class>>,
}

impl<'s> Automaton<'s> {
    /// The automaton that tells all open choices apart.
    pub(crate) fn new(space: &'s Space, open: Open<'_>) -> Self {
        let all = |decision: usize| open.choices(space, decision).map(|choice| (choice, 1)).collect();
        Self::with_classes(space, (0..space.decisions.len()).map(all).collect())
    }

    /// The automaton that tells open choices apart only where they change what is asked later, or how wide a block is: a
    /// kernel or an expansion does neither.
    pub(crate) fn of_activity(space: &'s Space, open: Open<'_>) -> Self {
        Self::with_classes(space, activity_classes(space, open))
    }

    fn with_classes(space: &'s Space, classes: Vec<Vec<Class>>) -> Self {
        let mut last = vec![0; space.decisions.len()];
        for (position, element) in space.elements.iter().enumerate() {
            for decision in element.decisions() {
                if let Some(last) = last.get_mut(decision) {
                    *last = position;
                }
            }
        }
        Self { space, last, classes }
    }

    pub(crate) fn start(&self) -> State {
        State {
            element: 0,
            width: IMAGE_CHANNELS,
            known: Vec::new(),
        }
    }

    /// Every combination of the choices that are asked for here and not known yet, none at the end; `None` when there are
    /// more than `most`.
    pub(crate) fn branches(&self, state: &State, most: usize) -> Option<Vec<Branch>> {
        let mut branches = Vec::new();
        let Some(element) = self.space.elements.get(state.element) else {
            return Some(branches);
        };
        let open = element.decisions().into_iter().filter(|decision| {
            let known = |(it, _): &(usize, u8)| it == decision;
            !state.known.iter().any(known)
        });
        let combinations = open.fold(1_usize, |product, decision| {
            product.saturating_mul(self.classes.get(decision).map_or(1, Vec::len))
        });
        // Some of them are not asked together, so that this is more than there are; but a walk over so many is too long.
        if combinations / 16 > most {
            return None;
        }
        // For each decision that is asked, in its order, the position of its class.
        let mut path: Option<Vec<(usize, usize)>> = Some(Vec::new());
        while let Some(prefix) = path {
            if branches.len() >= most {
                return None;
            }
            let mut asked: Vec<(usize, usize)> = Vec::new();
            let mut known = state.known.clone();
            let mut ways = BigUint::from(1_u32);
            let block = self.space.resolve(element, state.width, &mut |decision| {
                if let Some((_, choice)) = known.iter().find(|(it, _)| *it == decision) {
                    return *choice;
                }
                let class = prefix.get(asked.len()).map_or(0, |(_, class)| *class);
                let classes = self.classes.get(decision).map_or(&[][..], Vec::as_slice);
                let (choice, size) = classes.get(class).copied().unwrap_or((0, 1));
                asked.push((decision, class));
                known.push((decision, choice));
                ways *= size;
                choice
            });
            let chosen = known[state.known.len()..].to_vec();
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
                ways,
                asked: chosen,
            });
            path = self.successor(asked);
        }
        Some(branches)
    }

    /// The next sequence of answers: the last that can grow grows by one, what follows it is dropped.
    fn successor(&self, mut answers: Vec<(usize, usize)>) -> Option<Vec<(usize, usize)>> {
        while let Some((decision, class)) = answers.pop() {
            if class + 1 < self.classes.get(decision).map_or(0, Vec::len) {
                answers.push((decision, class + 1));
                return Some(answers);
            }
        }
        None
    }
}

/// For each decision, the choices that a count of active decisions must tell apart.
fn activity_classes(space: &Space, open: Open<'_>) -> Vec<Vec<Class>> {
    let mut apart = vec![false; space.decisions.len()];
    let mut edges: Vec<Option<&Slot<Edge>>> = vec![None; space.decisions.len()];
    let mut tell = |source: &Source| {
        if let Some(apart) = source.decision().and_then(|decision| apart.get_mut(decision)) {
            *apart = true;
        }
    };
    for element in &space.elements {
        if let Some((depth, _)) = &element.depth {
            tell(&depth.source);
        }
        tell(&element.width.source);
        tell(&element.operator.source);
        for alternative in &element.alternatives {
            if alternative.residual.choices.contains(&Residual::Concat) {
                tell(&alternative.residual.source);
            }
            for edge in &alternative.edges {
                match edge.source {
                    Source::Decision(decision) => edges[decision] = Some(edge),
                    _ => tell(&edge.source),
                }
            }
        }
    }
    let classes = |(decision, apart): (usize, bool)| -> Vec<Class> {
        let choices: Vec<u8> = open.choices(space, decision).collect();
        let class = |of: Vec<u8>| of.first().map(|first| (*first, of.len() as u32));
        match edges[decision] {
            _ if apart => choices.into_iter().map(|choice| (choice, 1)).collect(),
            None => class(choices).into_iter().collect(),
            Some(edge) => {
                let is_identity = |choice: &u8| edge.choices.get(usize::from(*choice)) == Some(&Edge::Identity);
                let (identities, others): (Vec<u8>, Vec<u8>) = choices.into_iter().partition(is_identity);
                [identities, others].into_iter().filter_map(class).collect()
            }
        }
    };
    apart.iter().copied().enumerate().map(classes).collect()
}
