use std::ops::Range;

use panarch_graph::{Network, NetworkBuilder, Shape};

use crate::lower::blocks::pieces;
use crate::lower::piece::add_all;
use crate::{Genotype, Head, Space, SpaceError};

/// A place of a space's networks: the nodes of one block name, such as `stage2.block1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The block name.
    pub name: String,
    /// The decisions that can count here, in ascending order.
    pub decisions: Vec<usize>,
    elements: Range<usize>,
}

/// What stands at a place of one network.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedBlock {
    /// From what enters the place to what leaves it; `None` where nothing stands.
    pub network: Option<Network>,
    /// What enters the next place.
    pub output: Shape,
    /// The channels that enter the next place by the space's own count.
    pub width: u32,
}

impl Space {
    /// The places of the space's networks, from the image on.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        for (position, element) in self.elements.iter().enumerate() {
            let mut decisions = element.decisions();
            match places.last_mut().filter(|place| place.name == element.block) {
                Some(place) => {
                    place.elements.end = position + 1;
                    place.decisions.append(&mut decisions);
                    place.decisions.sort_unstable();
                    place.decisions.dedup();
                }
                None => places.push(Place {
                    name: element.block.clone(),
                    decisions,
                    elements: position..position + 1,
                }),
            }
        }
        places
    }

    /// What stands at a place of the network of a genotype, when `input`, of `width` channels by the space's own count,
    /// enters it. For the first place that is the image and its channels.
    ///
    /// # Errors
    /// When what stands there cannot be built on such an input.
    pub fn block_at(
        &self,
        place: &Place,
        genotype: &Genotype,
        head: Head,
        input: Shape,
        width: u32,
    ) -> Result<PlacedBlock, SpaceError> {
        let mut builder = NetworkBuilder::new(place.name.clone(), input);
        let start = builder.input();
        let (mut end, mut width) = (start, width);
        for element in self.elements.get(place.elements.clone()).unwrap_or_default() {
            let block = self.resolve(element, width, &mut |decision| genotype.choice(decision));
            let Some(block) = block else { continue };
            builder.scope(element.block.as_str());
            let made = pieces(&block, &self.style, head.classes);
            end = add_all(&made, &mut builder, &element.prefix, end)?;
            width = block.output;
        }
        if end == start {
            return Ok(PlacedBlock {
                network: None,
                output: input,
                width,
            });
        }
        let network = builder.finish(end)?;
        Ok(PlacedBlock {
            output: network.shape(network.output()),
            network: Some(network),
            width,
        })
    }
}
