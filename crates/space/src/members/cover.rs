use std::collections::{BTreeMap, HashSet};

use crate::element::edge::Edge;
use crate::lower::blocks::pieces;
use crate::lower::piece::parameter_shapes;
use crate::members::branch::{Automaton, State};
use crate::members::variation::Open;
use crate::{Decision, Genotype, Head, Property, Space, SpaceError};

/// Blocks that are looked at, over all places and states.
const MOST_BRANCHES: usize = 200_000;

/// Any number of classes: the classifier is the same in all members.
const CLASSES: u32 = 2;

/// A state of the space's automaton, with the number of the state before it and the choices that lead from there.
struct Reached {
    state: State,
    before: usize,
    asked: Vec<(usize, u8)>,
}

/// The largest shape of each parameter name, axis by axis.
type Shapes = BTreeMap<String, Vec<usize>>;

impl Space {
    /// Genotypes whose networks together define a weight-sharing supernet: a tensor for every parameter name, as large along every
    /// axis as any member's, is found by taking the largest axis lengths over the parameters of these networks.
    ///
    /// The first is [`Space::largest`]. Where one operator a place suffices, it is the only one. The others are found by
    /// changing one decision at a time and keeping what adds a name or enlarges a tensor, until nothing does, and then
    /// what is still missing by looking at every block that can stand anywhere.
    #[must_use]
    pub fn cover(&self) -> Vec<Genotype> {
        let mut shapes = Shapes::new();
        let mut cover = Vec::new();
        self.cover_with(self.largest(), &mut shapes, &mut cover);
        let mut next = 0;
        while let Some(start) = cover.get(next).cloned() {
            next += 1;
            for alternative in self.everywhere(&start) {
                self.cover_with(alternative, &mut shapes, &mut cover);
            }
            let active = self.active(&start);
            for (decision, _) in active.iter().enumerate().filter(|(_, active)| **active) {
                // The largest first, so that smaller ones add nothing.
                for choice in (0..self.decisions[decision].choices.len()).rev() {
                    let mut changed = start.clone();
                    changed.set(decision, choice as u8);
                    self.cover_with(self.fill_up(&changed, &start), &mut shapes, &mut cover);
                }
            }
        }
        self.complete(&mut shapes, &mut cover);
        cover
    }

    /// Adds what no series of single changes has found: every block that can stand anywhere is looked at, on the states of
    /// the space's automaton. Gives up where there are too many.
    fn complete(&self, shapes: &mut Shapes, cover: &mut Vec<Genotype>) {
        let automaton = Automaton::new(self, Open::All);
        // Each state once.
        let mut states = vec![Reached {
            state: automaton.start(),
            before: 0,
            asked: Vec::new(),
        }];
        let mut known: HashSet<State> = HashSet::from([automaton.start()]);
        let (mut next, mut left) = (0, MOST_BRANCHES);
        while next < states.len() {
            let state = states[next].state.clone();
            let Some(branches) = automaton.branches(&state, left) else {
                return;
            };
            left -= branches.len();
            for branch in branches {
                if let (Some(block), Some(element)) = (&branch.block, self.elements.get(state.element)) {
                    let mut adds = false;
                    let pieces = pieces(block, &self.style, CLASSES);
                    parameter_shapes(&pieces, &element.prefix, Some(state.width), &mut |name, shape| {
                        adds |= !shapes.get(&name).is_some_and(|known| {
                            known.len() == shape.len() && known.iter().zip(&shape).all(|(known, axis)| known >= axis)
                        });
                    });
                    if adds {
                        self.cover_with(self.on_the_way(&states, next, &branch.asked), shapes, cover);
                    }
                }
                if known.insert(branch.next.clone()) {
                    states.push(Reached {
                        state: branch.next,
                        before: next,
                        asked: branch.asked,
                    });
                }
            }
            next += 1;
        }
    }

    /// The genotype of the choices that lead to a state and one step further; the first choices behind that.
    fn on_the_way(&self, states: &[Reached], mut at: usize, last: &[(usize, u8)]) -> Genotype {
        let mut genotype = Genotype::new(vec![0; self.decisions.len()]);
        let mut set = |asked: &[(usize, u8)]| {
            asked
                .iter()
                .for_each(|(decision, choice)| genotype.set(*decision, *choice))
        };
        set(last);
        loop {
            let reached = &states[at];
            set(&reached.asked);
            if reached.before == at {
                return self.canonical(&genotype);
            }
            at = reached.before;
        }
    }

    /// Genotypes that change many decisions at once, so that a cover does not consist of one genotype a place: for each
    /// choice number, that operator wherever it exists; and chains without any convolution.
    fn everywhere(&self, start: &Genotype) -> Vec<Genotype> {
        let decisions = || self.decisions.iter().enumerate();
        let operators = || decisions().filter(|(_, decision)| decision.property == Property::Operator);
        let with = |choices: &mut dyn Iterator<Item = (usize, u8)>| {
            let mut changed = start.clone();
            choices.for_each(|(position, choice)| changed.set(position, choice));
            self.fill_up(&changed, start)
        };
        let most = operators()
            .map(|(_, decision)| decision.choices.len())
            .max()
            .unwrap_or(0);
        let alike = |choice: usize| {
            let last = |decision: &Decision| choice.min(decision.choices.len() - 1) as u8;
            with(&mut operators().map(|(position, decision)| (position, last(decision))))
        };
        let mut made: Vec<Genotype> = (0..most).rev().map(alike).collect();
        let identity = Edge::Identity.to_string();
        let identities = decisions()
            .filter(|(_, decision)| Property::EDGES.contains(&decision.property))
            .filter_map(|(position, decision)| {
                let choice = decision.choices.iter().position(|choice| *choice == identity)?;
                Some((position, choice as u8))
            });
        made.push(with(&mut identities.into_iter()));
        made
    }

    /// `changed`, with the largest choice for what is active in it and was not in `start`.
    fn fill_up(&self, changed: &Genotype, start: &Genotype) -> Genotype {
        let before = self.active(start);
        let mut filled = changed.clone();
        for (decision, active) in before.iter().enumerate() {
            if !active {
                filled.set(decision, self.largest_choice(decision));
            }
        }
        self.canonical(&filled)
    }

    fn cover_with(&self, genotype: Genotype, shapes: &mut Shapes, cover: &mut Vec<Genotype>) {
        let Ok(found) = self.parameter_shapes(&genotype) else {
            return;
        };
        let mut adds = false;
        for (name, shape) in found {
            match shapes.get_mut(&name) {
                Some(known) if known.len() == shape.len() => {
                    for (known, axis) in known.iter_mut().zip(shape) {
                        adds |= axis > *known;
                        *known = axis.max(*known);
                    }
                }
                _ => {
                    shapes.insert(name, shape);
                    adds = true;
                }
            }
        }
        if adds {
            cover.push(genotype);
        }
    }

    /// The shapes of a member's parameters, which do not depend on the resolution.
    fn parameter_shapes(&self, genotype: &Genotype) -> Result<Shapes, SpaceError> {
        let head = Head {
            classes: CLASSES,
            input_channels: crate::space::IMAGE_CHANNELS,
        };
        let network = self.lower(genotype, head, self.default_resolution)?;
        let parameters = network.parameters();
        Ok(parameters.into_iter().map(|it| (it.name, it.shape)).collect())
    }
}
