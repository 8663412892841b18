use std::collections::HashSet;

use panarch_graph::{ContentHash, Network, NetworkBuilder, Shape};

use crate::lower::blocks::pieces;
use crate::lower::piece::add_all;
use crate::members::branch::{Automaton, State};
use crate::members::variation::Open;
use crate::{Genotype, Head, Space, SpaceError};

/// Things that can happen at a place, over all places and states, that are looked at.
const MOST_BRANCHES: usize = 500_000;

/// A block that members of a space can contain, as a network of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct IsolatedBlock {
    /// The block's name in the member that it was found in, such as `stage2.block1`.
    pub name: String,
    /// From what enters the block to what leaves it; node names are those of the member.
    pub network: Network,
    /// Whether the block reads the image itself.
    pub first: bool,
    /// Whether the block's result is the network's.
    pub last: bool,
    /// A member that contains it.
    pub member: Genotype,
}

/// A state at the border of two blocks.
struct Border {
    state: State,
    /// Channels that arrive, by the count of [`Space::lower`].
    width: u32,
    shape: Shape,
    /// The choices that lead here; the first one where nothing was asked.
    choices: Vec<u8>,
}

/// A block's name and network.
type NamedNetwork = (String, Network);

/// What happened inside a block up to some element.
#[derive(Clone)]
struct Partial {
    state: State,
    width: u32,
    choices: Vec<u8>,
    /// Position and content of what stands there.
    elements: Vec<(usize, crate::element::Block)>,
}

impl Space {
    /// Every block that can stand anywhere in a member, for images of `resolution` × `resolution` pixels: once for each
    /// structure and input shape, wherever it stands. Nodes of one block name are one block.
    ///
    /// The blocks of every member are among them. Sets of decisions that lie in different blocks are not multiplied, so
    /// that a space of 10¹⁹ members has some hundred blocks.
    ///
    /// # Errors
    /// As [`Space::lower`]; [`SpaceError::TooManyBlocks`] where listing them would take too long.
    pub fn isolated_blocks(&self, head: Head, resolution: u32) -> Result<Vec<IsolatedBlock>, SpaceError> {
        // Refuses a wrong resolution or head in the words of lowering.
        self.lower(&self.smallest(), head, resolution)?;
        let automaton = Automaton::new(self, Open::All);
        let mut borders = vec![Border {
            state: automaton.start(),
            width: head.input_channels,
            shape: Shape::new(head.input_channels, resolution, resolution),
            choices: vec![0; self.decisions.len()],
        }];
        let mut known: HashSet<(State, u32, Shape)> = HashSet::new();
        let mut found: HashSet<(ContentHash, bool, bool)> = HashSet::new();
        let mut blocks = Vec::new();
        let mut left = MOST_BRANCHES;
        let mut next = 0;
        while let Some(border) = borders.get(next) {
            next += 1;
            let (shape, first) = (border.shape, border.state.element == 0);
            let mut further = Vec::new();
            for partial in self.through_block(&automaton, border, &mut left)? {
                // What cannot be built at this resolution is in no member.
                let Ok((shape, network)) = self.isolated(&partial, shape, head) else {
                    continue;
                };
                let last = partial.state.element >= self.elements.len();
                if let Some((name, network)) = network
                    && found.insert((network.content_hash(), first, last))
                {
                    blocks.push(IsolatedBlock {
                        name,
                        network,
                        first,
                        last,
                        member: self.canonical(&Genotype::new(partial.choices.clone())),
                    });
                }
                if !last && known.insert((partial.state.clone(), partial.width, shape)) {
                    further.push(Border {
                        state: partial.state,
                        width: partial.width,
                        shape,
                        choices: partial.choices,
                    });
                }
            }
            borders.extend(further);
        }
        Ok(blocks)
    }

    /// Everything that can happen from a border to the next one.
    fn through_block(
        &self,
        automaton: &Automaton<'_>,
        border: &Border,
        left: &mut usize,
    ) -> Result<Vec<Partial>, SpaceError> {
        let start = border.state.element;
        let name = self.elements.get(start).map(|element| &element.block);
        let end = (start..self.elements.len())
            .find(|at| self.elements.get(*at).map(|element| &element.block) != name)
            .unwrap_or(self.elements.len());
        let mut partials = vec![Partial {
            state: border.state.clone(),
            width: border.width,
            choices: border.choices.clone(),
            elements: Vec::new(),
        }];
        for _ in start..end {
            let mut longer = Vec::new();
            for partial in partials {
                let branches = automaton.branches(&partial.state, *left);
                let branches = branches.ok_or_else(|| self.too_many_blocks())?;
                *left = left.checked_sub(branches.len()).ok_or_else(|| self.too_many_blocks())?;
                for branch in branches {
                    let mut extended = partial.clone();
                    for (decision, choice) in branch.asked {
                        if let Some(place) = extended.choices.get_mut(decision) {
                            *place = choice;
                        }
                    }
                    let choices = &extended.choices;
                    // The automaton counts three image channels; other images are lowered with their own.
                    let element = self.elements.get(partial.state.element);
                    let block = element.and_then(|element| {
                        self.resolve(element, partial.width, &mut |decision| {
                            choices.get(decision).copied().unwrap_or(0)
                        })
                    });
                    if let Some(block) = block {
                        extended.width = block.output;
                        extended.elements.push((partial.state.element, block));
                    }
                    extended.state = branch.next;
                    longer.push(extended);
                }
            }
            partials = longer;
        }
        Ok(partials)
    }

    /// The shape that leaves a block, and its name and network unless it does nothing.
    fn isolated(
        &self,
        partial: &Partial,
        input: Shape,
        head: Head,
    ) -> Result<(Shape, Option<NamedNetwork>), SpaceError> {
        let mut name = String::new();
        let mut builder = NetworkBuilder::new("block", input);
        let start = builder.input();
        let mut end = start;
        for (position, block) in &partial.elements {
            let Some(element) = self.elements.get(*position) else {
                continue;
            };
            name.clone_from(&element.block);
            builder.scope(element.block.as_str());
            end = add_all(
                &pieces(block, &self.style, head.classes),
                &mut builder,
                &element.prefix,
                end,
            )?;
        }
        let shape = builder.shape(end);
        if end == start {
            return Ok((shape, None));
        }
        Ok((shape, Some((name.clone(), builder.finish(end)?.with_name(name)))))
    }

    fn too_many_blocks(&self) -> SpaceError {
        SpaceError::TooManyBlocks {
            space: self.name.clone(),
            most: MOST_BRANCHES,
        }
    }
}
