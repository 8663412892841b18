//! From a genotype to its network.

pub(crate) mod blocks;
pub(crate) mod isolated;
pub(crate) mod piece;
pub(crate) mod place;

use panarch_graph::{Network, NetworkBuilder, Shape};

use self::blocks::pieces;
use self::piece::add_all;
use crate::{Genotype, Space, SpaceError};

/// What a network's two ends take from the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Head {
    /// Number of classes: outputs of the last layer.
    pub classes: u32,
    /// Channels of an image: 1 for grey, 3 for colour.
    pub input_channels: u32,
}

impl Space {
    /// The network of a genotype, for images of `resolution` × `resolution` pixels.
    ///
    /// Node names depend on the place and the operator alone, not on kernels and widths, so that a parameter's name
    /// means the same tensor in every member: see [`Space::cover`].
    ///
    /// # Errors
    /// A genotype of another space, a resolution that the space does not allow, no classes or channels, a space of a table.
    pub fn lower(&self, genotype: &Genotype, head: Head, resolution: u32) -> Result<Network, SpaceError> {
        self.check(genotype)?;
        if self.is_table() {
            return Err(SpaceError::TableOnly {
                space: self.name.clone(),
            });
        }
        if !self.resolutions.contains(&resolution) {
            return Err(SpaceError::Resolution {
                space: self.name.clone(),
                resolution,
                allowed: self.resolutions.clone(),
            });
        }
        // Also with images of other channels, in which another decision may count, equal canonical forms are one network.
        let genotype = &self.canonical(genotype);
        let name = if genotype.is_empty() {
            self.name.clone()
        } else {
            format!("{}/{genotype}", self.name)
        };
        let input = Shape::new(head.input_channels, resolution, resolution);
        let mut builder = NetworkBuilder::new(name, input);
        let mut last = builder.input();
        let mut width = head.input_channels;
        for element in &self.elements {
            let block = self.resolve(element, width, &mut |decision| genotype.choice(decision));
            let Some(block) = block else { continue };
            builder.scope(element.block.as_str());
            let made = pieces(&block, &self.style, head.classes);
            last = add_all(&made, &mut builder, &element.prefix, last)?;
            width = block.output;
        }
        Ok(builder.finish(last)?)
    }
}
